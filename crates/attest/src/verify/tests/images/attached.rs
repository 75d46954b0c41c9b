//! What anybody may attach beside a valid provenance takes nothing away from it, and adds nothing.

use super::super::logged::Log;
use super::*;
use crate::LoggedSignature;
use bessemer_tlog::Proof;

type Change = fn(&mut Value);

/// An image with a log, in which its statements are.
struct Logged {
    image: Image,
    log: Log,
    attached: Sidecar,
}

impl Logged {
    fn new() -> Self {
        let mut image = Image::new();
        let mut log = Log::new(&image.root.base);
        image.root.keys.push(log.trusted());
        let mut attached = Sidecar::default();
        for (role, payload) in &image.payloads {
            let envelope = Envelope::seal(payload, image.key(*role)).unwrap();
            let proof = prove(&image, &mut log, *role, &envelope);
            attached.push_logged(envelope, proof);
        }
        Self {
            image,
            log,
            attached,
        }
    }

    /// Attaches this first, where it is read first.
    fn with_first(&self, envelope: Envelope) -> Sidecar {
        let mut attached = Sidecar::default();
        attached.push(envelope);
        self.then_valid(attached)
    }

    fn then_valid(&self, mut attached: Sidecar) -> Sidecar {
        let valid = self.attached.envelopes().iter();
        for (envelope, proof) in valid.zip(self.attached.proofs()) {
            attached.push_logged(envelope.clone(), proof.clone());
        }
        attached
    }

    fn refused(&self, attached: &Sidecar) -> Vec<String> {
        let report = self.image.verify(attached).unwrap();
        assert!(report.sbom_named && report.log.is_some(), "{report:?}");
        assert_eq!((report.provenances, report.suitable), (1, 1));
        assert_eq!(report.refused_count, report.refused.len());
        let reasons = report.refused.into_iter().map(|one| one.reason);
        reasons.collect()
    }

    /// Why the image does not verify with this alone.
    fn alone(&self, envelope: &Envelope) -> String {
        let alone = Sidecar::new(vec![envelope.clone()]);
        self.image.verify(&alone).unwrap_err().to_string()
    }
}

fn prove(image: &Image, log: &mut Log, role: Role, envelope: &Envelope) -> Proof {
    let key = image.key(role).public().id().hex();
    let time = Timestamp::from_unix(1_500).unwrap();
    let entry = LoggedSignature::new(time, role, key, envelope.digest().unwrap());
    let index = log.append(entry.to_bytes().unwrap());
    log.prove(index)
}

/// An envelope with something changed in its JSON.
fn changed(envelope: &Envelope, change: impl Fn(&mut Value)) -> Envelope {
    let mut value: Value = serde_json::from_slice(&envelope.to_line().unwrap()).unwrap();
    change(&mut value);
    Envelope::parse(value.to_string().as_bytes()).unwrap()
}

