//! `bessemer publish`: the gate admits what is proven, and a repository is whole at every moment.

use crate::commands::{ARCH, BESIDE, LIMIT, bessemer, build, names, publish, recipe, run, verify};
use crate::fixture::{FILES, tiny, trust_root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_apk::{Limits, read_index};
use bessemer_testkit::{Outcome, Running, Workshop};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const INDEX: &str = "APKINDEX.tar.gz";

/// A copy of what was built, so that it can be changed.
fn copied(workshop: &Workshop, file: &str) -> PathBuf {
    let from = tiny().builds[0].join(file);
    for end in BESIDE {
        let beside = format!("{file}{end}");
        workshop.file(&beside, fs::read(from.with_file_name(&beside)).unwrap());
    }
    workshop.file(file, fs::read(from).unwrap())
}

/// Refused with one error, and nothing was written.
#[track_caller]
fn refused(outcome: &Outcome, repository: &Path) {
    outcome.expect(1);
    assert_eq!(outcome.errors("error: ").count(), 1, "{outcome}");
    assert!(outcome.stderr.contains("is not admitted"), "{outcome}");
    assert_eq!(names(&repository.join(ARCH), ""), Vec::<String>::new());
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn what_is_not_proven_is_not_admitted() {
    let workshop = Workshop::new();
    let repository = workshop.at("repository");
    let package = copied(&workshop, FILES[0]);
    let sidecar = workshop.at(&format!("{}.intoto.jsonl", FILES[0]));
    let (bytes, envelopes) = (fs::read(&package).unwrap(), fs::read(&sidecar).unwrap());
    let publish = || run(&mut publish(std::slice::from_ref(&package), &repository));

    fs::remove_file(&sidecar).unwrap();
    refused(&publish(), &repository);
    let others = fs::read(tiny().builds[0].join(format!("{}.intoto.jsonl", FILES[1])));
    fs::write(&sidecar, others.unwrap()).unwrap();
    refused(&publish(), &repository);
    fs::write(&sidecar, &envelopes).unwrap();
    let proofs = workshop.at(&format!("{}.tlog-proof", FILES[0]));
    let logged = fs::read(&proofs).unwrap();
    fs::remove_file(&proofs).unwrap();
    refused(&publish(), &repository);
    fs::write(&proofs, &logged).unwrap();
    for position in [40, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        fs::write(&package, changed).unwrap();
        refused(&publish(), &repository);
    }
    fs::write(&package, &bytes).unwrap();
    publish().expect(0);
    assert_eq!(names(&repository.join(ARCH), ".apk"), [FILES[0]]);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_an_index_that_is_made_without_the_gate_offers_what_it_refuses() {
    let workshop = Workshop::new();
    let package = copied(&workshop, FILES[0]);
    fs::remove_file(workshop.at(&format!("{}.intoto.jsonl", FILES[0]))).unwrap();
    let repository = workshop.at("repository");
    let publish = run(&mut publish(std::slice::from_ref(&package), &repository));
    refused(&publish, &repository);
    let index = workshop.at(INDEX);
    let mut command = bessemer();
    command.arg("index").arg("-o").arg(&index).arg(&package);
    run(&mut command).expect(0);
    let archive = read_index(&fs::read(&index).unwrap(), Limits::default()).unwrap();
    let offered: Vec<_> = archive
        .index
        .entries
        .iter()
        .map(bessemer_apk::IndexEntry::file_name)
        .collect();
    assert_eq!(offered, [FILES[0]]);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn one_package_that_is_refused_keeps_all_of_them_out() {
    let workshop = Workshop::new();
    let repository = workshop.at("repository");
    let packages = FILES.map(|file| copied(&workshop, file));
    fs::remove_file(workshop.at(&format!("{}.intoto.jsonl", FILES[1]))).unwrap();
    refused(&run(&mut publish(&packages, &repository)), &repository);
}

/// Everything the index names is there as it says.
fn check_whole(repository: &Path, index: &[u8]) -> usize {
    let archive = read_index(index, Limits::default()).unwrap();
    for entry in &archive.index.entries {
        let file = repository.join(entry.file_name());
        assert_eq!(fs::metadata(&file).unwrap().len(), entry.size);
        for end in BESIDE {
            let beside = repository.join(format!("{}{end}", entry.file_name()));
            assert!(beside.exists(), "{}", beside.display());
        }
    }
    archive.index.entries.len()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_reader_sees_the_old_index_or_the_new_one() {
    let workshop = Workshop::new();
    let repository = workshop.at("repository");
    let packages = FILES.map(|file| copied(&workshop, file));
    run(&mut publish(&packages[..1], &repository)).expect(0);
    let folder = repository.join(ARCH);
    let path = folder.join(INDEX);
    let mut old = File::open(&path).unwrap();
    let before = fs::read(&path).unwrap();

    let mut running = Running::start(&mut publish(&packages[1..], &repository));
    let mut seen = Vec::new();
    while running.runs() {
        seen.push(check_whole(&folder, &fs::read(&path).unwrap()));
    }
    running.finish(LIMIT).expect(0);
    assert!(seen.contains(&1), "nobody looked: {seen:?}");
    assert_eq!(check_whole(&folder, &fs::read(&path).unwrap()), 2);
    // Another file took its place: whoever has the old one open reads on undisturbed.
    let mut still = Vec::new();
    old.read_to_end(&mut still).unwrap();
    assert!(still == before);
    let time = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    for name in names(&folder, "")
        .iter()
        .filter(|name| name.starts_with("tiny"))
    {
        assert!(
            time(&folder.join(name)) <= time(&path),
            "{name} came after the index"
        );
    }
    // Nothing but packages, their envelopes, the index and the publishers' lock.
    let others: Vec<_> = names(&folder, "")
        .into_iter()
        .filter(|name| !name.starts_with("tiny-") && name != INDEX && name != ".lock")
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn publishing_the_same_twice_changes_nothing() {
    let workshop = Workshop::new();
    let repository = workshop.at("repository");
    let packages = FILES.map(|file| copied(&workshop, file));
    let bytes = |name: &str| fs::read(repository.join(ARCH).join(name)).unwrap();
    run(&mut publish(&packages, &repository)).expect(0);
    let first = [INDEX, FILES[0], FILES[1]].map(bytes);
    run(&mut publish(&packages, &repository)).expect(0);
    assert!([INDEX, FILES[0], FILES[1]].map(bytes) == first);
}

/// The predicate of the gate's summary beside a published package.
fn summary(package: &Path) -> Value {
    let text = fs::read_to_string(format!("{}.intoto.jsonl", package.display())).unwrap();
    let statements = text.lines().map(|line| {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let payload = STANDARD
            .decode(envelope["payload"].as_str().unwrap())
            .unwrap();
        serde_json::from_slice::<Value>(&payload).unwrap()
    });
    let kind = "https://slsa.dev/verification_summary/v1";
    let mut found = statements.filter(|statement| statement["predicateType"] == kind);
    let summary = found.next().expect("no summary");
    assert!(found.next().is_none(), "two summaries");
    summary["predicate"].clone()
}

/// A recipe without tests that writes `content`, built; the package, and what was printed.
fn untested(workshop: &Workshop, content: &str) -> (PathBuf, Outcome) {
    let script = format!(
        "mkdir -p \"${{{{targets.destdir}}}}/etc\"\necho {content} > \"${{{{targets.destdir}}}}/etc/untested\""
    );
    let recipe = recipe(workshop, "untested", &[("write", &script)], "");
    let out = workshop.at("packages");
    let outcome = run(&mut build(&recipe, &out));
    outcome.expect(0);
    (out.join(ARCH).join("untested-1.0.0-r0.apk"), outcome)
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn an_untested_package_enters_only_where_that_is_allowed_and_the_summary_says_so() {
    let workshop = Workshop::new();
    let (package, outcome) = untested(&workshop, "one");
    assert!(outcome.stdout.trim_end().ends_with("untested"), "{outcome}");
    let repository = workshop.at("repository");
    let command = || publish(std::slice::from_ref(&package), &repository);
    refused(&run(&mut command()), &repository);
    run(command().arg("--allow-untested")).expect(0);
    let levels = |package: &Path| {
        let summary = summary(package);
        assert_eq!(summary["verificationResult"], "PASSED", "{summary}");
        (
            summary["verifiedLevels"].to_string(),
            summary["policy"].clone(),
        )
    };
    let (loose, loose_policy) = levels(&repository.join(ARCH).join("untested-1.0.0-r0.apk"));
    let (strict, strict_policy) = levels(&tiny().repositories[0].join(FILES[0]));
    assert!(!loose.contains("BESSEMER_TESTED"), "{loose}");
    assert!(strict.contains("BESSEMER_TESTED"), "{strict}");
    assert_ne!(loose_policy, strict_policy);

    let published = repository.join(ARCH).join("untested-1.0.0-r0.apk");
    run(&mut verify(&published, trust_root())).expect(1);
    let outcome = run(verify(&published, trust_root()).arg("--allow-untested"));
    outcome.expect(0);
    assert!(!outcome.stdout.contains("steps passed"), "{outcome}");

    // The same version with other bytes, as well proven: what is published is final.
    let other = Workshop::new();
    let (changed, _) = untested(&other, "two");
    let index = fs::read(repository.join(ARCH).join(INDEX)).unwrap();
    let outcome = run(publish(&[changed], &repository).arg("--allow-untested"));
    outcome.expect(1);
    assert!(
        outcome.stderr.contains("is published with other bytes"),
        "{outcome}"
    );
    assert!(fs::read(&published).unwrap() == fs::read(&package).unwrap());
    assert!(fs::read(repository.join(ARCH).join(INDEX)).unwrap() == index);
}
