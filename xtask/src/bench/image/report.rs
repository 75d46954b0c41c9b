//! What was measured of each kind of build, and what is allowed.

use super::inputs::BUDGET;
use crate::bench::median;
use crate::bench::watched::Watched;
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most that one changed package may cost of what all cost; its layer is a thirteenth of the bytes.
const SHARE: f64 = 0.25;

/// What there is when a build starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing.
    Cold,
    /// Everything, from a build of the same.
    Warm,
    /// Everything, from a build of the same but for one package.
    Changed,
}

impl State {
    const fn what(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "nothing changed",
            Self::Changed => "one package changed",
        }
    }

    /// What the repository offers.
    pub(super) const fn index(self) -> &'static str {
        match self {
            Self::Cold | Self::Warm => "before",
            Self::Changed => "after",
        }
    }

    /// Most times the floor's processor time.
    const fn bound(self) -> f64 {
        match self {
            Self::Cold => 2.0,
            Self::Warm | Self::Changed => 3.0,
        }
    }
}

/// The layers of one image.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// Digest, bytes, and whether it had been compressed before.
    all: Vec<(String, u64, bool)>,
}

impl Layers {
    /// Reads what the program printed.
    pub(super) fn read(printed: &str) -> Result<Self> {
        let printed: Value =
            serde_json::from_str(printed).context("the program printed no JSON")?;
        let layers = printed["images"][0]["layers"].as_array();
        let layer = |layer: &Value| {
            let digest = layer["digest"].as_str()?.to_owned();
            Some((digest, layer["size"].as_u64()?, layer["cached"].as_bool()?))
        };
        let all = layers.into_iter().flatten().map(layer);
        let all: Option<Vec<_>> = all.collect();
        Ok(Self {
            all: all.context("a layer without digest, size or `cached`")?,
        })
    }

    fn compressed(&self) -> BTreeSet<&str> {
        let fresh = self.all.iter().filter(|(_, _, cached)| !cached);
        fresh.map(|(digest, ..)| digest.as_str()).collect()
    }

    /// MiB of all layers, or of those that were compressed now.
    fn mib(&self, only_compressed: bool) -> f64 {
        let counted = self
            .all
            .iter()
            .filter(|(.., cached)| !(only_compressed && *cached));
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let bytes = counted.map(|(_, size, _)| *size).sum::<u64>() as f64;
        bytes / f64::from(1 << 20)
    }
}

/// A kind of build.
#[derive(Debug)]
pub(super) struct Build {
    /// `single` or `origin`: the image file's name.
    pub(super) layering: &'static str,
    pub(super) state: State,
    pub(super) runs: Vec<Watched>,
    pub(super) floors: Vec<Watched>,
    /// Of the last run.
    layers: Layers,
}

impl Build {
    /// In the order in which each finds what the one before it left.
    pub(super) fn all() -> Vec<Self> {
        let states = [State::Cold, State::Warm, State::Changed];
        let of = |layering| {
            states.map(|state| Self {
                layering,
                state,
                runs: Vec::new(),
                floors: Vec::new(),
                layers: Layers::default(),
            })
        };
        ["single", "origin"].into_iter().flat_map(of).collect()
    }

    /// How many of `all` packages, the changed one first, no builder can help compressing.
    pub(super) fn compressed_packages(&self, all: usize) -> usize {
        match (self.state, self.layering) {
            (State::Warm, _) => 0,
            (State::Changed, "origin") => 1,
            _ => all,
        }
    }

    pub(super) fn add(&mut self, run: Watched, layers: Layers) {
        self.runs.push(run);
        self.layers = layers;
    }

