//! Images on top of others.

use crate::made::{directory, file, link, package};
use crate::workplace::{Workplace, own};
use bessemer_apk::PkgInfo;
use bessemer_digest::Digest;
use bessemer_image::lock::LockMismatch;
use bessemer_image::oci::write_layout;
use bessemer_image::{
    Architecture, Base, BaseImage, Bases, Built, Compression, Configuration, Contents, Loaded,
    OpenBaseError, resolve,
};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

fn arch() -> Architecture {
    "x86_64".parse().unwrap()
}

/// A file of a layer; an entry of another kind is its link's target.
fn entry(layer: &Path, name: &str) -> Option<String> {
    let file = fs::File::open(layer).unwrap();
    let mut archive = tar::Archive::new(MultiGzDecoder::new(file));
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut entry = entries.find(|entry| entry.path().unwrap() == Path::new(name))?;
    let mut text = String::new();
    entry.read_to_string(&mut text).unwrap();
    if let Some(target) = entry.link_name().unwrap() {
        text = target.display().to_string();
    }
    Some(text)
}

const INSTALLED: &str = "usr/lib/apk/db/installed";

/// A base out of `small.yaml` as an OCI layout, with its databases; what a configuration says of it.
fn small_base(workplace: &Workplace) -> BaseImage {
    let mut loaded = own("small.yaml");
    let configuration = &mut loaded.configuration;
    configuration.environment = [("LANG".to_owned(), "C".to_owned())].into();
    configuration.accounts.run_as = "7".into();
    let built = workplace.build(&loaded, Compression::Zstd);
    let tables = workplace.build(&loaded, Compression::Gzip);
    lay_out(workplace, &built, &tables)
}

fn lay_out(workplace: &Workplace, built: &Built, tables: &Built) -> BaseImage {
    let (layout, index) = (workplace.at("base"), workplace.at("index"));
    fs::create_dir_all(&layout).unwrap();
    write_layout(&built.images, &layout).unwrap();
    for image in &tables.images.images {
        let folder = index.join(image.arch.apk());
        fs::create_dir_all(&folder).unwrap();
        let text = entry(&image.layers[0].path, INSTALLED).unwrap();
        // As apko's test data has it: without the empty line at the end.
        fs::write(folder.join("APKINDEX"), text.trim_end()).unwrap();
    }
    let text = |path: PathBuf| path.display().to_string();
    BaseImage {
        image: text(layout),
        apkindex: text(index),
    }
}

/// The authorities on top of a base.
fn on(base: &BaseImage) -> Loaded {
    let mut loaded = own("trust.yaml");
    let mut configuration = Configuration {
        archs: loaded.configuration.archs.clone(),
        ..Configuration::default()
    };
    configuration.contents = loaded.configuration.contents.clone();
    configuration.contents.packages = vec!["layout".into(), "trust-one".into()];
    configuration.contents.baseimage = Some(base.clone());
    loaded.configuration = configuration;
    loaded
}

fn bases(workplace: &Workplace, loaded: &Loaded) -> Bases {
    let base = loaded.configuration.contents.baseimage.as_ref().unwrap();
    let archs = &loaded.configuration.archs;
    Base::open_all(base, archs, &[], workplace.access().store).unwrap()
}

