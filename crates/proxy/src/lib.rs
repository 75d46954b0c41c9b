//! The recording and replaying proxy: the only way out of a guest that has a network.
//!
//! One process serves one guest. Connections come over the data port ([`bessemer_relay`]); each is
//! served by a thread ([`session`]), as HTTP/1.1, with or without TLS by an authority that this
//! process made and whose key never leaves it ([`authority`]). A request is judged ([`policy`],
//! [`address`]), carried out ([`upstream`]) or answered from a record ([`replay`]); what the guest
//! is given of the answer is exactly what is told to the control side ([`protocol`]).
//!
//! Invariants:
//! * What a guest receives is the status, the kept headers and the body of one [`protocol::Exchange`],
//!   the proxy's own words for a refusal, or its certificate. Nothing else enters.
//! * A refusal is told before the guest sees it, so a step that ended cannot hide one.
//! * No key, password or query value that looks like one is told or shown.

mod address;
mod authority;
mod body;
mod git;
mod head;
mod policy;
pub mod protocol;
mod replay;
mod reporting;
mod serve;
mod session;
mod spool;
mod target;
mod tunnel;
mod upstream;
mod wire;

pub use address::is_public;
pub use head::{HttpError, RequestHead, ResponseHead, parse_request, parse_response};
pub use policy::{Pattern, PatternError};
pub use serve::{ServeError, serve};
pub use target::shown_url;
