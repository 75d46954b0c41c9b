//! The control side's end of the socket.

mod images;
mod rebuild;

use crate::frame::{FrameError, REPLY_LIMIT, REQUEST_LIMIT, receive, send, send_files};
use crate::protocol::{
    Description, LoggedEnvelope, LoggedStatements, Registration, Reply, Repository, Request,
    RsaSignature,
};
use bessemer_attest::derive::GatePolicy;
use bessemer_attest::predicates::Import;
use bessemer_attest::{EnvelopeError, Sidecar, TrustRoot};
use bessemer_tlog::{Proof, ProofError};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::ErrorKind::BrokenPipe;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

pub use images::{BaseFiles, ImagesToSign, PlatformFiles, SignedImage, SignedImages};
pub use rebuild::RebuiltPackage;

/// Why the signer did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("cannot reach the signer at `{path}`")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// What is handed over cannot be written.
    #[error("cannot hand files to the signer")]
    Hand(#[from] io::Error),
    /// An envelope cannot be written.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The signer has gone.
    #[error("the signer closed the connection")]
    Closed,
    /// The signer refused.
    #[error("the signer refuses: {}", .0.join(": "))]
    Refused(Vec<String>),
    /// An answer to something else.
    #[error("the signer answered something else than was asked")]
    Answer,
    /// A proof that is none, or one too few.
    #[error("the signer's proof that a statement is logged is malformed")]
    Proof(#[source] ProofError),
    /// A signature that is not hexadecimal.
    #[error("the signer's signature is malformed")]
    Signature(#[from] hex::FromHexError),
}

/// Everything that is handed over when a run is done. Files are read from their start.
#[derive(Debug, Clone, Copy)]
pub struct FinishedRun<'a> {
    /// The Record.
    pub record: &'a File,
    /// The build's Lock, then the Locks of the tests that ran, in the record's order.
    pub locks: &'a [&'a File],
    /// The build's log, then the logs of the tests that ran, in the record's order.
    pub logs: &'a [&'a File],
    /// The network records, in the record's order.
    pub networks: &'a [&'a File],
    /// What the build's guest was given.
    pub guest_inputs: &'a File,
    /// The SPDX document of every output, in the record's order.
    pub sboms: &'a [&'a File],
    /// Every apk, in the record's order.
    pub apks: &'a [&'a File],
    /// Size in bytes of the signature member at the start of every apk.
    pub signature_sizes: &'a [u64],
}

/// A package with what guests boot.
#[derive(Debug, Clone, Copy)]
pub struct BootPackage<'a> {
    /// The file.
    pub file: &'a File,
    /// What lies beside it.
    pub attestations: &'a Sidecar,
}

/// A connection to a signer.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
}

/// Bytes as a file without a name, to be handed over.
pub fn memory_file(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("bessemer", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file)
}