#[test]
fn a_base_is_part_of_the_image_as_it_is() {
    let workplace = Workplace::new();
    let loaded = on(&small_base(&workplace));
    let bases = bases(&workplace, &loaded);
    let lock = workplace.lock_on(&loaded, &bases);
    let names: Vec<&str> = lock
        .contents
        .packages
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    // `layout` is in the base.
    assert_eq!(names, ["trust-one", "trust-one"]);
    assert_eq!(lock.contents.baseimage.len(), 2);
    let text = lock.render().unwrap();
    assert_eq!(bessemer_image::lock::Lock::parse(&text).unwrap(), lock);
    lock.check(&loaded, &loaded.configuration.archs, &[], &bases)
        .unwrap();

    let contents = workplace.locked_on(&loaded, &lock, &bases);
    let built = workplace.build_of(&loaded, &contents, &lock.keys(), Compression::Gzip);
    for (image, base) in built.images.images.iter().zip(bases.values()) {
        let [below, above] = &image.layers[..] else {
            panic!("not two layers");
        };
        assert_eq!(
            [below],
            [&base.layers[0]],
            "the base's layer is another one"
        );
        assert!(below.base && !above.base);
        // What the signer is handed is what lies there.
        let listing = fs::read(workplace.at("base/index.json")).unwrap();
        assert_eq!(base.listing.bytes, listing);
        let listed: Value = serde_json::from_slice(&listing).unwrap();
        let names = |one: &Value| one["digest"] == base.manifest.digest.to_string();
        assert!(listed["manifests"].as_array().unwrap().iter().any(names));
        let named: Value = serde_json::from_slice(&base.manifest.bytes).unwrap();
        assert_eq!(
            named["config"]["digest"],
            base.configuration.digest.to_string()
        );
        let manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], below.digest.to_string());
        assert!(
            manifest["layers"][0]["mediaType"]
                .as_str()
                .unwrap()
                .ends_with("zstd")
        );
        let config: Value = serde_json::from_slice(&image.config.bytes).unwrap();
        let diff_ids = [below.diff_id.to_string(), above.diff_id.to_string()];
        assert_eq!(config["rootfs"]["diff_ids"], json!(diff_ids));
        assert_eq!(config["history"].as_array().unwrap().len(), 2);
        let container = &config["config"];
        assert_eq!(
            container["Entrypoint"],
            json!(["/usr/bin/greet", "--politely"])
        );
        assert_eq!(container["User"], "7");
        assert_eq!(container["Env"][0], "LANG=C");
        assert_eq!(container["Env"].as_array().unwrap().len(), 3);

        let installed = entry(&above.path, INSTALLED).unwrap();
        let packages: Vec<&str> = installed
            .lines()
            .filter(|line| line.starts_with("P:"))
            .collect();
        assert_eq!(packages, ["P:layout", "P:layout-next", "P:trust-one"]);
        let base_file = workplace
            .at("index")
            .join(image.arch.apk())
            .join("APKINDEX");
        assert!(installed.starts_with(&fs::read_to_string(base_file).unwrap()));
        assert_eq!(
            entry(&above.path, "etc/apk/world").unwrap(),
            "layout-next=3.0-r0\nlayout=2.4-r1\ntrust-one=1-r0\n"
        );
        assert_eq!(
            entry(&above.path, "etc/passwd"),
            None,
            "accounts are the base's"
        );
        let described = entry(&above.path, "etc/apko.json").unwrap();
        let described: Value = serde_json::from_str(&described).unwrap();
        assert_eq!(described["contents"]["packages"], json!(["trust-one=1-r0"]));
    }
    let listed: Vec<&str> = built.inventories[0]
        .packages
        .iter()
        .map(|(entry, _)| entry.name.as_str())
        .collect();
    assert_eq!(listed, ["layout", "layout-next", "trust-one"]);
}

#[test]
fn a_lock_names_the_base() {
    let workplace = Workplace::new();
    let loaded = on(&small_base(&workplace));
    let mut bases = bases(&workplace, &loaded);
    let mut lock = workplace.lock_on(&loaded, &bases);
    let archs = &loaded.configuration.archs;
    let layout = vec!["layout>2".parse().unwrap()];
    lock.check(&loaded, archs, &layout, &bases).unwrap();
    let absent = vec!["trust-two".parse().unwrap()];
    assert!(lock.check(&loaded, archs, &absent, &bases).is_err());
    let other = Digest::of("another");
    bases.get_mut(&arch()).unwrap().apkindex = other;
    let error = lock.check(&loaded, archs, &[], &bases).unwrap_err();
    assert!(
        matches!(error, LockMismatch::Base { arch: "x86_64", .. }),
        "{error}"
    );
    // apko's locks do not say which base they are about.
    lock.contents.baseimage.clear();
    let error = lock.check(&loaded, archs, &[], &bases).unwrap_err();
    assert!(
        matches!(error, LockMismatch::BaseUnnamed("x86_64")),
        "{error}"
    );
}

#[test]
fn packages_of_a_base_stay_as_they_are() {
    let workplace = Workplace::new();
    let mut loaded = on(&small_base(&workplace));
    let bases = bases(&workplace, &loaded);
    let packages = &mut loaded.configuration.contents.packages;
    *packages = vec!["layout>2.4-r1".into()];
    let offers = workplace.offers(&loaded);
    let error = resolve(&loaded.configuration, &offers, &bases).unwrap_err();
    assert!(
        error.to_string().starts_with("there is no solution for"),
        "{error}"
    );
}

