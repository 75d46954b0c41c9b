//! Host side of the microVM: accelerator probe, kernel, disks, QEMU, session.
