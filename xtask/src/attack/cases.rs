//! The table: every attack that the design lists against a factory of packages.

mod boundary;
mod consumers;
mod environment;
mod inputs;
mod outputs;
mod statements;

use super::case::{Binary, Case};

const CLI: Binary = Binary::bin("cli", "bessemer");
const CLI_IT: Binary = Binary::test("cli", "it");
const VM: Binary = Binary::lib("vm");
const VM_IT: Binary = Binary::test("vm", "it");
const SIGNER: Binary = Binary::lib("signer");
const SIGNER_IT: Binary = Binary::test("signer", "it");
const PROXY_IT: Binary = Binary::test("proxy", "it");
const ATTEST: Binary = Binary::lib("attest");
const POLICY_IT: Binary = Binary::test("policy", "it");
const PACKAGE: Binary = Binary::lib("package");
const BUILD: Binary = Binary::lib("build");
const JAILER: Binary = Binary::bin("jailer", "bessemer-jailer");
const AGENT: Binary = Binary::bin("guest-agent", "bessemer-agent");
const PROTO: Binary = Binary::lib("vm-proto");
const APK_HOSTILE: Binary = Binary::test("apk", "hostile");
const RECIPE_DIFFERENTIAL: Binary = Binary::test("recipe", "differential");
const RECIPE_HOSTILE: Binary = Binary::test("recipe", "hostile");
const FETCH: Binary = Binary::test("store", "fetch");
const REPOSITORY_IT: Binary = Binary::test("repository", "it");
const TLOG_LOGS: Binary = Binary::test("tlog", "logs");
const TLOG_MERKLE: Binary = Binary::test("tlog", "merkle");

/// All of them by number. T30 to T34 are about verification by consumers, T40 about images.
pub(crate) fn all() -> Vec<&'static Case> {
    let parts = [
        boundary::CASES,
        consumers::CASES,
        environment::CASES,
        inputs::CASES,
        outputs::CASES,
        statements::CASES,
    ];
    let mut cases: Vec<_> = parts.into_iter().flatten().collect();
    cases.sort_by_key(|case| case.number);
    cases
}
