//! `bessemer apk version`.

use crate::print;
use anyhow::{Context as _, Result, bail};
use bessemer_apk::Version;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _};
use std::process::ExitCode;

/// The longest line of standard input, in bytes.
const MAX_LINE: u64 = 1 << 16;
/// Answers are printed in pieces of about this many bytes.
const PIECE: usize = 1 << 16;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer apk version --test 1.2_rc1 1.2\n  printf '1.2\\t1.10\\n' | bessemer apk version --test -"
)]
pub(crate) struct Arguments {
    /// Print how the first version relates to the second: `<`, `=` or `>`
    #[arg(short, long, required = true)]
    test: bool,
    /// Two versions, or `-` for pairs on standard input: two versions a line, with a tab between
    #[arg(required = true, num_args = 1..=2)]
    versions: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// What is wrong with the versions, if something is.
    pub(crate) fn wrong(&self) -> Option<&'static str> {
        let enough = self.versions.len() > 1 || self.versions[0] == "-";
        (!enough).then_some("--test needs two versions, or `-` to read pairs from standard input")
    }
}

/// Prints one relation a pair.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.versions[..] {
        [a, b] if arguments.json => print::json(&answer(a, b))?,
        [a, b] => print::line(format_args!("{}", relation(a, b)))?,
        _ => from_stdin(arguments.json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn from_stdin(as_json: bool) -> Result<()> {
    let mut input = io::stdin().lock();
    let mut answers = Vec::new();
    let mut piece = String::new();
    for number in 1_u64.. {
        let Some(line) = line(&mut input, number)? else {
            break;
        };
        let Some((a, b)) = line.split_once('\t').filter(|(_, b)| !b.contains('\t')) else {
            bail!("line {number} of standard input is not two versions with a tab between");
        };
        if as_json {
            answers.push(answer(a, b));
            continue;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(piece, "{}", relation(a, b));
        if piece.len() >= PIECE {
            print::bytes(piece.as_bytes())?;
            piece.clear();
        }
    }
    if as_json {
        return print::json(&answers);
    }
    print::bytes(piece.as_bytes())
}

/// The next line without its end; `None` at the end of the input.
fn line(input: &mut impl BufRead, number: u64) -> Result<Option<String>> {
    let mut line = String::new();
    input
        .take(MAX_LINE)
        .read_line(&mut line)
        .with_context(|| format!("cannot read line {number} of standard input"))?;
    if line.len() as u64 >= MAX_LINE {
        bail!("line {number} of standard input is too long");
    }
    let ended = line.strip_suffix('\n').unwrap_or(&line);
    let ended = ended.strip_suffix('\r').unwrap_or(ended);
    Ok((!line.is_empty()).then(|| ended.to_owned()))
}

fn answer(a: &str, b: &str) -> Value {
    json!({"a": a, "b": b, "relation": relation(a, b)})
}

fn relation(a: &str, b: &str) -> &'static str {
    match Version::new(a).cmp(&Version::new(b)) {
        Ordering::Less => "<",
        Ordering::Equal => "=",
        Ordering::Greater => ">",
    }
}
