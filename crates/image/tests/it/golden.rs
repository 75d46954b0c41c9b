//! What is built of the test data, against what apko built of it.

use crate::workplace::{Workplace, own};
use bessemer_image::lock::Lock;
use bessemer_image::oci::{ImageIndex, write_layout};
use bessemer_image::sbom::{image_cyclonedx, image_spdx, index_cyclonedx, index_spdx};
use bessemer_image::{Base, Built, Compression};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

/// An entry of an archive: its header without checksum, its PAX records and its content.
type Entries = Vec<(String, Vec<u8>)>;

fn entries(archive: impl Read) -> Entries {
    let mut archive = tar::Archive::new(archive);
    let mut all = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let device = (
            header.device_major().unwrap(),
            header.device_minor().unwrap(),
        );
        let line = format!(
            "{} {:?} {:o} {}:{} {:?}:{:?} {} {:?} {:?}",
            entry.path().unwrap().display(),
            header.entry_type(),
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
            header.username(),
            header.groupname(),
            header.mtime().unwrap(),
            entry.link_name().unwrap(),
            device,
        );
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        all.push((line, content));
    }
    all
}

fn blob(layout: &str, digest: &str) -> Vec<u8> {
    let hex = digest.strip_prefix("sha256:").unwrap();
    fs::read(format!("{layout}/blobs/sha256/{hex}")).unwrap()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// apko's images of `small.yaml`: manifest, configuration and topmost layer by architecture.
fn golden() -> BTreeMap<String, (Value, Value, Entries)> {
    apkos("own/golden/small")
}

fn apkos(layout: &str) -> BTreeMap<String, (Value, Value, Entries)> {
    let index = json(&fs::read(format!("{layout}/index.json")).unwrap());
    let manifests = index["manifests"].as_array().unwrap().iter();
    manifests
        .map(|descriptor| {
            let arch = descriptor["platform"]["architecture"].as_str().unwrap();
            let manifest = json(&blob(layout, descriptor["digest"].as_str().unwrap()));
            let config = json(&blob(
                layout,
                manifest["config"]["digest"].as_str().unwrap(),
            ));
            let layer = manifest["layers"].as_array().unwrap().last().unwrap();
            let layer = blob(layout, layer["digest"].as_str().unwrap());
            let layer = entries(flate2::read::MultiGzDecoder::new(&layer[..]));
            (arch.to_owned(), (manifest, config, layer))
        })
        .collect()
}

fn built(workplace: &Workplace) -> Built {
    let mut loaded = own("small.yaml");
    for (name, value) in [("title", "Title"), ("vendor", "Vendor")] {
        let name = format!("org.opencontainers.image.{name}");
        let annotations = &mut loaded.configuration.annotations;
        annotations.insert(name, value.to_owned());
    }
    workplace.build(&loaded, Compression::Gzip)
}

/// Lines of two archives that differ.
fn difference(ours: &Entries, theirs: &Entries) -> String {
    let mut text = String::new();
    let shown = |(line, content): &(String, Vec<u8>)| {
        let content = String::from_utf8_lossy(content).replace('\n', "\n    ");
        format!("{line}\n    {content}\n")
    };
    for (mark, one, other) in [("- ", theirs, ours), ("+ ", ours, theirs)] {
        for entry in one.iter().filter(|entry| !other.contains(entry)) {
            text += mark;
            text += &shown(entry);
        }
    }
    text
}

/// The names of the images' layers are apko's; the rest that differs is the snapshot.
fn compare_layers(
    name: &str,
    images: &ImageIndex,
    golden: &BTreeMap<String, (Value, Value, Entries)>,
) {
    assert_eq!(images.images.len(), golden.len());
    for image in &images.images {
        let (_, _, theirs) = &golden[image.arch.oci()];
        let layer = fs::File::open(&image.layers.last().unwrap().path).unwrap();
        let ours = entries(flate2::read::MultiGzDecoder::new(layer));
        let names = |entries: &Entries| -> Vec<String> {
            let names = entries
                .iter()
                .map(|(line, _)| line.split(' ').next().unwrap().to_owned());
            names.collect()
        };
        assert_eq!(names(&ours), names(theirs));
        insta::assert_snapshot!(
            format!("{name}-{}", image.arch.oci()),
            difference(&ours, theirs)
        );
    }
}

#[test]
fn layers_are_apkos_but_for_what_is_meant_to_differ() {
    let workplace = Workplace::new();
    compare_layers("layer", &built(&workplace).images, &golden());
}

#[test]
fn certificates_are_added_as_apko_adds_them() {
    let workplace = Workplace::new();
    let images = workplace
        .build(&own("trust.yaml"), Compression::Gzip)
        .images;
    compare_layers("trust", &images, &apkos("own/golden/trust"));
}

#[test]
fn on_a_base_images_are_apkos_but_for_what_is_meant_to_differ() {
    let workplace = Workplace::new();
    let loaded = own("top.yaml");
    let contents = &loaded.configuration.contents;
    let (base, archs) = (
        contents.baseimage.as_ref().unwrap(),
        &loaded.configuration.archs,
    );
    let bases = Base::open_all(base, archs, &[], workplace.access().store).unwrap();
    let mut lock = workplace.lock_on(&loaded, &bases);
    let installed = workplace.locked_on(&loaded, &lock, &bases);
    let built = workplace.build_of(&loaded, &installed, &lock.keys(), Compression::Gzip);
    let golden = apkos("own/golden/top");
    compare_layers("top", &built.images, &golden);
    for image in &built.images.images {
        let (manifest, config, _) = &golden[image.arch.oci()];
        let mut ours = json(&image.config.bytes);
        assert_eq!(
            ours["rootfs"]["diff_ids"][0],
            config["rootfs"]["diff_ids"][0]
        );
        ours["rootfs"]["diff_ids"] = config["rootfs"]["diff_ids"].clone();
        ours["author"] = "github.com/chainguard-dev/apko".into();
        ours["history"][1] = config["history"][1].clone();
        assert_eq!(&ours, config);
        let ours = json(&image.manifest.bytes);
        assert_eq!(ours["layers"][0], manifest["layers"][0]);
    }
    // apko's lock does not have the base, and says the same of all else.
    let theirs = fs::read_to_string("own/golden/top.lock.json").unwrap();
    assert_eq!(std::mem::take(&mut lock.contents.baseimage).len(), 2);
    assert_eq!(lock.render().unwrap(), theirs);
}

#[test]
fn documents_are_apkos_but_for_digests_and_the_maker() {
    let workplace = Workplace::new();
    let images = built(&workplace).images;
    for image in &images.images {
        let (manifest, config, _) = &golden()[image.arch.oci()];
        let mut ours = json(&image.config.bytes);
        ours["rootfs"]["diff_ids"] = config["rootfs"]["diff_ids"].clone();
        for (place, maker) in [
            ("/author", "github.com/chainguard-dev/apko"),
            ("/history/0/author", "apko"),
            ("/history/0/created_by", "apko"),
        ] {
            *ours.pointer_mut(place).unwrap() = maker.into();
        }
        assert_eq!(&ours, config);
        let mut ours = json(&image.manifest.bytes);
        for place in [
            "/config/digest",
            "/config/size",
            "/layers/0/digest",
            "/layers/0/size",
        ] {
            *ours.pointer_mut(place).unwrap() = manifest.pointer(place).unwrap().clone();
        }
        assert_eq!(&ours, manifest);
    }
}

#[test]
fn the_lock_is_apkos_to_the_byte() {
    let workplace = Workplace::new();
    let theirs = fs::read_to_string("own/golden/small.lock.json").unwrap();
    let lock = workplace.lock(&own("small.yaml"));
    assert_eq!(lock.render().unwrap(), theirs);
    assert_eq!(Lock::parse(&theirs).unwrap(), lock);
}

#[test]
fn a_lock_gives_the_same_image() {
    let workplace = Workplace::new();
    let loaded = own("small.yaml");
    let free = workplace.build(&loaded, Compression::Gzip);
    let lock = workplace.lock(&loaded);
    // Nothing of the first run is there.
    let other = Workplace::new();
    let contents = other.locked(&loaded, &lock);
    let keys = lock.keys();
    let locked = other.build_of(&loaded, &contents, &keys, Compression::Gzip);
    assert_eq!(locked.images.index, free.images.index);
}

#[test]
fn a_layer_is_compressed_once() {
    let workplace = Workplace::new();
    let loaded = own("layers.yaml");
    for compression in [Compression::Gzip, Compression::Zstd] {
        let first = workplace.build(&loaded, compression).images;
        let again = workplace.build(&loaded, compression).images;
        assert_eq!(first.index, again.index);
        let cached = |images: &ImageIndex| -> Vec<bool> {
            let layers = images.images.iter().flat_map(|image| &image.layers);
            layers.map(|layer| layer.cached).collect()
        };
        assert_eq!(cached(&first), [false; 4]);
        assert_eq!(cached(&again), [true; 4]);
    }
}

#[test]
fn a_damaged_layer_is_compressed_again() {
    let workplace = Workplace::new();
    let loaded = own("small.yaml");
    let first = workplace.build(&loaded, Compression::Gzip).images;
    let path = &first.images[0].layers[0].path;
    let whole = fs::read(path).unwrap();
    let mut permissions = fs::metadata(path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(path, permissions).unwrap();
    fs::write(path, b"planted").unwrap();
    let again = workplace.build(&loaded, Compression::Gzip).images;
    assert!(!again.images[0].layers[0].cached && again.images[1].layers[0].cached);
    assert_eq!(again.index, first.index);
    assert!(fs::read(path).unwrap() == whole);
}

#[test]
fn a_layout_has_everything_by_digest() {
    let workplace = Workplace::new();
    let images = built(&workplace).images;
    let directory = workplace.at("layout");
    fs::create_dir(&directory).unwrap();
    write_layout(&images, &directory).unwrap();
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(directory.join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let digest = bessemer_digest::Digest::of(fs::read(&path).unwrap());
        assert_eq!(path.file_name().unwrap().to_str().unwrap(), digest.hex());
        names.push(digest.hex());
    }
    assert_eq!(names.len(), 6);
    let index = fs::read(directory.join("index.json")).unwrap();
    assert_eq!(index, images.index.bytes);
}

/// A document of ours with apko's digests and apko's words in the places of ours.
fn as_apkos(ours: &str, digests: &[(String, String)], theirs: &Value) -> Value {
    let mut text = ours.to_owned();
    for (own, other) in digests {
        text = text.replace(own, other);
    }
    let mut ours = json(text.as_bytes());
    for place in ["/name", "/creationInfo/creators", "/documentNamespace"] {
        *ours.pointer_mut(place).unwrap() = theirs.pointer(place).unwrap().clone();
    }
    for (own, other) in ours["packages"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .zip(theirs["packages"].as_array().unwrap())
        .take(2)
    {
        for key in ["description", "sourceInfo"] {
            if let Some(words) = other.get(key) {
                own[key] = words.clone();
            }
        }
    }
    ours
}

#[test]
fn bills_of_material_are_apkos_but_for_digests_and_the_maker() {
    let workplace = Workplace::new();
    let Built {
        images,
        inventories,
    } = built(&workplace);
    let hex = |value: &Value| {
        let digest = value.as_str().unwrap();
        digest.strip_prefix("sha256:").unwrap().to_owned()
    };
    let golden_index = fs::read("own/golden/small/index.json").unwrap();
    let mut digests = vec![(
        images.index.digest.hex(),
        bessemer_digest::Digest::of(&golden_index).hex(),
    )];
    let descriptors = json(&golden_index)["manifests"].clone();
    for (number, (image, inventory)) in images.images.iter().zip(&inventories).enumerate() {
        let (manifest, _, _) = &golden()[image.arch.oci()];
        digests.push((
            image.manifest.digest.hex(),
            hex(&descriptors[number]["digest"]),
        ));
        digests.push((
            image.layers[0].digest.hex(),
            hex(&manifest["layers"][0]["digest"]),
        ));
        let name = format!("own/golden/small/sboms/sbom-{}.spdx.json", image.arch.apk());
        let theirs = json(&fs::read(name).unwrap());
        let ours = image_spdx(image, inventory, "golden:latest", "").unwrap();
        assert_eq!(as_apkos(&ours, &digests, &theirs), theirs, "{}", image.arch);
    }
    let theirs = json(&fs::read("own/golden/small/sboms/sbom-index.spdx.json").unwrap());
    let ours = index_spdx(&images, &inventories[0].system, "golden:latest", "").unwrap();
    let mut ours = as_apkos(&ours, &digests, &theirs);
    // apko says the same supplier of every index: itself.
    for package in ours["packages"].as_array_mut().unwrap() {
        package["supplier"] = theirs["packages"][0]["supplier"].clone();
    }
    assert_eq!(ours, theirs);
}

#[test]
fn a_package_without_a_document_of_its_own_is_listed_all_the_same() {
    let workplace = Workplace::new();
    let Built {
        images,
        mut inventories,
    } = built(&workplace);
    let inventory = &mut inventories[0];
    for (_, document) in &mut inventory.packages {
        *document = match document {
            Some(bytes) if bytes.len() % 2 == 0 => Some(b"no document".to_vec()),
            _ => None,
        };
    }
    let image = &images.images[0];
    let spdx = image_spdx(
        image,
        inventory,
        "host:80/team/app:1",
        "https://x.example/y@c0ffee",
    );
    let spdx = json(spdx.unwrap().as_bytes());
    let names: Vec<&str> = spdx["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["SPDXID"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"SPDXRef-Package-apk-layout-next-3.0-r0"),
        "{names:?}"
    );
    assert!(
        names.contains(&"SPDXRef-Package-apk-layout-2.4-r1"),
        "{names:?}"
    );
}

#[test]
fn cyclonedx_describes_each_image_and_the_index() {
    let workplace = Workplace::new();
    let Built {
        images,
        inventories,
    } = built(&workplace);
    let (name, source) = ("host:80/team/app:1", "https://x.example/y@c0ffee");
    let text = index_cyclonedx(&images, name, source).unwrap();
    let index = json(text.as_bytes());
    let mut shown = text.replace(&images.index.digest.hex(), "[INDEX]");
    for ((image, inventory), listed) in images
        .images
        .iter()
        .zip(&inventories)
        .zip(index["components"].as_array().unwrap())
    {
        let text = image_cyclonedx(image, inventory, name, source).unwrap();
        let document = json(text.as_bytes());
        // What the index says of the image is what the image's own document says of it, and where that is.
        let own = &document["metadata"]["component"];
        assert_eq!(listed["purl"], own["purl"]);
        assert_eq!(listed["hashes"], own["hashes"]);
        let serial = document["serialNumber"].as_str().unwrap();
        let uuid = serial.strip_prefix("urn:uuid:").unwrap();
        assert_eq!(uuid.len(), 36);
        let link = format!("urn:cdx:{uuid}/{}", document["version"]);
        assert_eq!(listed["externalReferences"][0]["url"], link.as_str());
        let (digest, label) = (image.manifest.digest.hex(), image.arch.apk());
        shown = shown
            .replace(&digest, &format!("[{label}]"))
            .replace(uuid, &format!("[{label} UUID]"));
        if label == "x86_64" {
            let text = text.replace(&digest, "[DIGEST]").replace(uuid, "[UUID]");
            insta::assert_snapshot!("cyclonedx", text);
        }
    }
    let serial = index["serialNumber"].as_str().unwrap();
    insta::assert_snapshot!("cyclonedx-index", shown.replace(serial, "[UUID]"));
    // What git understands and is no URL cannot be a reference.
    let text = index_cyclonedx(&images, name, "git@host:x/y@c0ffee").unwrap();
    assert_eq!(
        json(text.as_bytes())["metadata"]["component"].get("externalReferences"),
        None
    );
}
