//! melange's flags, command by command, at its version of August 2026.

use super::{Flag, Table, Takes};

/// Of `build`.
#[derive(Debug)]
pub(crate) struct BuildTable;
/// Of `test`.
#[derive(Debug)]
pub(crate) struct TestTable;
/// Of `compile`.
#[derive(Debug)]
pub(crate) struct CompileTable;
/// Of `lint`.
#[derive(Debug)]
pub(crate) struct LintTable;
/// Of commands that take every flag but the global ones.
#[derive(Debug)]
pub(crate) struct PlainTable;
/// Of `rebuild`.
#[derive(Debug)]
pub(crate) struct RebuildTable;
/// Of `scan`.
#[derive(Debug)]
pub(crate) struct ScanTable;

const fn value(name: &'static str, why: &'static str, hint: &'static str) -> Flag {
    Flag {
        name,
        takes: Takes::Value,
        accepted: &[],
        why,
        hint,
        noted: false,
    }
}

const fn switch(
    name: &'static str,
    accepted: &'static [&'static str],
    why: &'static str,
    hint: &'static str,
) -> Flag {
    Flag {
        name,
        takes: Takes::Switch,
        accepted,
        why,
        hint,
        noted: false,
    }
}

/// Takes every value: there is nothing that it could change.
const fn noted(flag: Flag) -> Flag {
    Flag {
        noted: true,
        ..flag
    }
}

const YES: &[&str] = &["true"];
const NO: &[&str] = &["false"];
const LEAVE_OUT: &str = "leave it out";

const FAIL_ON_LINT_WARNING: Flag = noted(switch(
    "fail-on-lint-warning",
    NO,
    "it does nothing, as with melange",
    "--lint-require names the linters that must pass",
));

const RUNNER: Flag = Flag {
    name: "runner",
    takes: Takes::Value,
    accepted: &["qemu"],
    why: "every build runs in a microVM of its own",
    hint: "leave it out; --accelerator chooses how the microVM runs",
    noted: false,
};
const WORKSPACE_DIR: Flag = value(
    "workspace-dir",
    "the workspace is inside the guest, and no folder of this machine is",
    "--keep keeps the guest's disks",
);
const COMPILE_CACHE_DIR: Flag = noted(value(
    "cache-dir",
    "nothing is fetched",
    "`bessemer build` looks for sources there",
));
const CACHE_SOURCE: Flag = value(
    "cache-source",
    "no folder of this machine enters a guest",
    "--mirror names further places to fetch sources from",
);
const APK_CACHE_DIR: Flag = noted(value(
    "apk-cache-dir",
    "packages are kept in Bessemer's own store, by digest",
    "the folder is not used",
));
const CPU_MODEL: Flag = value(
    "cpumodel",
    "every guest has the same CPU model, so that what is built does not depend on the machine",
    LEAVE_OUT,
);
const DEBUG_RUNNER: Flag = switch(
    "debug-runner",
    NO,
    "a guest never outlives its build",
    "`bessemer build --interactive` opens a shell at the failed step; --keep keeps the disks",
);
const IGNORE_SIGNATURES: Flag = switch(
    "ignore-signatures",
    NO,
    "nothing enters a guest without a signature",
    "name the repository's public key with --keyring-append",
);
const TRACE: Flag = value("trace", "no traces are written", LEAVE_OUT);
const LOG_LEVEL: Flag = value(
    "log-level",
    "there are no levels; the whole log of a guest is in a file",
    "--quiet leaves out what steps print",
);
const LOG_POLICY: Flag = value(
    "log-policy",
    "progress goes to standard error, and the whole log to a file",
    LEAVE_OUT,
);
const RM: Flag = switch(
    "rm",
    YES,
    "a guest's disks are removed",
    "`bessemer build --keep` keeps them",
);
const CLEANUP: Flag = switch(
    "cleanup",
    YES,
    "a guest's disks are removed",
    "`bessemer build --keep` keeps them",
);
const LIBC: Flag = Flag {
    name: "override-host-triplet-libc-substitution-flavor",
    takes: Takes::Value,
    accepted: &["gnu"],
    why: "tests have `gnu` in `host.triplet.*`, as with melange",
    hint: LEAVE_OUT,
    noted: false,
};

impl Table for BuildTable {
    const FLAGS: &'static [Flag] = &[
        RUNNER,
        WORKSPACE_DIR,
        CACHE_SOURCE,
        APK_CACHE_DIR,
        value(
            "dependency-log",
            "no such file is written",
            "each package's .PKGINFO and SBOM have its dependencies",
        ),
        switch(
            "create-build-log",
            NO,
            "no such file is written",
            "--json prints what was built",
        ),
        FAIL_ON_LINT_WARNING,
        CPU_MODEL,
        DEBUG_RUNNER,
        RM,
        CLEANUP,
        IGNORE_SIGNATURES,
        switch(
            "generate-provenance",
            YES,
            "what is built is always attested",
            LEAVE_OUT,
        ),
        TRACE,
        LOG_POLICY,
        LOG_LEVEL,
    ];
}

impl Table for TestTable {
    const FLAGS: &'static [Flag] = &[
        RUNNER,
        WORKSPACE_DIR,
        CACHE_SOURCE,
        APK_CACHE_DIR,
        value(
            "test-option",
            "melange takes it and does nothing with it",
            "--build-option switches an option of the recipe on",
        ),
        CPU_MODEL,
        DEBUG_RUNNER,
        RM,
        CLEANUP,
        IGNORE_SIGNATURES,
        LIBC,
        TRACE,
        LOG_POLICY,
        LOG_LEVEL,
    ];
}

impl Table for CompileTable {
    const FLAGS: &'static [Flag] = &[
        RUNNER,
        WORKSPACE_DIR,
        COMPILE_CACHE_DIR,
        CACHE_SOURCE,
        APK_CACHE_DIR,
        LOG_POLICY,
        LOG_LEVEL,
    ];
}

impl Table for RebuildTable {
    const FLAGS: &'static [Flag] = &[RUNNER, LOG_LEVEL];
}

impl Table for LintTable {
    const FLAGS: &'static [Flag] = &[FAIL_ON_LINT_WARNING, LOG_LEVEL];
}

impl Table for PlainTable {
    const FLAGS: &'static [Flag] = &[Flag {
        name: "log-level",
        takes: Takes::Value,
        noted: false,
        accepted: &["info", "INFO"],
        why: "there are no levels; what is done goes to standard error",
        hint: LEAVE_OUT,
    }];
}

impl Table for ScanTable {
    const FLAGS: &'static [Flag] = &[
        value(
            "keyring-append",
            "melange takes it and does nothing with it",
            LEAVE_OUT,
        ),
        Flag {
            name: "namespace",
            takes: Takes::Value,
            accepted: &["unknown"],
            why: "the maintainer is compared as the package has it",
            hint: LEAVE_OUT,
            noted: false,
        },
        LOG_LEVEL,
    ];
}
