//! Expanding pipelines: conditions decided, `uses` replaced by what it names.

use super::inputs::{self, Given};
use super::requests::Requests;
use super::scope::Scope;
use super::uses::{Loaded, PipelineCache};
use super::{CompileError, CompileOptions};
use crate::plan::{PipelineOrigin, PipelineRef, SourceRequest, Step, StepLocation};
use crate::recipe::Recipe;
use crate::variables::{Variables, WORKSPACE};
use crate::written;
use bessemer_yaml::SourceFile;
use bessemer_yaml::Text;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most steps that one recipe may expand to; pipelines can double each other.
const MAX_STEPS: usize = 20_000;
/// How deep pipelines may use pipelines.
const MAX_DEPTH: usize = 32;

/// What expanding the steps of all packages has in common.
#[derive(Debug)]
pub(crate) struct Compiler<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) options: &'a CompileOptions<'a>,
    file: Arc<SourceFile>,
    cache: PipelineCache<'a>,
    requests: Requests,
    needs: Vec<String>,
    expanded: usize,
}

/// A step with everything it stands for. Also steps whose condition does not hold are expanded: the
/// evaluated recipe shows them, and mistakes in them are found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expanded {
    /// The condition with its variables filled in; empty when there is none.
    pub(crate) condition: String,
    pub(crate) name: String,
    pub(crate) uses: String,
    pub(crate) with: BTreeMap<String, String>,
    pub(crate) runs: String,
    pub(crate) pipeline: Vec<Expanded>,
    /// What it needs, where the reference implementation still shows it.
    pub(crate) needs: Option<Vec<String>>,
    pub(crate) label: String,
    pub(crate) required_steps: usize,
    pub(crate) working_directory: String,
    pub(crate) environment: Variables,
    /// Whether it runs.
    active: bool,
    /// The step's own fragment, when it has one and runs.
    step: Option<Step>,
}

/// What a step inherits from around it.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a> {
    scope: Scope<'a>,
    file: Arc<SourceFile>,
    /// As written, with its variables filled in; empty is the workspace.
    working_directory: String,
    environment: Variables,
    uses: Vec<String>,
    name: String,
    depth: usize,
    /// Whether the steps around it run.
    active: bool,
    /// Whether it belongs to a test.
    testing: bool,
    /// Whether it stands in a built-in pipeline.
    builtin: bool,
}

/// Numbers the steps of one pipeline: `main/0`, `main/1`, ….
#[derive(Debug)]
struct Numbering {
    prefix: String,
    next: usize,
}

impl Numbering {
    fn id(&self) -> String {
        format!("{}/{}", self.prefix, self.next)
    }
}

