//! Files that people write in YAML: strict decoding into types that know where everything stands.
//!
//! [`decode`] reads one document; unknown keys, repeated keys and wrong types are a [`Diagnostic`] with
//! file, line, column, the line itself and often what to write instead. [`Text`] is a scalar as it was
//! written, with its place, so that later checks can point at it too. [`schema`] asks the same types
//! what they decode, for editors.
//!
//! Invariants: no file is read; this is the one crate in which the YAML parser meets these files.

mod decode;
mod locate;
mod schema;
mod source;
mod suggest;
mod text;

pub use decode::decode;
pub use schema::{Required, schema};
pub use source::{Diagnostic, Position, SourceFile};
pub use suggest::did_you_mean;
pub use text::{Text, nullable, position_of};
