//! What a run may use: the command line first, then the recipe, then defaults.

use anyhow::{Context, Result, bail};
use bessemer_attest::documents::Limits;
use bessemer_attest::predicates::ResourceParameters;
use bessemer_recipe::Plan;

const DEFAULT_MEMORY_MIB: u64 = 1024;
const DEFAULT_SCRATCH_MIB: u64 = 8 * 1024;
const DEFAULT_OUTPUT_MIB: u64 = 4 * 1024;
const DEFAULT_TIMEOUT_SECONDS: u64 = 2 * 60 * 60;
const LOG_BYTES: u64 = 64 << 20;

#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct LimitArguments {
    /// Virtual processors of the guest
    #[arg(long)]
    cpu: Option<u32>,
    /// Memory of the guest, such as `2Gi`
    #[arg(long, value_parser = size)]
    memory: Option<String>,
    /// Scratch disk of the guest, such as `20Gi`
    #[arg(long, value_parser = size)]
    disk: Option<String>,
    /// Longest time for one step, such as `30m`
    #[arg(long, value_parser = duration)]
    timeout: Option<String>,
}

/// Takes what can be read later, so that a mistake is one of the command line.
fn size(text: &str) -> Result<String, String> {
    let read = mebibytes(text).map_err(|error| error.to_string());
    read.map(|_| text.to_owned())
}

/// The same; nothing means the recipe's, or the usual one.
fn duration(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        seconds(text).map_err(|error| error.to_string())?;
    }
    Ok(text.to_owned())
}

impl LimitArguments {
    /// Those of an earlier build, exactly.
    pub(crate) fn of(resources: &ResourceParameters) -> Self {
        Self {
            cpu: Some(resources.vcpus),
            memory: Some(format!("{}Mi", resources.memory_mib)),
            disk: Some(format!("{}Mi", resources.scratch_mib)),
            timeout: Some(format!("{}s", resources.timeout_seconds)),
        }
    }

    /// The limits of a run of this plan.
    pub(crate) fn limits(&self, plan: &Plan) -> Result<Limits> {
        let resource = |name: &str| plan.resources.get(name).map(String::as_str);
        let size = |own: &Option<String>, name: &str, default: u64| match own
            .as_deref()
            .or(resource(name))
        {
            Some(text) => mebibytes(text).with_context(|| format!("{name} is `{text}`")),
            None => Ok(default),
        };
        let host = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let asked = match self.cpu {
            Some(cpu) => cpu,
            None => resource("cpu")
                .and_then(|text| text.parse().ok())
                .unwrap_or(2),
        };
        let timeout = match self.timeout.as_deref().or(Some(plan.timeout.as_str())) {
            Some(text) if !text.is_empty() => {
                seconds(text).with_context(|| format!("timeout is `{text}`"))?
            }
            _ => DEFAULT_TIMEOUT_SECONDS,
        };
        Ok(Limits {
            vcpus: asked.min(u32::try_from(host)?).max(1),
            memory_mib: size(&self.memory, "memory", DEFAULT_MEMORY_MIB)?,
            scratch_mib: size(&self.disk, "disk", DEFAULT_SCRATCH_MIB)?,
            output_mib: DEFAULT_OUTPUT_MIB,
            timeout_seconds: timeout,
            log_bytes: LOG_BYTES,
        })
    }
}

/// The same in bytes, for a flag.
pub(in crate::commands) fn bytes(text: &str) -> Result<u64, String> {
    let read = mebibytes(text).map_err(|error| error.to_string());
    read.map(|mebibytes| mebibytes << 20)
}

/// `512Mi`, `2Gi`, `1G`, `100M`; every unit is binary, as melange reads them.
fn mebibytes(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let Ok(number) = digits.trim().parse::<u64>() else {
        bail!("it is no number with a unit, such as 2Gi");
    };
    let unit = &text[digits.len()..];
    let mebibytes = match unit.trim_end_matches(['i', 'B']) {
        "K" => number / 1024,
        "M" => number,
        "G" => number.saturating_mul(1024),
        "T" => number.saturating_mul(1024 * 1024),
        "" => bail!("it has no unit; write Mi or Gi"),
        _ => bail!("`{unit}` is no unit; write Mi or Gi"),
    };
    Ok(mebibytes)
}

const NO_DURATION: &str = "it is no duration such as 1h30m";

/// Go's duration syntax, in whole seconds: `90s`, `1h30m`.
fn seconds(text: &str) -> Result<u64> {
    let mut total = 0_u64;
    let mut number = String::new();
    for letter in text.chars() {
        let factor = match letter {
            '0'..='9' => {
                number.push(letter);
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => bail!(NO_DURATION),
        };
        let Ok(value) = number.parse::<u64>() else {
            bail!(NO_DURATION);
        };
        total = total.saturating_add(value.saturating_mul(factor));
        number.clear();
    }
    if !number.is_empty() || total == 0 {
        bail!(NO_DURATION);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_and_durations() {
        assert_eq!(mebibytes("2Gi").unwrap(), 2048);
        assert_eq!(mebibytes("512Mi").unwrap(), 512);
        assert_eq!(seconds("1h30m").unwrap(), 5400);
        assert_eq!(size("1").unwrap_err(), "it has no unit; write Mi or Gi");
        assert_eq!(size("2Gx").unwrap_err(), "`Gx` is no unit; write Mi or Gi");
        assert_eq!(duration("").unwrap(), "");
        let error = duration("5").unwrap_err();
        assert_eq!(error, "it is no duration such as 1h30m");
        for text in ["", "2", "2Xi", "Gi"] {
            assert!(mebibytes(text).is_err(), "{text}");
        }
        for text in ["", "5", "5d", "h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
