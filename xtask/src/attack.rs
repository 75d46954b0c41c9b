//! `cargo xtask attack`: every attack of the list against the real thing, each with a control run in
//! which its mechanism is off. What is not there is said and counted.

mod case;
mod cases;
mod needs;
mod running;
#[cfg(test)]
mod tests;

use crate::ground::Ground;
use crate::setup;
use anyhow::{Context, Result, bail};
use case::{Case, Control, Test};
use needs::Need;
use running::{Found, Results};
use serde_json::{Value, json};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these, by number: T6 T24
    attacks: Vec<String>,
    /// Print the table and run nothing
    #[arg(long)]
    list: bool,
    /// Leave out the tests that boot a guest
    #[arg(long)]
    without_guests: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// What became of one attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    /// Its attack is not there; the tests that are there passed.
    Missing,
    /// Some of its tests were left out, by the command line.
    NotRun,
}

impl Verdict {
    fn of(case: &Case, results: &Results) -> Self {
        let found: Vec<_> = case.all_tests().map(|test| results.of(test)).collect();
        if found.contains(&Found::Failed) {
            Self::Failed
        } else if case.is_missing() {
            Self::Missing
        } else if found.contains(&Found::LeftOut) {
            Self::NotRun
        } else {
            Self::Passed
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Missing => "missing",
            Self::NotRun => "not run",
        }
    }
}

/// Runs the attacks that were asked for and ends with one line that counts them.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let cases = chosen(&arguments.attacks)?;
    let mut results = Results::default();
    if !arguments.list {
        let wanted: Vec<&Test> = cases
            .iter()
            .flat_map(|case| case.all_tests())
            .filter(|test| !(test.guest && arguments.without_guests))
            .collect();
        let environment = prepare(&wanted)?;
        results.run(&wanted, &environment, arguments.json)?;
    }
    let judged: Vec<_> = cases
        .iter()
        .map(|case| (*case, Verdict::of(case, &results)))
        .collect();
    if arguments.json {
        let list: Vec<_> = judged
            .iter()
            .map(|(case, verdict)| as_json(case, *verdict, &results))
            .collect();
        println!("{}", serde_json::to_string_pretty(&list)?);
    } else {
        for (case, verdict) in &judged {
            show(case, *verdict, &results);
        }
        println!("{}", summary(&judged));
    }
    let failed = count(&judged, Verdict::Failed);
    if failed > 0 {
        bail!("{failed} attacks were not stopped as the table says");
    }
    Ok(())
}

/// The cases with these numbers, or all.
fn chosen(words: &[String]) -> Result<Vec<&'static Case>> {
    let all = cases::all();
    if words.is_empty() {
        return Ok(all);
    }
    let find = |word: &String| {
        let number = word.strip_prefix(['T', 't']).unwrap_or(word);
        let number: u8 = number.parse().ok()?;
        all.iter().find(|case| case.number == number).copied()
    };
    let known = |word| find(word).with_context(|| format!("there is no attack {word}; see --list"));
    words.iter().map(known).collect()
}

/// Makes what `cargo xtask test` makes, as far as these tests need it.
fn prepare(tests: &[&Test]) -> Result<Vec<(String, String)>> {
    setup::testing()?;
    setup::lists()?;
    if !tests.iter().any(|test| test.guest) {
        return Ok(Vec::new());
    }
    let ground = Ground::prepare(false)?;
    let mut environment = ground.environment();
    for need in Need::ALL {
        if tests.iter().any(|test| need.is_of(test)) {
            environment.extend(need.prepare(&ground)?);
        }
    }
    Ok(environment)
}

fn show(case: &Case, verdict: Verdict, results: &Results) {
    println!("T{} {}", case.number, verdict.word());
    println!("  attack:     {}", case.attack);
    println!("  stopped by: {}", case.stopped_by);
    let print = |test: &Test| {
        let guest = if test.guest {
            ", in a guest or jail"
        } else {
            ""
        };
        let word = results.of(test).word();
        println!("    {word:9} {} {}{guest}", test.binary.folder, test.name);
    };
    case.tests.iter().for_each(print);
    match &case.control {
        Control::Tests(tests) => {
            println!("  control run:");
            tests.iter().for_each(print);
        }
        Control::Within(what) => println!("  control run: {what}"),
    }
    if let Some(why) = case.missing {
        println!("  missing:    {why}");
    }
    for part in case.untried {
        println!("  not tried:  {part}");
    }
    println!();
}

fn as_json(case: &Case, verdict: Verdict, results: &Results) -> Value {
    let tests = |tests: &[Test]| -> Vec<Value> {
        let one = |test: &Test| {
            json!({
                "crate": format!("bessemer-{}", test.binary.folder),
                "name": test.name,
                "guest": test.guest,
                "result": results.of(test).word(),
            })
        };
        tests.iter().map(one).collect()
    };
    let control = match &case.control {
        Control::Tests(named) => json!({ "tests": tests(named) }),
        Control::Within(what) => json!({ "within": what }),
    };
    json!({
        "attack": format!("T{}", case.number),
        "tried": case.attack,
        "stopped_by": case.stopped_by,
        "tests": tests(case.tests),
        "control": control,
        "missing": case.missing,
        "not_tried": case.untried,
        "verdict": verdict.word(),
    })
}

fn count(judged: &[(&Case, Verdict)], verdict: Verdict) -> usize {
    judged.iter().filter(|(_, own)| *own == verdict).count()
}

fn summary(judged: &[(&Case, Verdict)]) -> String {
    let [passed, failed, missing, not_run] = [
        Verdict::Passed,
        Verdict::Failed,
        Verdict::Missing,
        Verdict::NotRun,
    ]
    .map(|verdict| count(judged, verdict));
    let left_out = if not_run > 0 {
        format!(", {not_run} not run")
    } else {
        String::new()
    };
    format!("{passed} passed, {failed} failed, {missing} missing{left_out}")
}
