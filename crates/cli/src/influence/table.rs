//! The table.

use super::{Entry, Influence};
use Influence::{External, Internal, None, Recorded, Unattested};

const fn entry(
    commands: &'static [&'static str],
    flag: &'static str,
    influence: Influence,
) -> Entry {
    Entry {
        commands,
        flag,
        influence,
    }
}

const PRINTS: Influence = None("chooses what is printed");
const READS: Influence = None("the command only reads; no build is run");
const INSTALLS: Influence = None("what is installed is not attested; no build is run");
const TESTS: Influence = None("nothing is attested by `bessemer test`");
const AFTER: Influence = None("acts on files that are finished");
const SIGNATURE: Influence = None(
    "changes the signature member alone, whose name and key are in the package; control and data are the same",
);
const WORKSPACE: Influence =
    Recorded("resolvedDependencies: each file that enters the workspace, by digest");

const ANY_PLACE: Influence =
    None("a source is accepted by the digest that the recipe names, wherever it comes from");
const LINTS: Influence =
    None("linters look and change nothing; they decide whether packages are made at all");

/// Every flag and argument.
pub(crate) const ENTRIES: &[Entry] = &[
    entry(
        &[""],
        "--inherited",
        None("names the signer and the jailer that the privileged process started"),
    ),
    // Building.
    entry(&["build"], "<recipe>", External("configSource")),
    entry(&["build"], "--arch", External("architecture")),
    entry(&["build"], "--build-option", External("options")),
    entry(
        &["build"],
        "--repository-append",
        External("extraRepositories"),
    ),
    entry(&["build"], "--keyring-append", External("keyrings")),
    entry(
        &["build", "rebuild"],
        "--no-key-discovery",
        Recorded("the lock's `keys`: every key that was believed, by digest"),
    ),
    entry(
        &["build", "rebuild", "worker"],
        "--offline",
        None("indexes, packages and sources are recorded by digest, whenever they were fetched"),
    ),
    entry(
        &["build"],
        "--pipeline-dir",
        External("pipelineDirectories"),
    ),
    entry(&["build"], "--vars-file", External("variables")),
    entry(&["build"], "--build-date", Internal("sourceDateEpoch")),
    entry(&["build"], "--cpu", Internal("resources.vcpus")),
    entry(&["build"], "--memory", Internal("resources.memoryMib")),
    entry(&["build"], "--disk", Internal("resources.scratchMib")),
    entry(
        &["build"],
        "--timeout",
        Internal("resources.timeoutSeconds"),
    ),
    entry(&["build"], "--accelerator", Internal("accelerator")),
    entry(&["build"], "--jail", Internal("isolation")),
    entry(&["build"], "--source-dir", WORKSPACE),
    entry(&["build"], "--empty-workspace", WORKSPACE),
    entry(&["build"], "--mirror", ANY_PLACE),
    entry(&["build"], "--cache-dir", ANY_PLACE),
    entry(&["build"], "--env-file", External("environmentFiles")),
    entry(&["build"], "--package-append", External("extraPackages")),
    entry(&["build"], "--namespace", External("namespace")),
    entry(&["build"], "--git-commit", External("gitCommit")),
    entry(&["build"], "--git-repo-url", External("gitRepositoryUrl")),
    entry(&["build"], "--license", External("recipeLicense")),
    entry(
        &["build"],
        "--strip-origin-name",
        External("stripOriginName"),
    ),
    entry(
        &["build"],
        "--override-host-triplet-libc-substitution-flavor",
        External("hostTripletLibc"),
    ),
    entry(&["build"], "--debug", External("debug")),
    entry(&["build"], "--generate-index", AFTER),
    entry(&["build"], "--signing-key", SIGNATURE),
    entry(&["build", "worker"], "--interactive", Unattested),
    entry(&["build", "worker"], "--keep", Unattested),
    entry(&["build", "worker"], "--lint-require", LINTS),
    entry(&["build", "worker"], "--lint-warn", LINTS),
    entry(&["build", "worker"], "--persist-lint-results", PRINTS),
    entry(&["build"], "--out-dir", AFTER),
    entry(&["build", "worker"], "--quiet", PRINTS),
    entry(&["build"], "--json", PRINTS),
    entry(
        &["worker"],
        "--spec",
        Recorded("the signer knows its digest from the registration and takes no other record"),
    ),
    entry(
        &["worker"],
        "--invocation",
        Recorded("runDetails.metadata.invocationId"),
    ),
    entry(&["worker"], "--source-dir", WORKSPACE),
    entry(&["worker"], "--out", AFTER),
    // Building again.
    entry(
        &["rebuild"],
        "<packages>",
        Recorded(
            "resolvedDependencies: the evaluated recipe of each, by digest; `externalParameters` repeats what they say of their making",
        ),
    ),
    entry(
        &["rebuild"],
        "--repository-append",
        External("extraRepositories"),
    ),
    entry(&["rebuild"], "--keyring-append", External("keyrings")),
    entry(&["rebuild"], "--cpu", Internal("resources.vcpus")),
    entry(&["rebuild"], "--memory", Internal("resources.memoryMib")),
    entry(&["rebuild"], "--disk", Internal("resources.scratchMib")),
    entry(
        &["rebuild"],
        "--timeout",
        Internal("resources.timeoutSeconds"),
    ),
    entry(&["rebuild"], "--accelerator", Internal("accelerator")),
    entry(&["rebuild"], "--jail", Internal("isolation")),
    entry(&["rebuild"], "--source-dir", WORKSPACE),
    entry(&["rebuild"], "--mirror", ANY_PLACE),
    entry(&["rebuild"], "--cache-dir", ANY_PLACE),
    entry(&["rebuild"], "--signing-key", SIGNATURE),
    entry(&["rebuild"], "--out-dir", AFTER),
    entry(&["rebuild"], "--diff", PRINTS),
    entry(
        &["rebuild"],
        "--trust-root",
        None("decides whether a package's word is taken; nothing is built otherwise"),
    ),
    entry(&["rebuild"], "--quiet", PRINTS),
    entry(&["rebuild"], "--json", PRINTS),
    // Testing what is built.
    entry(&["test"], "<recipe>", TESTS),
    entry(&["test"], "<packages>", TESTS),
    entry(&["test"], "--arch", TESTS),
    entry(&["test"], "--build-option", TESTS),
    entry(&["test"], "--repository-append", TESTS),
    entry(&["test"], "--keyring-append", TESTS),
    entry(&["test"], "--no-key-discovery", TESTS),
    entry(&["test"], "--offline", TESTS),
    entry(&["test"], "--pipeline-dir", TESTS),
    entry(&["test"], "--vars-file", TESTS),
    entry(&["test"], "--build-date", TESTS),
    entry(&["test"], "--cpu", TESTS),
    entry(&["test"], "--memory", TESTS),
    entry(&["test"], "--disk", TESTS),
    entry(&["test"], "--timeout", TESTS),
    entry(&["test"], "--accelerator", TESTS),
    entry(&["test"], "--jail", TESTS),
    entry(&["test"], "--source-dir", TESTS),
    entry(&["test"], "--test-package-append", TESTS),
    entry(&["test"], "--mirror", TESTS),
    entry(&["test"], "--cache-dir", TESTS),
    entry(&["test"], "--env-file", TESTS),
    entry(&["test"], "--interactive", TESTS),
    entry(&["test"], "--debug", TESTS),
    entry(&["test"], "--quiet", PRINTS),
    entry(&["test"], "--json", PRINTS),
    // Reading packages.
    entry(&["lint"], "<packages>", READS),
    entry(&["lint"], "--lint-require", READS),
    entry(&["lint"], "--lint-warn", READS),
    entry(&["lint"], "--persist-lint-results", PRINTS),
    entry(&["lint"], "--out-dir", PRINTS),
    entry(&["lint", "scan"], "--json", PRINTS),
    entry(&["scan"], "<recipe>", READS),
    entry(&["scan"], "--arch", READS),
    entry(&["scan"], "--build-option", READS),
    entry(&["scan"], "--pipeline-dir", READS),
    entry(&["scan"], "--vars-file", READS),
    entry(&["scan"], "--build-date", READS),
    entry(&["scan"], "--repository-append", READS),
    entry(&["scan"], "--package", PRINTS),
    entry(&["scan"], "--diff", PRINTS),
    entry(&["scan"], "--comments", PRINTS),
    // Reading recipes.
    entry(&["compile", "query", "package-version"], "<recipe>", READS),
    entry(&["compile"], "--arch", READS),
    entry(&["compile"], "--build-option", READS),
    entry(&["compile"], "--pipeline-dir", READS),
    entry(&["compile"], "--vars-file", READS),
    entry(&["compile"], "--build-date", READS),
    entry(&["compile"], "--env-file", READS),
    entry(&["compile"], "--package-append", READS),
    entry(&["compile"], "--git-commit", READS),
    entry(&["compile"], "--namespace", READS),
    entry(&["compile"], "--git-repo-url", READS),
    entry(&["compile"], "--license", READS),
    entry(
        &["compile"],
        "--override-host-triplet-libc-substitution-flavor",
        READS,
    ),
    entry(&["compile"], "--plan", PRINTS),
    entry(&["compile"], "--json", PRINTS),
    entry(&["schema"], "<document>", PRINTS),
    entry(&["reference"], "<page>", PRINTS),
    entry(&["query"], "<template>", PRINTS),
    entry(&["query", "package-version"], "--json", PRINTS),
    // Sources.
    entry(&["license-check"], "<file>", READS),
    entry(&["license-check"], "--workdir", READS),
    entry(
        &["license-check"],
        "--fix",
        None("writes the recipe; a later build records it as it is then"),
    ),
    entry(&["license-check"], "--format", PRINTS),
    entry(&["license-check"], "--scan-type", READS),
    entry(&["license-check"], "--exit-code", PRINTS),
    entry(&["license-check"], "--mirror", READS),
    entry(&["update-cache"], "<recipes>", READS),
    entry(&["update-cache"], "--cache-dir", READS),
    entry(&["update-cache"], "--arch", READS),
    entry(&["update-cache"], "--build-option", READS),
    entry(&["update-cache"], "--vars-file", READS),
    entry(&["license-check", "update-cache"], "--pipeline-dir", READS),
    entry(&["license-check", "update-cache"], "--offline", READS),
    entry(&["license-check", "update-cache"], "--json", PRINTS),
    // Packages, indexes, keys.
    entry(&["publish", "sign", "index"], "<packages>", AFTER),
    entry(&["publish"], "--repository", AFTER),
    entry(
        &["publish"],
        "--allow-untested",
        Recorded("the policy of the gate's summary (VSA)"),
    ),
    entry(
        &["publish"],
        "--resource-uri",
        Recorded("resourceUri of the gate's summary (VSA)"),
    ),
    entry(&["publish", "verify"], "--json", PRINTS),
    entry(&["doctor"], "--json", PRINTS),
    entry(&["verify"], "<packages>", READS),
    entry(&["verify"], "--trust-root", READS),
    entry(&["verify"], "--attestations", READS),
    entry(&["verify"], "--min-level", READS),
    entry(&["verify"], "--allow-untested", READS),
    entry(&["verify"], "--require-gate", READS),
    entry(&["verify"], "--resource-uri", READS),
    entry(&["keygen"], "<name>", SIGNATURE),
    entry(&["keygen"], "--key-size", SIGNATURE),
    entry(&["sign", "sign-index", "index"], "--signing-key", SIGNATURE),
    entry(&["sign-index"], "<index>", AFTER),
    entry(&["sign-index"], "--force", AFTER),
    entry(&["index"], "--output", AFTER),
    entry(&["index"], "--source", AFTER),
    entry(&["index"], "--arch", AFTER),
    entry(&["index"], "--merge", AFTER),
    entry(
        &[
            "keygen",
            "sign",
            "sign-index",
            "index",
            "keys export",
            "bootstrap debian",
        ],
        "--json",
        PRINTS,
    ),
    entry(&["apk version"], "--test", PRINTS),
    entry(&["apk version"], "<versions>", READS),
    entry(&["apk solve"], "--index", READS),
    entry(&["apk solve"], "--keyring-append", READS),
    entry(&["apk solve"], "--arch", READS),
    entry(&["apk solve"], "--each", PRINTS),
    entry(&["apk solve"], "--install-if", READS),
    entry(&["apk solve"], "<world>", READS),
    entry(&["apk install"], "--root", INSTALLS),
    entry(&["apk install"], "--tar", INSTALLS),
    entry(&["apk install"], "--erofs", INSTALLS),
    entry(&["apk install"], "--repository", INSTALLS),
    entry(&["apk install"], "--index", INSTALLS),
    entry(&["apk install"], "--keyring-append", INSTALLS),
    entry(&["apk install"], "--no-key-discovery", INSTALLS),
    entry(&["apk solve"], "--offline", READS),
    entry(&["apk install"], "--offline", INSTALLS),
    entry(&["apk install"], "--allow-untrusted", INSTALLS),
    entry(&["apk install"], "--arch", INSTALLS),
    entry(&["apk install"], "--install-if", INSTALLS),
    entry(&["apk install"], "<world>", INSTALLS),
    entry(
        &["apk version", "apk solve", "apk install"],
        "--json",
        PRINTS,
    ),
    entry(&["keys export"], "--out", READS),
    entry(&["kernel unpack"], "--repository-append", READS),
    entry(&["kernel unpack"], "--keyring-append", READS),
    entry(&["kernel unpack"], "--no-key-discovery", READS),
    entry(&["kernel unpack"], "--offline", READS),
    entry(&["kernel unpack"], "--arch", READS),
    entry(&["kernel unpack"], "--out", READS),
    entry(
        &["bootstrap debian"],
        "--list",
        Recorded("what was imported is in each package's import attestation"),
    ),
    entry(&["bootstrap debian"], "--out", AFTER),
    entry(&["bootstrap debian"], "--print-list", PRINTS),
    entry(&["completions"], "<shell>", PRINTS),
];

