//! What leaves a guest: archives, messages, results of tests, text.

use super::{APK_HOSTILE, ATTEST, CLI, CLI_IT, PACKAGE, PROTO, PROXY_IT, SIGNER_IT, VM, VM_IT};
use crate::attack::case::{Case, Control};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 7,
        attack: "a guest leaves paths that climb, links, devices, bombs, and messages that no agent sends",
        stopped_by: "messages are framed, limited and in order; archives are read by limits and never unpacked to a file system",
        tests: &[
            PACKAGE.has("scan::tests::refuses_what_no_package_holds"),
            PACKAGE.has("scan::tests::limits_are_errors"),
            PACKAGE.has("scan::tests::a_size_beyond_the_end_is_an_error"),
            PACKAGE.has("scan::tests::implied_directories_count_as_metadata"),
            PACKAGE.has("scan::tests::any_bytes_are_survived"),
            APK_HOSTILE.has("a_name_that_leaves_the_root_is_refused"),
            APK_HOSTILE.has("a_bomb_is_refused"),
            PROTO.has("frame::tests::any_bytes_decode_or_fail_without_panic"),
            VM_IT.has("hostile::what_is_no_agent_never_becomes_a_session"),
            VM_IT.has("hostile::a_step_cannot_be_lied_about"),
            VM.has("session::tests::forged_ends_are_not_believed"),
        ],
        control: Control::Tests(&[
            PACKAGE.has("scan::tests::control_run_unpacked_without_looking_the_same_names_write_outside"),
            PACKAGE.has("scan::tests::keeps_contents_where_they_are"),
            VM_IT.has("hostile::a_truthful_script_is_a_session_and_its_texts_are_harmless"),
            VM.has("session::tests::control_run_where_no_order_is_kept_forged_ends_are_believed"),
        ]),
        missing: None,
        untried: &[
            "the archives are made by tests, not by a recipe in a guest; a million files are not among them",
            "of messages that no agent sends, the control run believes those out of order; frames and lengths that are no agent's have none",
        ],
    },
    Case {
        number: 8,
        attack: "an output changes after it was hashed, while the machine still runs or on its disk",
        stopped_by: "a disk is read when its machine is gone, with all that its QEMU had started; the signer hashes the file itself, and the gate judges a copy of its own",
        tests: &[
            VM_IT.boots("halted::an_archive_stays_as_it_is_when_its_machine_is_gone"),
            VM_IT.boots("halted::a_taken_over_qemu_leaves_nothing_running"),
            VM_IT.boots("jailed::a_machine_ends_with_its_session_and_all_with_their_launcher"),
            SIGNER_IT.has("refusals::refuses_records_that_are_not_what_was_registered_or_measured"),
            CLI_IT.boots("publishing::what_is_not_proven_is_not_admitted"),
        ],
        control: Control::Tests(&[
            VM_IT.boots(
                "halted::control_run_while_the_machine_runs_the_archive_changes_behind_its_reader",
            ),
            VM_IT.boots(
                "halted::control_run_without_the_jail_it_writes_to_the_disk_that_was_hashed",
            ),
        ]),
        missing: None,
        untried: &[
            "in a `pod` there is no namespace to end with QEMU: that it starts no process rests on its own sandbox alone there",
        ],
    },
    Case {
        number: 20,
        attack: "a test writes to the package that it tests",
        stopped_by: "a test guest has the file's content on a read-only disk of its own; the file is not given to it",
        tests: &[
            CLI_IT.boots("traces::a_test_cannot_change_what_it_tests"),
            ATTEST.has("derive::tests::refuses_documents_that_disagree"),
        ],
        control: Control::Within(
            "`a_test_cannot_change_what_it_tests`: inside its guest the test does change the installed program, and runs the changed one",
        ),
        missing: None,
        untried: &[],
    },
    Case {
        number: 21,
        attack: "a test prints PASS and fails, takes its agent's ports away, or was about another package",
        stopped_by: "the result is the exit status that the host saw, and is bound to the digest that the host gave",
        tests: &[
            CLI_IT.boots("failures::a_test_that_prints_pass_and_fails_attests_nothing"),
            CLI_IT.boots("failures::a_test_that_fails_attests_nothing"),
            CLI_IT.boots("failures::a_step_that_takes_the_agents_ports_away"),
            VM_IT.has("hostile::a_step_cannot_be_lied_about"),
            SIGNER_IT.has("refusals::refuses_records_that_are_not_what_was_registered_or_measured"),
        ],
        control: Control::Tests(&[CLI_IT.boots(
            "failures::control_run_a_test_whose_status_nobody_sees_is_attested_by_its_word",
        )]),
        missing: None,
        untried: &["it is a build guest whose agent loses its ports, not a test guest"],
    },
    Case {
        number: 22,
        attack: "what a failed or unattested run left is published",
        stopped_by: "no guest has a credential to publish with; the gate admits what provenance and a passing test speak of",
        tests: &[
            CLI_IT.boots("failures::a_test_that_fails_attests_nothing"),
            CLI_IT.boots("publishing::what_is_not_proven_is_not_admitted"),
            CLI_IT.boots("publishing::one_package_that_is_refused_keeps_all_of_them_out"),
            SIGNER_IT.has("refusals::refuses_records_that_are_not_what_was_registered_or_measured"),
        ],
        control: Control::Tests(&[
            CLI_IT.boots("publishing::control_run_an_index_that_is_made_without_the_gate_offers_what_it_refuses"),
            CLI_IT.boots("publishing::an_untested_package_enters_only_where_that_is_allowed_and_the_summary_says_so"),
        ]),
        missing: None,
        untried: &["a refusal is an error of the command; nothing raises an alarm"],
    },
    Case {
        number: 39,
        attack: "a guest floods the log, and sends commands to the terminal of whoever watches",
        stopped_by: "output ends at a limit; control characters are neither shown nor signed",
        tests: &[
            VM_IT.boots("faults::a_flood_of_output_ends_at_the_limit"),
            CLI_IT.boots("failures::a_step_that_prints_without_end"),
            VM_IT.has("hostile::a_step_cannot_be_lied_about"),
            VM.has("tail::tests::only_the_end_is_kept_and_nothing_moves_the_cursor"),
            CLI.has("print::tests::terminal_commands_from_a_guest_are_not_passed_on"),
            ATTEST.has("derive::text::tests::finds_what_must_not_be_published"),
            PROXY_IT.has("refusals::limits_hold"),
        ],
        control: Control::Tests(&[
            VM_IT.has("hostile::control_run_with_a_higher_limit_the_same_output_is_taken")
        ]),
        missing: None,
        untried: &["ten thousand dependencies, and the size of the documents that name them"],
    },
];
