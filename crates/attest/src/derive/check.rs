//! Whether job spec, lock and record are of one run and agree.

use super::{DeriveError, Evidence, same, same_text, text};
use crate::documents::{Accelerator, Lock, LockKind, MachineObservation, Outcome, digest};
use std::collections::BTreeSet;

/// The most packages one build can make.
const OUTPUT_LIMIT: usize = 1024;

pub(super) fn documents(evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    let Evidence {
        job_spec,
        lock,
        record,
        ..
    } = evidence;
    if job_spec.interactive || record.interactive {
        return Err(DeriveError::Interactive);
    }
    if record.outcome != Outcome::Success {
        return Err(DeriveError::Unsuccessful);
    }
    same(
        "the record's job spec",
        &digest(job_spec)?,
        &record.job_spec,
    )?;
    same("the record's lock", &digest(lock)?, &record.lock)?;
    same("the job spec's lock", &record.lock, &job_spec.lock)?;
    same("the record's plan", &job_spec.plan, &record.plan)?;
    same(
        "the plan among the byproducts",
        &job_spec.plan,
        &record.byproducts.plan,
    )?;
    same("the lock's plan", &job_spec.plan, &lock.plan)?;
    if lock.kind != LockKind::Build {
        return mismatch("the lock's kind", "build", "test");
    }
    if lock.packages.iter().any(|package| package.from_build) {
        return mismatch("the build lock's packages", "none from this build", "some");
    }
    let architecture = &job_spec.external_parameters.architecture;
    same_text("the lock's architecture", architecture, &lock.architecture)?;
    same(
        "the locked recipe",
        &job_spec.config_source.sha256,
        &lock.recipe.sha256,
    )?;
    source(evidence)?;
    let named = &job_spec.external_parameters.environment_files;
    let locked = lock.environment_files.iter().map(|file| &file.path);
    if !named.iter().eq(locked) {
        return mismatch(
            "the locked environment files",
            "those that are named",
            "others",
        );
    }
    if record.finished_on < record.started_on {
        let (start, end) = (record.started_on.as_str(), record.finished_on.as_str());
        return mismatch("the record's end", &format!("a time after {start}"), end);
    }
    machine("the build VM", evidence, lock, &record.build_machine)
}

fn source(evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    let source = &evidence.job_spec.config_source;
    let Some(commit) = &source.commit else {
        return match source.repository.as_ref().or(source.reference.as_ref()) {
            None => Ok(()),
            Some(_) => mismatch(
                "the recipe's commit",
                "a commit beside the repository",
                "none",
            ),
        };
    };
    if source.repository.is_none() {
        return mismatch(
            "the recipe's repository",
            "a repository beside the commit",
            "none",
        );
    }
    let hexadecimal = commit
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !hexadecimal || !matches!(commit.len(), 40 | 64) {
        return Err(DeriveError::Invalid {
            what: "the recipe's commit".to_owned(),
            value: text::shown(commit),
            reason: "is not 40 or 64 lower-case hexadecimal digits",
        });
    }
    Ok(())
}

/// Holds a VM against what was asked for and locked.
pub(super) fn machine(
    name: &str,
    evidence: &Evidence<'_>,
    lock: &Lock,
    machine: &MachineObservation,
) -> Result<(), DeriveError> {
    let spec = evidence.job_spec;
    let what = |field: &str| format!("{field} of {name}");
    booted(name, lock, machine)?;
    same(&what("the agent"), &lock.boot.agent, &machine.agent)?;
    if let Some(disk) = &lock.environment_disk {
        same(
            &what("the environment disk"),
            disk,
            &machine.environment_disk,
        )?;
    }
    same_text(
        &what("the CPU model"),
        &spec.cpu_baseline,
        &machine.cpu_baseline,
    )?;
    let direct = machine.accelerator == Accelerator::Direct;
    let named = !matches!(machine.cpu_baseline.as_str(), "host" | "max");
    if named == direct {
        let expected = if direct { "`host`" } else { "a named baseline" };
        return mismatch(&what("the CPU model"), expected, &machine.cpu_baseline);
    }
    let asked = match spec.accelerator.named() {
        // Nobody gets to work without a machine who did not ask for it.
        None if direct => return mismatch(&what("the accelerator"), "a machine", "direct"),
        None => machine.accelerator,
        Some(asked) => asked,
    };
    same_text(
        &what("the accelerator"),
        asked.as_str(),
        machine.accelerator.as_str(),
    )?;
    let number = |value: u64| value.to_string();
    let (asked, found) = (
        number(spec.limits.vcpus.into()),
        number(machine.vcpus.into()),
    );
    same_text(&what("the number of CPUs"), &asked, &found)?;
    let (asked, found) = (number(spec.limits.memory_mib), number(machine.memory_mib));
    same_text(&what("the memory"), &asked, &found)
}

/// A machine boots what is locked, and has a QEMU; the direct runner has neither.
fn booted(name: &str, lock: &Lock, machine: &MachineObservation) -> Result<(), DeriveError> {
    let boot = &lock.boot;
    let parts = [
        ("kernel", boot.kernel, machine.kernel),
        ("initramfs", boot.initramfs, machine.initramfs),
    ];
    for (part, locked, found) in parts {
        let what = format!("the {part} of {name}");
        match (locked, found) {
            (Some(locked), Some(found)) => same(&what, &locked, &found)?,
            (None, None) => {}
            (Some(_), None) => return mismatch(&what, "the locked one", "none"),
            (None, Some(_)) => return mismatch(&what, "none, as in the lock", "one"),
        }
    }
    let direct = machine.accelerator == Accelerator::Direct;
    let there = [
        ("a kernel", machine.kernel.is_some(), !direct),
        ("an initramfs", machine.initramfs.is_some(), !direct),
        ("a boot package", boot.package.is_some() && direct, false),
        ("QEMU", machine.qemu_sha256.is_some(), !direct),
        ("QEMU's version", machine.qemu_version.is_some(), !direct),
        (
            "a kernel of the host",
            machine.host_kernel.is_some(),
            direct,
        ),
    ];
    for (part, found, expected) in there {
        if found != expected {
            let word = |there| if there { part } else { "none" };
            return mismatch(&format!("{part} of {name}"), word(expected), word(found));
        }
    }
    Ok(())
}

pub(super) fn outputs(evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    let outputs = &evidence.record.outputs;
    if outputs.is_empty() || outputs.len() > OUTPUT_LIMIT {
        let count = outputs.len().to_string();
        return mismatch("the number of outputs", "between 1 and 1024", &count);
    }
    let mut digests = BTreeSet::new();
    for output in outputs {
        text::file_name("an output's file name", &output.file)?;
        text::plain("an output's architecture", &output.architecture)?;
        let name = format!("{}-{}.apk", output.package, output.version);
        same_text("an output's file name", &name, &output.file)?;
        if !digests.insert(output.sha256) {
            return mismatch(
                "an output's digest",
                "one of its own",
                &output.sha256.to_string(),
            );
        }
    }
    if !outputs.windows(2).all(|pair| pair[0].file < pair[1].file) {
        return mismatch("the order of outputs", "sorted by file name", "another");
    }
    Ok(())
}

pub(super) fn mismatch(what: &str, expected: &str, found: &str) -> Result<(), DeriveError> {
    Err(DeriveError::Mismatch {
        what: what.to_owned(),
        expected: text::shown(expected),
        found: text::shown(found),
    })
}
