//! Recipes, sources, parameters, and what comes from servers.

use super::{
    ATTEST, BUILD, CLI, CLI_IT, FETCH, PROXY_IT, RECIPE_DIFFERENTIAL, RECIPE_HOSTILE, REPOSITORY_IT,
};
use crate::attack::case::{Case, Control};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 13,
        attack: "a server has other bytes at the same URL: a source, an index, a package",
        stopped_by: "sources are taken by the recipe's checksum, packages through the signed index",
        tests: &[
            CLI_IT.has("sources::a_source_that_is_not_what_the_recipe_says_is_named"),
            FETCH.has("files::every_given_digest_is_checked"),
            REPOSITORY_IT.has("remote::an_index_that_was_changed_on_the_way_is_refused"),
            REPOSITORY_IT.has("remote::nothing_but_what_the_signed_index_names_is_taken"),
        ],
        control: Control::Tests(&[
            FETCH.has("files::without_expectation_everything_is_fetched_anew"),
        ]),
        missing: None,
        untried: &["an older index with a good signature is accepted: SECURITY.md"],
    },
    Case {
        number: 16,
        attack: "a flag, a file or a variable changes what is built, and provenance does not say so",
        stopped_by: "every flag and every variable that is read has an entry in one table, which says where provenance has it",
        tests: &[
            CLI.has("influence::tests::every_flag_has_one_entry_and_every_entry_a_flag"),
            CLI.has("influence::tests::what_is_said_to_be_external_is_in_the_external_parameters"),
            CLI.has("influence::tests::what_is_said_to_be_internal_is_a_field_of_the_internal_parameters"),
            CLI.has("influence::tests::every_environment_variable_that_is_read_is_listed"),
            CLI.has("influence::tests::property::whatever_is_changed_changes_the_parameters"),
        ],
        control: Control::Tests(&[
            CLI.has("influence::tests::property::control_run_what_is_left_out_of_the_parameters_is_not_seen"),
        ]),
        missing: None,
        untried: &[
            "internal and otherwise recorded flags are held against the list of fields, not changed one by one",
            "of a key file and an environment file the parameters have the name, not the folder: the lock has their digests",
            "the configuration of the signer and of the jailer is not in the table",
            "a variable that is read through another crate is not seen by the search for names",
        ],
    },
    Case {
        number: 19,
        attack: "redirects, ranges, compressed and broken-off bodies, git's protocol: other bytes arrive than are recorded",
        stopped_by: "the proxy records digest and size of a body as it is delivered; a record answers by what was asked",
        tests: &[
            PROXY_IT.has("delivered::what_arrived_is_what_is_recorded"),
            PROXY_IT.has("delivered::a_resumed_download_is_recorded_in_its_parts"),
            PROXY_IT.has("answers::bodies_are_recorded_as_they_are_delivered"),
            PROXY_IT.has("answers::http_1_1_is_the_only_protocol"),
            PROXY_IT.has("programs::git_clones_and_clones_again_from_the_record"),
            PROXY_IT.has("replaying::a_record_gives_the_same_without_any_server"),
            PROXY_IT.has("refusals::what_two_readers_could_understand_differently_never_leaves"),
            ATTEST.has("derive::network::tests::refuses_networks_that_are_not_of_the_run"),
        ],
        control: Control::Tests(&[PROXY_IT.has(
            "delivered::control_run_a_recorder_that_asks_again_records_other_bytes",
        )]),
        missing: None,
        untried: &["the control run's recorder is the test's, and asks over HTTP alone, not by git"],
    },
    Case {
        number: 26,
        attack: "a tag or branch leads to another commit than the recipe names",
        stopped_by: "the commit is checked on the control side, locked with its tree, and the archive made once",
        tests: &[
            BUILD.has("git::tests::a_pinned_commit_must_be_what_the_reference_leads_to"),
            CLI_IT.boots("git::a_tag_is_built_and_provenance_names_commit_and_tree"),
        ],
        control: Control::Tests(&[
            BUILD.has("git::tests::control_run_without_a_pin_a_moved_tag_is_followed"),
        ]),
        missing: None,
        untried: &[
            "a reference that moves between resolution and checkout",
            "a name that looks like a commit, and refs/pull",
            "a tag without expected-commit is taken as it is, and recorded",
        ],
    },
    Case {
        number: 27,
        attack: "the recipe is edited in the guest, after it was read",
        stopped_by: "a guest is given steps, not the recipe; recipe and plan are the control side's, by digest",
        tests: &[
            CLI_IT.boots("edited::a_recipe_that_its_own_step_edits_is_recorded_as_it_was_read"),
            ATTEST.has("derive::tests::refuses_documents_that_disagree"),
        ],
        control: Control::Tests(&[CLI_IT.boots(
            "edited::control_run_a_recorder_that_asks_the_guest_records_the_edited_recipe",
        )]),
        missing: None,
        untried: &["the control run's recorder is the test's: no such one is in the product"],
    },
    Case {
        number: 28,
        attack: "a recipe that two parsers of YAML read differently, or that has no end",
        stopped_by: "one parser with limits, on the control side alone; a guest is given no YAML",
        tests: &[
            RECIPE_DIFFERENTIAL.has("a_text_with_two_readings_is_refused_or_read_once"),
            RECIPE_HOSTILE.has("deep_and_expanding_documents_are_refused"),
            RECIPE_HOSTILE.has("hostile_recipes_are_refused_in_one_line"),
            RECIPE_HOSTILE.has("a_range_cannot_multiply_without_end"),
            RECIPE_HOSTILE.has("nearly_recipes"),
        ],
        control: Control::Tests(&[
            RECIPE_DIFFERENTIAL.has("control_run_readers_of_the_text_itself_disagree"),
        ]),
        missing: None,
        untried: &["the control run's second reader is a script that reads lines, not another parser of YAML"],
    },
    Case {
        number: 37,
        attack: "a password in a URL, or hidden text in a parameter, is published with provenance",
        stopped_by: "parameters that must not be published are refused before the build, by the signer as well; credentials for servers go into no document",
        tests: &[
            ATTEST.has("derive::text::tests::finds_what_must_not_be_published"),
            CLI.has("commands::additions::tests::what_provenance_cannot_state_is_refused_before_anything_is_built"),
            CLI.has("tests::what_cannot_be_read_is_repeated_without_secrets"),
            REPOSITORY_IT.has("remote::credentials_are_sent_and_go_into_no_document"),
            CLI_IT.boots("remote::a_server_is_told_who_asks_and_documents_are_not"),
        ],
        control: Control::Within(
            "finds_what_must_not_be_published: the same texts without a secret are taken",
        ),
        missing: None,
        untried: &[
            "tokens in the query of a repository's URL, and values of variables, are published: SECURITY.md",
            "published documents are not searched as a whole",
        ],
    },
];
