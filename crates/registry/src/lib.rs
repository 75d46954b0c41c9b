//! OCI registries: images are pushed and copied, attestations and signatures put where cosign 2 and 3
//! read them.
//!
//! A [`Reference`] names an image; [`DockerConfig`] says how to log in for it; a [`Registry`] is a
//! connection to its repository. [`Registry::push_layout`] pushes what an OCI layout has,
//! [`Registry::attach_attestations`] and [`Registry::attach_signature`] add finished envelopes and
//! signatures, [`Registry::attach_evidence`] what is behind the image, [`Registry::tag`] comes last.
//! [`Registry::copy`] takes all of that elsewhere.
//!
//! Inside, `transport` makes requests (who asks, what is repeated), `blobs` and `registry` are the
//! distribution protocol, `tree` and `copy` move images, `attachments` merges tags.
//!
//! Invariants: no private key, no environment, nothing printed. Bytes are believed by their digest
//! alone.
//! Invariant: no message contains a password, a token, or the query of an address.

mod attachments;
mod attestation;
mod blobs;
mod challenge;
mod content;
mod copy;
mod credential_helper;
mod docker_config;
mod documents;
mod evidence;
mod images;
mod layout;
mod login;
mod reference;
mod referrers;
mod registry;
mod reporter;
mod settings;
mod transport;
mod tree;
mod turn;
#[doc(hidden)]
pub mod untrusted;

pub use attachments::{AttachError, AttachedEnvelope, Attachments, Outcome, UnreadAttachment};
pub use attestation::{Attestation, AttestationError, Signature};
pub use challenge::Challenge;
pub use copy::Copied;
pub use credential_helper::CredentialHelperError;
pub use docker_config::{DockerConfig, DockerConfigError};
pub use documents::{Descriptor, ParseManifestError};
pub use evidence::{EVIDENCE_LIMIT, Evidence};
pub use images::Blob;
pub use layout::{Layout, LayoutError};
pub use login::Login;
pub use reference::{ParseReferenceError, Reference, Tag};
pub use registry::{Access, ManifestError, Registry};
pub use reporter::{Arrival, Event, Reporter, Silent};
pub use settings::{Limits, Settings};
pub use transport::{Complaints, RequestCause, RequestError};
pub use tree::{PushError, Pushed};
pub use turn::Turn;
