//! What happens in the new process, from its first instruction to the program's.
#![allow(unsafe_code, reason = "exec by system call")]

mod credentials;
mod descriptors;
mod landlock;
mod layers;
mod limits;
mod root;
mod seccomp;

pub(crate) use credentials::die_with_parent;
pub(crate) use layers::Layers;

use crate::omitted::omitted;
use crate::request::{Kind, Request};
use landlock::Enforced;
use std::ffi::{CString, c_char};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

/// A step that failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub(crate) struct JailError {
    step: &'static str,
    source: io::Error,
}

fn step<T>(step: &'static str, result: Result<T, impl Into<io::Error>>) -> Result<T, JailError> {
    result.map_err(|error| JailError {
        step,
        source: error.into(),
    })
}

/// How this jail differs from others.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// QEMU, or the proxy.
    pub(crate) program: &'a Path,
    /// The profile `pod`: no namespaces, and so no root of its own.
    pub(crate) pod: bool,
    /// uid and gid to take; `None` keeps what there is.
    pub(crate) own_uid: Option<u32>,
    /// Whether there is a user namespace, in which this process has the capabilities that building
    /// a jail needs under any uid.
    pub(crate) user_namespace: bool,
    /// The group that may open `/dev/kvm`.
    pub(crate) kvm_group: Option<u32>,
    /// Whether no control group limits its memory.
    pub(crate) limit_memory: bool,
}

/// Builds the jail around this process, tells the layers and becomes the program; returns only when
/// that fails.
pub(crate) fn enter(plan: &Plan<'_>, request: &Request, report: impl Write) -> JailError {
    match prepare(plan, request, report) {
        Ok(never) => never,
        Err(error) => error,
    }
}

fn prepare(plan: &Plan<'_>, request: &Request, report: impl Write) -> Result<JailError, JailError> {
    let mut layers = Layers::default();
    step("leaving the session", rustix::process::setsid())?;
    if plan.user_namespace {
        // Files of the jail's root belong to this uid: root itself does not exist in there.
        credentials::take_uid(plan)?;
        if !omitted("no-nested-namespaces") {
            layers.record("no-nested-namespaces", credentials::forbid_namespaces());
        }
    }
    if plan.pod {
        layers.record("read-only-root", root::is_read_only());
    } else {
        enter_root(plan, request, &mut layers)?;
    }
    let (boot, files) = boot_files(plan, request);
    limits::set(plan, request, &mut layers)?;
    let placed = descriptors::place(request, &files);
    step("placing descriptors", placed)?;
    layers.applied("closed-descriptors");
    if !plan.user_namespace {
        credentials::take_uid(plan)?;
    }
    credentials::drop_privilege(&mut layers)?;
    if !omitted("landlock") {
        restrict_files(plan, request, &mut layers);
    }
    if !omitted("system-call-filter") {
        layers.record("system-call-filter", seccomp::install());
    }
    // Once more: a change of credentials clears it.
    step("binding to the jailer's life", die_with_parent())?;
    layers.applied("parent-death-signal");
    layers.applied("empty-environment");
    // Fails when the jailer has gone in the meantime.
    step("reporting the layers", layers.write(report))?;
    let program = match request.kind {
        Kind::Proxy { .. } if !plan.pod => Path::new(root::PROXY),
        _ => plan.program,
    };
    Ok(exec(program, request, &boot))
}

/// A root and a host name of its own; neither can be had where the namespace is the host's.
fn enter_root(plan: &Plan<'_>, request: &Request, layers: &mut Layers) -> Result<(), JailError> {
    if !omitted("pivot-root") && !omitted("mount-namespace") {
        root::build(plan.program, request)?;
        layers.applied("pivot-root");
    }
    if omitted("uts-namespace") {
        return Ok(());
    }
    let name = rustix::system::sethostname(b"jail");
    step("setting the host name", name)
}

/// What QEMU is told of its kernel and initramfs, and the descriptors that this takes. A proxy boots
/// nothing.
fn boot_files<'a>(plan: &Plan<'_>, request: &'a Request) -> (Vec<String>, Vec<&'a OwnedFd>) {
    let Kind::Machine { kernel, initramfs } = &request.kind else {
        return (Vec::new(), Vec::new());
    };
    let (paths, files) = if plan.pod {
        let before = request.inherited.len();
        let paths = [before, before + 1].map(descriptors::path_of);
        (paths, vec![kernel, initramfs])
    } else {
        (
            ["/boot/kernel", "/boot/initramfs"].map(str::to_owned),
            Vec::new(),
        )
    };
    let [kernel, initramfs] = paths;
    let words = [
        "-kernel".to_owned(),
        kernel,
        "-initrd".to_owned(),
        initramfs,
    ];
    (words.into(), files)
}

/// The `pod` profile depends on what holds signals back: machines there have the same uid.
fn restrict_files(plan: &Plan<'_>, request: &Request, layers: &mut Layers) {
    let restricted = if request.is_proxy() {
        landlock::restrict_proxy(plan.pod.then_some(plan.program))
    } else {
        landlock::restrict(request.text.kvm, !plan.pod)
    };
    let version = match &restricted {
        Ok(Enforced::Version(version)) => Some(*version),
        _ => None,
    };
    layers.record("landlock", restricted.map(drop));
    if !plan.pod {
        return;
    }
    match version {
        None => layers.applied("landlock-scope"),
        Some(version) => layers.missing(
            "landlock-scope",
            format_args!("this kernel's Landlock is version {version}, 6 is needed (Linux 6.12)"),
        ),
    }
}

fn file_size(file: &OwnedFd) -> u64 {
    rustix::fs::fstat(file).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0))
}

fn exec(program: &Path, request: &Request, boot: &[String]) -> JailError {
    let text = |text: &[u8]| CString::new(text).unwrap_or_default();
    let program = text(program.as_os_str().as_bytes());
    let boot: Vec<CString> = boot.iter().map(|word| text(word.as_bytes())).collect();
    let arguments: Vec<*const c_char> = std::iter::once(program.as_ptr())
        .chain(
            request
                .text
                .arguments
                .iter()
                .map(|argument| argument.as_ptr()),
        )
        .chain(boot.iter().map(|word| word.as_ptr()))
        .chain([ptr::null()])
        .collect();
    let kept: Vec<CString> = if omitted("empty-environment") {
        let word = |(name, value): (String, String)| text(format!("{name}={value}").as_bytes());
        std::env::vars().map(word).collect()
    } else {
        Vec::new()
    };
    let environment = kept.iter().map(|word| word.as_ptr());
    let environment: Vec<_> = environment.chain([ptr::null::<c_char>()]).collect();
    // SAFETY: both arrays end with a null pointer, and every string lives until the call returns.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    JailError {
        step: "starting the program",
        source: io::Error::last_os_error(),
    }
}
