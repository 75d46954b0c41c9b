//! A folder of sources by digest, as melange keeps one: files named `sha256:HEX` and `sha512:HEX`.
//! `--mirror` of a build, and melange's `fetch`, find them there.

use bessemer_digest::Digest;
use bessemer_package::{Scratch, remove_partial};
use bessemer_store::{
    Client, Expected, FetchError, ParseSha512Error, ParseUriError, Request, Sha512, Store,
    StoreError, Uri,
};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A folder of sources.
#[derive(Debug)]
pub struct SourceCache {
    directory: PathBuf,
}

/// A source by its digests; at least one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedSource {
    /// Places it can be had from, in order of preference.
    pub uris: Vec<Uri>,
    /// What it has to be.
    pub expected: Expected,
}

/// What was done for a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// It was there and is what it has to be.
    Present,
    /// It was fetched.
    Fetched,
    /// It was there, and was something else; it was fetched again.
    Replaced,
}

/// Why a source is not in the cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// A file of the cache cannot be read or written.
    #[error("cannot access `{path}` in the cache")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No place had it, or every place had something else.
    #[error("cannot fetch the source")]
    Fetch(#[from] FetchError),
    /// The unfinished file cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a text from a recipe does not name a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CachedSourceError {
    /// Its address.
    #[error(transparent)]
    Uri(#[from] ParseUriError),
    /// Its checksum.
    #[error(transparent)]
    Sha512(#[from] ParseSha512Error),
    /// It has none.
    #[error("the source has no checksum")]
    NoChecksum,
}

impl CachedSource {
    /// The source that a recipe fetches from `uri`.
    pub fn new(
        uri: &str,
        sha256: Option<Digest>,
        sha512: Option<&str>,
    ) -> Result<Self, CachedSourceError> {
        let sha512 = sha512.map(Sha512::from_hex).transpose()?;
        if sha256.is_none() && sha512.is_none() {
            return Err(CachedSourceError::NoChecksum);
        }
        Ok(Self {
            uris: vec![uri.parse()?],
            expected: Expected { sha256, sha512 },
        })
    }

    /// The names of its files in the cache: one for each digest.
    pub fn names(&self) -> Vec<String> {
        let sha256 = self.expected.sha256.map(|digest| digest.to_string());
        let sha512 = self.expected.sha512.map(|digest| digest.to_string());
        sha256.into_iter().chain(sha512).collect()
    }
}

impl SourceCache {
    /// Opens the folder, which is made if missing. What an interrupted run left there goes.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, CacheError> {
        let directory = directory.into();
        let opened = std::fs::create_dir_all(&directory);
        at(&directory, opened.and_then(|()| remove_partial(&directory)))?;
        Ok(Self { directory })
    }

    /// Puts a source into the folder unless it is there, and returns its size in bytes. Every file
    /// that is there is hashed; one that is something else is replaced, whole or not at all.
    pub fn update(
        &self,
        source: &CachedSource,
        client: &Client,
    ) -> Result<(Update, u64), CacheError> {
        let paths: Vec<PathBuf> = source
            .names()
            .iter()
            .map(|name| self.directory.join(name))
            .collect();
        let mut sound = Vec::new();
        let mut damaged = false;
        for path in &paths {
            match at(path, size_if_sound(path, &source.expected))? {
                Found::Sound(size) => sound.push((path, size)),
                Found::Other => damaged = true,
                Found::Nothing => {}
            }
        }
        let scratch = Scratch::new(&self.directory).directory(&self.directory);
        if let Some((path, size)) = sound.first() {
            if sound.len() < paths.len() {
                let scratch = at(&self.directory, scratch)?;
                self.link(path, &paths, scratch.path())?;
            }
            let update = if damaged {
                Update::Replaced
            } else {
                Update::Present
            };
            return Ok((update, *size));
        }
        let scratch = at(&self.directory, scratch)?;
        let store = Store::open(scratch.path().join("store"))?;
        let request = Request {
            uris: source.uris.clone(),
            expected: source.expected,
            ..Request::default()
        };
        let object = client.fetch(&request, &store)?.object;
        let file = store.object_path(&object.digest);
        // melange writes into a file that is there.
        at(
            &file,
            std::fs::set_permissions(&file, Permissions::from_mode(0o644)),
        )?;
        self.link(&file, &paths, scratch.path())?;
        let update = if damaged {
            Update::Replaced
        } else {
            Update::Fetched
        };
        Ok((update, object.size))
    }

    /// Gives `file` all these names, each by a rename.
    fn link(&self, file: &Path, paths: &[PathBuf], scratch: &Path) -> Result<(), CacheError> {
        for path in paths.iter().filter(|path| *path != file) {
            let unfinished = scratch.join("file");
            if std::fs::hard_link(file, &unfinished).is_err() {
                // Not every file system has hard links.
                at(path, std::fs::copy(file, &unfinished).map(drop))?;
                at(
                    path,
                    File::open(&unfinished).and_then(|file| file.sync_all()),
                )?;
            }
            at(path, std::fs::rename(&unfinished, path))?;
        }
        at(
            &self.directory,
            File::open(&self.directory).and_then(|file| file.sync_all()),
        )
    }
}

/// What is under a name.
enum Found {
    Nothing,
    Sound(u64),
    Other,
}

fn size_if_sound(path: &Path, expected: &Expected) -> io::Result<Found> {
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        found => found?,
    };
    if !metadata.is_file() {
        return Ok(Found::Other);
    }
    if let Some(sha256) = expected.sha256
        && Digest::of_reader(File::open(path)?)?.0 != sha256
    {
        return Ok(Found::Other);
    }
    if let Some(sha512) = expected.sha512
        && Sha512::of_reader(File::open(path)?)? != sha512
    {
        return Ok(Found::Other);
    }
    Ok(Found::Sound(metadata.len()))
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, CacheError> {
    result.map_err(|source| CacheError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_store::Settings;
    use std::fs;

    struct Bench {
        folder: tempfile::TempDir,
        client: Client,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
                client: Client::new(&Settings::default()).unwrap(),
            }
        }

        fn source(&self, content: &[u8], both: bool) -> CachedSource {
            let path = self.folder.path().join("origin");
            fs::write(&path, content).unwrap();
            let sha512 = Sha512::of_reader(content).unwrap().hex();
            let uri = path.to_str().unwrap();
            let sha512 = both.then_some(sha512.as_str());
            CachedSource::new(uri, Some(Digest::of(content)), sha512).unwrap()
        }

        fn directory(&self) -> PathBuf {
            self.folder.path().join("cache")
        }

        fn update(&self, source: &CachedSource) -> Result<Update, CacheError> {
            let cache = SourceCache::open(self.directory())?;
            cache.update(source, &self.client).map(|(update, _)| update)
        }

        fn files(&self) -> Vec<(String, Vec<u8>)> {
            let mut files: Vec<_> = fs::read_dir(self.directory())
                .unwrap()
                .map(|entry| {
                    let path = entry.unwrap().path();
                    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                    (name, fs::read(path).unwrap())
                })
                .collect();
            files.sort();
            files
        }
    }

    #[test]
    fn a_source_is_there_under_each_of_its_digests() {
        let bench = Bench::new();
        let source = bench.source(b"content", true);
        let names = source.names();
        assert!(names[0].starts_with("sha256:ed7002b4") && names[1].starts_with("sha512:"));
        assert_eq!(bench.update(&source).unwrap(), Update::Fetched);
        let expected: Vec<_> = names
            .into_iter()
            .map(|name| (name, b"content".to_vec()))
            .collect();
        assert_eq!(bench.files(), expected);
        // Nobody is asked again.
        fs::remove_file(bench.folder.path().join("origin")).unwrap();
        assert_eq!(bench.update(&source).unwrap(), Update::Present);
        // One of them is enough for both.
        fs::remove_file(bench.directory().join(&expected[0].0)).unwrap();
        assert_eq!(bench.update(&source).unwrap(), Update::Present);
        assert_eq!(bench.files(), expected);
    }

    #[test]
    fn what_is_damaged_is_replaced() {
        let bench = Bench::new();
        let source = bench.source(b"content", false);
        bench.update(&source).unwrap();
        let file = bench.directory().join(&source.names()[0]);
        fs::write(&file, b"damaged").unwrap();
        assert_eq!(bench.update(&source).unwrap(), Update::Replaced);
        assert_eq!(fs::read(&file).unwrap(), b"content");
        // A link to elsewhere is replaced, not written through.
        let elsewhere = bench.folder.path().join("elsewhere");
        fs::write(&elsewhere, b"precious").unwrap();
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        assert_eq!(bench.update(&source).unwrap(), Update::Replaced);
        assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
    }

    #[test]
    fn a_wrong_source_leaves_nothing() {
        let bench = Bench::new();
        let source = bench.source(b"content", true);
        fs::write(bench.folder.path().join("origin"), b"other").unwrap();
        let CacheError::Fetch(error) = bench.update(&source).unwrap_err() else {
            panic!("it is there");
        };
        let text = error.to_string();
        assert!(text.contains("expected sha256:ed7002b4"), "{text}");
        assert_eq!(bench.files(), []);
        assert!(matches!(
            CachedSource::new("http://a/b", None, None),
            Err(CachedSourceError::NoChecksum)
        ));
    }
}
