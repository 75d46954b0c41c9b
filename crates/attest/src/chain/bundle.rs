//! A bundle: everything that is needed to verify artifacts offline, as one text
//! (`bessemer.bundle/v1`, `docs/formats/bundle.md`).
//!
//! JSON Lines: the first line says what the bundle is of, each other line is what lies beside one
//! artifact. The bundle is no word of anybody's: nothing in it counts that does not verify under a trust root, which is
//! not in it.

use super::pool::Pool;
use crate::{Envelope, EnvelopeError, Sidecar, SidecarError};
use bessemer_digest::Digest;
use bessemer_tlog::{Proof, ProofError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io::{self, BufRead, Read as _, Write};

/// How much of a bundle is read: it is held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleLimits {
    /// The longest line, in bytes.
    pub line: u64,
    /// All of it after decompression, in bytes.
    pub whole: u64,
}

impl BundleLimits {
    /// Of a file that somebody named (128 MiB, 1 GiB).
    pub const FILE: Self = Self {
        line: 128 << 20,
        whole: 1 << 30,
    };
    /// Of what anybody may have put into a registry (16 MiB, 256 MiB).
    pub const ATTACHED: Self = Self {
        line: 16 << 20,
        whole: 256 << 20,
    };
}

/// The most artifacts that a bundle may be of.
const TARGET_LIMIT: usize = 10_000;

/// The version of the bundle's format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BundleSchema {
    /// The only one so far.
    #[default]
    #[serde(rename = "bessemer.bundle/v1")]
    V1,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleHeader {
    /// Schema version.
    pub schema: BundleSchema,
    /// What the bundle is of.
    pub targets: Vec<BundleTarget>,
}

/// An artifact that a bundle is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum BundleTarget {
    /// A package.
    Package {
        /// File name.
        name: String,
        /// Digest of the file.
        sha256: Digest,
    },
    /// An image, or an index of images.
    Image {
        /// Registry and repository.
        name: String,
        /// Digest of the manifest or index.
        sha256: Digest,
        /// Digests of the manifests that an index lists.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<Digest>,
    },
}

/// What lies beside one artifact, as a line. Proofs are texts as in c2sp.org/tlog-proof.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    envelopes: Vec<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    proofs: Vec<String>,
}

/// Why a bundle cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The text cannot be read or written.
    #[error("the bundle cannot be read or written")]
    Io(#[from] io::Error),
    /// Too much of it.
    #[error("the bundle has more than {0} bytes, or a line of more than {1}")]
    TooLarge(u64, u64),
    /// The first line is not what it must be.
    #[error("the first line is not that of a bundle")]
    Header(#[source] serde_json::Error),
    /// Too many artifacts in the first line.
    #[error("the bundle is of {0} artifacts; at most {TARGET_LIMIT} are read")]
    Targets(usize),
    /// A line is not what lies beside an artifact.
    #[error("line {line} is not what lies beside an artifact")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line has an envelope that is none.
    #[error("line {line} has an envelope that is none")]
    Envelope {
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        source: EnvelopeError,
    },
    /// A line has a proof that is none.
    #[error("line {line} has a proof that is none")]
    Proof {
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        source: ProofError,
    },
    /// A line has too many envelopes or proofs.
    #[error("line {line} has too many envelopes or proofs")]
    Many {
        /// Line number, from 1.
        line: usize,
        /// How many are read.
        source: SidecarError,
    },
    /// The artifact's envelopes cannot be written.
    #[error(transparent)]
    Write(#[from] EnvelopeError),
    /// The line cannot be written.
    #[error("a line of the bundle cannot be written")]
    Json(#[source] serde_json::Error),
}

/// Writes a bundle of these artifacts with everything in the pool.
pub fn write_bundle(
    targets: &[BundleTarget],
    pool: &Pool,
    to: &mut dyn Write,
) -> Result<(), BundleError> {
    let header = BundleHeader {
        schema: BundleSchema::V1,
        targets: targets.to_vec(),
    };
    serde_json::to_writer(&mut *to, &header).map_err(BundleError::Json)?;
    to.write_all(b"\n")?;
    for (number, sidecar) in pool.sidecars().iter().enumerate() {
        // What is written can be read.
        let (envelopes, proofs) = (sidecar.envelopes().len(), sidecar.proofs().len());
        Sidecar::within_limits(envelopes, proofs).map_err(|source| BundleError::Many {
            line: number + 2,
            source,
        })?;
        let mut envelopes = Vec::new();
        for envelope in sidecar.envelopes() {
            let line = String::from_utf8_lossy(&envelope.to_line()?).into_owned();
            envelopes.push(RawValue::from_string(line).map_err(BundleError::Json)?);
        }
        let proofs = sidecar.proofs().iter().map(Proof::to_text).collect();
        serde_json::to_writer(&mut *to, &Beside { envelopes, proofs })
            .map_err(BundleError::Json)?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// Reads a bundle into the pool; what it says that it is of.
pub fn read_bundle(
    from: impl BufRead,
    limits: BundleLimits,
    pool: &mut Pool,
) -> Result<Vec<BundleTarget>, BundleError> {
    read_bundle_lines(from, limits, |sidecar| pool.add(sidecar))
}

/// Reads a bundle and hands out what lies beside each artifact; what it says that it is of.
pub fn read_bundle_lines(
    from: impl BufRead,
    limits: BundleLimits,
    mut each: impl FnMut(Sidecar),
) -> Result<Vec<BundleTarget>, BundleError> {
    let mut from = from.take(limits.whole);
    let first = line(&mut from, limits)?.unwrap_or_default();
    let header: BundleHeader = serde_json::from_slice(&first).map_err(BundleError::Header)?;
    if header.targets.len() > TARGET_LIMIT {
        return Err(BundleError::Targets(header.targets.len()));
    }
    let mut number = 1;
    while let Some(text) = line(&mut from, limits)? {
        number += 1;
        if !text.is_empty() {
            each(beside(number, &text)?);
        }
    }
    if from.limit() == 0 {
        return Err(BundleError::TooLarge(limits.whole, limits.line));
    }
    Ok(header.targets)
}

/// The next line without its end; nothing after the last one.
fn line(from: &mut impl BufRead, limits: BundleLimits) -> Result<Option<Vec<u8>>, BundleError> {
    let mut text = Vec::new();
    let read = from.take(limits.line).read_until(b'\n', &mut text)?;
    if read == 0 {
        return Ok(None);
    }
    if text.pop_if(|last| *last == b'\n').is_none() && read as u64 == limits.line {
        return Err(BundleError::TooLarge(limits.whole, limits.line));
    }
    Ok(Some(text))
}

fn beside(line: usize, text: &[u8]) -> Result<Sidecar, BundleError> {
    let read: Beside =
        serde_json::from_slice(text).map_err(|source| BundleError::Line { line, source })?;
    Sidecar::within_limits(read.envelopes.len(), read.proofs.len())
        .map_err(|source| BundleError::Many { line, source })?;
    let mut sidecar = Sidecar::default();
    for envelope in &read.envelopes {
        let envelope = Envelope::parse(envelope.get().as_bytes())
            .map_err(|source| BundleError::Envelope { line, source })?;
        sidecar.push(envelope);
    }
    for proof in &read.proofs {
        let proof =
            Proof::parse(proof.as_bytes()).map_err(|source| BundleError::Proof { line, source })?;
        sidecar.push_proof(proof);
    }
    Ok(sidecar)
}
