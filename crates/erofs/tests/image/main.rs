//! Images, read back by a reader of our own and by the programs and the kernel where present.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod fsck;
mod mapped;
mod reader;
mod round_trip;
mod sample;
mod strange;
