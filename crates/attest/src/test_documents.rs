//! Documents of one small run for this crate's tests.

use crate::BuilderKind;
use crate::derive::{Evidence, Issuer};
use crate::documents::{
    Accelerator, AcceleratorChoice, Byproducts, Component, Components, ConfigSource, DiskName,
    FilledBlocks, GuestDisk, GuestInputs, GuestInputsSchema, GuestMessage, JailChoice,
    JailObservation, JobSpec, JobSpecSchema, LeftOut, Limits, Lock, LockKind, LockSchema,
    LockedBoot, LockedFile, LockedIndex, LockedKey, LockedPackage, LockedPipeline, LockedSource,
    MachineObservation, Network, NetworkRecord, Outcome, Output, Parameters, Record, RecordSchema,
    StepResult, TestOutcome, TestRun, digest,
};
use bessemer_digest::Digest;
use serde_json::Value;
use std::collections::BTreeMap;

/// Job spec, locks and record that agree.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) job_spec: JobSpec,
    pub(crate) lock: Lock,
    pub(crate) test_locks: Vec<Lock>,
    pub(crate) record: Record,
    pub(crate) networks: Vec<NetworkRecord>,
    pub(crate) guest_inputs: GuestInputs,
}

impl Run {
    pub(crate) fn evidence(&self) -> Evidence<'_> {
        Evidence {
            job_spec: &self.job_spec,
            lock: &self.lock,
            test_locks: &self.test_locks,
            record: &self.record,
            environment: Some(Digest::of("environment")),
            networks: &self.networks,
            guest_inputs: &self.guest_inputs,
        }
    }

    /// Writes the digests again after a change, so that only the change is wrong.
    pub(crate) fn reseal(&mut self) {
        self.job_spec.lock = digest(&self.lock).unwrap();
        self.record.lock = self.job_spec.lock;
        self.record.job_spec = digest(&self.job_spec).unwrap();
        self.record.byproducts.guest_inputs = Some(digest(&self.guest_inputs).unwrap());
        if let Some(lock) = self.test_locks.first() {
            self.record.tests[0].lock = Some(digest(lock).unwrap());
        }
    }
}

pub(crate) fn issuer(base: &str) -> Issuer {
    Issuer {
        base: base.to_owned(),
        builder: BuilderKind::Local,
        signer: component("signer"),
    }
}

pub(crate) fn run() -> Run {
    let mut test_lock = lock(LockKind::Test);
    test_lock.packages.push(LockedPackage {
        uri: "packages/x86_64/hello-2.12-r0.apk".to_owned(),
        attestation: None,
        from_build: true,
        ..package("hello", "hello-2.12-r0.apk")
    });
    let mut run = Run {
        job_spec: job_spec(),
        lock: lock(LockKind::Build),
        test_locks: vec![test_lock],
        record: record(),
        networks: Vec::new(),
        guest_inputs: guest_inputs(),
    };
    run.reseal();
    run
}

fn component(name: &str) -> Component {
    Component {
        version: "0.1.0".to_owned(),
        sha256: Digest::of(name),
    }
}

fn package(name: &str, content: &str) -> LockedPackage {
    LockedPackage {
        name: name.to_owned(),
        version: "2.12-r0".to_owned(),
        architecture: "x86_64".to_owned(),
        uri: format!("repository/x86_64/{name}-2.12-r0.apk"),
        sha256: Digest::of(content),
        size: 1234,
        control_sha1: "da39a3ee5e6b4b0d3255bfef95601890afd80709".to_owned(),
        attestation: Some(Digest::of("attestation")),
        from_build: false,
    }
}

fn lock(kind: LockKind) -> Lock {
    let file = |name: &str| Digest::of(name);
    Lock {
        schema: LockSchema::V1,
        kind,
        plan: file("plan"),
        architecture: "x86_64".to_owned(),
        recipe: LockedFile {
            path: "hello.yaml".to_owned(),
            sha256: file("hello.yaml"),
        },
        pipelines: vec![LockedPipeline {
            uses: "autoconf/make".to_owned(),
            origin: "builtin".to_owned(),
            sha256: file("make.yaml"),
        }],
        environment_files: Vec::new(),
        sources: vec![LockedSource {
            git: None,
            id: "main/0".to_owned(),
            uri: "https://example.test/hello.tar.gz".to_owned(),
            sha256: file("hello.tar.gz"),
            size: 99,
        }],
        indexes: vec![LockedIndex {
            uri: "repository/x86_64/APKINDEX.tar.gz".to_owned(),
            sha256: file("index"),
            key: "local.rsa.pub".to_owned(),
            tag: None,
        }],
        keys: vec![LockedKey {
            name: "local.rsa.pub".to_owned(),
            sha256: file("key"),
        }],
        packages: vec![package("gcc", "gcc.apk")],
        boot: LockedBoot {
            package: Some(package("kernel", "kernel.apk")),
            kernel: Some(file("kernel")),
            initramfs: Some(file("initramfs")),
            agent: file("agent"),
            agent_package: None,
        },
        environment_disk: Some(file("disk")),
    }
}