/// What packages on top have that the base has, too.
#[test]
fn files_of_a_base_are_those_of_packages() {
    let workplace = Workplace::new();
    let loaded = on(&small_base(&workplace));
    let bases = bases(&workplace, &loaded);
    let build = |entries, change: fn(&mut PkgInfo)| {
        let package = package(&workplace.at(""), "top", entries, change);
        let versions = [("top", &package.entry.version)];
        let contents = Contents {
            arch: arch(),
            world: bessemer_image::pinned(&[], versions.into_iter()),
            packages: vec![package],
            base: bases.get(&arch()).cloned(),
        };
        workplace.try_build_of(&loaded, &[contents])
    };
    let text = |error: &dyn std::error::Error| {
        let mut all = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(all, ": {error}").unwrap();
            cause = error.source();
        }
        all
    };
    let release = || vec![directory("etc"), file("etc/os-release", 0o644, "ID=top\n")];
    let error = build(release(), |_| {}).unwrap_err();
    assert!(
        text(&error).contains("which does not replace it"),
        "{}",
        text(&error)
    );
    let built = build(release(), |info| info.replaces = vec!["layout-next".into()]).unwrap();
    let top = &built.images.images[0].layers[1];
    let installed = entry(&top.path, INSTALLED).unwrap();
    assert_eq!(
        installed.matches("R:os-release\n").count(),
        1,
        "{installed}"
    );
    assert!(
        installed
            .split("P:top\n")
            .nth(1)
            .unwrap()
            .contains("R:os-release\n")
    );
    assert_eq!(built.inventories[0].system.id, "top");
    // A link of the base in the place of a directory would be lost.
    let error = build(vec![link("etc", "usr/etc")], |_| {}).unwrap_err();
    assert!(
        text(&error).contains("etc is in layout"),
        "{}",
        text(&error)
    );
}

/// A base, and the means to change it.
struct Stage {
    workplace: Workplace,
    base: BaseImage,
    layout: PathBuf,
    /// Of the layout.
    index: Value,
    /// Of the first architecture.
    manifest: Value,
}

impl Stage {
    fn new() -> Self {
        let workplace = Workplace::new();
        let base = small_base(&workplace);
        let layout = workplace.at("base");
        let index = fs::read(layout.join("index.json")).unwrap();
        let mut stage = Self {
            workplace,
            base,
            layout,
            index: serde_json::from_slice(&index).unwrap(),
            manifest: Value::Null,
        };
        stage.manifest = stage.document(&stage.index["manifests"][0]);
        stage.open().unwrap();
        stage
    }

    fn open(&self) -> Result<(), OpenBaseError> {
        let store = self.workplace.access().store;
        Base::open(&self.base, arch(), &[], store).map(drop)
    }

    /// What is said when it is opened, without the place of the test and without digests.
    fn said(&self) -> String {
        let place = self.workplace.at("").display().to_string();
        shortened(&self.open().unwrap_err().to_string().replace(&place, ""))
    }

    fn blob(&self, descriptor: &Value) -> PathBuf {
        let digest = descriptor["digest"].as_str().unwrap();
        let hex = digest.strip_prefix("sha256:").unwrap();
        self.layout.join("blobs/sha256").join(hex)
    }

    fn document(&self, descriptor: &Value) -> Value {
        serde_json::from_slice(&fs::read(self.blob(descriptor)).unwrap()).unwrap()
    }

    /// Writes a document; a descriptor of it that is otherwise as `like`.
    fn put(&self, document: &Value, like: &Value) -> Value {
        let bytes = serde_json::to_vec(document).unwrap();
        let mut descriptor = like.clone();
        descriptor["digest"] = json!(Digest::of(&bytes));
        descriptor["size"] = json!(bytes.len());
        fs::write(self.blob(&descriptor), &bytes).unwrap();
        descriptor
    }

    /// The index with another manifest for the first architecture.
    fn with_manifest(&self, change: impl FnOnce(&mut Value)) -> Value {
        let (mut index, mut manifest) = (self.index.clone(), self.manifest.clone());
        change(&mut manifest);
        index["manifests"][0] = self.put(&manifest, &index["manifests"][0]);
        index
    }

    /// The index with another configuration for the first architecture.
    fn with_config(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut config = self.document(&self.manifest["config"]);
        change(&mut config);
        let descriptor = self.put(&config, &self.manifest["config"]);
        self.with_manifest(|manifest| manifest["config"] = descriptor)
    }

    /// An index that lists the index so often.
    fn nested(&self, times: usize) -> Value {
        let like = json!({"mediaType": "application/vnd.oci.image.index.v1+json"});
        let descriptor = self.put(&self.index, &like);
        json!({"schemaVersion": 2, "manifests": vec![descriptor; times]})
    }

