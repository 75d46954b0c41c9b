//! The provenance statement, field by field (design: §5).

use super::{DeriveError, Evidence, Issuer, apk_build_type, dependencies, network};
use crate::documents::{Component, digest};
use crate::predicates::{
    BuildDefinition, Builder, ExternalConfigSource, ExternalParameters, InternalParameters,
    IsolationParameters, Metadata, PROVENANCE_TYPE, Provenance, ResourceParameters, RunDetails,
};
use crate::{ResourceDescriptor, Statement};
use std::collections::BTreeMap;

pub(super) fn statement(
    issuer: &Issuer,
    evidence: &Evidence<'_>,
) -> Result<Statement<Provenance>, DeriveError> {
    let subjects = evidence.record.outputs.iter().map(|output| {
        ResourceDescriptor::file(&output.file, &output.sha256)
            .with("controlHash", output.control_sha256.hex())
            .with("datahash", output.data_sha256.hex())
            .with("package", &output.package)
            .with("version", &output.version)
            .with("architecture", &output.architecture)
    });
    let predicate = Provenance {
        build_definition: BuildDefinition {
            build_type: apk_build_type(&issuer.base),
            external_parameters: external(evidence),
            internal_parameters: internal(evidence),
            resolved_dependencies: [
                dependencies::resolved(&evidence.job_spec.config_source, evidence.lock),
                network::dependencies(evidence),
            ]
            .concat(),
        },
        run_details: RunDetails {
            builder: builder(issuer, evidence),
            metadata: Metadata {
                invocation_id: evidence.record.invocation_id.clone(),
                started_on: evidence.record.started_on.to_string(),
                finished_on: evidence.record.finished_on.to_string(),
            },
            byproducts: byproducts(evidence)?,
        },
    };
    Ok(Statement::new(
        subjects.collect(),
        PROVENANCE_TYPE,
        predicate,
    ))
}

fn external(evidence: &Evidence<'_>) -> ExternalParameters {
    let source = &evidence.job_spec.config_source;
    let parameters = evidence.job_spec.external_parameters.clone();
    ExternalParameters {
        config_source: ExternalConfigSource {
            repository: source.repository.clone(),
            reference: source.reference.clone(),
            path: source.path.clone(),
        },
        architecture: parameters.architecture,
        options: parameters.options,
        extra_repositories: parameters.extra_repositories,
        keyrings: parameters.keyrings,
        pipeline_directories: parameters.pipeline_directories,
        variables: parameters.variables,
        environment_files: parameters.environment_files,
        environment: parameters.environment,
        extra_packages: parameters.extra_packages,
        namespace: parameters.namespace,
        git_commit: parameters.git_commit,
        git_repository_url: parameters.git_repository_url,
        recipe_license: parameters.recipe_license,
        strip_origin_name: parameters.strip_origin_name,
        host_triplet_libc: parameters.host_triplet_libc,
        debug: parameters.debug,
        original_recipe: parameters.original_recipe,
    }
}

fn internal(evidence: &Evidence<'_>) -> InternalParameters {
    let (spec, machine) = (evidence.job_spec, &evidence.record.build_machine);
    InternalParameters {
        network: spec.network.as_str().to_owned(),
        network_policy: spec.network_policy.clone(),
        proxy_isolation: evidence
            .record
            .networks
            .first()
            .map(|network| IsolationParameters {
                host_kernel: None,
                jail_profile: network.jail.profile.clone(),
                applied: network.jail.applied.clone(),
                missing: network.jail.missing.clone(),
            }),
        accelerator: machine.accelerator.as_str().to_owned(),
        machine: machine.machine.clone(),
        cpu_baseline: machine.cpu_baseline.clone(),
        isolation: IsolationParameters {
            jail_profile: machine.jail.profile.clone(),
            host_kernel: machine.host_kernel.clone(),
            applied: machine.jail.applied.clone(),
            missing: machine.jail.missing.clone(),
        },
        resources: ResourceParameters {
            vcpus: machine.vcpus,
            memory_mib: machine.memory_mib,
            scratch_mib: spec.limits.scratch_mib,
            output_mib: spec.limits.output_mib,
            timeout_seconds: spec.limits.timeout_seconds,
            log_bytes: spec.limits.log_bytes,
        },
        source_date_epoch: spec.source_date_epoch,
    }
}

fn builder(issuer: &Issuer, evidence: &Evidence<'_>) -> Builder {
    let components = &evidence.record.components;
    let machine = &evidence.record.build_machine;
    let qemu = machine.qemu_version.clone().zip(machine.qemu_sha256);
    let qemu = qemu.map(|(version, sha256)| Component { version, sha256 });
    let proxy = evidence.record.networks.first();
    let programs: Vec<(&str, &Component)> = [
        ("controller", Some(&components.controller)),
        ("jailer", Some(&components.jailer)),
        ("qemu", qemu.as_ref()),
        ("signer", Some(&issuer.signer)),
        ("proxy", proxy.map(|network| &network.proxy)),
    ]
    .into_iter()
    .filter_map(|(name, component)| Some((name, component?)))
    .collect();
    Builder {
        id: issuer.builder_id(),
        version: programs
            .iter()
            .map(|(name, component)| ((*name).to_owned(), component.version.clone()))
            .collect::<BTreeMap<_, _>>(),
        builder_dependencies: programs
            .iter()
            .map(|(name, component)| ResourceDescriptor::file(*name, &component.sha256))
            .collect(),
    }
}

fn byproducts(evidence: &Evidence<'_>) -> Result<Vec<ResourceDescriptor>, DeriveError> {
    let record = evidence.record;
    let machine = &record.build_machine;
    let mut list = vec![
        ResourceDescriptor::file("plan", &record.byproducts.plan),
        ResourceDescriptor::file("lock", &record.lock),
        ResourceDescriptor::file("job-spec", &record.job_spec),
        ResourceDescriptor::file("record", &digest(record)?),
        ResourceDescriptor::file("log", &record.byproducts.log),
        ResourceDescriptor::file("manifest", &record.byproducts.manifest),
        ResourceDescriptor::file("environment-disk", &machine.environment_disk),
    ];
    let inputs = record.byproducts.guest_inputs.iter();
    list.extend(inputs.map(|digest| ResourceDescriptor::file("guest-inputs", digest)));
    let verified = evidence.environment.iter();
    list.extend(verified.map(|digest| ResourceDescriptor::file("build-environment", digest)));
    let networks = record
        .networks
        .iter()
        .filter(|network| network.test.is_none());
    list.extend(networks.map(|network| ResourceDescriptor::file("network", &network.record)));
    let disk = machine.sources_disk.iter();
    list.extend(disk.map(|digest| ResourceDescriptor::file("sources-disk", digest)));
    list.extend(
        record.outputs.iter().map(|output| {
            ResourceDescriptor::file(format!("sbom:{}", output.package), &output.sbom)
        }),
    );
    Ok(list)
}
