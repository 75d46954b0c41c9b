//! The boot directory and what is made of it.
//!
//! A boot directory holds `kernel.json` and the files it names, by paths relative to it:
//!
//! ```json
//! {
//!   "schema": "bessemer.kernel/v1",
//!   "release": "6.1.0-50-cloud-amd64",
//!   "image": "vmlinuz",
//!   "acpi": true,
//!   "tsc_parameters": true,
//!   "cmdline": [],
//!   "modules": ["modules/virtio_ring.ko", "modules/virtio.ko"]
//! }
//! ```
//!
//! * `image`: a bzImage or a PVH vmlinux.
//! * `acpi`: whether the kernel finds its devices through ACPI (`true`) or on its command line.
//! * `tsc_parameters`: whether, emulated, it must be told the frequency of the time stamp counter.
//! * `cmdline`: parameters of this kernel on top of those every guest gets.
//! * `modules`: uncompressed `.ko` files in the order they must be loaded; empty when all drivers
//!   are built in. Needed from either place: virtio-mmio, virtio-blk, virtio-console, virtio-rng,
//!   overlay, erofs with a crc32c provider, ext4.

use crate::cpio::Cpio;
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The `schema` of `kernel.json`.
pub const KERNEL_SCHEMA: &str = "bessemer.kernel/v1";
/// The file that describes a boot directory.
const DESCRIPTOR: &str = "kernel.json";
/// Largest file of a boot directory, in bytes: an unstripped vmlinux is 53 MB.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// `kernel.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelDescriptor {
    /// [`KERNEL_SCHEMA`].
    pub schema: String,
    /// The kernel's release, as `uname -r` prints it.
    pub release: String,
    /// Path of the image.
    pub image: String,
    /// Whether devices are announced through ACPI.
    pub acpi: bool,
    /// Whether an emulated guest needs `tsc_early_khz` and `tsc=reliable`.
    pub tsc_parameters: bool,
    /// More kernel parameters.
    pub cmdline: Vec<String>,
    /// Paths of modules, in order of loading.
    pub modules: Vec<String>,
}

/// A boot directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `kernel.json` is not what it should be.
    #[error("`{}` is not a kernel description", path.display())]
    Descriptor {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// `kernel.json` has another schema.
    #[error("`{}` has schema `{schema}`, expected `{KERNEL_SCHEMA}`", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The schema found.
        schema: String,
    },
    /// A path in `kernel.json` leads out of the boot directory, or a parameter has white space.
    #[error("`{}`: `{value}` is not allowed", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// What is not allowed.
        value: String,
    },
}

/// What boots, held in memory: what was hashed is what runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bundle {
    kernel: Option<Arc<Kernel>>,
    agent: Arc<Vec<u8>>,
    agent_digest: Digest,
}

/// A kernel and the initramfs that goes with it.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) descriptor: KernelDescriptor,
    pub(crate) image: Vec<u8>,
    pub(crate) initramfs: Vec<u8>,
    pub(crate) image_digest: Digest,
    pub(crate) initramfs_digest: Digest,
}

impl Bundle {
    /// Reads the boot directory `dir` and the agent program at `agent`, and makes the initramfs.
    ///
    /// The initramfs is a function of the modules and the agent alone.
    pub fn load(dir: &Path, agent: &Path) -> Result<Self, BundleError> {
        Self::assemble(dir, &|name| read(&dir.join(name)), agent_program(agent)?)
    }

    /// The same from files in memory, by the paths they have in a boot directory; `origin` is
    /// what errors call that directory.
    pub fn of_files(
        origin: &Path,
        files: &BTreeMap<String, Vec<u8>>,
        agent: Vec<u8>,
    ) -> Result<Self, BundleError> {
        let file = |name: &str| {
            files.get(name).cloned().ok_or_else(|| BundleError::Read {
                path: origin.join(name),
                source: io::ErrorKind::NotFound.into(),
            })
        };
        Self::assemble(origin, &file, agent)
    }

    /// The agent alone, for [`Accelerator::Direct`](crate::Accelerator::Direct), which boots nothing.
    pub fn without_kernel(agent: Vec<u8>) -> Self {
        Self {
            kernel: None,
            agent_digest: Digest::of(&agent),
            agent: Arc::new(agent),
        }
    }

    fn assemble(
        origin: &Path,
        file: &dyn Fn(&str) -> Result<Vec<u8>, BundleError>,
        agent: Vec<u8>,
    ) -> Result<Self, BundleError> {
        let descriptor = descriptor(&origin.join(DESCRIPTOR), &file(DESCRIPTOR)?)?;
        let image = file(&descriptor.image)?;
        let modules = descriptor
            .modules
            .iter()
            .map(|name| Ok((name.as_str(), file(name)?)));
        let modules = modules.collect::<Result<Vec<_>, BundleError>>()?;
        let initramfs = initramfs(&modules, &agent);
        let kernel = Kernel {
            image_digest: Digest::of(&image),
            initramfs_digest: Digest::of(&initramfs),
            descriptor,
            image,
            initramfs,
        };
        Ok(Self {
            kernel: Some(Arc::new(kernel)),
            ..Self::without_kernel(agent)
        })
    }

