//! Layers that a test leaves out, to see what each of them holds back. The program leaves out none.

#[cfg(test)]
pub(crate) use crate::weakened::omitted;

/// Whether a test runs without this layer.
#[cfg(not(test))]
pub(crate) const fn omitted(_layer: &str) -> bool {
    false
}
