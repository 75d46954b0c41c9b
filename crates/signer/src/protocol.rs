//! Requests and replies between the control side and the signer.
//!
//! A request is one frame of JSON; the files it speaks of follow as descriptors, in the order
//! given with each request. A reply is one frame of JSON. No path ever crosses.

use bessemer_attest::derive::GatePolicy;
use bessemer_attest::documents::Component;
use bessemer_attest::predicates::{ImagePolicy, Import};
use bessemer_attest::{Envelope, TrustRoot};
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Who are you? Nothing follows.
    Describe,
    /// Announces a job. Files: JobSpec, Lock.
    Register,
    /// Asks for the RSA signature of an output. File: compressed control member.
    SignControl {
        /// The job.
        invocation_id: String,
    },
    /// Asks for the RSA signature of an imported package. File: compressed control member.
    SignImportControl,
    /// Asks for a job's statements. Files: Record, Locks (the build's, then the tests'), logs (the
    /// build's, then the tests'), network records, guest inputs, SBOMs and apks, each in the record's
    /// order.
    Finish {
        /// How many locks follow.
        locks: usize,
        /// How many logs follow.
        logs: usize,
        /// How many network records follow.
        #[serde(default)]
        networks: usize,
        /// How many guest inputs follow.
        #[serde(default)]
        guest_inputs: usize,
        /// How many SBOMs and apks follow: the number of outputs.
        outputs: usize,
        /// Size in bytes of each apk's signature member, in the record's order.
        signature_sizes: Vec<u64>,
    },
    /// Asks for an import attestation. File: apk.
    SignImport {
        /// File name of the apk.
        file: String,
        /// What it was made from.
        import: Import,
    },
    /// Asks for the RSA signature of an index. File: unsigned index.
    SignIndex {
        /// Whose packages it lists.
        repository: Repository,
    },
    /// Asks the gate whether what a job's machines boot is attested. Files: the registered Lock; the
    /// kernel package, its sidecar, its proofs; the same three of the agent's package, if it is given.
    SignEnvironment {
        /// The job.
        invocation_id: String,
        /// Whether the agent's package is given; without it the agent counts as unattested.
        agent: bool,
    },
    /// Asks the gate for a summary. Files: apk, sidecar, proofs.
    SignSummary {
        /// File name of the apk.
        file: String,
        /// Where it will be fetched.
        resource_uri: String,
        /// What the gate demands.
        policy: GatePolicy,
    },
    /// Asks for the summary of a package that was built again. Files: the original apk, its sidecar,
    /// its proofs; the apk that the second run made.
    SignRebuild {
        /// File name of both.
        file: String,
        /// The run that made the second.
        invocation_id: String,
        /// Bytes of the signature member of the original and of the second.
        signature_sizes: (u64, u64),
        /// Bytes of the control member, which are the same in both.
        control_size: u64,
    },
    /// Asks for statements and signatures of images. Files: ImageRecord, index, the index's SPDX
    /// document; for each image manifest, configuration and SPDX document; for each base the index that
    /// lists it, manifest, configuration, envelopes and proofs; the envelopes of all packages, one
    /// package's behind the other's; their proofs likewise.
    SignImages {
        /// What the images are called: registry and repository.
        names: Vec<String>,
        /// Which packages may be in them.
        policy: ImagePolicy,
        /// How many images there are.
        platforms: usize,
        /// How many of them have a base.
        #[serde(default, skip_serializing_if = "is_zero")]
        bases: usize,
        /// Bytes of envelopes and of proofs of each package, in the record's order; 0 where there are
        /// none.
        beside: Vec<(u64, u64)>,
    },
    /// Asks for the public keys. Nothing follows.
    TrustRoot,
}

/// Whether there are none.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Whose packages an index lists; each kind has an RSA key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repository {
    /// Packages that were built here.
    Packages,
    /// Packages that were imported.
    Import,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", content = "value", rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// To [`Request::Describe`].
    Description(Description),
    /// To [`Request::Register`].
    Registration(Registration),
    /// To requests for RSA signatures.
    Signature(RsaSignature),
    /// To [`Request::Finish`].
    Statements(LoggedStatements),
    /// To [`Request::SignImport`], [`Request::SignSummary`], [`Request::SignRebuild`] and
    /// [`Request::SignEnvironment`].
    Envelope(LoggedEnvelope),
    /// To [`Request::SignImages`].
    Images(ImageStatements),
    /// To [`Request::TrustRoot`].
    TrustRoot(TrustRoot),
    /// The signer does not do it; why, and the causes, outermost first.
    Refused(Vec<String>),
}

/// Who the signer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its version and the digest of its executable, as the record must state them.
    pub signer: Component,
    /// The factory's URL.
    pub base: String,
    /// The one builder id it asserts.
    pub builder_id: String,
    /// File name of the public key that verifies packages built here.
    pub apk_key: String,
    /// File name of the public key that verifies imported packages.
    pub import_key: String,
}

/// A job was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Its id, to be stated in the record.
    pub invocation_id: String,
    /// The signer, to be stated in the record.
    pub signer: Component,
}

/// An RSA PKCS#1 v1.5 signature over SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RsaSignature {
    /// File name of the public key (`….rsa.pub`): `.SIGN.RSA256.<this>` is the member's name.
    pub key: String,
    /// The signature in lower-case hexadecimal digits.
    pub signature: String,
}

/// A signed statement, and the proof that the log has it (c2sp.org/tlog-proof).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoggedEnvelope {
    /// The statement.
    pub envelope: Envelope,
    /// The proof's text.
    pub proof: String,
}

/// What was signed about images, and the proofs that the log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageStatements {
    /// The provenance of all, the SBOM of the index, then that of every image.
    pub statements: Vec<LoggedEnvelope>,
    /// For each name, of the index and of every image.
    pub signatures: Vec<ImageSignature>,
}

/// A signature in cosign's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageSignature {
    /// The manifest that it is about.
    pub manifest: Digest,
    /// The name that the image is meant for.
    pub name: String,
    /// ASN.1 DER in lower-case hexadecimal digits, over
    /// [`image_signature_payload`](bessemer_attest::derive::image_signature_payload).
    pub signature: String,
    /// Of the log's entry about it.
    pub proof: String,
}

/// The statements of a job, and the proofs that the log has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoggedStatements {
    /// The statements.
    pub statements: Statements,
    /// The proofs' texts, in the order of [`Statements::envelopes`].
    pub proofs: Vec<String>,
}

/// The statements of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Statements {
    /// One provenance for all outputs.
    pub provenance: Envelope,
    /// One entry an output, in the record's order.
    pub outputs: Vec<OutputStatements>,
}

/// The statements of one output, beside the provenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutputStatements {
    /// File name.
    pub file: String,
    /// Its passing test, when it was tested.
    pub test: Option<Envelope>,
    /// Its SPDX document.
    pub sbom: Envelope,
}

impl Statements {
    /// Every envelope: the provenance, then each output's test result and SBOM.
    pub(crate) fn envelopes(&self) -> impl Iterator<Item = &Envelope> {
        let of_outputs = self.outputs.iter();
        let of_outputs = of_outputs.flat_map(|output| output.test.iter().chain([&output.sbom]));
        std::iter::once(&self.provenance).chain(of_outputs)
    }
}
