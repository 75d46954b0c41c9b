//! `cargo xtask demo`: the main job on real input, from nothing to a verified package and image.

mod image;
mod source;
mod table;

use crate::ground::set_aside_older_state;
use crate::kernel::Kernel;
use crate::workspace::{cache, output, root};
use crate::{binaries, setup};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where results go [default: `bessemer-xtask/demo` in the user's cache directory, or in /var/cache for root]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Which folder of `examples/` to build
    #[arg(long, default_value = "bzip2")]
    example: String,
    /// Build twice and compare the packages and the index byte for byte
    #[arg(long)]
    twice: bool,
    /// Boot the guests with the kernel of our own; built once, without a guest, and kept
    #[arg(long)]
    own_kernel: bool,
    /// Keep the registry with the image running until it is interrupted
    #[arg(long)]
    serve_registry: bool,
}

impl Arguments {
    /// The demo of `example`, with its results in `out`.
    pub(crate) fn new(out: &Path, example: &str, twice: bool) -> Self {
        Self {
            out: Some(out.to_owned()),
            example: example.to_owned(),
            twice,
            own_kernel: false,
            serve_registry: false,
        }
    }
}

/// One finished stage: what it was, how long it took, what it said in a word.
#[derive(Debug)]
pub(crate) struct Stage {
    name: &'static str,
    seconds: f64,
    note: String,
}

#[derive(Debug)]
struct Demo {
    out: PathBuf,
    bin: PathBuf,
    example: String,
    import_key: PathBuf,
    /// The kernel to boot in place of the bootstrap's.
    kernel: Option<Kernel>,
    stages: Vec<Stage>,
}

/// Runs the demo and prints its table.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let recipe = root().join("examples").join(&arguments.example);
    if !recipe.is_dir() {
        bail!("there is no examples/{}", arguments.example);
    }
    let out = match &arguments.out {
        Some(out) => std::path::absolute(out)?,
        None => cache()?.join("demo"),
    };
    set_aside_older_state()?;
    fs_err::create_dir_all(&out)?;
    let bin = cache()?.join("bin");
    let mut demo = Demo {
        out,
        bin,
        example: arguments.example.clone(),
        import_key: PathBuf::new(),
        kernel: None,
        stages: Vec::new(),
    };
    demo.stage("install", || {
        setup::run()
            .and_then(|()| setup::lists())
            .map(|()| String::new())
    })?;
    let bin = demo.bin.clone();
    demo.stage("compile", || {
        binaries::build(&bin, true).map(|()| String::new())
    })?;
    demo.bootstrap()?;
    if arguments.own_kernel {
        demo.own_kernel()?;
    }
    let sources = demo.sources()?;
    let built = demo.build("build", &sources, "packages-built")?;
    if arguments.twice {
        demo.compare(&sources, &built)?;
    }
    demo.publish(&built)?;
    let verified = demo.verify(&built)?;
    let image = demo.image(&built)?;
    let summary = demo.summary(&built, &verified, &image.summary);
    fs_err::write(demo.out.join("summary.json"), format!("{summary:#}\n"))?;
    table::print(&summary, &demo.out, &demo.bin, &demo.import_key);
    if arguments.serve_registry {
        return image.registry.serve();
    }
    Ok(())
}

impl Demo {
    /// Runs one stage, prints one line, remembers its time.
    fn stage(&mut self, name: &'static str, work: impl FnOnce() -> Result<String>) -> Result<()> {
        let start = Instant::now();
        println!("{name:<10} …");
        let note = work().with_context(|| format!("stage `{name}` failed"))?;
        let seconds = start.elapsed().as_secs_f64();
        println!("{name:<10} {seconds:>7.1} s  {note}");
        self.stages.push(Stage {
            name,
            seconds,
            note,
        });
        Ok(())
    }

    fn bessemer(&self, words: &[&str]) -> Result<Value> {
        let mut command = Command::new(self.bin.join("bessemer"));
        command.args(words).arg("--json").current_dir(root());
        let text = output(&mut command)?;
        serde_json::from_str(&text).context("bessemer printed no JSON")
    }

    fn path(&self, below: &str) -> String {
        self.out.join(below).display().to_string()
    }

    fn bootstrap(&mut self) -> Result<()> {
        let start = Instant::now();
        println!("{:<10} …", "bootstrap");
        let repository = self.path("repository");
        let result = self.bessemer(&["bootstrap", "debian", "--out", &repository])?;
        let keys = self.path("keys");
        let exported = self.bessemer(&["keys", "export", "--out", &keys])?;
        self.import_key = self.out.join("keys").join(text(&exported["import_key"]));
        let note = format!(
            "{} packages, {} attested, {}",
            result["packages"],
            result["attested"],
            match result["downloaded"].as_u64() {
                Some(0) => "Debian packages reused".to_owned(),
                number => format!("{} Debian packages fetched", number.unwrap_or_default()),
            }
        );
        self.done("bootstrap", start, note);
        Ok(())
    }

