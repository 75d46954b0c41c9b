//! A place to build in: the test data under the paths its image files name, a store, scratch space.

use bessemer_image::lock::Lock;
use bessemer_image::packages::{Package, take_chosen, take_locked};
use bessemer_image::{
    Architecture, Bases, BuildError, BuildOptions, Built, Compression, Contents, Epoch, Loaded,
    Offers, Opening, build, chosen_contents, load, lock, locked_contents, resolve,
};
use bessemer_repository::{Access, Taking};
use bessemer_store::{Client, Settings, Store};
use std::path::{Path, PathBuf};
use std::sync::Once;
use tempfile::TempDir;

/// The directory that all tests work in: `own` is the test data.
pub(crate) fn enter() {
    static ENTERED: Once = Once::new();
    ENTERED.call_once(|| {
        let directory = tempfile::tempdir().unwrap().keep();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-data/own");
        std::os::unix::fs::symlink(data, directory.join("own")).unwrap();
        // One image file names this place, which apko passes over when nothing is there.
        std::os::unix::fs::symlink("own/packages", directory.join("packages")).unwrap();
        std::env::set_current_dir(directory).unwrap();
    });
}

pub(crate) struct Workplace {
    directory: TempDir,
    store: Store,
    client: Client,
}

impl Workplace {
    pub(crate) fn new() -> Self {
        enter();
        let directory = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(directory.path().join("store")).unwrap(),
            client: Client::new(&Settings::default()).unwrap(),
            directory,
        }
    }

    pub(crate) fn access(&self) -> Access<'_> {
        Access {
            store: &self.store,
            client: &self.client,
        }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn taking(&self) -> Taking<'_> {
        Taking {
            access: self.access(),
            cache: self.directory.path(),
            trust_root: None,
        }
    }

    pub(crate) fn offers(&self, loaded: &Loaded) -> Offers {
        let opening = Opening {
            access: self.access(),
            today: "2026-11-29",
            discovery: false,
        };
        Offers::open(&loaded.configuration, &archs(loaded), opening).unwrap()
    }

    /// Chooses, fetches and builds.
    pub(crate) fn build(&self, loaded: &Loaded, compression: Compression) -> Built {
        let offers = self.offers(loaded);
        let configuration = &loaded.configuration;
        let none = Bases::new();
        let choices = resolve(configuration, &offers, &none).unwrap();
        let contents = chosen_contents(configuration, &choices, &offers, self.taking()).unwrap();
        self.build_of(loaded, &contents, &offers.keys, compression)
    }

    pub(crate) fn build_of(
        &self,
        loaded: &Loaded,
        contents: &[Contents],
        keys: &[bessemer_image::Key],
        compression: Compression,
    ) -> Built {
        build(
            &loaded.configuration,
            contents,
            keys,
            self.options(compression),
        )
        .unwrap()
    }

    pub(crate) fn try_build_of(
        &self,
        loaded: &Loaded,
        contents: &[Contents],
    ) -> Result<Built, BuildError> {
        build(
            &loaded.configuration,
            contents,
            &[],
            self.options(Compression::Gzip),
        )
    }

    fn options(&self, compression: Compression) -> BuildOptions<'_> {
        BuildOptions {
            epoch: Epoch::AtLeast(0),
            compression,
            store: &self.store,
            scratch: self.directory.path(),
        }
    }

    pub(crate) fn lock(&self, loaded: &Loaded) -> Lock {
        self.lock_on(loaded, &Bases::new())
    }

    pub(crate) fn lock_on(&self, loaded: &Loaded, bases: &Bases) -> Lock {
        let offers = self.offers(loaded);
        let choices = resolve(&loaded.configuration, &offers, bases).unwrap();
        let packages: Vec<(Architecture, Vec<Package>)> = choices
            .iter()
            .map(|choice| (choice.arch, take_chosen(choice, self.taking()).unwrap()))
            .collect();
        lock(loaded, &offers.keys, &packages, bases).unwrap()
    }

    pub(crate) fn locked(&self, loaded: &Loaded, lock: &Lock) -> Vec<Contents> {
        self.locked_on(loaded, lock, &Bases::new())
    }

    pub(crate) fn locked_on(&self, loaded: &Loaded, lock: &Lock, bases: &Bases) -> Vec<Contents> {
        let all = archs(loaded).into_iter().map(|arch| {
            let packages = take_locked(lock, arch, self.access()).unwrap();
            locked_contents(
                &loaded.configuration,
                arch,
                packages,
                bases.get(&arch).cloned(),
            )
            .unwrap()
        });
        all.collect()
    }
}

/// An image file of the test data.
pub(crate) fn own(name: &str) -> Loaded {
    enter();
    load(Path::new(name), &["own".into()]).unwrap()
}

pub(crate) fn archs(loaded: &Loaded) -> Vec<Architecture> {
    match &loaded.configuration.archs[..] {
        [] => Architecture::all(),
        archs => archs.to_vec(),
    }
}
