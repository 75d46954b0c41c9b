//! What comes from a Debian archive: control paragraphs, release files, versions.

use crate::Target;
use crate::input::{choice, seed, text};
use bessemer_apk::Version;
use bessemer_bootstrap::{Config, untrusted};

pub(crate) const CONTROL: Target = Target {
    name: "debian_control",
    run: control,
    seeds,
    words: &[
        "Package: ",
        "Version: ",
        "\n\n",
        "\n ",
        "-----BEGIN PGP SIGNED MESSAGE-----\n",
        "\n-----BEGIN PGP SIGNATURE-----",
        "~",
        "1:",
        " | ",
    ],
};

/// 0: a Packages file; 1: a signed release file; 2: a version; 3: the list of packages.
fn control(data: &[u8]) {
    match choice(data) {
        Some((0, rest)) => untrusted::packages(rest),
        Some((1, rest)) => {
            if let Some(text) = text(rest) {
                untrusted::release(text);
            }
        }
        Some((2, rest)) => {
            if let Some(text) = text(rest) {
                let version = untrusted::version(text);
                let apk = Version::new(version.as_str());
                assert!(
                    apk.is_valid() && apk.has_revision(),
                    "{text:?}: {version:?}"
                );
            }
        }
        Some((_, rest)) => {
            if let Some(text) = text(rest) {
                let _ = Config::parse("fuzz.yaml", text);
            }
        }
        None => {}
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let release = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\nSHA256:\n \
                   0000 12 main/binary-amd64/Packages\n-----BEGIN PGP SIGNATURE-----\n\nx\n";
    let packages = "Package: hello\nVersion: 2.10-3\nDepends: libc6 (>= 2.36), awk | mawk:any\n\
                    Description: x\n long\nSHA256: 00\n\nPackage: b\nVersion: 1\n";
    vec![
        seed(0, packages),
        seed(1, release),
        seed(2, "1:12.2.0-14+deb12u1~bpo1"),
        seed(2, "2023c-5+deb12u1"),
        seed(3, include_str!("../../../crates/bootstrap/debian.yaml")),
    ]
}
