//! PID 1 in the microVM.

fn main() {}