    /// What `kernel.json` says; `None` without a kernel.
    pub fn descriptor(&self) -> Option<&KernelDescriptor> {
        self.kernel.as_ref().map(|kernel| &kernel.descriptor)
    }

    /// Digest of the kernel image.
    pub fn kernel_digest(&self) -> Option<Digest> {
        self.kernel.as_ref().map(|kernel| kernel.image_digest)
    }

    /// Digest of the initramfs.
    pub fn initramfs_digest(&self) -> Option<Digest> {
        self.kernel.as_ref().map(|kernel| kernel.initramfs_digest)
    }

    /// Digest of the agent program.
    pub fn agent_digest(&self) -> Digest {
        self.agent_digest
    }

    pub(crate) fn kernel(&self) -> Option<&Kernel> {
        self.kernel.as_deref()
    }

    pub(crate) fn agent_bytes(&self) -> &[u8] {
        &self.agent
    }
}

/// The agent, read from a file.
pub fn agent_program(path: &Path) -> Result<Vec<u8>, BundleError> {
    read(path)
}

fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    let read = || {
        if std::fs::metadata(path)?.len() > MAX_FILE {
            return Err(io::Error::other(format!("larger than {MAX_FILE} bytes")));
        }
        std::fs::read(path)
    };
    read().map_err(|source| BundleError::Read {
        path: path.to_owned(),
        source,
    })
}

fn descriptor(path: &Path, text: &[u8]) -> Result<KernelDescriptor, BundleError> {
    let descriptor: KernelDescriptor =
        serde_json::from_slice(text).map_err(|source| BundleError::Descriptor {
            path: path.to_owned(),
            source,
        })?;
    if descriptor.schema != KERNEL_SCHEMA {
        let schema = descriptor.schema;
        return Err(BundleError::Schema {
            path: path.to_owned(),
            schema,
        });
    }
    let bad_path = descriptor
        .modules
        .iter()
        .chain([&descriptor.image])
        .find(|name| {
            name.contains('\n')
                || !Path::new(name)
                    .components()
                    .all(|part| matches!(part, Component::Normal(_)))
        });
    let bad_word = descriptor
        .cmdline
        .iter()
        .find(|word| word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()));
    if let Some(value) = bad_path.or(bad_word) {
        return Err(BundleError::Value {
            path: path.to_owned(),
            value: value.clone(),
        });
    }
    Ok(descriptor)
}

/// `/init` is the agent; `/modules/order` lists the modules, one name a line.
fn initramfs(modules: &[(&str, Vec<u8>)], agent: &[u8]) -> Vec<u8> {
    let mut cpio = Cpio::default();
    cpio.directory("dev");
    cpio.character_device("dev/console", 5, 1);
    cpio.directory("modules");
    let mut order = String::new();
    for (index, (name, content)) in modules.iter().enumerate() {
        let file = name.rsplit('/').next().unwrap_or(name);
        let unique = format!("{index:02}-{file}");
        cpio.file(&format!("modules/{unique}"), 0o644, content);
        order.push_str(&unique);
        order.push('\n');
    }
    cpio.file("modules/order", 0o644, order.as_bytes());
    cpio.file("init", 0o755, agent);
    cpio.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot_dir(json: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kernel.json"), json).unwrap();
        std::fs::write(dir.path().join("vmlinuz"), b"kernel").unwrap();
        std::fs::write(dir.path().join("a.ko"), b"module").unwrap();
        std::fs::write(dir.path().join("agent"), b"agent").unwrap();
        dir
    }

    fn json(schema: &str, image: &str, word: &str, more: &str) -> String {
        format!(
            r#"{{"schema":"{schema}","release":"6","image":"{image}","acpi":true,
            "tsc_parameters":true,"cmdline":["{word}"],"modules":["a.ko"]{more}}}"#
        )
    }

    #[test]
    fn a_bundle_is_measured_and_deterministic() {
        let dir = boot_dir(&json(KERNEL_SCHEMA, "vmlinuz", "quiet", ""));
        let load = || Bundle::load(dir.path(), &dir.path().join("agent")).unwrap();
        let (one, two) = (load(), load());
        assert_eq!(one.initramfs_digest(), two.initramfs_digest());
        assert_eq!(one.kernel_digest(), Some(Digest::of(b"kernel")));
        assert_eq!(one.agent_digest(), Digest::of(b"agent"));
    }

    #[test]
    fn bad_descriptions_are_refused() {
        for text in [
            json("bessemer.kernel/v2", "vmlinuz", "quiet", ""),
            json(KERNEL_SCHEMA, "../vmlinuz", "quiet", ""),
            json(KERNEL_SCHEMA, "/vmlinuz", "quiet", ""),
            json(KERNEL_SCHEMA, "missing", "quiet", ""),
            json(KERNEL_SCHEMA, "vmlinuz", "two words", ""),
            json(KERNEL_SCHEMA, "vmlinuz", "quiet", r#","more":1"#),
        ] {
            let dir = boot_dir(&text);
            assert!(
                Bundle::load(dir.path(), &dir.path().join("agent")).is_err(),
                "{text}"
            );
        }
    }
}
