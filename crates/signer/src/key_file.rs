//! RSA key files that a person names: making a pair, and signing with one.

use crate::keys::{KeyError, RsaKey, generate_rsa};
use bessemer_attest::SignError;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The largest message that is signed, in bytes (256 MiB): an index or a control member.
const MESSAGE_LIMIT: u64 = 256 << 20;
/// The largest key file, in bytes (64 KiB).
const KEY_FILE_LIMIT: u64 = 64 << 10;

/// Why no key pair was made or no signature given.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Nothing is ever overwritten: a lost private key cannot be had again.
    #[error("`{0}` is there already; remove it or choose another name")]
    Exists(PathBuf),
    /// The file system said no.
    #[error("cannot use `{path}`")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not a key that can be made or used.
    #[error("cannot use the key `{path}`")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// No key pair of this size is made.
    #[error(transparent)]
    Generate(#[from] KeyError),
    /// The message did not arrive.
    #[error("cannot read what is to be signed")]
    Message(#[source] io::Error),
    /// A message without end.
    #[error("what is to be signed has more than {MESSAGE_LIMIT} bytes")]
    TooLong,
    /// The signature could not be made.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Makes an RSA key pair: the private key at `path` (PKCS#1, mode 0600), the public one at
/// `<path>.pub` (PKIX). Refuses when either file is there. Returns the public key's path.
pub fn make_key_pair(path: &Path, bits: u32) -> Result<PathBuf, KeyFileError> {
    let public = public_path(path);
    for file in [path, &public] {
        if fs::symlink_metadata(file).is_ok() {
            return Err(KeyFileError::Exists(file.to_owned()));
        }
    }
    let files = generate_rsa(bits)?;
    create(path, 0o600, &files.private_pem)?;
    create(&public, 0o644, &files.public_pem)?;
    Ok(public)
}

/// RSA PKCS#1 v1.5 over the SHA-256 of what `message` gives, with the key in the file at `path`.
pub fn sign_with_file(path: &Path, message: impl Read) -> Result<Vec<u8>, KeyFileError> {
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    let key = read_rsa_key(path, &file)?;
    let mut bytes = Vec::new();
    message
        .take(MESSAGE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(KeyFileError::Message)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MESSAGE_LIMIT) {
        return Err(KeyFileError::TooLong);
    }
    Ok(key.sign(&bytes)?)
}

/// Reads an opened key file; `path` is what errors call it.
pub(crate) fn read_rsa_key(path: &Path, file: &File) -> Result<RsaKey, KeyFileError> {
    let mut text = String::new();
    file.take(KEY_FILE_LIMIT)
        .read_to_string(&mut text)
        .map_err(|source| io_error(path, source))?;
    RsaKey::from_pem(&text).map_err(|source| KeyFileError::Key {
        path: path.to_owned(),
        source,
    })
}

fn io_error(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Io {
        path: path.to_owned(),
        source,
    }
}

fn public_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".pub");
    name.into()
}

fn create(path: &Path, mode: u32, text: &str) -> Result<(), KeyFileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
        _ => io_error(path, source),
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|source| io_error(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn makes_a_private_file_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("local.rsa");
        let public = make_key_pair(&path, 2048).unwrap();
        assert_eq!(public, directory.path().join("local.rsa.pub"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        let error = make_key_pair(&path, 2048).unwrap_err();
        assert!(matches!(error, KeyFileError::Exists(_)), "{error}");
        fs::remove_file(&path).unwrap();
        let error = make_key_pair(&path, 2048).unwrap_err();
        assert!(
            matches!(error, KeyFileError::Exists(file) if file == public),
            "a lone public key is kept too"
        );
        assert!(!path.exists());
    }

    #[test]
    fn refuses_weak_sizes_and_files_that_are_no_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("weak.rsa");
        let error = make_key_pair(&path, 1024).unwrap_err();
        assert!(matches!(
            error,
            KeyFileError::Generate(KeyError::Size(1024))
        ));
        assert!(!path.exists());
        fs::write(&path, "nothing").unwrap();
        let error = sign_with_file(&path, &b"message"[..]).unwrap_err();
        assert!(matches!(error, KeyFileError::Key { .. }), "{error}");
    }
}
