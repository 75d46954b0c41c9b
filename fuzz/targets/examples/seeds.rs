//! Writes what libFuzzer starts from: `<folder>/<target>/seed-<n>` and `<folder>/<target>.dict`.
//! Prints the targets' names, one a line.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use fuzz_targets::TARGETS;
use std::fmt::Write as _;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("where to?")?;
    let folder = PathBuf::from(folder);
    for target in TARGETS {
        let corpus = folder.join(target.name);
        std::fs::create_dir_all(&corpus)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(corpus.join(format!("seed-{number}")), seed)?;
        }
        let mut words = String::new();
        for word in target.words {
            words.push('"');
            for byte in word.bytes() {
                write!(words, "\\x{byte:02x}")?;
            }
            words.push_str("\"\n");
        }
        std::fs::write(folder.join(format!("{}.dict", target.name)), words)?;
        println!("{}", target.name);
    }
    Ok(())
}
