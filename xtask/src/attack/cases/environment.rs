//! What a build starts from, and what of another build or of the host shows in it.

use super::{BUILD, CLI_IT, FETCH, SIGNER_IT, VM, VM_IT};
use crate::attack::case::{Case, Control};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 10,
        attack: "a build writes to every writable place so that the next one starts from it",
        stopped_by: "environment disks are read-only, scratch disks new; a disk that was changed in the cache is measured and made again",
        tests: &[
            VM.has("disk::tests::images_are_sparse_and_never_overwritten"),
            BUILD.has("environment::remembered::tests::changed_content_is_noticed_even_with_the_old_time_of_change"),
            CLI_IT.boots("reproducible::two_builds_give_the_same_packages_and_index"),
            CLI_IT.boots("traces::nothing_that_one_guest_writes_is_there_for_the_next"),
        ],
        control: Control::Within("`nothing_that_one_guest_writes_is_there_for_the_next`: a later step of the same guest finds what the earlier one wrote"),
        missing: None,
        untried: &["firmware variables and swap, of which a guest has none"],
    },
    Case {
        number: 11,
        attack: "machines restored from one snapshot share seeds and identities",
        stopped_by: "every machine boots; there is no way to restore one",
        tests: &[VM_IT.boots("fresh::two_guests_of_the_same_files_share_no_identity_and_no_seed")],
        control: Control::Tests(&[VM_IT.boots(
            "fresh::control_run_two_machines_restored_from_one_snapshot_share_both",
        )]),
        missing: None,
        untried: &[
            "what the kernel draws after it was restored: under emulation its jitter differs at once; a program's seed is what stays",
        ],
    },
    Case {
        number: 12,
        attack: "something else is put into a cache under the name of what a build will take",
        stopped_by: "objects are named by their digest and hashed on their way out; cached disks are measured when their file changed in any way",
        tests: &[
            FETCH.has("files::a_corrupt_object_is_fetched_again"),
            BUILD.has("environment::remembered::tests::changed_content_is_noticed_even_with_the_old_time_of_change"),
            BUILD.has("environment::remembered::tests::a_replaced_or_missing_file_is_noticed"),
            BUILD.has("environment::remembered::tests::what_others_can_write_is_always_measured"),
        ],
        control: Control::Tests(&[
            // A record that lies is believed where nothing is measured.
            BUILD.has("environment::remembered::tests::an_untouched_file_is_recalled_without_reading_it"),
        ]),
        missing: None,
        untried: &[
            "no recipe tries to write to the caches: its guest has no way to them (T2)",
            "builds with and without caches are not compared regularly",
        ],
    },
    Case {
        number: 14,
        attack: "an untrusted build, whose repository has other bytes under the same name and version, fills the caches that a release uses",
        stopped_by: "there is one scope, in which nothing but digests names an object or a disk: what a build may choose is no name of it",
        tests: &[
            CLI_IT.boots("caches::a_release_takes_nothing_of_an_untrusted_build_before_it"),
            BUILD.has("environment::shared::an_untrusted_build_cannot_fill_the_place_of_a_release"),
            FETCH.has("files::every_given_digest_is_checked"),
        ],
        control: Control::Tests(&[BUILD.has(
            "environment::shared::control_run_a_disk_named_by_names_and_versions_is_taken_from_the_untrusted_build",
        )]),
        missing: None,
        untried: &[
            "scopes as such: an untrusted build can fill the disk, and learn from times whether something is cached",
            "what is remembered of an address for the next conditional request, which only the address names",
        ],
    },
    Case {
        number: 15,
        attack: "somebody enters a build with a shell, or keeps its disks, and has it signed",
        stopped_by: "such a build has no signer; a record or job that says so is refused",
        tests: &[
            CLI_IT.boots("entered::kept_disks_are_where_it_says_and_nothing_is_attested"),
            CLI_IT.boots("entered::a_shell_at_a_failed_step_takes_commands_and_the_build_goes_on_unattested"),
            CLI_IT.boots("entered::a_shell_that_gives_up_ends_the_build"),
            SIGNER_IT.has("refusals::refuses_jobs_it_must_not_take"),
            SIGNER_IT.has("refusals::refuses_records_that_are_not_what_was_registered_or_measured"),
        ],
        control: Control::Within(
            "the end of refuses_records_that_are_not_what_was_registered_or_measured: the same record without the mark is signed",
        ),
        missing: None,
        untried: &["a control side that lies and leaves the mark out is believed: SECURITY.md"],
    },
    Case {
        number: 17,
        attack: "the host's name, language, mask, processor, kernel or paths show in a package",
        stopped_by: "a guest has a processor by name, an environment of its own and the time of SOURCE_DATE_EPOCH in its outputs; the number of processors is recorded",
        tests: &[
            CLI_IT.boots("host::hosts_that_differ_make_the_same_package"),
            CLI_IT.boots("host::the_number_of_processors_is_seen_in_a_guest_and_recorded"),
            CLI_IT.boots("reproducible::two_builds_give_the_same_packages_and_index"),
        ],
        control: Control::Tests(&[
            CLI_IT.boots("host::control_run_without_a_machine_kernel_and_processor_are_the_hosts"),
            CLI_IT.boots("host::control_run_a_shell_of_the_host_ships_its_name_language_and_paths"),
        ]),
        missing: None,
        untried: &[
            "another model of processor: guests get one by name under emulation, and there is one host",
            "the clock: a guest has the host's, and a step that prints the time ships it",
        ],
    },
    Case {
        number: 38,
        attack: "kernel, initramfs, agent or environment were changed before they start",
        stopped_by: "they are measured for every run and held against lock and attestation; the gate's word is asked before the first start",
        tests: &[
            SIGNER_IT.has("environment::nothing_boots_on_the_word_of_another_package"),
            SIGNER_IT.has("environment::what_boots_is_verified_before_it_starts_and_provenance_names_the_verdict"),
            BUILD.has("environment::remembered::tests::changed_content_is_noticed_even_with_the_old_time_of_change"),
            CLI_IT.boots("gate::what_guests_boot_is_published_only_when_somebody_says_so"),
            CLI_IT.boots("own_kernel::the_gate_speaks_of_every_environment_before_it_starts"),
        ],
        control: Control::Within(
            "the end of what_boots_is_verified_before_it_starts_and_provenance_names_the_verdict: a job for which nobody asks the gate boots and is signed, whatever its kernel is",
        ),
        missing: None,
        untried: &[
            "no test changes a kernel between lock and start of a real build",
            "the local builder only notes a kernel without an attestation, and goes on",
        ],
    },
];
