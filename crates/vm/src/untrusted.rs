//! What reads strangers' bytes and is not part of the interface, for fuzzing.

/// What one line of QEMU's protocol says of a disk, in words.
pub fn event(line: &[u8]) -> Option<String> {
    crate::events::failure(line).map(|failure| failure.to_string())
}
