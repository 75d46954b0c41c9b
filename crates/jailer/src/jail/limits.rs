//! Limits of the process itself (setrlimit(2)), whatever control groups there are.

use super::{JailError, Layers, Plan, file_size, step};
use crate::omitted::omitted;
use crate::request::Request;
use rustix::process::{Resource, Rlimit, setrlimit};

/// A program may write no file larger than the largest it was given, dump no core, and (when its
/// uid is its own) have no more threads than a machine needs. Without a control group its data is
/// limited; address space cannot be, because the translator reserves large parts of it.
pub(super) fn set(
    plan: &Plan<'_>,
    request: &Request,
    layers: &mut Layers,
) -> Result<(), JailError> {
    if omitted("resource-limits") {
        return Ok(());
    }
    let asked = request.text.limits;
    // A proxy writes to the file that is its standard output, as far as that was made.
    let own = request.is_proxy().then_some(&request.console);
    let files = request.inherited.iter().chain(own);
    let largest = files.map(file_size).max().unwrap_or(0);
    let mut limits = vec![
        (Resource::Core, 0),
        (Resource::Memlock, 0),
        (Resource::Fsize, largest),
    ];
    if plan.own_uid.is_some() {
        limits.push((Resource::Nproc, asked.tasks.into()));
    }
    if plan.limit_memory {
        limits.push((Resource::Data, u64::from(asked.memory_mib) << 20));
    }
    for (resource, value) in limits {
        let limit = Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        step("limiting resources", setrlimit(resource, limit))?;
    }
    layers.applied("resource-limits");
    if plan.limit_memory {
        layers.applied("memory-rlimit");
    }
    Ok(())
}
