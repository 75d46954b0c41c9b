//! Certificates of the image file and of packages, in the system's bundles.

use super::{BuildTreeError, Tree};
use crate::configuration::Certificates;
use crate::pem;
use bessemer_digest::Digest;
use bessemer_jks::TrustStore;
use std::path::Path;

/// Where single certificates lie.
const DIRECTORY: &str = "usr/local/share/ca-certificates";
/// Bundles that certificates are added to, where they are there.
const BUNDLES: [&str; 3] = [
    "etc/ssl/certs/ca-certificates.crt",
    "var/lib/ecs/deps/execute-command/certs/tls-ca-bundle.pem",
    "kaniko/ssl/certs/ca-certificates.crt",
];
/// Java's store.
const TRUST_STORE: &str = "etc/ssl/certs/java/cacerts";
const LABEL: &str = "CERTIFICATE";

impl Tree {
    /// Writes the image file's certificates, and adds them and those of packages to the bundles.
    pub(super) fn add_certificates(
        &mut self,
        certificates: Option<&Certificates>,
    ) -> Result<(), BuildTreeError> {
        let Some(certificates) = certificates else {
            return Ok(());
        };
        let mut all = Vec::new();
        for one in &certificates.additional {
            let bad = || BuildTreeError::Pem(one.name.clone());
            let block = certificate(&one.content).ok_or_else(bad)?;
            let path = format!(
                "{DIRECTORY}/{}-{}.crt",
                one.name,
                Digest::of(&block.der).hex()
            );
            self.root.make_directories(DIRECTORY, 0o755)?;
            self.write(&path, 0o644, block.encode().as_bytes())?;
            self.root.set_time(&path, self.time)?;
            all.push((one.name.clone(), block));
        }
        let of_packages = self.certificates_of_packages(&certificates.providers)?;
        all.extend(
            of_packages
                .into_iter()
                .map(|block| ("pkg".to_owned(), block)),
        );
        if all.is_empty() {
            return Ok(());
        }
        for bundle in BUNDLES {
            let Some(mut bytes) = self.read(bundle)? else {
                continue;
            };
            for (_, block) in &all {
                bytes.extend(block.encode().into_bytes());
                bytes.push(b'\n');
            }
            self.write(bundle, 0o644, &bytes)?;
            self.root.set_time(bundle, self.time)?;
        }
        self.extend_trust_store(&all)
    }

    /// Adds certificates to Java's store, where there is one, each under its name and its digest.
    fn extend_trust_store(&mut self, all: &[(String, pem::Block)]) -> Result<(), BuildTreeError> {
        let Some(bytes) = self.read(TRUST_STORE)? else {
            return Ok(());
        };
        let store = TrustStore::parse(&bytes);
        let mut store = store.ok_or(BuildTreeError::TrustStore(TRUST_STORE))?;
        for (name, block) in all {
            let alias = format!("{name}-{}", Digest::of(&block.der).hex());
            store.insert(&alias, self.time, &block.der);
        }
        self.write(TRUST_STORE, 0o644, &store.render())?;
        self.root.set_time(TRUST_STORE, self.time)?;
        Ok(())
    }

    /// Certificates in packages that provide one of the names. Files with anything but one certificate
    /// are passed over.
    fn certificates_of_packages(
        &mut self,
        providers: &[String],
    ) -> Result<Vec<pem::Block>, BuildTreeError> {
        let database = self.root.database();
        let provides = |record: &&bessemer_apk::install::InstalledRecord| {
            let mut provided = record.entry.provides.iter();
            provided.any(|provide| providers.contains(&provide.to_string()))
        };
        let mut paths = Vec::new();
        for record in database.records.iter().filter(provides) {
            for directory in &record.directories {
                let Some(place) = directory.path.as_ref().map(bessemer_apk::EntryPath::as_str)
                else {
                    continue;
                };
                let below = place.strip_prefix(DIRECTORY);
                if !below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
                    continue;
                }
                let files = directory.files.iter();
                paths.extend(files.map(|file| format!("{place}/{}", file.name)));
            }
        }
        paths.retain(|path| {
            let extension = Path::new(path).extension();
            extension.is_some_and(|extension| extension == "crt" || extension == "pem")
        });
        paths.sort();
        let mut found = Vec::new();
        for path in paths {
            let bytes = self.read(&path)?.unwrap_or_default();
            found.extend(certificate(&String::from_utf8_lossy(&bytes)));
        }
        Ok(found)
    }

    /// Writes the SHA-256 of every bundle beside it.
    pub(super) fn add_bundle_sums(&mut self) -> Result<(), BuildTreeError> {
        for bundle in BUNDLES.iter().chain([&TRUST_STORE]) {
            let Some(bytes) = self.read(bundle)? else {
                continue;
            };
            let (directory, name) = bundle.rsplit_once('/').unwrap_or(("", bundle));
            let path = format!("{directory}/.{name}.sha256");
            let line = format!("{}  {name}\n", Digest::of(&bytes).hex());
            self.write(&path, 0o444, line.as_bytes())?;
            self.root.set_time(&path, self.time)?;
        }
        Ok(())
    }
}

/// The one certificate in a text.
fn certificate(text: &str) -> Option<pem::Block> {
    let mut blocks = pem::blocks(text).ok()?;
    match blocks.len() {
        1 => blocks
            .pop()
            .filter(|block| block.label == LABEL && block.is_sequence()),
        _ => None,
    }
}
