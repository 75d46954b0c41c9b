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
    }
}

const YES: &[&str] = &["true"];
const NO: &[&str] = &["false"];
const LEAVE_OUT: &str = "leave it out";
const UNRECORDED: &str =
    "it would change what is built, and provenance has no place that records it";

const FAIL_ON_LINT_WARNING: Flag = switch(
    "fail-on-lint-warning",
    NO,
    "melange takes it and does nothing with it",
    "name the linters that must pass with --lint-require",
);

const RUNNER: Flag = Flag {
    name: "runner",
    takes: Takes::Value,
    accepted: &["qemu"],
    why: "every build runs in a microVM of its own",
    hint: "leave it out; --accelerator chooses how the microVM runs",
};
const WORKSPACE_DIR: Flag = value(
    "workspace-dir",
    "the workspace is inside the guest, and no folder of this machine is",
    "--keep keeps the guest's disks",
);
const CACHE_DIR: Flag = value(
    "cache-dir",
    "no folder of this machine enters a guest",
    "sources are cached by digest; --mirror names further places to fetch them from",
);
const CACHE_SOURCE: Flag = value(
    "cache-source",
    "no folder of this machine enters a guest",
    "--mirror names further places to fetch sources from",
);
const APK_CACHE_DIR: Flag = value(
    "apk-cache-dir",
    "packages are kept in one store by digest",
    "the store is in Bessemer's cache folder",
);
const ENV_FILE: Flag = value(
    "env-file",
    UNRECORDED,
    "write the variables into the recipe's `environment`, or set its `vars` with --vars-file",
);
const CPU_MODEL: Flag = value(
    "cpumodel",
    "every guest has the same CPU model, so that what is built does not depend on the machine",
    LEAVE_OUT,
);
const DEBUG: Flag = switch(
    "debug",
    NO,
    "a step runs as it is recorded",
    "write `set -x` at the start of the recipe's step",
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
const PACKAGE_APPEND: Flag = value(
    "package-append",
    UNRECORDED,
    "add the package to the recipe's `environment.contents.packages`",
);
const LIBC: Flag = Flag {
    name: "override-host-triplet-libc-substitution-flavor",
    takes: Takes::Value,
    accepted: &["gnu"],
    why: UNRECORDED,
    hint: "write the triplet into the recipe",
};
const NAMESPACE: Flag = Flag {
    name: "namespace",
    takes: Takes::Value,
    accepted: &["unknown"],
    why: UNRECORDED,
    hint: LEAVE_OUT,
};
const GIT_COMMIT: Flag = value(
    "git-commit",
    "what a package says of its origin comes from the recipe alone",
    "write `package.commit` into the recipe",
);
const GIT_REPO_URL: Flag = value(
    "git-repo-url",
    "provenance names the recipe as it was found, not as somebody calls it",
    LEAVE_OUT,
);

impl Table for BuildTable {
    const FLAGS: &'static [Flag] = &[
        RUNNER,
        WORKSPACE_DIR,
        CACHE_DIR,
        CACHE_SOURCE,
        APK_CACHE_DIR,
        switch(
            "generate-index",
            NO,
            "an index is written when packages are published",
            "`bessemer publish` or `bessemer index` writes one; --generate-index=false is accepted",
        ),
        ENV_FILE,
        NAMESPACE,
        PACKAGE_APPEND,
        LIBC,
        switch("strip-origin-name", NO, UNRECORDED, LEAVE_OUT),
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
        DEBUG,
        DEBUG_RUNNER,
        RM,
        CLEANUP,
        IGNORE_SIGNATURES,
        GIT_COMMIT,
        GIT_REPO_URL,
        value(
            "license",
            "the recipe has no licence of its own in the SBOM",
            LEAVE_OUT,
        ),
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
        CACHE_DIR,
        CACHE_SOURCE,
        APK_CACHE_DIR,
        value(
            "test-option",
            "melange takes it and does nothing with it",
            "--build-option switches an option of the recipe on",
        ),
        ENV_FILE,
        CPU_MODEL,
        DEBUG,
        DEBUG_RUNNER,
        switch(
            "interactive",
            NO,
            "a test guest cannot be entered",
            "`bessemer build --interactive` opens a shell at a failed build step",
        ),
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
        CACHE_DIR,
        CACHE_SOURCE,
        APK_CACHE_DIR,
        GIT_REPO_URL,
        LOG_POLICY,
        LOG_LEVEL,
    ];
}

impl Table for LintTable {
    const FLAGS: &'static [Flag] = &[FAIL_ON_LINT_WARNING, LOG_LEVEL];
}

impl Table for PlainTable {
    const FLAGS: &'static [Flag] = &[Flag {
        name: "log-level",
        takes: Takes::Value,
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
        },
        LOG_LEVEL,
    ];
}
