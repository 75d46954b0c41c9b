//! What several tests only read, built once.

use crate::commands::{ARCH, bessemer, build, publish, run};
use bessemer_testkit::{Workshop, variable};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// `examples/tiny`, built twice and published twice.
#[derive(Debug)]
pub(crate) struct Tiny {
    /// What two builds left.
    pub(crate) builds: [PathBuf; 2],
    /// What was published from each.
    pub(crate) repositories: [PathBuf; 2],
    /// The public keys.
    pub(crate) trust_root: PathBuf,
}

/// The recipe, in the checkout.
pub(crate) fn recipe() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tiny/tiny.yaml")
}

/// The files of tiny's packages.
pub(crate) const FILES: [&str; 2] = ["tiny-1.0.0-r0.apk", "tiny-doc-1.0.0-r0.apk"];

/// The folder of what tests share; emptied by the first test of a run that needs it.
fn shared() -> &'static Workshop {
    static SHARED: OnceLock<Workshop> = OnceLock::new();
    SHARED.get_or_init(|| {
        let bin = variable("BESSEMER_TEST_BIN");
        Workshop::shared(&bin.with_file_name("cli-tests"))
    })
}

/// `trust-root.json` of this machine's signer.
pub(crate) fn trust_root() -> &'static Path {
    static KEYS: OnceLock<PathBuf> = OnceLock::new();
    KEYS.get_or_init(|| {
        let keys = shared().folder("keys");
        run(bessemer().args(["keys", "export", "--out"]).arg(&keys)).expect(0);
        keys.join("trust-root.json")
    })
}

/// Builds on first use.
pub(crate) fn tiny() -> &'static Tiny {
    static TINY: OnceLock<Tiny> = OnceLock::new();
    TINY.get_or_init(|| {
        let made = ["one", "two"].map(|name| {
            let out = shared().at(&format!("{name}/packages"));
            // The copy's folder holds nothing else, as the example's own.
            let text = std::fs::read(recipe()).unwrap();
            let copy = shared().file(&format!("{name}/tiny/tiny.yaml"), text);
            run(&mut build(&copy, &out)).expect(0);
            let repository = shared().at(&format!("{name}/repository"));
            let packages = FILES.map(|file| out.join(ARCH).join(file));
            run(&mut publish(&packages, &repository)).expect(0);
            (out.join(ARCH), repository.join(ARCH))
        });
        let [one, two] = made;
        Tiny {
            builds: [one.0, two.0],
            repositories: [one.1, two.1],
            trust_root: trust_root().to_owned(),
        }
    })
}
