//! An apk repository made from Debian packages that apt fetched and verified.
//!
//! [`bootstrap_debian`] asks the machine's apt what a list of packages needs, has it fetch them,
//! turns each into an apk with the same name, adds the packages and names that recipes expect, and
//! writes a signed index. The list is [`Config`]: the one that comes with Bessemer, or a user's.
//!
//! Invariants: the machine's own packages and root are never touched; no server is named here or in
//! anything written; no install script of Debian's is run, what they would have done is in the list;
//! the same package files and list give the same bytes.

mod apt;
mod config;
mod control;
mod draft;
mod facts;
mod fetch;
mod kernel;
mod layout;
mod lists;
mod run;
mod selection;
#[doc(hidden)]
pub mod untrusted;
mod version;
mod write;

pub use apt::AptError;
pub use config::{Config, ConfigError};
pub use facts::{DebFacts, ImportFacts, ListFacts, ReleaseFacts};
pub use kernel::KernelError;
pub use layout::LayoutError;
pub use run::{BootstrapError, Event, Imported, Options, SignBytes, Summary, bootstrap_debian};
