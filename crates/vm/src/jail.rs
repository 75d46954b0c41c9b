//! Starting QEMU through the jailer.
