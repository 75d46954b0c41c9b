//! What becomes of an image's attestations in registries.

use super::{ATTEST, CLI_IT};
use crate::attack::case::{Case, Control};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 34,
        attack: "the attestations of an image are taken away or replaced by another image's, envelopes are added that are none, a bundle is attached that hides ours",
        stopped_by: "what is missing is said to be, each envelope is judged alone, and of a bundle it is said what it hides from whom",
        tests: &[
            CLI_IT.boots("image_chain::attestations_that_are_taken_away_or_replaced_are_missing"),
            CLI_IT.boots("image_chain::a_bundle_of_a_stranger_hides_nothing_and_is_said"),
            CLI_IT.boots("image_publish::what_somebody_attaches_does_not_spoil_a_published_image"),
            ATTEST.has(
                "verify::tests::images::what_strangers_attached_is_passed_over_and_proves_nothing",
            ),
        ],
        control: Control::Within(
            "attestations_that_are_taken_away_or_replaced_are_missing: put back, the same image passes",
        ),
        missing: None,
        untried: &[
            "a registry that shows everybody else other attestations than us",
            "whoever may push can take attestations away for good: nobody watches the registry",
        ],
    },
    Case {
        number: 40,
        attack: "an image is mirrored by a tool that leaves its attestations behind",
        stopped_by: "the copy does not verify; `bessemer image copy` and `cosign copy` take along what belongs to it",
        tests: &[
            CLI_IT.boots("image_chain::a_copy_verifies_where_the_tool_took_the_attestations_along"),
            CLI_IT.boots(
                "image_publish::an_image_under_another_name_is_not_the_one_that_was_asked_for",
            ),
            CLI_IT.boots(
                "image_chain::an_image_verifies_down_to_its_packages_and_offline_from_a_bundle",
            ),
        ],
        control: Control::Within(
            "a_copy_verifies_where_the_tool_took_the_attestations_along: skopeo's copy fails, those of cosign 2, cosign 3 and ours pass",
        ),
        missing: None,
        untried: &["crane and oras"],
    },
];
