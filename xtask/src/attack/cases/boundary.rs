//! Around a guest and its QEMU: what can be found, reached or taken over.

use super::{AGENT, CLI_IT, JAILER, PROXY_IT, SIGNER, SIGNER_IT, VM_IT};
use crate::attack::case::{Case, Control};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 1,
        attack: "root in a guest hunts for secrets in files, kernel parameters, processes and the kernel's log",
        stopped_by: "nothing of the signer enters a guest: no key, no socket, none of the host's environment",
        tests: &[CLI_IT.boots("reach::nothing_of_the_signer_is_in_a_guest")],
        control: Control::Tests(&[
            CLI_IT.boots("reach::control_run_the_probe_finds_what_is_put_there")
        ]),
        missing: None,
        untried: &[
            "ACPI, SMBIOS and fw_cfg are not read",
            "the guest's memory is not dumped and searched from the host",
            "no canary stands among the operator's credentials for servers",
        ],
    },
    Case {
        number: 2,
        attack: "a guest looks for another channel: vsock, ports, shared directories, further disks and buses",
        stopped_by: "QEMU is given four disks, two ports and entropy; no other device is there to be opened",
        tests: &[
            VM_IT.boots("devices::a_guest_has_loopback_and_what_the_design_lists"),
            CLI_IT.boots("failures::a_step_that_takes_the_agents_ports_away"),
        ],
        control: Control::Tests(&[
            VM_IT.boots("devices::control_run_the_probe_sees_what_must_not_be_there")
        ]),
        missing: None,
        untried: &[
            "the control run adds a network card, a disk and a port, no vsock and no shared directory",
        ],
    },
    Case {
        number: 3,
        attack: "a guest asks for metadata addresses, the host's loopback and private servers",
        stopped_by: "there is no network device; the proxy of a guest that has one refuses what is not public, after resolution",
        tests: &[
            VM_IT.boots("devices::a_guest_has_loopback_and_what_the_design_lists"),
            CLI_IT.boots("network::a_refused_request_fails_the_build_and_is_named"),
            PROXY_IT.has("refusals::addresses_that_are_not_public_are_refused_after_resolution"),
        ],
        control: Control::Tests(&[
            VM_IT.boots("devices::control_run_the_probe_sees_what_must_not_be_there"),
            CLI_IT.boots(
                "network::a_build_records_what_it_fetches_and_is_repeated_without_the_server",
            ),
        ]),
        missing: None,
        untried: &[
            "another guest, a registry's write API and a Kubernetes API: no test sets them up to be reached",
        ],
    },
    Case {
        number: 4,
        attack: "QEMU's process is looked at, and looks itself, for mounts, descriptors and an environment",
        stopped_by: "the jail: an empty root and environment, and closed descriptors",
        tests: &[
            VM_IT.boots("jailed::qemu_stands_in_every_layer_that_is_reported"),
            VM_IT.boots("escape::a_taken_over_qemu_reaches_nothing"),
        ],
        control: Control::Tests(&[
            VM_IT.boots("jailed::control_run_without_the_jail_the_same_checks_see_the_host"),
            VM_IT.boots("escape::control_run_without_the_jail_every_attempt_succeeds"),
            JAILER.boots("weakened::control_run_without_any_layer_every_attempt_succeeds"),
        ]),
        missing: None,
        untried: &["another build's paths: no second build runs beside it"],
    },
    Case {
        number: 5,
        attack: "another uid of the host uses the signer's socket",
        stopped_by: "the signer asks the kernel for its peer's uid and answers one; there is no token to steal",
        tests: &[
            SIGNER_IT.has("refusals::refuses_other_users_passwords_and_open_directories"),
            SIGNER_IT.has("refusals::keeps_its_keys_from_the_uid_that_asks_it"),
        ],
        control: Control::Tests(&[
            SIGNER_IT.has("refusals::control_run_a_signer_that_is_told_another_uid_answers_it")
        ]),
        missing: None,
        untried: &["launchers' and pods' tokens: there are none in a factory of one host"],
    },
    Case {
        number: 9,
        attack: "one of two builds that run at the same time looks for the other and disturbs it",
        stopped_by: "each build has a machine of its own, and each QEMU a uid, namespaces, a root and a memory of its own",
        tests: &[
            CLI_IT.boots("beside::a_build_finds_nothing_of_another_that_runs_beside_it"),
            VM_IT.boots("escape::a_taken_over_qemu_reaches_nothing"),
            JAILER.has("slot::tests::a_slot_is_one_machines_until_it_is_dropped"),
        ],
        control: Control::Tests(&[
            CLI_IT.boots("beside::control_run_in_one_guest_the_same_search_finds_everything")
        ]),
        missing: None,
        untried: &[
            "sharing of memory pages by the host's kernel, huge pages, and what times of access tell",
            "a network between the two: that neither has a card is T2's",
        ],
    },
    Case {
        number: 18,
        attack: "data leaves or enters by DNS, CONNECT, an address in disguise, or a name in TLS that is not the one asked for",
        stopped_by: "no network device; names have one address and no question leaves; the proxy speaks HTTP to public servers alone and records it",
        tests: &[
            VM_IT.boots("devices::a_guest_has_loopback_and_what_the_design_lists"),
            AGENT.has("network::dns::tests::every_name_has_one_address"),
            PROXY_IT.has("refusals::connect_is_for_http_only"),
            PROXY_IT.has("refusals::the_names_of_a_connection_must_be_one"),
            PROXY_IT.has("refusals::only_what_the_lists_allow_is_asked_for"),
            PROXY_IT.has("refusals::addresses_that_are_not_public_are_refused_after_resolution"),
        ],
        control: Control::Tests(&[
            VM_IT.boots("devices::control_run_the_probe_sees_what_must_not_be_there")
        ]),
        missing: None,
        untried: &[
            "ICMP, raw IP, IPv6 and QUIC are not sent from a guest that has a proxy: that it has no network card is what is tested",
            "data in URLs and bodies to public servers leaves: it is recorded and bounded, not stopped",
        ],
    },
    Case {
        number: 24,
        attack: "a program stands in QEMU's place under its uid and tries eighteen ways out, to eat all memory and to fork without end",
        stopped_by: "the jail: namespaces, no capabilities, Landlock, a filter of system calls, control groups, a limit in time",
        tests: &[
            VM_IT.boots("escape::a_taken_over_qemu_reaches_nothing"),
            VM_IT.boots("escape::nor_does_one_without_root_or_in_a_pod"),
            VM_IT.boots("escape::a_taken_over_proxy_reaches_the_network_and_nothing_else"),
            VM_IT.boots("escape::control_groups_hold_memory_and_processes"),
            VM_IT.boots("escape::a_machine_ends_when_its_time_is_over"),
            JAILER.boots("weakened::the_page_says_what_each_layer_holds_back"),
            CLI_IT.boots("reach::the_control_side_cannot_read_the_signer"),
            SIGNER.has("harden::tests::a_confined_signer_has_its_state_and_nothing_else"),
        ],
        control: Control::Tests(&[
            VM_IT.boots("escape::control_run_without_the_jail_every_attempt_succeeds"),
            VM_IT.boots("escape::control_run_without_control_groups_nothing_holds_them"),
            JAILER.boots("weakened::control_run_without_any_layer_every_attempt_succeeds"),
        ]),
        missing: None,
        untried: &[
            "/dev/kvm: no machine at hand has it",
            "another machine's disks and a real signer's socket are not among the attempts",
        ],
    },
];
