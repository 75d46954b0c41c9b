//! Boots real guests.
//!
//! Needs a boot directory (`BESSEMER_TEST_BOOT`), the static agent (`BESSEMER_TEST_AGENT`), the
//! jailer (`BESSEMER_TEST_JAILER`), QEMU,
//! `mkfs.erofs` and `mke2fs`; `cargo xtask test` provides all of them and runs the ignored tests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attempts;
mod bench;
mod devices;
mod direct;
mod escape;
mod faults;
mod fresh;
mod halted;
mod hostile;
mod jailed;
mod steps;
