//! What to change on a host, so that it can give more.

use super::Tried;
use super::report::Report;
use bessemer_vm::Accelerator;

/// By layer: what has to be done when it is missing.
const LAYERS: [(&str, &str); 8] = [
    (
        "own-uid",
        "start Bessemer as root: it divides itself, and every machine gets a uid",
    ),
    (
        "user-namespace",
        "allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns",
    ),
    (
        "no-nested-namespaces",
        "mount /proc with its sysctl files writable for root, or allow user namespaces",
    ),
    (
        "cgroup-limits",
        "start Bessemer as root on a host whose control groups have memory, pids and cpu (mount -t cgroup2, or version 1)",
    ),
    (
        "landlock",
        "boot a kernel with Landlock switched on (lsm=…,landlock; Linux 5.13 and later)",
    ),
    ("landlock-scope", "boot Linux 6.12 or later"),
    (
        "system-call-filter",
        "boot a kernel with seccomp filters (CONFIG_SECCOMP_FILTER)",
    ),
    (
        "read-only-root",
        "give the pod a read-only root file system (readOnlyRootFilesystem: true)",
    ),
];

/// A sentence for each thing that can be changed.
pub(super) fn of(report: &Report) -> Vec<String> {
    let mut advice = Vec::new();
    if report.probe.accelerator == Accelerator::Tcg {
        advice.push(
            "for KVM: a host with hardware virtualisation, and /dev/kvm with read and write for its group"
                .to_owned(),
        );
    }
    match &report.tried {
        Tried::Failed(_) if report.qemu.is_none() => {
            advice.push("install QEMU (Debian: qemu-system-x86)".to_owned());
        }
        Tried::Failed(_) => advice.push(
            "allow user namespaces, start Bessemer as root, or run it where `pod` is enough"
                .to_owned(),
        ),
        Tried::Ran(jail) => {
            let missing = jail.missing.iter();
            let names = missing.map(|line| line.split(':').next().unwrap_or_default());
            let known = names.filter_map(|name| LAYERS.iter().find(|(layer, _)| *layer == name));
            advice.extend(known.map(|(layer, text)| format!("for {layer}: {text}")));
        }
    }
    advice
}
