//! The demo's image: what was just built, in a registry on this machine, with attestations that cosign reads.

use super::{Demo, text};
use crate::images;
use crate::workspace::output;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time until the registry listens.
const START: Duration = Duration::from_secs(20);

/// Debian's registry, on loopback; it ends with this value, or with the thread that started it.
#[derive(Debug)]
pub(super) struct Registry {
    child: Child,
    port: u16,
}

impl Registry {
    /// Starts `program` with its images below `folder`, where those of an earlier demo still are.
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        fs_err::create_dir_all(folder)?;
        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
        let port = listener.local_addr()?.port();
        drop(listener);
        let file = folder.join("config.yml");
        let storage = folder.join("storage");
        let storage = storage.display();
        fs_err::write(
            &file,
            format!(
                "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {storage}\nhttp:\n  addr: 127.0.0.1:{port}\n  secret: none\n"
            ),
        )?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("setpriv cannot be started")?;
        let registry = Self { child, port };
        let deadline = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() >= deadline {
                bail!("the registry does not listen on port {port}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }

    /// Waits for its end, which an interrupt brings.
    pub(super) fn serve(mut self) -> Result<()> {
        println!();
        println!(
            "the registry 127.0.0.1:{} runs until it is interrupted",
            self.port
        );
        let status = self.child.wait()?;
        bail!("the registry ended by itself ({status})")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the demo found out about its image.
pub(super) struct Published {
    pub(super) registry: Registry,
    /// For `summary.json`.
    pub(super) summary: Value,
}

impl Demo {
    /// Builds the image out of what was published, publishes it, and asks cosign and Bessemer about it.
    pub(super) fn image(&mut self, built: &Value) -> Result<Published> {
        let start = Instant::now();
        println!("{:<10} …", "image");
        let program = images::program("BESSEMER_TEST_DOCKER_REGISTRY")?;
        let registry = Registry::start(&program, &self.out.join("registry"))?;
        let tag = format!("127.0.0.1:{}/demo/{}:latest", registry.port, self.example);
        let file = self.image_file(built)?.display().to_string();
        let words = ["image", "publish", &file, &tag, "--accept-imports"];
        let published = self.bessemer(&words)?;
        if published["packages"]["built"].as_u64().unwrap_or(0) == 0 {
            bail!("the image has none of the packages that were just built");
        }
        let digest = text(&published["digest"]);
        let reference = format!("{}@{digest}", tag.trim_end_matches(":latest"));
        let note = format!("{reference}, {}", text(&published["builder_id"]));
        self.done("image", start, note);
        let cosign = images::program("BESSEMER_TEST_COSIGN_2")?;
        self.cosign(&cosign, &reference, &published)?;
        let verified = self.verify_image(&reference)?;
        let chain = self.walk(&reference)?;
        let summary = json!({
            "reference": reference,
            "tag": tag,
            "published": published,
            "verification": verified,
            "chain": chain,
        });
        Ok(Published { registry, summary })
    }

    /// One image file for the package that the example is named after, and what of its other packages is
    /// used at run time: in the versions that were just built, since the bootstrap may have others of the same name.
    fn image_file(&self, built: &Value) -> Result<PathBuf> {
        let name = &self.example;
        let packages = built["packages"].as_array().into_iter().flatten();
        let packages: Vec<String> = packages
            .map(|one| (text(&one["name"]), text(&one["version"])))
            .filter(|(name, _)| !name.ends_with("-dev") && !name.ends_with("-doc"))
            .map(|(name, version)| format!("    - {name}={version}"))
            .collect();
        let own = packages.join("\n");
        let architecture = text(&built["architecture"]);
        let mut keys = Vec::new();
        for key in fs_err::read_dir(self.out.join("keys"))? {
            let path = key?.path().display().to_string();
            keys.extend(path.ends_with(".rsa.pub").then(|| format!("    - {path}")));
        }
        keys.sort();
        let keyring = keys.join("\n");
        let (packages, repository) = (self.path("packages"), self.path("repository"));
        let path = self.out.join("image.yaml");
        fs_err::write(
            &path,
            format!(
                "contents:\n  repositories:\n    - {packages}\n    - {repository}\n  keyring:\n{keyring}\n  packages:\n{own}\narchs:\n  - {architecture}\nentrypoint:\n  command: /usr/bin/{name}\n"
            ),
        )?;
        Ok(path)
    }

    /// The command that everybody's documentation has, by the real cosign.
    fn cosign(&mut self, cosign: &Path, reference: &str, published: &Value) -> Result<()> {
        let start = Instant::now();
        let cosign = cosign.display();
        let line = format!(
            "set -o pipefail; {cosign} download attestation \
             --predicate-type=https://slsa.dev/provenance/v1 {reference} | jq -r .payload | base64 -d | \
             jq .predicate"
        );
        let predicate = output(Command::new("bash").args(["-c", &line]))?;
        // The same image that an earlier demo published has that one's provenance, too.
        let predicates = serde_json::Deserializer::from_str(&predicate).into_iter::<Value>();
        let predicates: Vec<Value> = predicates.collect::<Result<_, _>>()?;
        let predicate = predicates.last().context("cosign read no provenance")?;
        let builder = &predicate["runDetails"]["builder"]["id"];
        if *builder != published["builder_id"] {
            bail!("cosign read provenance of another builder: {builder}");
        }
        let dependencies = &predicate["buildDefinition"]["resolvedDependencies"];
        let count = dependencies.as_array().map_or(0, Vec::len);
        self.done(
            "cosign",
            start,
            format!("read the provenance: {count} dependencies"),
        );
        Ok(())
    }

    fn verify_image(&mut self, reference: &str) -> Result<Value> {
        let start = Instant::now();
        let root = self.path("keys/trust-root.json");
        let words = ["image", "verify", reference, "--trust-root", &root];
        let verified = self.bessemer(&words)?;
        let count = verified["reports"].as_array().map_or(0, Vec::len);
        self.done("verify", start, format!("index and images: {count} PASS"));
        Ok(verified)
    }

    /// Everything that the image was made from, verified with nothing but registry and trust root; the tree is
    /// printed.
    fn walk(&mut self, reference: &str) -> Result<Value> {
        let start = Instant::now();
        let (root, image) = (
            self.path("keys/trust-root.json"),
            format!("docker://{reference}"),
        );
        let words = ["verify", &image, "--recursive", "--trust-root", &root];
        let verified = self.bessemer(&words)?;
        let tree = output(Command::new(self.bin.join("bessemer")).args(words))?;
        println!("{tree}");
        let chain = &verified["chain"];
        let count = chain["nodes"].as_array().map_or(0, Vec::len);
        self.done(
            "recursive",
            start,
            format!("{count} artifacts, {} gaps", chain["gaps"]),
        );
        // The nodes are printed; what the chain ends in is for the summary.
        Ok(
            json!({"artifacts": count, "gaps": chain["gaps"], "unattested": chain["unattested"], "ends": chain["ends"]}),
        )
    }
}
