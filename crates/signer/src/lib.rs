//! The key-holding process: derives statements and signs them.
//!
//! The signer is another process under another uid. It logs an invocation before it starts, and
//! afterwards measures everything again, derives the statements itself and signs those; it never
//! signs a statement that is handed to it. Files reach it as descriptors over a Unix socket whose
//! peer is checked by uid, never as paths.
//!
//! Invariants: only [`State`] opens private keys, and only the program `bessemer-signer` makes one;
//! the log is synced before anything it speaks of is handed out; packages, recipes and SBOMs are
//! never parsed here.

mod client;
mod cosign_key;
mod der;
mod frame;
mod handed;
mod harden;
mod key_file;
mod keys;
mod log;
mod process;
mod protocol;
mod server;
mod service;
mod state;
mod token;
#[doc(hidden)]
pub mod untrusted;

pub use client::{
    BaseFiles, BootPackage, Client, ClientError, FinishedRun, ImagesToSign, PlatformFiles,
    RebuiltPackage, SignedImage, SignedImages, memory_file,
};
pub use cosign_key::{CosignKeyError, Vault};
pub use frame::FrameError;
pub use handed::HandedError;
pub use harden::{HardenError, confine, forbid_dumps};
pub use key_file::{KeyFileError, make_key_pair, sign_with_file};
pub use keys::{KeyError, KeyFiles, RsaKey, StatementKey, generate_rsa};
pub use log::{Entry, Event, LockedLog, Log, LogError};
pub use process::{ProcessError, READY, SignerOptions, SignerProcess, receive_key};
pub use protocol::{Description, Registration, Repository};
pub use server::{DESCRIPTOR_LIMIT, ServeError, Server};
pub use state::{
    ApkKey, Change, ChangeError, Given, Provision, Since, State, StateError, Trusted, add_missing,
    create, revoke, rotate, trust,
};
pub use token::{TokenError, TokenUri, TokenUriError};
