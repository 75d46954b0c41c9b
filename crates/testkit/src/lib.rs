//! Development only: what tests of whole commands need. A folder whose files the control side may
//! read, a web server, the program with a time limit and its result, the processes that it leaves, and texts
//! compared with files.
//!
//! Everything here panics when it cannot do its part, because a test fails by panicking.

mod file_server;
mod image_registry;
mod outcome;
mod processes;
mod setting;
mod snapshot;
mod workshop;

pub use file_server::FileServer;
pub use image_registry::{Askers, ImageRegistry};
pub use outcome::{Outcome, Running};
pub use processes::{Process, adopt_orphans, descendants, wait_until_alone};
pub use setting::{number, variable};
pub use snapshot::{Filter, compare};
pub use workshop::Workshop;
