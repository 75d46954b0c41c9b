//! The proxy as a program, with a guest's side of the data port in this process and servers on the
//! loopback interface.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod delivered;
mod guest;
mod origin;
mod programs;
mod refusals;
mod registries;
mod replaying;
