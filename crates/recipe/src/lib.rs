//! The recipe language: as written, resolved, plan.
//!
//! A recipe is a melange build file. [`Recipe::parse`] reads it strictly and keeps where everything
//! stands; [`compile`] evaluates variables, conditions and pipelines, and gives a [`Plan`] in which
//! nothing is left to evaluate: packages, shell fragments, sources to fetch, environments.
//!
//! Invariants: nothing here touches the network or runs anything; the only files read are the
//! pipeline files that a [`PipelineLoader`] finds, and each is in the plan by digest; the same
//! inputs give the same plan.

mod compile;
mod condition;
mod copyright;
mod environment_file;
mod evaluated;
mod evaluated_sources;
mod keys;
mod pipelines;
mod plan;
mod query;
mod recipe;
mod schema;
mod substitute;
mod variables;
mod variables_file;
pub mod written;

pub use bessemer_yaml::{Diagnostic, Position, SourceFile, Text};
pub use compile::{CompileError, CompileOptions, Compiled, ParsedPipelines, compile};
pub use copyright::{CopyrightEntry, RewriteError, rewrite_copyright};
pub use environment_file::{EnvironmentFileError, parse_environment};
pub use evaluated::Evaluated;
pub use evaluated_sources::{DeclaredLicense, EvaluatedSources, EvaluatedSourcesError, Unpacking};
pub use pipelines::{
    BuiltinPipelines, PipelineDirectories, PipelineLoader, PipelineSource, builtin_definitions,
    builtin_pipelines,
};
pub use plan::{
    DependencyPlan, EnvironmentPlan, FileRef, GitRequest, LicensePlan, PackageOptionsPlan,
    PackagePlan, PipelineOrigin, PipelineRef, Plan, PlanSchema, SetcapPlan, SourceRequest, Step,
    StepLocation, TestPlan, test_of,
};
pub use query::{QueryError, package_version, query};
pub use recipe::{Recipe, RecipeError};
pub use schema::{pipeline_schema, recipe_schema};
pub use variables_file::{VariablesFileError, parse_variables};
