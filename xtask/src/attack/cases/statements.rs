//! The signer, its log, and keys.

use super::{ATTEST, CLI_IT, SIGNER, SIGNER_IT, TLOG_LOGS, TLOG_MERKLE};
use crate::attack::case::{Case, Control};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 6,
        attack: "the signer is asked for a foreign builder id, for records that are unfinished, changed or another job's, and twice for one",
        stopped_by: "it derives every statement from documents that it measured, for a job that was registered before, once",
        tests: &[
            SIGNER_IT.has("refusals::refuses_records_that_are_not_what_was_registered_or_measured"),
            SIGNER_IT.has("refusals::refuses_a_run_that_is_not_over"),
            SIGNER_IT.has("refusals::refuses_a_foreign_run_and_a_second_record"),
            SIGNER_IT
                .has("refusals::gives_the_same_bytes_for_the_same_record_whoever_asks_and_when"),
            SIGNER_IT.has("refusals::refuses_jobs_it_must_not_take"),
            SIGNER_IT.has("rebuilds::what_was_not_made_again_is_not_said_to_be"),
            ATTEST.has("derive::tests::refuses_documents_that_disagree"),
            ATTEST.has("derive::tests::asserts_a_provisioned_id_only_under_its_conditions"),
            SIGNER_IT.has("provisioned::what_can_never_be_signed_is_refused_before_it_starts"),
            CLI_IT
                .boots("provisioned::a_factory_signs_what_its_builder_id_demands_and_nothing_else"),
        ],
        control: Control::Tests(&[
            SIGNER_IT.has("drill::control_run_whoever_has_the_key_has_any_statement_believed")
        ]),
        missing: None,
        untried: &[
            "an arbitrary statement: the protocol has no message that could carry one",
            "a consistent story about a build that never ran is signed: SECURITY.md",
        ],
    },
    Case {
        number: 23,
        attack: "signer, build or publisher is killed at any moment",
        stopped_by: "an entry is on the disk before its effect leaves the signer; envelopes come before packages count, the index last and whole",
        tests: &[
            SIGNER_IT.has("killed::nothing_that_was_handed_out_is_taken_back"),
            SIGNER.has("log::tests::a_log_that_was_cut_off_at_any_step_goes_on"),
            CLI_IT.boots("interrupts::an_interrupted_build_leaves_nothing_half_done"),
            CLI_IT.boots("killed::every_process_of_a_build_is_killed"),
            CLI_IT.boots("interrupts::an_interrupted_publisher_leaves_a_whole_repository"),
            CLI_IT.boots("publishing::a_reader_sees_the_old_index_or_the_new_one"),
        ],
        control: Control::Tests(&[
            CLI_IT.boots(
                "interrupts::control_run_a_publisher_that_writes_its_index_first_is_found_out",
            ),
            SIGNER.has("log::tests::control_run_a_checkpoint_without_its_entries_ends_the_log"),
        ]),
        missing: None,
        untried: &["a registry and a witness that are down: there are none"],
    },
    Case {
        number: 35,
        attack: "a proof of another entry, signature or key, a forged checkpoint, another history",
        stopped_by: "a proof holds one signature of one key at one index of one log, and the log's key signs its checkpoint",
        tests: &[
            ATTEST.has("verify::tests::logged::a_proof_of_something_else_is_refused"),
            ATTEST.has("verify::tests::logged::what_is_not_proven_to_be_logged_is_refused"),
            TLOG_LOGS.has("proofs_of_others_are_refused"),
            TLOG_LOGS.has("no_changed_byte_of_a_proof_passes"),
            TLOG_LOGS.has("a_log_that_forgot_or_rewrote_something_is_noticed"),
            TLOG_MERKLE.has("another_history_is_noticed"),
            CLI_IT.boots("verification::what_is_not_proven_to_be_logged_does_not_pass"),
        ],
        control: Control::Within(
            "what_is_not_proven_to_be_logged_is_refused: where the trust root names no log, the same envelopes pass without a proof",
        ),
        missing: None,
        untried: &[
            "a keeper who shows different logs to different verifiers: there is no witness",
            "timestamps of an authority: none are used",
        ],
    },
    Case {
        number: 36,
        attack: "a key is stolen and used, with and without the signer's help",
        stopped_by: "a revocation ends the key's window in the log; what the log did not have before counts no more",
        tests: &[
            SIGNER_IT.has("drill::a_key_is_stolen"),
            SIGNER_IT.has("drill::every_role_gets_a_new_key_and_old_statements_stay_good"),
            ATTEST.has("verify::tests::logged::the_drill_of_a_stolen_key"),
        ],
        control: Control::Within(
            "a_key_is_stolen: before the revocation the late statement verifies",
        ),
        missing: None,
        untried: &[
            "the log's own key",
            "RSA signatures in packages, which no log holds: SECURITY.md",
        ],
    },
];
