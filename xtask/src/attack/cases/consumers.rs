//! What consumers verify, and expect.

use super::{ATTEST, CLI_IT, POLICY_IT};
use crate::attack::case::{Case, Control};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 25,
        attack: "the same recipe is built from somebody's fork, by a builder that is trusted",
        stopped_by: "a policy knows the source repository of each package, and refuses another",
        tests: &[
            POLICY_IT.has("packages::the_same_recipe_from_a_fork_is_refused"),
            CLI_IT.has("policies::a_fork_is_refused_by_the_policy_and_passes_without_one"),
            POLICY_IT.has("sources::whatever_else_it_says_vouches_for_nothing"),
        ],
        control: Control::Tests(&[POLICY_IT
            .has("packages::control_run_without_an_expectation_of_the_source_a_fork_passes")]),
        missing: None,
        untried: &[
            "without a policy nothing of a source is expected: the fork's package verifies",
            "a fork under the very URL that is expected, on a server that somebody took over: what source attestations are for",
        ],
    },
    Case {
        number: 29,
        attack: "external parameters with a key too many or too few, twice, of another type, or a twin of another",
        stopped_by: "they are a closed schema that is read strictly; a policy knows which may be used, and with which values",
        tests: &[
            ATTEST.has(
                "verify::tests::parameters::parameters_that_do_not_follow_the_schema_are_refused",
            ),
            ATTEST.has("verify::tests::images::refuses_other_roles_ids_types_and_parameters"),
            POLICY_IT.has("packages::what_is_not_met_is_said_in_words"),
        ],
        control: Control::Within(
            "parameters_that_do_not_follow_the_schema_are_refused: the same parameters without a change are taken",
        ),
        missing: None,
        untried: &["of images one extra key is tried; their parameters are in no policy"],
    },
];