fn job_spec() -> JobSpec {
    JobSpec {
        schema: JobSpecSchema::V1,
        plan: Digest::of("plan"),
        lock: Digest::of("set by reseal"),
        config_source: ConfigSource {
            repository: None,
            reference: None,
            commit: None,
            path: "hello.yaml".to_owned(),
            sha256: Digest::of("hello.yaml"),
        },
        external_parameters: Parameters {
            architecture: "x86_64".to_owned(),
            ..Parameters::default()
        },
        limits: Limits {
            vcpus: 2,
            memory_mib: 1024,
            scratch_mib: 4096,
            output_mib: 1024,
            timeout_seconds: 3600,
            log_bytes: 16 << 20,
        },
        network: Network::None,
        network_policy: None,
        accelerator: AcceleratorChoice::Auto,
        jail: JailChoice::Auto,
        source_date_epoch: 1_700_000_000,
        cpu_baseline: "Nehalem".to_owned(),
        interactive: false,
    }
}

fn machine() -> MachineObservation {
    MachineObservation {
        accelerator: Accelerator::Tcg,
        machine: "microvm".to_owned(),
        cpu_baseline: "Nehalem".to_owned(),
        vcpus: 2,
        memory_mib: 1024,
        qemu_version: Some("7.2.0".to_owned()),
        qemu_sha256: Some(Digest::of("qemu")),
        kernel: Some(Digest::of("kernel")),
        initramfs: Some(Digest::of("initramfs")),
        host_kernel: None,
        agent: Digest::of("agent"),
        environment_disk: Digest::of("disk"),
        sources_disk: Some(Digest::of("sources")),
        jail: JailObservation {
            profile: "host".to_owned(),
            applied: vec!["namespaces".to_owned(), "no_new_privs".to_owned()],
            missing: vec!["uid".to_owned()],
        },
    }
}

fn record() -> Record {
    let set = Digest::of("set by reseal");
    let time = |text: &str| text.parse().unwrap();
    Record {
        schema: RecordSchema::V1,
        invocation_id: "0123".to_owned(),
        job_spec: set,
        plan: Digest::of("plan"),
        lock: set,
        started_on: time("2026-11-23T10:00:00Z"),
        finished_on: time("2026-11-23T10:05:00Z"),
        outcome: Outcome::Success,
        interactive: false,
        build_machine: machine(),
        outputs: vec![Output {
            file: "hello-2.12-r0.apk".to_owned(),
            sha256: Digest::of("hello-2.12-r0.apk"),
            size: 1234,
            package: "hello".to_owned(),
            version: "2.12-r0".to_owned(),
            architecture: "x86_64".to_owned(),
            control_sha256: Digest::of("control"),
            data_sha256: Digest::of("data"),
            sbom: Digest::of("{}"),
        }],
        tests: vec![TestRun {
            package: "hello".to_owned(),
            subject: Digest::of("hello-2.12-r0.apk"),
            lock: Some(set),
            outcome: TestOutcome::Passed,
            machine: Some(machine()),
            log: Some(Digest::of("test log")),
            steps: vec![StepResult {
                name: "runs hello".to_owned(),
                status: 0,
            }],
            started_on: Some(time("2026-11-23T10:04:00Z")),
            finished_on: Some(time("2026-11-23T10:05:00Z")),
        }],
        networks: Vec::new(),
        byproducts: Byproducts {
            guest_inputs: None,
            log: Digest::of("log"),
            plan: Digest::of("plan"),
            manifest: Digest::of("manifest"),
        },
        components: Components {
            controller: component("controller"),
            jailer: component("jailer"),
            signer: component("signer"),
        },
    }
}

/// What the machine's guest was given.
fn guest_inputs() -> GuestInputs {
    let read_only = |name, content| GuestDisk {
        name,
        size: 8192,
        sha256: Some(Digest::of(content)),
        filled: None,
    };
    let writable = |name, mib: u64, count| GuestDisk {
        name,
        size: mib << 20,
        sha256: None,
        filled: Some(FilledBlocks {
            count,
            sha256: Digest::of("filled"),
        }),
    };
    let date = job_spec().source_date_epoch.to_string();
    let run = GuestMessage::Run {
        id: "main/0".to_owned(),
        argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), "make".to_owned()],
        directory: "/home/build".to_owned(),
        environment: BTreeMap::new(),
        timeout_seconds: 3600,
    };
    GuestInputs {
        schema: GuestInputsSchema::V1,
        command_line: vec!["quiet".to_owned()],
        disks: vec![
            read_only(DiskName::Environment, "disk"),
            read_only(DiskName::Sources, "sources"),
            writable(DiskName::Scratch, 4096, 40),
            writable(DiskName::Output, 1024, 0),
        ],
        messages: vec![
            GuestMessage::Configure {
                environment: [("SOURCE_DATE_EPOCH".to_owned(), date)].into(),
                hostname: "bessemer".to_owned(),
                left_out: vec![LeftOut::Clock],
            },
            run,
            GuestMessage::Archive {
                paths: vec!["/home/build/melange-out".to_owned()],
            },
            GuestMessage::PowerOff {},
        ],
    }
}

/// Every key of a document, in the order of the document.
pub(crate) fn keys(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                found.push(key.clone());
                keys(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}
