//! The launch request: the only bytes that the privileged program reads.

use crate::Target;
use request::{Limits, RequestText};
use std::ffi::CString;

#[path = "../../../crates/jailer/src/request.rs"]
#[allow(
    dead_code,
    reason = "the jailer is a program; only the part of a request that is bytes is wanted"
)]
mod request;

pub(crate) const REQUEST: Target = Target {
    name: "jailer_request",
    run,
    seeds,
    words: &["BSMRJL03", "\u{1}\0\0\0", "-device", "\0"],
};

fn run(data: &[u8]) {
    let Ok(text) = RequestText::decode(data) else {
        return;
    };
    let arguments: Vec<&[u8]> = text.arguments.iter().map(CString::as_bytes).collect();
    assert_eq!(
        encode(text.proxy, text.kvm, text.limits, &arguments),
        data,
        "one spelling for a request"
    );
}

fn encode(proxy: bool, kvm: bool, limits: Limits, arguments: &[&[u8]]) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let mut bytes = b"BSMRJL03".to_vec();
    bytes.extend(number(usize::from(proxy)));
    bytes.extend(number(usize::from(kvm)));
    for limit in [
        limits.memory_mib,
        limits.tasks,
        limits.cpu_percent,
        limits.seconds,
    ] {
        bytes.extend(limit.to_le_bytes());
    }
    bytes.extend(number(arguments.len()));
    for argument in arguments {
        bytes.extend(number(argument.len()));
        bytes.extend_from_slice(argument);
    }
    bytes
}

fn seeds() -> Vec<Vec<u8>> {
    let limits = Limits {
        memory_mib: 1,
        tasks: 2,
        cpu_percent: 3,
        seconds: u32::MAX,
    };
    vec![
        encode(false, true, limits, &[b"-machine", b"microvm"]),
        encode(false, false, limits, &[]),
        encode(true, false, limits, &[]),
    ]
}
