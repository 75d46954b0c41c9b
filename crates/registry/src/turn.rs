//! Publishers of one machine take turns.

use crate::reference::Reference;
use bessemer_digest::Digest;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// The right to write to one repository, which one process of this machine has at a time. It ends
/// with this value, or with the process.
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

impl Turn {
    /// Waits until nobody else has the turn at the repository of `reference`; `waits` is called if
    /// somebody has. All who take turns name the same `folder`, which is made if it is not there.
    pub fn take(folder: &Path, reference: &Reference, waits: impl FnOnce()) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        // Names have characters that file names cannot have.
        let name = Digest::of(reference.name()).hex();
        let file = File::options()
            .create(true)
            .append(true)
            .open(folder.join(format!("{name}.lock")))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waits();
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    #[test]
    fn one_at_a_time_has_the_turn_at_a_repository() {
        let folder = tempfile::tempdir().unwrap();
        let locks = folder.path().join("a/b");
        let reference = |text: &str| text.parse::<Reference>().unwrap();
        let never = || unreachable!("nobody has it");
        let turn = Turn::take(&locks, &reference("r.io/a:1"), never).unwrap();
        let other = Turn::take(&locks, &reference("r.io/b:1"), never).unwrap();
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let waits = || sender.send("waits").unwrap();
                let turn = Turn::take(&locks, &reference("r.io/a:2"), waits).unwrap();
                sender.send("has it").unwrap();
                drop(turn);
            });
            let second = Duration::from_secs(10);
            assert_eq!(receiver.recv_timeout(second), Ok("waits"));
            let moment = Duration::from_millis(200);
            assert_eq!(
                receiver.recv_timeout(moment),
                Err(RecvTimeoutError::Timeout)
            );
            drop((turn, other));
            assert_eq!(receiver.recv_timeout(second), Ok("has it"));
        });
    }
}