#[test]
fn a_bad_envelope_takes_nothing_away() {
    let logged = Logged::new();
    let genuine = &logged.attached.envelopes()[0];
    let cases: [(&str, Change); 4] = [
        ("2 signatures", |value| {
            let twice = value["signatures"][0].clone();
            value["signatures"].as_array_mut().unwrap().push(twice);
        }),
        ("payload type is", |value| {
            value["payloadType"] = "text/plain\u{1b}[2J\u{202e}".into();
        }),
        ("nothing beside it proves", |value| {
            value["signatures"][0]["keyid"] = "other".into();
        }),
        ("not standard base64", |value| {
            value["payload"] = "?".into();
        }),
    ];
    for (reason, change) in cases {
        let bad = changed(genuine, change);
        let refused = logged.refused(&logged.with_first(bad.clone()));
        assert_eq!(refused.len(), 1);
        assert!(refused[0].contains(reason), "{refused:?}");
        assert!(!refused[0].contains(['\u{1b}', '\u{202e}']), "{refused:?}");
        let error = logged.alone(&bad);
        assert!(error.contains("1 attached; 1 refused"), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

/// For a signature (r, s) the pair (r, n - s) verifies as well; whoever has one makes the other.
#[test]
fn a_mirrored_signature_takes_nothing_away() {
    let logged = Logged::new();
    let mirrored = changed(&logged.attached.envelopes()[0], |value| {
        let signature = STANDARD.decode(value["signatures"][0]["sig"].as_str().unwrap());
        let mirrored = STANDARD.encode(mirrored(&signature.unwrap()));
        value["signatures"][0]["sig"] = mirrored.into();
    });
    assert!(
        mirrored
            .open(&logged.image.key(Role::Image).public())
            .is_ok()
    );
    let refused = logged.refused(&logged.with_first(mirrored.clone()));
    assert!(
        refused[0].contains("nothing beside it proves"),
        "{refused:?}"
    );
    assert!(logged.alone(&mirrored).contains("nothing beside it proves"));
}

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn mirrored(der: &[u8]) -> Vec<u8> {
    let r_end = 4 + usize::from(der[3]);
    let s = &der[r_end + 2..];
    let mut other = [0_u8; 32];
    let mut borrow = 0;
    for place in 0..32 {
        let digit = s.len().checked_sub(place + 1).map_or(0, |at| s[at]);
        let left = i16::from(ORDER[31 - place]) - i16::from(digit) - borrow;
        borrow = i16::from(left < 0);
        other[31 - place] = u8::try_from(left + 256 * borrow).unwrap();
    }
    let start = other.iter().position(|byte| *byte != 0).unwrap();
    let mut integer = other[start..].to_vec();
    if integer[0] >= 0x80 {
        integer.insert(0, 0);
    }
    let mut mirrored = der[..r_end].to_vec();
    mirrored.extend([2, u8::try_from(integer.len()).unwrap()]);
    mirrored.extend(integer);
    mirrored[1] = u8::try_from(mirrored.len() - 2).unwrap();
    mirrored
}

#[test]
fn a_genuine_envelope_of_another_image_takes_nothing_away() {
    let mut logged = Logged::new();
    let mut other: Value = serde_json::from_slice(&logged.image.payloads[0].1).unwrap();
    for subject in other["subject"].as_array_mut().unwrap() {
        subject["digest"]["sha256"] = Digest::of("another").hex().into();
    }
    let payload = serde_json::to_vec(&other).unwrap();
    let envelope = Envelope::seal(&payload, logged.image.key(Role::Image)).unwrap();
    let proof = prove(&logged.image, &mut logged.log, Role::Image, &envelope);
    let mut attached = Sidecar::default();
    attached.push_logged(envelope.clone(), proof);
    let refused = logged.refused(&logged.then_valid(attached));
    assert!(refused[0].contains("not among the subjects"), "{refused:?}");
    assert!(logged.alone(&envelope).contains("not among the subjects"));
}

#[test]
fn an_envelope_of_a_revoked_key_takes_nothing_away() {
    let mut logged = Logged::new();
    let old = TestKey::generate();
    let envelope = Envelope::seal(&logged.image.payloads[0].1, &old).unwrap();
    let id = old.public().id().hex();
    let time = Timestamp::from_unix(1_500).unwrap();
    let digest = envelope.digest().unwrap();
    let entry = LoggedSignature::new(time, Role::Image, id.clone(), digest);
    let index = logged.log.append(entry.to_bytes().unwrap());
    let keys = &mut logged.image.root.keys;
    let mut revoked = keys
        .iter()
        .find(|key| key.role == Role::Image)
        .unwrap()
        .clone();
    (revoked.id, revoked.public_key_pem) = (id, old.public().to_pem());
    revoked.until = Some(index);
    keys.push(revoked);
    let mut attached = Sidecar::default();
    attached.push_logged(envelope, logged.log.prove(index));
    let error = logged.image.verify(&attached).unwrap_err().to_string();
    assert!(error.contains("does not count"), "{error}");
    let refused = logged.refused(&logged.then_valid(attached.clone()));
    assert!(refused[0].contains("does not count"), "{refused:?}");
    // Control: while its key counts, the same envelope is a second provenance.
    logged.image.root.keys.last_mut().unwrap().until = None;
    let report = logged.image.verify(&logged.then_valid(attached)).unwrap();
    assert_eq!((report.provenances, report.refused_count), (2, 0));
}

#[test]
fn a_broken_proof_beside_a_genuine_envelope_takes_nothing_away() {
    let logged = Logged::new();
    let mut broken = logged.attached.proofs()[0].clone();
    broken.index += 1;
    let genuine = logged.attached.envelopes()[0].clone();
    let mut attached = Sidecar::default();
    attached.push_logged(genuine, broken);
    let error = logged.image.verify(&attached).unwrap_err().to_string();
    assert!(error.contains("its proof does not hold"), "{error}");
    assert!(logged.refused(&logged.then_valid(attached)).is_empty());
}

#[test]
fn strangers_bury_no_reason_and_write_no_long_ones() {
    let logged = Logged::new();
    let genuine = &logged.attached.envelopes()[0];
    let mut envelopes: Vec<_> = (0..50)
        .map(|number| {
            changed(genuine, |value| {
                value["payloadType"] = format!("{number}{}", "x".repeat(1_000)).into();
            })
        })
        .collect();
    envelopes.push(genuine.clone());
    let attached = Sidecar::new(envelopes);
    let error = logged.image.verify(&attached).unwrap_err().to_string();
    for part in [
        "51 attached",
        "51 refused; envelope 51: nothing",
        "and 41 more",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(error.len() < 5_000, "{error}");
    let report = logged.image.verify(&logged.then_valid(attached)).unwrap();
    assert_eq!((report.refused_count, report.refused.len()), (50, 10));
    assert!(report.lines().iter().any(|line| line.ends_with("40 more")));
}