    /// Processor time, wall time and memory: medians of the runs and of the floors.
    fn figures(&self) -> [(&'static str, f64, f64); 3] {
        let both = |take: fn(&Watched) -> f64| {
            let of = |all: &[Watched]| median(&all.iter().map(take).collect::<Vec<_>>());
            (of(&self.runs), of(&self.floors))
        };
        let (cpu, wall, mib) = (
            both(|one| one.cpu),
            both(|one| one.wall),
            both(|one| one.mib),
        );
        [
            ("cpu_seconds", cpu.0, cpu.1),
            ("wall_seconds", wall.0, wall.1),
            ("peak_mib", mib.0, mib.1),
        ]
    }
}

/// Prints, and fails where more was done or taken than is allowed.
pub(super) fn judge(builds: &[Build], as_json: bool) -> Result<()> {
    if as_json {
        println!(
            "{:#}",
            json!(builds.iter().map(Build::json).collect::<Vec<_>>())
        );
    } else {
        print(builds);
    }
    let mut wrong = Vec::new();
    for three in builds.chunks(3) {
        let [cold, warm, changed] = three else {
            bail!("a kind of build is missing");
        };
        wrong.extend(counts(cold, warm, changed));
        if cold.layering == "origin" {
            let share = share(cold, warm, changed);
            wrong.extend((share > SHARE).then(|| format!("one package costs {share:.2} of all")));
        }
    }
    for build in builds {
        let [(_, run, floor), ..] = build.figures();
        if run > floor * build.state.bound() {
            let bound = build.state.bound();
            wrong.push(format!(
                "{}: more than {bound} times the floor",
                build.what()
            ));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("; "));
    }
    Ok(())
}

/// What a changed package costs more than nothing, of what everything costs more than nothing: processor
/// time.
fn share(cold: &Build, warm: &Build, changed: &Build) -> f64 {
    let [cold, warm, changed] = [cold, warm, changed].map(|build| build.figures()[0].1);
    (changed - warm) / (cold - warm)
}

/// What was compressed that need not have been, and the reverse.
fn counts(cold: &Build, warm: &Build, changed: &Build) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |build: &Build, holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{}: {what}", build.what()));
        }
    };
    let digests = |build: &Build| -> BTreeSet<String> {
        let layers = build.layers.all.iter();
        layers.map(|(digest, ..)| digest.clone()).collect()
    };
    let (before, after) = (digests(warm), digests(changed));
    let of_packages = if cold.layering == "single" { 0 } else { BUDGET };
    let expected = of_packages + 1;
    check(
        cold,
        cold.layers.all.len() == expected,
        "another number of layers than expected",
    );
    check(
        cold,
        digests(cold) == before,
        "the same image has other layers when it is built again",
    );
    check(
        cold,
        cold.layers.compressed().len() == expected,
        "a layer came out of an empty cache",
    );
    check(
        warm,
        warm.layers.compressed().is_empty(),
        "a layer was compressed again",
    );
    let new: BTreeSet<&str> = after.difference(&before).map(String::as_str).collect();
    check(
        changed,
        changed.layers.compressed() == new,
        "others than the new layers were compressed",
    );
    // The package's own, and the one on top, which has the list of all packages.
    check(
        changed,
        new.len() <= 2,
        "more layers changed than the package's own and the top",
    );
    wrong
}

impl Build {
    fn what(&self) -> String {
        format!("{}, {}", self.layering, self.state.what())
    }

    fn json(&self) -> Value {
        let figures = self.figures().into_iter();
        let figures = figures.map(|(name, run, floor)| {
            (
                name.to_owned(),
                json!({"run": run, "floor": floor, "ratio": run / floor}),
            )
        });
        let figures: serde_json::Map<String, Value> = figures.collect();
        json!({
            "layering": self.layering,
            "state": self.state.what(),
            "layers": self.layers.all.len(),
            "compressed": self.layers.compressed().len(),
            "compressed_mib": self.layers.mib(true),
            "layers_mib": self.layers.mib(false),
            "rounds": self.runs.len(),
            "figures": figures,
            "cpu_bound": self.state.bound(),
        })
    }
}

fn print(builds: &[Build]) {
    println!(
        "{:<27} {:>10} {:>15} {:>18} {:>18} {:>20}",
        "", "compressed", "of MiB", "CPU, floor", "wall, floor", "peak, floor"
    );
    for build in builds {
        let layers = format!(
            "{} of {}",
            build.layers.compressed().len(),
            build.layers.all.len()
        );
        let mib = format!(
            "{:.1} of {:.1}",
            build.layers.mib(true),
            build.layers.mib(false)
        );
        let [cpu, wall, peak] = build.figures().map(|(name, run, floor)| {
            let unit = if name == "peak_mib" { "MiB" } else { "s" };
            let places = usize::from(unit == "s") * 2;
            format!("{run:.places$} {unit} {:.2}x", run / floor)
        });
        println!(
            "{:<27} {layers:>10} {mib:>15} {cpu:>18} {wall:>18} {peak:>20}",
            build.what()
        );
    }
    let by_origin: Vec<&Build> = builds
        .iter()
        .filter(|one| one.layering == "origin")
        .collect();
    if let [cold, warm, changed] = by_origin[..] {
        println!(
            "by origin, one changed package costs {:.0} % of the processor time that all cost, at most {:.0} %",
            share(cold, warm, changed) * 100.0,
            SHARE * 100.0
        );
    }
    println!(
        "medians of {}; the floor of the same run unpacks all packages and compresses what must be",
        builds[0].runs.len()
    );
}