/// Every environment variable that the program reads.
pub(crate) const VARIABLES: &[(&str, Influence)] = &[
    ("SOURCE_DATE_EPOCH", Internal("sourceDateEpoch")),
    (
        "HTTP_AUTH",
        None("tells servers who asks; what they send is recorded by digest"),
    ),
    (
        "COSIGN_PASSWORD",
        None("opens the signer's keys; it goes to the signer alone"),
    ),
    (
        "QEMU_KERNEL_IMAGE",
        None("said to be unused: guests boot a kernel package, which provenance names"),
    ),
    ("HOME", None("where caches and keys are, without root")),
    ("XDG_CACHE_HOME", None("where caches are, without root")),
    ("XDG_DATA_HOME", None("where keys are, without root")),
    ("XDG_RUNTIME_DIR", None("where sockets are, without root")),
    ("NO_COLOR", PRINTS),
];

/// Files that are read without being named.
pub(crate) const FILES: &[(&str, Influence)] = &[
    (
        "`.melange.yaml`, `.melange.yml`, `melange.yaml`, `melange.yml`, when no recipe is named",
        External("configSource"),
    ),
    (
        "the folder beside the recipe that is named like the package",
        WORKSPACE,
    ),
    (
        "built-in pipelines and those of --pipeline-dir that steps use",
        Recorded("resolvedDependencies: each by digest"),
    ),
    (
        "packages and indexes of repositories, kernel, agent",
        Recorded("resolvedDependencies: each by digest"),
    ),
    (
        "the cache",
        None("its files are found by digest and checked against it"),
    ),
    (
        "the signer's state",
        Recorded("builder.id, and the key of each signature"),
    ),
];
