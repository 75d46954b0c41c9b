//! A finished run as the control side would hand it over, each part of which a test can change.

use bessemer_attest::Sidecar;
use bessemer_attest::documents::{
    GuestInputs, JobSpec, Lock, Record, Timestamp, canonical_bytes, digest,
};
use bessemer_digest::Digest;
use bessemer_signer::{Client, ClientError, FinishedRun, memory_file};
use serde_json::json;
use std::fs::File;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const SIGNATURE: &[u8] = b"signature member";

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) job_spec: JobSpec,
    pub(crate) lock: Lock,
    pub(crate) test_lock: Lock,
    pub(crate) record: Record,
    pub(crate) control: Vec<u8>,
    pub(crate) apk: Vec<u8>,
    pub(crate) sbom: Vec<u8>,
    pub(crate) log: Vec<u8>,
    pub(crate) test_log: Vec<u8>,
    pub(crate) guest_inputs: GuestInputs,
    pub(crate) signature_size: u64,
}

/// The documents of a run that is not registered yet.
pub(crate) fn new() -> Run {
    let (control, sbom) = (
        b"control member".to_vec(),
        br#"{"spdxVersion": "SPDX-2.3"}"#.to_vec(),
    );
    let apk = [SIGNATURE, &control, b"data member"].concat();
    let (log, test_log) = (b"log".to_vec(), b"test log".to_vec());
    let lock = lock("build", &[]);
    let own = package("hello", Digest::of(&apk), true);
    let test_lock = self::lock("test", &[own]);
    let job_spec = job_spec(&lock);
    let record = record(&job_spec, &lock, &test_lock, &apk);
    let mut run = Run {
        job_spec,
        lock,
        test_lock,
        record,
        control,
        apk,
        sbom,
        log,
        test_log,
        guest_inputs: guest_inputs(),
        signature_size: SIGNATURE.len() as u64,
    };
    let inputs = digest(&run.guest_inputs).unwrap();
    run.record.byproducts.guest_inputs = Some(inputs);
    run.record.outputs[0].sbom = Digest::of(&run.sbom);
    run
}

impl Run {
    pub(crate) fn register(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let registration = client.register(&file(&self.job_spec), &file(&self.lock))?;
        self.record.invocation_id = registration.invocation_id;
        self.record.components.signer = registration.signer;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let now = Timestamp::from_unix(now).unwrap();
        self.record.started_on = now.clone();
        self.record.finished_on = now.clone();
        self.record.tests[0].started_on = Some(now.clone());
        self.record.tests[0].finished_on = Some(now);
        Ok(())
    }

    pub(crate) fn sign_control(
        &self,
        client: &mut Client,
    ) -> Result<(String, Vec<u8>), ClientError> {
        client.sign_control(
            &self.record.invocation_id,
            &memory_file(&self.control).unwrap(),
        )
    }

    pub(crate) fn finish(
        &self,
        client: &mut Client,
    ) -> Result<Vec<(String, Sidecar)>, ClientError> {
        let plain = |bytes: &[u8]| memory_file(bytes).unwrap();
        let (log, test_log) = (plain(&self.log), plain(&self.test_log));
        client.finish(&FinishedRun {
            record: &file(&self.record),
            locks: &[&file(&self.lock), &file(&self.test_lock)],
            logs: &[&log, &test_log],
            networks: &[],
            guest_inputs: &file(&self.guest_inputs),
            sboms: &[&plain(&self.sbom)],
            apks: &[&plain(&self.apk)],
            signature_sizes: &[self.signature_size],
        })
    }

    /// The same run with another data member.
    pub(crate) fn with_data(data: &[u8]) -> Self {
        let mut run = new();
        run.apk = [SIGNATURE, &run.control, data].concat();
        run.record.outputs[0].data_sha256 = Digest::of(data);
        run.is_of_its_apk();
        run
    }

    /// Writes the package's digest and size again after a change.
    pub(crate) fn is_of_its_apk(&mut self) {
        let whole = Digest::of(&self.apk);
        let output = &mut self.record.outputs[0];
        (output.sha256, output.size) = (whole, self.apk.len() as u64);
        self.test_lock = self::lock("test", &[package("hello", whole, true)]);
        self.record.tests[0].subject = whole;
        self.record.tests[0].lock = Some(digest(&self.test_lock).unwrap());
    }

    /// The same run in an environment of another package.
    pub(crate) fn in_another_environment() -> Self {
        let mut run = new();
        run.lock.packages[0].sha256 = Digest::of("clang");
        run.job_spec.lock = digest(&run.lock).unwrap();
        run.record.lock = run.job_spec.lock;
        run.record.job_spec = digest(&run.job_spec).unwrap();
        run
    }

    /// Registers, signs and finishes it: what lies beside the package.
    pub(crate) fn carried_out(&mut self, client: &mut Client) -> Sidecar {
        self.register(client).unwrap();
        self.sign_control(client).unwrap();
        self.finish(client).unwrap().remove(0).1
    }

