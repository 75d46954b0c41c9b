//! Looks for a certificate in files of strangers, and in what is packed into them.
//!
//! What is looked for is the point of its public key: every form of the certificate has it, and
//! nothing else does ([`Certificate`]). A [`Search`] finds it in the bytes of a file, and in those
//! of every compressed stream ([`Form`]) that begins anywhere in it. So containers that keep their
//! members as they are (tar, ar, cpio, stored members of zip, tails of other files) need no reader:
//! a stream is found by its first bytes, wherever it stands.
//!
//! What goes beyond [`Limits`] is an error and never silence. What only looks like a stream is
//! none, and costs what it was read; what a damaged stream gives before its damage is looked at.

mod certificate;
mod form;
mod limits;
mod sealed;
mod search;
mod unpack;

pub use certificate::Certificate;
pub use form::Form;
pub use limits::{Limits, SearchError};
pub use search::Search;

#[cfg(test)]
mod tests;
