//! Licence texts: which files of a source hold one, which licence it is, and whether a recipe says
//! the same.
//!
//! Invariants: sources are strangers' bytes, read as streams and within [`Limits`]; nothing is
//! unpacked and no link is followed; the same sources give the same answer, in the same order.

mod archive;
mod classify;
mod collect;
mod compare;
mod corpus;
mod names;
mod words;

pub use archive::ArchiveError;
pub use classify::{CONFIDENT, Classifier, Match};
pub use collect::{Collector, Depth, LicenseFile, Limits, Placement};
pub use compare::{Declared, Detected, Difference, Entry, Format, declared_ids, differences, mend};
pub use names::weight;