    fn changed(&self, pointer: &str, value: Value) -> Value {
        let mut index = self.index.clone();
        *index.pointer_mut(pointer).unwrap() = value;
        index
    }
}

#[test]
fn every_blob_of_a_base_is_measured() {
    let stage = Stage::new();
    for descriptor in [
        &stage.index["manifests"][0],
        &stage.manifest["config"],
        &stage.manifest["layers"][0],
    ] {
        let path = stage.blob(descriptor);
        let whole = fs::read(&path).unwrap();
        for change in ["flipped", "cut", "longer", "gone", "link"] {
            let mut bytes = whole.clone();
            match change {
                "flipped" => bytes[whole.len() / 2] ^= 1,
                "cut" => drop(bytes.pop()),
                _ => bytes.push(b' '),
            }
            fs::remove_file(&path).unwrap();
            match change {
                "gone" => {}
                "link" => {
                    let other = stage.workplace.at("whole");
                    fs::write(&other, &whole).unwrap();
                    std::os::unix::fs::symlink(other, &path).unwrap();
                }
                _ => fs::write(&path, bytes).unwrap(),
            }
            let error = stage.open().unwrap_err();
            let expected = match change {
                "gone" => matches!(error, OpenBaseError::Read { .. }),
                "link" => matches!(error, OpenBaseError::Kind(_)),
                _ => matches!(error, OpenBaseError::Mismatch { .. }),
            };
            assert!(expected, "{} {change}: {error}", path.display());
            let _ = fs::remove_file(&path);
            fs::write(&path, &whole).unwrap();
        }
    }
    stage.open().unwrap();
}

/// Documents that lie, with digests that are right.
#[test]
fn what_a_base_says_of_itself_must_hold() {
    let stage = Stage::new();
    let write =
        |index: &Value| fs::write(stage.layout.join("index.json"), index.to_string()).unwrap();
    write(&stage.nested(1));
    stage.open().unwrap();
    let mut said = String::new();
    for (what, index) in [
        ("two indexes", stage.nested(2)),
        (
            "no image for the platform",
            stage.changed("/manifests/0/platform/architecture", json!("s390x")),
        ),
        (
            "two images for it",
            stage.changed("/manifests/1", stage.index["manifests"][0].clone()),
        ),
        (
            "an unknown kind of image",
            stage.changed("/manifests/0/mediaType", json!("application/x")),
        ),
        ("no index", json!([])),
        (
            "another architecture inside",
            stage.with_config(|config| config["architecture"] = json!("arm64")),
        ),
        (
            "another content",
            stage.with_config(|config| {
                config["rootfs"]["diff_ids"][0] = json!(Digest::of("x"));
            }),
        ),
        (
            "no layers",
            stage.with_config(|config| config["rootfs"]["diff_ids"] = json!([])),
        ),
        (
            "more layers",
            stage.with_manifest(|manifest| {
                let layer = manifest["layers"][0].clone();
                manifest["layers"] = json!([layer, layer]);
            }),
        ),
        (
            "an unknown kind of layer",
            stage.with_manifest(|manifest| {
                manifest["layers"][0]["mediaType"] = json!("application/x+\u{1b}xz");
            }),
        ),
        (
            "an erofs image",
            stage.with_manifest(|manifest| {
                manifest["layers"][0]["mediaType"] = json!("application/vnd.erofs");
            }),
        ),
        (
            "a configuration that is none",
            stage.with_config(|config| config["rootfs"] = json!(1)),
        ),
    ] {
        write(&index);
        writeln!(said, "{what}: {}", stage.said()).unwrap();
    }
    write(&stage.index);
    let database = stage.workplace.at("index/x86_64/APKINDEX");
    for (what, text) in [
        ("a package twice", "P:a\nV:1\n\nP:a\nV:2\n"),
        ("a path that leaves", "P:a\nV:1\nF:../x\n"),
        ("no database", "hello\n"),
    ] {
        fs::write(&database, text).unwrap();
        writeln!(said, "{what}: {}", stage.said()).unwrap();
    }
    insta::assert_snapshot!(said);
}

/// The first digits of digests, which are not the same with other compressors.
fn shortened(text: &str) -> String {
    let words = text.split_inclusive([' ', '/', ':', ',']);
    let is_hex = |word: &str| {
        let digits = word.trim_end_matches([' ', '/', ':', ',']);
        digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    words
        .map(|word| {
            if is_hex(word) {
                format!("[DIGEST]{}", &word[64..])
            } else {
                word.to_owned()
            }
        })
        .collect()
}
