//! What the build's guest was given, as a document: disks before the start, and what it was told.

use super::SourcesDisk;
use crate::environment::EnvironmentDisk;
use bessemer_attest::documents::{
    DiskName, FilledBlocks, GuestDisk, GuestInputs, GuestInputsSchema, GuestMessage, LeftOut,
};
use bessemer_digest::Digest;
use bessemer_vm::{Disks, Filled, Observed, ToGuest};
use std::io;
use std::path::Path;

/// Measures the disks of a guest that was not started yet.
pub(super) fn disks(
    environment: &EnvironmentDisk,
    sources: &SourcesDisk,
    disks: &Disks,
) -> io::Result<Vec<GuestDisk>> {
    let mut list = vec![
        read_only(DiskName::Environment, &environment.path, environment.digest)?,
        read_only(DiskName::Sources, &sources.path, sources.digest)?,
    ];
    // The direct runner has a folder in place of a scratch disk.
    if disks.scratch.exists() {
        list.push(writable(DiskName::Scratch, &disks.scratch)?);
    }
    if let Some(output) = &disks.output {
        list.push(writable(DiskName::Output, output)?);
    }
    Ok(list)
}

fn read_only(name: DiskName, path: &Path, sha256: Digest) -> io::Result<GuestDisk> {
    Ok(GuestDisk {
        name,
        size: path.metadata()?.len(),
        sha256: Some(sha256),
        filled: None,
    })
}

fn writable(name: DiskName, path: &Path) -> io::Result<GuestDisk> {
    let found = Filled::of(path)?;
    Ok(GuestDisk {
        name,
        size: found.size,
        sha256: None,
        filled: Some(FilledBlocks {
            count: found.count,
            sha256: found.sha256,
        }),
    })
}

/// The document, once the guest has gone.
pub(super) fn inputs(disks: Vec<GuestDisk>, observed: &Observed, sent: &[ToGuest]) -> GuestInputs {
    let words = observed.command_line.split_whitespace();
    GuestInputs {
        schema: GuestInputsSchema::V1,
        command_line: words.map(str::to_owned).collect(),
        disks,
        messages: sent.iter().filter_map(message).collect(),
    }
}

/// A message in the document's words; what a person types into a shell is not kept.
fn message(sent: &ToGuest) -> Option<GuestMessage> {
    Some(match sent {
        ToGuest::Configure(configuration) => {
            let parts = [
                (configuration.clock.is_some(), LeftOut::Clock),
                (
                    configuration.network.is_some(),
                    LeftOut::CertificateAuthority,
                ),
            ];
            let left_out = parts.into_iter().filter(|(there, _)| *there);
            GuestMessage::Configure {
                environment: configuration.environment.clone(),
                hostname: configuration.hostname.clone(),
                left_out: left_out.map(|(_, part)| part).collect(),
            }
        }
        ToGuest::Run(run) => GuestMessage::Run {
            id: run.id.clone(),
            argv: run.argv.clone(),
            directory: run.directory.to_string(),
            environment: run.environment.clone(),
            timeout_seconds: run.timeout_seconds,
        },
        ToGuest::Shell(run) => GuestMessage::Shell { id: run.id.clone() },
        ToGuest::Input(_) => return None,
        ToGuest::Archive(paths) => GuestMessage::Archive {
            paths: paths.iter().map(ToString::to_string).collect(),
        },
        ToGuest::PowerOff => GuestMessage::PowerOff {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_vm::{Configuration, GuestNetwork};

    /// The document's form of a first message.
    fn told(configuration: Configuration) -> GuestMessage {
        message(&ToGuest::Configure(configuration)).unwrap()
    }

    #[test]
    fn what_is_of_one_run_alone_is_named_and_left_out() {
        let at = |clock, authority: &str| Configuration {
            hostname: "bessemer".to_owned(),
            clock: Some(clock),
            network: Some(GuestNetwork {
                authority_pem: authority.to_owned(),
                java_store: Vec::new(),
            }),
            ..Configuration::default()
        };
        let one = told(at(1, "one"));
        assert_eq!(one, told(at(2, "two")));
        let GuestMessage::Configure { left_out, .. } = &one else {
            panic!("{one:?}");
        };
        assert_eq!(*left_out, [LeftOut::Clock, LeftOut::CertificateAuthority]);
        // Whether there was a network is no such thing.
        let mut offline = at(1, "");
        offline.network = None;
        assert_ne!(one, told(offline));
    }

    #[test]
    fn typed_input_is_not_kept() {
        assert_eq!(message(&ToGuest::Input(b"secret".to_vec())), None);
    }
}
