//! The privileged launcher.

fn main() {}
