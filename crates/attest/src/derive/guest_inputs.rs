//! Whether the inputs of a build's guest are those of this run.

use super::check::mismatch;
use super::{DeriveError, Evidence, same, same_text};
use crate::documents::{
    Accelerator, DiskName, GuestInputs, GuestMessage, LeftOut, Network, digest,
};
use bessemer_digest::Digest;

const MIB: u64 = 1 << 20;

/// Refuses inputs that the record does not name, and such as its machine cannot have had.
pub(super) fn check(evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    let (inputs, record) = (evidence.guest_inputs, evidence.record);
    let what = "the guest inputs";
    let Some(named) = &record.byproducts.guest_inputs else {
        return mismatch(what, "their digest in the record", "none");
    };
    same(what, &digest(inputs)?, named)?;
    let direct = record.build_machine.accelerator == Accelerator::Direct;
    if inputs.command_line.is_empty() != direct {
        let word = |none| if none { "none" } else { "some" };
        let found = word(inputs.command_line.is_empty());
        return mismatch(
            "the words of the kernel's command line",
            word(direct),
            found,
        );
    }
    disks(evidence, inputs, direct)?;
    messages(evidence, inputs)
}

fn disks(evidence: &Evidence<'_>, inputs: &GuestInputs, direct: bool) -> Result<(), DeriveError> {
    let (machine, limits) = (&evidence.record.build_machine, &evidence.job_spec.limits);
    let mut expected = vec![DiskName::Environment];
    expected.extend(machine.sources_disk.map(|_| DiskName::Sources));
    if !direct {
        expected.push(DiskName::Scratch);
    }
    expected.push(DiskName::Output);
    let found: Vec<DiskName> = inputs.disks.iter().map(|disk| disk.name).collect();
    if found != expected {
        return mismatch("the disks of the guest", "those of its machine", "others");
    }
    for disk in &inputs.disks {
        let name = format!("the {:?} disk of the guest", disk.name).to_lowercase();
        let (image, mib) = match disk.name {
            DiskName::Environment => (Some(machine.environment_disk), None),
            DiskName::Sources => (machine.sources_disk, None),
            DiskName::Scratch => (None, Some(limits.scratch_mib)),
            DiskName::Output => (None, Some(limits.output_mib)),
        };
        let shown = |digest: Option<Digest>| {
            digest.map_or_else(|| "no digest".to_owned(), |digest| digest.to_string())
        };
        same_text(&name, &shown(image), &shown(disk.sha256))?;
        if let Some(mib) = mib {
            let size = mib.saturating_mul(MIB).to_string();
            let what = format!("the size of {name}");
            same_text(&what, &size, &disk.size.to_string())?;
        }
        let writable = mib.is_some();
        let filled = disk.filled.as_ref().map(|filled| filled.count);
        let empty = disk.name != DiskName::Output || filled == Some(0);
        if filled.is_some() != writable || !empty {
            let what = format!("what is on {name}");
            return mismatch(&what, "what its kind has", "something else");
        }
    }
    Ok(())
}

/// One beginning with the job's own source date, one end, and nobody at a shell between them.
fn messages(evidence: &Evidence<'_>, inputs: &GuestInputs) -> Result<(), DeriveError> {
    let what = "the messages to the guest";
    let (Some(first), Some(GuestMessage::PowerOff {})) =
        (inputs.messages.first(), inputs.messages.last())
    else {
        return mismatch(what, "an end", "none");
    };
    let GuestMessage::Configure {
        environment,
        left_out,
        ..
    } = first
    else {
        return mismatch(what, "a configuration as the first", "another");
    };
    let wanted = evidence.job_spec.source_date_epoch.to_string();
    let date = environment.get("SOURCE_DATE_EPOCH").map(String::as_str);
    let date = date.unwrap_or("none");
    same_text("the source date that the guest was told", &wanted, date)?;
    let mut expected = vec![LeftOut::Clock];
    if evidence.job_spec.network != Network::None {
        expected.push(LeftOut::CertificateAuthority);
    }
    if *left_out != expected {
        let wanted = "what the job's network has";
        return mismatch(
            "what is left out of the guest inputs",
            wanted,
            "something else",
        );
    }
    for message in &inputs.messages[1..] {
        match message {
            GuestMessage::Shell { .. } => return Err(DeriveError::Interactive),
            GuestMessage::Configure { .. } => {
                return mismatch(what, "one configuration", "another");
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
