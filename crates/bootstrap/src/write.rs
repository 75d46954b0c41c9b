//! Writing packages and, last, their index.

use crate::config::Config;
use crate::draft::Draft;
use crate::facts::ImportFacts;
use crate::run::{BootstrapError, Event, Imported, Options, SignBytes, Summary};
use bessemer_apk::package::Reader;
use bessemer_apk::{Index, IndexEntry, Limits, PkgInfo, write_index};
use bessemer_digest::Digest;
use bessemer_package::{Metadata, emit, remove_partial, sbom};
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

const INDEX_NAME: &str = "APKINDEX.tar.gz";
/// What the namespaces of these packages' SBOMs start with; their digests make them unique.
const SBOM_NAMESPACE: &str = "urn:bessemer:bootstrap";

pub(crate) fn repository(
    drafts: Vec<Draft>,
    config: &Config,
    options: &Options,
    architecture: &str,
    signer: &mut dyn SignBytes,
    report: &mut dyn FnMut(Event),
) -> Result<Summary, BootstrapError> {
    let directory = options.out.join(architecture);
    fs_err::create_dir_all(&directory)?;
    remove_partial(&directory)?;
    let total = drafts.len();
    let mut index = Index {
        description: "bessemer bootstrap".into(),
        ..Index::default()
    };
    let mut packages = Vec::new();
    for mut draft in drafts {
        draft.info.arch = architecture.into();
        draft.info.build_date = Some(options.source_date_epoch);
        let (imported, entry) = package(draft, options, &directory, signer)?;
        index.entries.push(entry);
        let name = imported.name.clone();
        packages.push(imported);
        report(Event::Written {
            name,
            done: packages.len(),
            total,
        });
    }
    let unsigned = write_index(&index)?;
    let signature = signer
        .sign_index(&unsigned)
        .map_err(|source| BootstrapError::Sign {
            what: INDEX_NAME.into(),
            source,
        })?;
    let whole = [signature, unsigned].concat();
    options
        .scratch
        .write_whole(&directory.join(INDEX_NAME), &whole)?;
    report(Event::Indexed { packages: total });
    Ok(Summary {
        directory,
        architecture: architecture.into(),
        config_sha256: config.sha256(),
        index_sha256: Digest::of(&whole),
        packages,
    })
}

/// Writes one package; the index entry comes from reading the written file.
fn package(
    draft: Draft,
    options: &Options,
    directory: &Path,
    signer: &mut dyn SignBytes,
) -> Result<(Imported, IndexEntry), BootstrapError> {
    let Draft { info, tree, facts } = draft;
    let (name, version) = (info.name.clone(), info.version.clone());
    let document =
        describe(&info, facts.as_ref(), options.source_date_epoch).map_err(|source| {
            BootstrapError::Sbom {
                package: name.clone(),
                source,
            }
        })?;
    let added = BTreeMap::from([(sbom::path(&name, &version), document)]);
    let failed = |source| BootstrapError::Emit {
        package: name.clone(),
        source,
    };
    let metadata = Metadata {
        info,
        ..Metadata::default()
    };
    let unsigned = emit(
        &metadata,
        &tree,
        &added,
        options.source_date_epoch,
        &options.cache,
    )
    .map_err(failed)?;
    let signature =
        signer
            .sign_control(&unsigned.control)
            .map_err(|source| BootstrapError::Sign {
                what: name.clone(),
                source,
            })?;
    let path = directory.join(format!("{name}-{version}.apk"));
    let control_sha256 = unsigned.control_sha256;
    let data = unsigned.data_summary;
    let emitted = unsigned
        .attach(&signature, &path, &options.scratch)
        .map_err(failed)?;
    let file = BufReader::new(fs_err::File::open(&path)?);
    let reader =
        Reader::open(file, Limits::default()).map_err(|source| BootstrapError::ReadBack {
            path: path.clone(),
            source: Box::new(source),
        })?;
    let entry = IndexEntry::from_package(&reader.header().control, emitted.size);
    let imported = Imported {
        path,
        name,
        version,
        sha256: emitted.sha256,
        control_sha256,
        data_sha256: data.sha256,
        size: emitted.size,
        installed_size: data.installed_size,
        facts,
    };
    Ok((imported, entry))
}

fn describe(
    info: &PkgInfo,
    facts: Option<&ImportFacts>,
    created: u64,
) -> Result<Vec<u8>, sbom::SbomError> {
    let source = |facts: &ImportFacts| sbom::Source {
        name: facts.deb.name.clone(),
        version: facts.deb.version.clone(),
        location: None,
        purl: Some(format!(
            "pkg:deb/{}/{}@{}?arch={}",
            sbom::escape(&facts.release.origin.to_lowercase()),
            sbom::escape(&facts.deb.name),
            sbom::escape(&facts.deb.version),
            sbom::escape(&facts.deb.architecture)
        )),
        sha256: Some(facts.deb.sha256),
        license: None,
    };
    sbom::spdx(&sbom::Description {
        namespace: SBOM_NAMESPACE,
        organization: "bessemer bootstrap",
        distribution: "bessemer",
        name: &info.name,
        version: &info.version,
        architecture: &info.arch,
        inputs: None,
        licenses: &[],
        copyright: None,
        created,
        recipe: None,
        sources: facts.map(source).into_iter().collect(),
    })
}
