//! Fetching from servers and files that behave in every way, on this machine's loopback.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod addresses;
mod files;
mod http;
mod server;
mod setting;