    /// Registered, and nothing more.
    pub(crate) fn new_registered(client: &mut Client) -> Result<Self, ClientError> {
        let mut run = new();
        run.register(client)?;
        Ok(run)
    }

    /// Registered and with a signed control member: ready to be finished.
    pub(crate) fn ready(client: &mut Client) -> Self {
        let mut run = new();
        run.register(client).unwrap();
        run.sign_control(client).unwrap();
        run
    }
}

pub(crate) fn file<T: serde::Serialize>(document: &T) -> File {
    memory_file(&canonical_bytes(document).unwrap()).unwrap()
}

fn text(content: &str) -> String {
    Digest::of(content).to_string()
}

fn package(name: &str, sha256: Digest, from_build: bool) -> serde_json::Value {
    json!({
        "name": name, "version": "1.0-r0", "architecture": "x86_64",
        "uri": format!("repository/x86_64/{name}-1.0-r0.apk"), "sha256": sha256, "size": 1,
        "control_sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "from_build": from_build,
    })
}

fn lock(kind: &str, more: &[serde_json::Value]) -> Lock {
    let packages = [&[package("gcc", Digest::of("gcc"), false)], more].concat();
    let value = json!({
        "schema": "bessemer.lock/v1", "kind": kind, "plan": text("plan"),
        "architecture": "x86_64",
        "recipe": {"path": "hello.yaml", "sha256": text("recipe")},
        "pipelines": [], "sources": [], "indexes": [], "keys": [], "packages": packages,
        "boot": {"kernel": text("kernel"), "initramfs": text("initramfs"), "agent": text("agent")},
        "environment_disk": text("disk"),
    });
    serde_json::from_value(value).unwrap()
}

fn job_spec(lock: &Lock) -> JobSpec {
    let value = json!({
        "schema": "bessemer.job-spec/v1", "plan": text("plan"), "lock": digest(lock).unwrap(),
        "config_source": {"path": "hello.yaml", "sha256": text("recipe")},
        "external_parameters": {"architecture": "x86_64"},
        "limits": {
            "vcpus": 1, "memory_mib": 512, "scratch_mib": 512, "output_mib": 512,
            "timeout_seconds": 60, "log_bytes": 1000,
        },
        "network": "none", "accelerator": "auto", "jail": "auto", "source_date_epoch": 0,
        "cpu_baseline": "Nehalem", "interactive": false,
    });
    serde_json::from_value(value).unwrap()
}

fn record(job_spec: &JobSpec, lock: &Lock, test_lock: &Lock, apk: &[u8]) -> Record {
    let machine = json!({
        "accelerator": "tcg", "machine": "microvm", "cpu_baseline": "Nehalem", "vcpus": 1,
        "memory_mib": 512, "qemu_version": "7.2.0", "qemu_sha256": text("qemu"),
        "kernel": text("kernel"), "initramfs": text("initramfs"), "agent": text("agent"),
        "environment_disk": text("disk"),
        "jail": {"profile": "host", "applied": ["namespaces"], "missing": ["uid"]},
    });
    let component = json!({"version": "0.1.0", "sha256": text("program")});
    let value = json!({
        "schema": "bessemer.record/v1", "invocation_id": "",
        "job_spec": digest(job_spec).unwrap(), "plan": text("plan"), "lock": digest(lock).unwrap(),
        "started_on": "1970-01-01T00:00:00Z", "finished_on": "1970-01-01T00:00:00Z",
        "outcome": "success", "interactive": false, "build_machine": machine,
        "outputs": [{
            "file": "hello-1.0-r0.apk", "sha256": Digest::of(apk), "size": apk.len(),
            "package": "hello", "version": "1.0-r0", "architecture": "x86_64",
            "control_sha256": text("control member"), "data_sha256": text("data member"),
            "sbom": text("sbom"),
        }],
        "tests": [{
            "package": "hello", "subject": Digest::of(apk), "lock": digest(test_lock).unwrap(),
            "outcome": "passed", "machine": machine, "log": text("test log"),
            "steps": [{"name": "test/hello/0", "status": 0}],
        }],
        "byproducts": {"log": text("log"), "plan": text("plan"), "manifest": text("manifest")},
        "components": {"controller": component, "jailer": component, "signer": component},
    });
    serde_json::from_value(value).unwrap()
}

/// What the guest of such a build is given: no sources, no step.
fn guest_inputs() -> GuestInputs {
    let filled = |count| json!({"count": count, "sha256": text("")});
    let value = json!({
        "schema": "bessemer.guest-inputs/v1", "command_line": ["quiet"],
        "disks": [
            {"name": "environment", "size": 4096, "sha256": text("disk")},
            {"name": "scratch", "size": 512 << 20, "filled": filled(40)},
            {"name": "output", "size": 512 << 20, "filled": filled(0)},
        ],
        "messages": [
            {"kind": "configure", "environment": {"SOURCE_DATE_EPOCH": "0"}, "hostname": "x", "left_out": ["clock"]},
            {"kind": "power-off"},
        ],
    });
    serde_json::from_value(value).unwrap()
}
