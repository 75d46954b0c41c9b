//! Archives of sources, licence texts, and templates of queries.

use crate::Target;
use bessemer_license::{Classifier, Collector, Depth, Limits, Placement};
use bessemer_recipe::{Recipe, SourceFile, query};
use std::io::{Seek as _, Write as _};
use std::sync::LazyLock;

/// Small, so that a finding is about bounds and not about patience.
const LIMITS: Limits = Limits {
    entries: 1000,
    archive: 1 << 20,
    file: 1 << 14,
    kept: 1 << 16,
};

pub(crate) const ARCHIVE: Target = Target {
    name: "license_archive",
    run: archive,
    seeds: archives,
    words: &["PK\x01\x02", "PK\x05\x06", "ustar", "LICENSE", "path="],
};

pub(crate) const QUERY: Target = Target {
    name: "recipe_query",
    run: template,
    seeds: templates,
    words: &[
        "{{", "}}", "range", "if", "else", "end", "with", "printf", ".Package", "index",
    ],
};

/// What is found stays below its limits, has a path inside the workspace, and can be classified.
fn archive(bytes: &[u8]) {
    let mut file = tempfile();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let mut collector = Collector::new(Depth::Deep, LIMITS, []);
    drop(collector.archive(file, &Placement::default()));
    let (files, _) = collector.finish();
    let mut classifier = Classifier::default();
    for found in files {
        assert!(!found.path.starts_with('/'), "{}", found.path);
        assert!(
            !found.path.split('/').any(|part| part == ".."),
            "{}",
            found.path
        );
        // Replaced bytes take three.
        assert!(found.text.len() as u64 <= 3 * LIMITS.file);
        for found in classifier.classify(&found.text) {
            assert!((0.0..=1.0).contains(&found.confidence));
        }
    }
}

fn tempfile() -> std::fs::File {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    rustix::fs::memfd_create("archive", flags).unwrap().into()
}

fn archives() -> Vec<Vec<u8>> {
    let mut block = vec![0; 512];
    block[..7].copy_from_slice(b"LICENSE");
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(b"00000000007");
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut tar = block;
    tar.extend(b"license");
    tar.resize(512 * 4, 0);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).unwrap();
    // A stored file, its entry in the directory, and the end.
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    common.extend([[0; 4], 7_u32.to_le_bytes(), 7_u32.to_le_bytes()].concat());
    common.extend([7, 0, 0, 0]);
    let local = [b"PK\x03\x04", common.as_slice(), b"LICENSElicense"].concat();
    let central = [
        b"PK\x01\x02\x14\x03",
        common.as_slice(),
        &[0; 14],
        b"LICENSE",
    ]
    .concat();
    let mut zip = [local.as_slice(), &central].concat();
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(u32::try_from(central.len()).unwrap().to_le_bytes());
    zip.extend(u32::try_from(local.len()).unwrap().to_le_bytes());
    zip.extend([0, 0]);
    vec![tar, gzip.finish().unwrap(), zip]
}

fn template(bytes: &[u8]) {
    static RECIPE: LazyLock<Recipe> = LazyLock::new(|| {
        let text = "package:\n  name: a\n  version: 1\nsubpackages:\n  - name: b\n  - name: c\n";
        Recipe::parse(SourceFile::new("a.yaml", text)).unwrap()
    });
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(query(&RECIPE, text));
    }
}

fn templates() -> Vec<Vec<u8>> {
    [
        "{{ .Package.Name }}-{{- .Package.Epoch -}}",
        "{{range $i, $s := .Subpackages}}{{if gt $i 0}}, {{end}}{{$s.Name | printf \"%-5q\"}}{{else}}x{{end}}",
        "{{with index .Subpackages 1}}{{len .Name}}{{end}}{{/* note */}}{{slice \"abc\" 1 2}}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
