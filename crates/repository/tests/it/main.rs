//! Repositories on a real server of the loopback interface.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod fixture;
mod keys;
mod remote;