    fn own_kernel(&mut self) -> Result<()> {
        let start = Instant::now();
        println!("{:<10} …", "kernel");
        let kernel = Kernel::prepare(&self.bin.join("bessemer"))?;
        let (repository, key) = kernel.named();
        let words = ["kernel", "info", "-r", &repository, "-k", &key];
        let info = self.bessemer(&words)?;
        let built = &info["report"]["origin"]["built"];
        let note = format!(
            "{}, {}, {} packages of its build attested, {}",
            text(&info["descriptor"]["release"]),
            text(&info["kernel"]),
            built["dependencies"]["packages_attested"],
            if kernel.reused {
                "kept from earlier"
            } else {
                "built now"
            },
        );
        self.kernel = Some(kernel);
        self.done("kernel", start, note);
        Ok(())
    }

    fn done(&mut self, name: &'static str, start: Instant, note: String) {
        let seconds = start.elapsed().as_secs_f64();
        println!("{name:<10} {seconds:>7.1} s  {note}");
        self.stages.push(Stage {
            name,
            seconds,
            note,
        });
    }

    fn sources(&mut self) -> Result<PathBuf> {
        let start = Instant::now();
        let directory = self.out.join("sources");
        let note = source::from_debian(&self.example, &directory)?;
        self.done("source", start, note);
        Ok(directory)
    }

    fn build(&mut self, name: &'static str, sources: &Path, below: &str) -> Result<Value> {
        let start = Instant::now();
        println!("{name:<10} …");
        let recipe = root()
            .join("examples")
            .join(&self.example)
            .join(format!("{}.yaml", self.example));
        let key = self.import_key.clone();
        let (repository, kernel_key) = self.kernel.as_ref().map(Kernel::named).unwrap_or_default();
        let recipe = recipe.display().to_string();
        let mut words = vec!["build", recipe.as_str()];
        if self.kernel.is_some() {
            words.extend(["-r", repository.as_str(), "-k", kernel_key.as_str()]);
        }
        let result = self.bessemer(
            &[
                words.as_slice(),
                &[
                    "--repository-append",
                    &self.path("repository"),
                    "--keyring-append",
                    &key.display().to_string(),
                    "--mirror",
                    &sources.display().to_string(),
                    "--out-dir",
                    &self.path(below),
                ],
            ]
            .concat(),
        )?;
        let packages = result["packages"].as_array().map_or(0, Vec::len);
        let mut note = format!("{packages} packages, tests {}", text(&result["tests"]));
        if result["environment_reused"] == true {
            note.push_str(", environment disk reused");
        }
        self.done(name, start, note);
        Ok(result)
    }

    fn compare(&mut self, sources: &Path, first: &Value) -> Result<()> {
        let second = self.build("again", sources, "packages-again")?;
        for (one, two) in packages(first).zip(packages(&second)) {
            if one["sha256"] != two["sha256"] {
                bail!(
                    "{} differs between two builds: {} and {}",
                    one["file"],
                    one["sha256"],
                    two["sha256"]
                );
            }
        }
        println!("two builds gave the same bytes");
        Ok(())
    }

    fn publish(&mut self, built: &Value) -> Result<()> {
        let start = Instant::now();
        let repository = self.path("packages");
        let mut words = vec!["publish", "--repository", &repository];
        words.extend(packages(built).filter_map(|package| package["path"].as_str()));
        let result = self.bessemer(&words)?;
        self.done("publish", start, format!("{} admitted", result["admitted"]));
        Ok(())
    }

    fn verify(&mut self, built: &Value) -> Result<Value> {
        let start = Instant::now();
        let architecture = text(&built["architecture"]);
        let trust_root = self.path("keys/trust-root.json");
        let mut reports = Vec::new();
        for package in packages(built) {
            let file = self
                .out
                .join("packages")
                .join(&architecture)
                .join(text(&package["file"]));
            let file = file.display().to_string();
            reports.push(self.bessemer(&["verify", &file, "--trust-root", &trust_root])?);
        }
        self.done("verify", start, format!("{} packages PASS", reports.len()));
        Ok(Value::Array(reports))
    }

    fn summary(&self, built: &Value, verified: &Value, image: &Value) -> Value {
        let stages: Vec<Value> = self
            .stages
            .iter()
            .map(|stage| json!({"name": stage.name, "seconds": stage.seconds, "note": stage.note}))
            .collect();
        json!({"build": built, "verification": verified, "image": image, "stages": stages})
    }
}

/// The packages of a build's result.
pub(crate) fn packages(built: &Value) -> impl Iterator<Item = &Value> {
    built["packages"].as_array().into_iter().flatten()
}

/// A JSON string without its quotation marks, or the value as JSON.
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
