//! A package tree: reading hostile archives, dependency detection, SBOM, emission.
//!
//! [`Archive::scan`] reads a stranger's tar archive into a [`Tree`] without unpacking it: files
//! stay where they are and are read by offset. [`detect`](detect::detect) looks at a tree and says
//! what it needs and provides, [`sbom::spdx`] describes it, [`emit`] writes it as an unsigned apk,
//! and [`Unsigned::attach`] joins a signature to it. [`Opened::read`] reads a finished package.
//!
//! Invariants: nothing is ever extracted to a file system; the only files created are the finished
//! apk and temporary ones that hold a data member; what is written depends on the arguments alone.

pub mod detect;
pub mod elf;
mod emit;
mod limits;
mod opened;
mod partial;
pub mod sbom;
mod scan;
mod tree;

pub use emit::{EmitError, Emitted, Metadata, Unsigned, emit};
pub use limits::Limits;
pub use opened::{OpenError, Opened};
pub use partial::{Scratch, partial_file, remove_partial, replace_whole, write_whole};
pub use scan::{Archive, ScanError};
pub use tree::{ContentReader, Node, Tree};