/// The part that an inline step and a pipeline file have in common.
struct Body<'s> {
    runs: &'s Text,
    pipeline: &'s [written::Step],
    needs: &'s [Text],
    required_steps: usize,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(recipe: &'a Recipe, options: &'a CompileOptions<'a>) -> Self {
        Self {
            recipe,
            options,
            file: Arc::new(recipe.source().clone()),
            cache: PipelineCache::new(options.parsed),
            requests: Requests::default(),
            needs: Vec::new(),
            expanded: 0,
        }
    }

    /// The packages that steps expanded since the last call need.
    pub(crate) fn take_needs(&mut self) -> Vec<String> {
        std::mem::take(&mut self.needs)
    }

    pub(crate) fn finish(self) -> (Vec<SourceRequest>, Vec<PipelineRef>) {
        (self.requests.finish(), self.cache.finish())
    }

    /// Expands a whole pipeline; its steps are numbered below `prefix`.
    pub(crate) fn pipeline(
        &mut self,
        steps: &[written::Step],
        variables: &Variables,
        prefix: String,
    ) -> Result<Vec<Expanded>, CompileError> {
        let frame = Frame {
            scope: Scope::new(variables),
            file: Arc::clone(&self.file),
            working_directory: String::new(),
            environment: Variables::new(),
            uses: Vec::new(),
            name: String::new(),
            depth: 0,
            active: true,
            testing: prefix.starts_with("test/"),
            builtin: false,
        };
        self.steps(steps, &frame, &mut Numbering { prefix, next: 0 })
    }

    fn steps(
        &mut self,
        steps: &[written::Step],
        frame: &Frame<'_>,
        numbering: &mut Numbering,
    ) -> Result<Vec<Expanded>, CompileError> {
        steps
            .iter()
            .map(|step| self.step(step, frame, numbering))
            .collect()
    }

    fn step(
        &mut self,
        step: &written::Step,
        frame: &Frame<'_>,
        numbering: &mut Numbering,
    ) -> Result<Expanded, CompileError> {
        let mut inner = frame.clone();
        self.descend(step, &mut inner)?;
        let holds = frame.scope.holds(&frame.file, &step.condition)?;
        inner.active = frame.active && holds;
        let own = inner.enter(&frame.file, &step.working_directory, &step.environment)?;
        if !step.name.is_empty() {
            inner.name = frame.scope.shown(&step.name);
        }
        let mut expanded = if step.uses.is_empty() || self.stands(step, frame, &inner, numbering)? {
            self.inline(step, frame, inner, numbering)?
        } else {
            self.uses(step, frame, inner, numbering)?
        };
        let in_recipe = Arc::ptr_eq(&frame.file, &self.file);
        expanded.condition = frame.scope.shown_condition(&step.condition, in_recipe);
        expanded.name = frame.scope.shown(&step.name);
        // Steps of a recipe show what they inherit; those of pipeline files only their own.
        let inherits = in_recipe && frame.depth > 0 && !frame.testing;
        let mut environment = if inherits {
            frame.environment.clone()
        } else {
            Variables::new()
        };
        environment.extend(own);
        environment.extend(std::mem::take(&mut expanded.environment));
        expanded.environment = environment;
        Ok(expanded)
    }

    /// Whether a step of an evaluated recipe can run as it is written there: it asks for its source,
    /// and its script looks for it where the source will be. A script that would fetch by itself
    /// (melange's `git-checkout`) is expanded again, from the built-in pipeline.
    fn stands(
        &mut self,
        step: &written::Step,
        frame: &Frame<'_>,
        inner: &Frame<'_>,
        numbering: &Numbering,
    ) -> Result<bool, CompileError> {
        if !step.is_expanded() {
            return Ok(false);
        }
        let pipelines = self.options.pipelines;
        let loaded = self.cache.load(pipelines, &frame.file, &step.uses)?;
        let given = Given {
            with: &step.with,
            file: &frame.file,
            step: &step.uses,
        };
        let mut scope = given.scope(&frame.scope, &loaded.definition.inputs, &loaded.file)?;
        let asker = inner.active.then(|| numbering.id());
        let place = self
            .requests
            .consider(&loaded, &given, &mut scope, asker.as_deref())?;
        Ok(place.is_none_or(|place| step.mentions(&place)))
    }

    /// Goes one step deeper, within bounds.
    fn descend(&mut self, step: &written::Step, inner: &mut Frame<'_>) -> Result<(), CompileError> {
        inner.depth += 1;
        self.expanded += 1;
        let message = if self.expanded > MAX_STEPS {
            format!("the recipe has more than {MAX_STEPS} steps")
        } else if inner.depth > MAX_DEPTH {
            format!("pipelines are nested more than {MAX_DEPTH} deep")
        } else {
            return Ok(());
        };
        Err(CompileError::value(&inner.file, &step.uses, message))
    }

    fn inline<'s>(
        &mut self,
        step: &written::Step,
        frame: &Frame<'s>,
        mut inner: Frame<'s>,
        numbering: &mut Numbering,
    ) -> Result<Expanded, CompileError> {
        // With an expansion beside it, `uses` is done already.
        let spent = BTreeMap::new();
        let given = Given {
            with: if step.uses.is_empty() {
                &step.with
            } else {
                &spent
            },
            file: &frame.file,
            step: &step.uses,
        };
        inner.scope = given.scope(&frame.scope, &step.inputs, &frame.file)?;
        let body = Body {
            runs: &step.runs,
            pipeline: &step.pipeline,
            needs: &step.needs.packages,
            required_steps: step.assertions.required_steps,
        };
        let mut expanded = self.body(&body, &inner, numbering)?;
        if frame.depth > 0 {
            expanded.with = inputs::shown(&inner.scope, &step.inputs);
        }
        expanded.label.clone_from(&step.label.value);
        Ok(expanded)
    }

    fn uses<'s>(
        &mut self,
        step: &written::Step,
        frame: &Frame<'s>,
        mut inner: Frame<'s>,
        numbering: &mut Numbering,
    ) -> Result<Expanded, CompileError> {
        let loaded: Arc<Loaded> =
            self.cache
                .load(self.options.pipelines, &frame.file, &step.uses)?;
        if inner.uses.contains(&step.uses.value) {
            let message = format!("pipeline `{}` uses itself", step.uses.value);
            let diagnostic = frame.file.diagnostic(step.uses.position, message);
            return Err(CompileError::Pipeline(Box::new(diagnostic)));
        }
        inner.uses.push(step.uses.value.clone());
        if inner.name.is_empty() {
            inner.name.clone_from(&step.uses.value);
        }
        let definition = &loaded.definition;
        let given = Given {
            with: &step.with,
            file: &frame.file,
            step: &step.uses,
        };
        inner.scope = given.scope(&frame.scope, &definition.inputs, &loaded.file)?;
        let asker = inner.active.then(|| numbering.id());
        self.requests
            .consider(&loaded, &given, &mut inner.scope, asker.as_deref())?;
        inner.file = Arc::clone(&loaded.file);
        inner.builtin = loaded.origin == PipelineOrigin::Builtin;
        let own = inner.enter(
            &loaded.file,
            &definition.working_directory,
            &definition.environment,
        )?;
        let body = Body {
            runs: &definition.runs,
            pipeline: &definition.pipeline,
            needs: &definition.needs.packages,
            required_steps: definition.assertions.required_steps,
        };
        let mut expanded = self.body(&body, &inner, numbering)?;
        expanded.uses.clone_from(&step.uses.value);
        if frame.depth > 0 || !step.with.is_empty() {
            expanded.with = inputs::shown(&inner.scope, &definition.inputs);
        }
        let label = if definition.label.is_empty() {
            &step.label
        } else {
            &definition.label
        };
        expanded.label.clone_from(&label.value);
        expanded.environment = own;
        Ok(expanded)
    }

    fn body(
        &mut self,
        body: &Body<'_>,
        frame: &Frame<'_>,
        numbering: &mut Numbering,
    ) -> Result<Expanded, CompileError> {
        let needs = frame.scope.list(&frame.file, body.needs)?;
        let shown = (frame.depth > 1 || !frame.active) && !needs.is_empty();
        let shown = shown.then(|| needs.clone());
        if frame.active {
            self.needs.extend(needs);
        }
        let runs = if frame.builtin {
            frame.scope.quoted_script(&frame.file, body.runs)?
        } else {
            frame.scope.text(&frame.file, body.runs)?
        };
        let step = (frame.active && !runs.trim().is_empty()).then(|| {
            let id = numbering.id();
            numbering.next += 1;
            frame.step(id, runs.clone(), body.runs)
        });
        let pipeline = self.steps(body.pipeline, frame, numbering)?;
        let ran = pipeline.iter().filter(|step| step.active).count();
        let required = body.required_steps;
        if frame.active && required > 0 && ran != required {
            let text = body
                .pipeline
                .first()
                .map_or(body.runs, |step| &step.condition);
            let message = format!("{ran} of the steps apply, but `required-steps` is {required}");
            return Err(CompileError::value(&frame.file, text, message));
        }
        Ok(Expanded {
            runs,
            pipeline,
            needs: shown,
            required_steps: required,
            working_directory: frame.working_directory.clone(),
            active: frame.active,
            step,
            ..Expanded::default()
        })
    }
}