impl Client {
    /// Connects to the socket `path`.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).map_err(|source| ClientError::Connect {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { stream })
    }

    /// Who the signer is.
    pub fn describe(&mut self) -> Result<Description, ClientError> {
        match self.ask(&Request::Describe, &[])? {
            Reply::Description(description) => Ok(description),
            _ => Err(ClientError::Answer),
        }
    }

    /// The public keys.
    pub fn trust_root(&mut self) -> Result<TrustRoot, ClientError> {
        match self.ask(&Request::TrustRoot, &[])? {
            Reply::TrustRoot(root) => Ok(root),
            _ => Err(ClientError::Answer),
        }
    }

    /// Announces a job, before any VM of it is started.
    pub fn register(&mut self, spec: &File, lock: &File) -> Result<Registration, ClientError> {
        match self.ask(&Request::Register, &[spec, lock])? {
            Reply::Registration(registration) => Ok(registration),
            _ => Err(ClientError::Answer),
        }
    }

    /// The RSA signature of an output's compressed control member: key name and signature.
    pub fn sign_control(
        &mut self,
        invocation_id: &str,
        control: &File,
    ) -> Result<(String, Vec<u8>), ClientError> {
        let invocation_id = invocation_id.to_owned();
        self.signature(&Request::SignControl { invocation_id }, control)
    }

    /// The RSA signature of an imported package's compressed control member.
    pub fn sign_import_control(
        &mut self,
        control: &File,
    ) -> Result<(String, Vec<u8>), ClientError> {
        self.signature(&Request::SignImportControl, control)
    }

    /// The RSA signature of an unsigned index.
    pub fn sign_index(
        &mut self,
        repository: Repository,
        index: &File,
    ) -> Result<(String, Vec<u8>), ClientError> {
        self.signature(&Request::SignIndex { repository }, index)
    }

    /// The statements of a finished run: every output's file name and sidecar, in the record's
    /// order. The same record gives the same envelopes, however often it is asked.
    pub fn finish(&mut self, run: &FinishedRun<'_>) -> Result<Vec<(String, Sidecar)>, ClientError> {
        let request = Request::Finish {
            locks: run.locks.len(),
            logs: run.logs.len(),
            networks: run.networks.len(),
            guest_inputs: 1,
            outputs: run.apks.len(),
            signature_sizes: run.signature_sizes.to_vec(),
        };
        let mut files = vec![run.record];
        let inputs: &[&File] = &[run.guest_inputs];
        for list in [
            run.locks,
            run.logs,
            run.networks,
            inputs,
            run.sboms,
            run.apks,
        ] {
            files.extend(list);
        }
        match self.ask(&request, &files)? {
            Reply::Statements(statements) => sidecars(statements),
            _ => Err(ClientError::Answer),
        }
    }

    /// The import attestation of a package, in a sidecar of its own.
    pub fn sign_import(
        &mut self,
        file: &str,
        import: &Import,
        apk: &File,
    ) -> Result<Sidecar, ClientError> {
        let request = Request::SignImport {
            file: file.to_owned(),
            import: import.clone(),
        };
        let mut sidecar = Sidecar::default();
        self.envelope(&request, &[apk], &mut sidecar)?;
        Ok(sidecar)
    }

    /// Adds the gate's summary of a package to the sidecar by which it verifies.
    pub fn sign_summary(
        &mut self,
        file: &str,
        resource_uri: &str,
        policy: &GatePolicy,
        apk: &File,
        sidecar: &mut Sidecar,
    ) -> Result<(), ClientError> {
        let request = Request::SignSummary {
            file: file.to_owned(),
            resource_uri: resource_uri.to_owned(),
            policy: policy.clone(),
        };
        let envelopes = memory_file(&sidecar.to_bytes()?)?;
        let proofs = memory_file(&sidecar.proofs_to_bytes())?;
        self.envelope(&request, &[apk, &envelopes, &proofs], sidecar)
    }

    /// Has the gate verify what a job's machines boot, before the first start: its summary, in a
    /// sidecar of its own. Without `agent` the agent counts as unattested.
    pub fn sign_environment(
        &mut self,
        invocation_id: &str,
        lock: &File,
        kernel: &BootPackage<'_>,
        agent: Option<&BootPackage<'_>>,
    ) -> Result<Sidecar, ClientError> {
        let request = Request::SignEnvironment {
            invocation_id: invocation_id.to_owned(),
            agent: agent.is_some(),
        };
        let mut beside = Vec::new();
        for package in [Some(kernel), agent].into_iter().flatten() {
            let attestations = package.attestations;
            beside.push((
                package.file,
                memory_file(&attestations.to_bytes()?)?,
                memory_file(&attestations.proofs_to_bytes())?,
            ));
        }
        let mut files = vec![lock];
        for (file, envelopes, proofs) in &beside {
            files.extend([*file, envelopes, proofs]);
        }
        let mut summary = Sidecar::default();
        self.envelope(&request, &files, &mut summary)?;
        Ok(summary)
    }

    /// Asks for one statement, and adds it to the sidecar.
    fn envelope(
        &mut self,
        request: &Request,
        files: &[&File],
        sidecar: &mut Sidecar,
    ) -> Result<(), ClientError> {
        match self.ask(request, files)? {
            Reply::Envelope(LoggedEnvelope { envelope, proof }) => {
                sidecar.push_logged(envelope, read(&proof)?);
                Ok(())
            }
            _ => Err(ClientError::Answer),
        }
    }

    fn signature(
        &mut self,
        request: &Request,
        file: &File,
    ) -> Result<(String, Vec<u8>), ClientError> {
        match self.ask(request, &[file])? {
            Reply::Signature(RsaSignature { key, signature }) => Ok((key, hex::decode(signature)?)),
            _ => Err(ClientError::Answer),
        }
    }

    fn ask(&mut self, request: &Request, files: &[&File]) -> Result<Reply, ClientError> {
        let sent = send(&self.stream, request, REQUEST_LIMIT)
            .and_then(|()| send_files(&self.stream, files));
        // A signer that refuses a connection answers and closes without reading, perhaps before
        // the request was sent; what it said is there all the same.
        let closed = matches!(&sent, Err(FrameError::Io(error)) if error.kind() == BrokenPipe);
        if !closed {
            sent?;
        }
        match receive(&self.stream, REPLY_LIMIT)?.ok_or(ClientError::Closed)? {
            Reply::Refused(reasons) => Err(ClientError::Refused(reasons)),
            reply => Ok(reply),
        }
    }
}

fn read(proof: &str) -> Result<Proof, ClientError> {
    Proof::parse(proof.as_bytes()).map_err(ClientError::Proof)
}

/// Each output's sidecar: the provenance, which is the same for all, and its own statements.
fn sidecars(logged: LoggedStatements) -> Result<Vec<(String, Sidecar)>, ClientError> {
    let LoggedStatements { statements, proofs } = logged;
    let mut proofs = proofs.iter().map(|proof| read(proof));
    let mut proof = || proofs.next().unwrap_or(Err(ClientError::Answer));
    let of_provenance = proof()?;
    let mut sidecars = Vec::new();
    for output in statements.outputs {
        let mut sidecar = Sidecar::default();
        sidecar.push_logged(statements.provenance.clone(), of_provenance.clone());
        if let Some(test) = output.test {
            sidecar.push_logged(test, proof()?);
        }
        sidecar.push_logged(output.sbom, proof()?);
        sidecars.push((output.file, sidecar));
    }
    Ok(sidecars)
}
