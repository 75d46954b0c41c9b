use crate::derive::Derivation;
use crate::documents::{GuestMessage, LeftOut};
use crate::test_documents::{Run, issuer, run};
use bessemer_digest::Digest;

/// What is refused of a run whose record names the inputs as they are after the change.
fn refusal(change: impl Fn(&mut Run)) -> String {
    let mut run = run();
    change(&mut run);
    run.reseal();
    let issuer = issuer("https://factory.example");
    let refused = Derivation::new(&issuer, run.evidence());
    refused.unwrap_err().to_string()
}

#[test]
fn inputs_must_be_those_of_the_machine_and_of_the_job() {
    type Change = fn(&mut Run);
    let cases: [(&str, Change); 13] = [
        ("the words of the kernel's command line", |run| {
            run.guest_inputs.command_line.clear();
        }),
        ("the environment disk of the guest", |run| {
            run.guest_inputs.disks[0].sha256 = Some(Digest::of("x"));
        }),
        ("the sources disk of the guest", |run| {
            run.guest_inputs.disks[1].sha256 = None;
        }),
        ("the disks of the guest", |run| {
            run.guest_inputs.disks.remove(1);
        }),
        ("the size of the scratch disk", |run| {
            run.guest_inputs.disks[2].size -= 1;
        }),
        ("what is on the scratch disk", |run| {
            run.guest_inputs.disks[2].filled = None;
        }),
        ("what is on the output disk", |run| {
            run.guest_inputs.disks[3].filled.as_mut().unwrap().count = 1;
        }),
        ("the messages to the guest", |run| {
            run.guest_inputs.messages.pop();
        }),
        ("the messages to the guest", |run| {
            run.guest_inputs.messages.remove(0);
        }),
        ("one configuration", |run| {
            let again = run.guest_inputs.messages[0].clone();
            run.guest_inputs.messages.insert(1, again);
        }),
        ("the run was interactive", |run| {
            let shell = GuestMessage::Shell {
                id: "shell".to_owned(),
            };
            run.guest_inputs.messages.insert(2, shell);
        }),
        ("the source date that the guest was told", |run| {
            if let GuestMessage::Configure { environment, .. } = &mut run.guest_inputs.messages[0] {
                environment.remove("SOURCE_DATE_EPOCH");
            }
        }),
        ("what is left out of the guest inputs", |run| {
            if let GuestMessage::Configure { left_out, .. } = &mut run.guest_inputs.messages[0] {
                left_out.push(LeftOut::CertificateAuthority);
            }
        }),
    ];
    for (message, change) in cases {
        let found = refusal(change);
        assert!(found.contains(message), "{found} / {message}");
    }
}

#[test]
fn inputs_are_those_that_the_record_names() {
    let issuer = issuer("https://factory.example");
    for named in [None, Some(Digest::of("x"))] {
        let mut run = run();
        run.record.byproducts.guest_inputs = named;
        let refused = Derivation::new(&issuer, run.evidence()).unwrap_err();
        let refused = refused.to_string();
        assert!(refused.starts_with("the guest inputs is"), "{refused}");
    }
    assert!(Derivation::new(&issuer, run().evidence()).is_ok());
}