impl Frame<'_> {
    fn enter(
        &mut self,
        file: &SourceFile,
        directory: &Text,
        environment: &BTreeMap<String, Text>,
    ) -> Result<Variables, CompileError> {
        if !directory.is_empty() {
            self.working_directory = self.scope.line(file, directory)?;
        }
        let environment = self.scope.map(file, environment)?;
        self.environment.extend(environment.clone());
        Ok(environment)
    }

    /// The working directory in the guest.
    fn directory(&self) -> String {
        if self.working_directory.is_empty() {
            WORKSPACE.to_owned()
        } else if self.working_directory.starts_with('/') {
            self.working_directory.clone()
        } else {
            format!("{WORKSPACE}/{}", self.working_directory)
        }
    }

    fn step(&self, id: String, runs: String, text: &Text) -> Step {
        Step {
            id,
            name: self.name.clone(),
            uses: self.uses.last().cloned(),
            runs,
            working_directory: self.directory(),
            environment: self.environment.clone(),
            location: text.position.map(|position| StepLocation {
                file: self.file.recorded().to_owned(),
                line: position.line,
                column: position.column,
            }),
        }
    }
}

/// The fragments of expanded steps, in the order they run.
pub(crate) fn flatten(expanded: &[Expanded]) -> Vec<Step> {
    let mut steps = Vec::new();
    for node in expanded {
        steps.extend(node.step.clone());
        steps.extend(flatten(&node.pipeline));
    }
    steps
}
