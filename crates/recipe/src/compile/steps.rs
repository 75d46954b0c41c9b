//! Expanding pipelines: conditions decided, `uses` replaced by what it names.

use super::inputs::Given;
use super::requests::Requests;
use super::scope::Scope;
use super::uses::{Loaded, PipelineCache};
use super::{CompileError, CompileOptions};
use crate::plan::{PipelineRef, SourceRequest, Step, StepLocation};
use crate::recipe::Recipe;
use crate::source::SourceFile;
use crate::text::Text;
use crate::variables::{Variables, WORKSPACE};
use crate::written;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The most steps that one recipe may expand to; pipelines can double each other.
const MAX_STEPS: usize = 20_000;
/// How deep pipelines may use pipelines.
const MAX_DEPTH: usize = 32;

/// What expanding the steps of all packages has in common.
#[derive(Debug)]
pub(crate) struct Compiler<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) options: &'a CompileOptions<'a>,
    file: Rc<SourceFile>,
    cache: PipelineCache,
    requests: Requests,
    needs: Vec<String>,
    expanded: usize,
}

/// A step with everything it stands for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expanded {
    pub(crate) name: String,
    pub(crate) uses: String,
    pub(crate) with: BTreeMap<String, String>,
    pub(crate) pipeline: Vec<Expanded>,
    /// The step's own fragment, when it has one.
    pub(crate) step: Option<Step>,
}

/// What a step inherits from around it.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a> {
    scope: Scope<'a>,
    file: Rc<SourceFile>,
    working_directory: String,
    environment: Variables,
    uses: Vec<String>,
    name: String,
    depth: usize,
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
            file: Rc::new(recipe.source().clone()),
            cache: PipelineCache::default(),
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
            file: Rc::clone(&self.file),
            working_directory: WORKSPACE.to_owned(),
            environment: Variables::new(),
            uses: Vec::new(),
            name: String::new(),
            depth: 0,
        };
        self.steps(steps, &frame, &mut Numbering { prefix, next: 0 })
    }

    fn steps(
        &mut self,
        steps: &[written::Step],
        frame: &Frame<'_>,
        numbering: &mut Numbering,
    ) -> Result<Vec<Expanded>, CompileError> {
        let mut expanded = Vec::new();
        for step in steps {
            if frame.scope.holds(&frame.file, &step.condition)? {
                expanded.push(self.step(step, frame, numbering)?);
            }
        }
        Ok(expanded)
    }

    fn step(
        &mut self,
        step: &written::Step,
        frame: &Frame<'_>,
        numbering: &mut Numbering,
    ) -> Result<Expanded, CompileError> {
        let mut inner = frame.clone();
        inner.depth += 1;
        self.expanded += 1;
        if self.expanded > MAX_STEPS {
            let message = format!("the recipe has more than {MAX_STEPS} steps");
            return Err(CompileError::value(&frame.file, &step.uses, message));
        }
        if inner.depth > MAX_DEPTH {
            let message = format!("pipelines are nested more than {MAX_DEPTH} deep");
            return Err(CompileError::value(&frame.file, &step.uses, message));
        }
        inner.enter(&frame.file, &step.working_directory, &step.environment)?;
        if !step.name.is_empty() {
            inner.name = frame.scope.shown(&step.name);
        }
        if !step.uses.is_empty() {
            return self.uses(step, frame, inner, numbering);
        }
        let given = Given {
            with: &step.with,
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
        self.body(&body, &inner, numbering)
    }

    fn uses<'s>(
        &mut self,
        step: &written::Step,
        frame: &Frame<'s>,
        mut inner: Frame<'s>,
        numbering: &mut Numbering,
    ) -> Result<Expanded, CompileError> {
        let loaded: Rc<Loaded> =
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
        self.requests
            .consider(&loaded, &given, &mut inner.scope, &numbering.id())?;
        inner.file = Rc::clone(&loaded.file);
        inner.enter(
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
        let with = given.shown(&inner.scope);
        let mut expanded = self.body(&body, &inner, numbering)?;
        expanded.uses.clone_from(&step.uses.value);
        expanded.with = with;
        Ok(expanded)
    }

    fn body(
        &mut self,
        body: &Body<'_>,
        frame: &Frame<'_>,
        numbering: &mut Numbering,
    ) -> Result<Expanded, CompileError> {
        self.needs
            .extend(frame.scope.list(&frame.file, body.needs)?);
        let runs = frame.scope.text(&frame.file, body.runs)?;
        let step = (!runs.trim().is_empty()).then(|| {
            let id = numbering.id();
            numbering.next += 1;
            frame.step(id, runs, body.runs)
        });
        let pipeline = self.steps(body.pipeline, frame, numbering)?;
        let (ran, required) = (pipeline.len(), body.required_steps);
        if required > 0 && ran != required {
            let text = body
                .pipeline
                .first()
                .map_or(body.runs, |step| &step.condition);
            let message = format!("{ran} of the steps apply, but `required-steps` is {required}");
            return Err(CompileError::value(&frame.file, text, message));
        }
        Ok(Expanded {
            name: frame.name.clone(),
            pipeline,
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
    ) -> Result<(), CompileError> {
        if !directory.is_empty() {
            let directory = self.scope.text(file, directory)?;
            self.working_directory = if directory.starts_with('/') {
                directory
            } else {
                format!("{WORKSPACE}/{directory}")
            };
        }
        self.environment.extend(self.scope.map(file, environment)?);
        Ok(())
    }

    fn step(&self, id: String, runs: String, text: &Text) -> Step {
        Step {
            id,
            name: self.name.clone(),
            uses: self.uses.last().cloned(),
            runs,
            working_directory: self.working_directory.clone(),
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
