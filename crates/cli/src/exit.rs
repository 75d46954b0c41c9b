//! What the program's exit status says.

/// Something went wrong, and the message says what.
pub(crate) const ERROR: u8 = 1;
/// Everything else worked, but a test of a package failed.
pub(crate) const TEST_FAILED: u8 = 3;
/// Somebody interrupted the work: 128 and the number of SIGINT, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;
/// Below every help text. 2 is clap's own.
pub(crate) const TEXT: &str = "\
Exit status:
  0  done
  1  an error
  2  the command line cannot be understood
  3  a test of a package failed; nothing was attested
  130  interrupted";

#[cfg(test)]
mod tests {
    #[test]
    fn the_help_names_the_statuses() {
        for status in [0, super::ERROR, 2, super::TEST_FAILED, super::INTERRUPTED] {
            assert!(super::TEXT.contains(&format!("\n  {status}  ")));
        }
    }
}
