//! What whoever verifies is shown in place of what he asked for.

use super::{ATTEST, CLI_IT, SIGNER_IT};
use crate::attack::case::{Case, Control};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 30,
        attack: "an envelope with another payload type, body, length, alphabet, number of signatures or key id",
        stopped_by: "what is verified is the pre-authentication encoding of the very bytes that are read afterwards",
        tests: &[
            ATTEST.has("verify::tests::attacks::envelopes_are_read_as_dsse_says_and_no_looser"),
            ATTEST.has("verify::tests::fails_for_every_flipped_byte_of_an_envelope"),
            ATTEST.has("verify::tests::fails_for_flipped_parts"),
            ATTEST.has("envelope::tests::refuses_every_change"),
            ATTEST.has("envelope::tests::pae_has_the_known_answer"),
        ],
        control: Control::Within(
            "envelopes_are_read_as_dsse_says_and_no_looser: the envelope as it is, in another layout or with another key id, passes",
        ),
        missing: None,
        untried: &[
            "an envelope with several signatures of which one is good: refused here, DSSE allows it",
        ],
    },
    Case {
        number: 31,
        attack: "a subject in upper case, by SHA-1 alone, without a digest, one of many others, or somebody else's",
        stopped_by: "a subject is this file when it has its SHA-256 in lower case and its name",
        tests: &[
            ATTEST.has("verify::tests::attacks::subjects_that_are_not_this_very_file_are_refused"),
            ATTEST.has("verify::tests::fails_for_another_file_and_other_members"),
            ATTEST.has("verify::tests::images::refuses_what_is_about_another_image"),
            CLI_IT.boots("verification::a_flipped_bit_anywhere_in_the_package_is_seen"),
        ],
        control: Control::Within(
            "subjects_that_are_not_this_very_file_are_refused: unchanged, the same statement passes",
        ),
        missing: None,
        untried: &[
            "a claim over a foreign digest is the claim of whoever signed it: of a trusted key it is believed",
        ],
    },
    Case {
        number: 32,
        attack: "the statement that was asked for is absent, of an older version, or another kind is shown in its place",
        stopped_by: "each role signs one predicate type, which is read by its own schema; what is demanded must be there",
        tests: &[
            ATTEST.has("verify::tests::attacks::another_kind_of_statement_is_no_provenance"),
            ATTEST.has("verify::tests::attacks::what_is_demanded_and_absent_is_missing"),
            ATTEST.has("verify::tests::fails_for_a_key_in_another_role"),
            ATTEST
                .has("verify::tests::reproduced::no_other_key_says_that_a_package_was_reproduced"),
        ],
        control: Control::Within(
            "another_kind_of_statement_is_no_provenance: the provenance itself, signed alike, passes",
        ),
        missing: None,
        untried: &[],
    },
    Case {
        number: 33,
        attack: "an old but valid attestation, an older package under a newer name, the summary (VSA) of another package",
        stopped_by: "a summary must be of this file, its place, its level and the evidence beside it; names are part of what is attested",
        tests: &[
            ATTEST
                .has("verify::tests::attacks::summaries::a_summary_of_something_else_or_of_before_is_refused"),
            ATTEST.has("verify::tests::attacks::summaries::a_summary_is_held_against_what_was_asked_for"),
            ATTEST.has("verify::tests::attacks::an_older_package_does_not_pass_under_a_newer_name"),
            ATTEST.has("verify::tests::policy::a_summary_must_list_all_evidence"),
            ATTEST.has(
                "verify::tests::reproduced::summaries_of_rebuilds_that_do_not_hold_are_refused",
            ),
            SIGNER_IT.has("refusals::the_gate_verifies_before_it_signs"),
        ],
        control: Control::Within(
            "a_summary_of_something_else_or_of_before_is_refused: the summary of this package passes",
        ),
        missing: None,
        untried: &[
            "an older package with its own name and its own attestations: it verifies; which is the newest is the index's matter, and an index does not expire",
        ],
    },
];
