//! Filling templates.

use super::QueryError;
use super::functions::call;
use super::parse::{Node, Operand, Pipeline};
use super::value::Value;

/// Nodes that one template may come to, loops counted each time.
const MAX_STEPS: usize = 1_000_000;
/// Most text of the output, and of all values that a template makes on the way, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// Fills a template from a value.
pub(super) fn run(nodes: &[Node], root: &Value) -> Result<String, QueryError> {
    let mut run = Run {
        variables: vec![(String::new(), root.clone())],
        output: String::new(),
        steps: 0,
        bytes: 0,
    };
    run.nodes(nodes, root)?;
    Ok(run.output)
}

struct Run {
    /// The innermost last; `$` alone is the root.
    variables: Vec<(String, Value)>,
    output: String,
    steps: usize,
    bytes: usize,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl Run {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, QueryError> {
        let depth = self.variables.len();
        let mut flow = Flow::On;
        for node in nodes {
            flow = self.node(node, dot)?;
            if flow != Flow::On {
                break;
            }
        }
        self.variables.truncate(depth);
        Ok(flow)
    }

    /// Counts a node and the text that it made.
    fn count(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.steps += 1;
        self.bytes += bytes;
        if self.steps > MAX_STEPS || self.bytes > MAX_BYTES {
            let message = format!(
                "it takes more than {MAX_STEPS} steps, or {} MiB of text",
                MAX_BYTES >> 20
            );
            return Err(QueryError::Value(message));
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, QueryError> {
        self.count(0)?;
        match node {
            Node::Text(text) => {
                self.count(text.len())?;
                self.output.push_str(text);
            }
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    let shown = value.shown();
                    self.count(shown.len())?;
                    self.output.push_str(&shown);
                } else {
                    self.assign(pipeline, &[value])?;
                }
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::If(pipeline, then, otherwise) => {
                return self.choose(pipeline, then, otherwise, dot, false);
            }
            Node::With(pipeline, then, otherwise) => {
                return self.choose(pipeline, then, otherwise, dot, true);
            }
            Node::Range(pipeline, body, otherwise) => {
                return self.range(pipeline, body, otherwise, dot);
            }
        }
        Ok(Flow::On)
    }

    fn choose(
        &mut self,
        pipeline: &Pipeline,
        then: &[Node],
        otherwise: &[Node],
        dot: &Value,
        moves: bool,
    ) -> Result<Flow, QueryError> {
        let depth = self.variables.len();
        let value = self.pipeline(pipeline, dot)?;
        self.assign(pipeline, std::slice::from_ref(&value))?;
        let flow = if value.is_true() {
            self.nodes(then, if moves { &value } else { dot })
        } else {
            self.nodes(otherwise, dot)
        };
        self.variables.truncate(depth);
        flow
    }

    fn range(
        &mut self,
        pipeline: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<Flow, QueryError> {
        let entries: Vec<(Value, Value)> = match self.pipeline(pipeline, dot)? {
            Value::Nil | Value::Missing => Vec::new(),
            Value::List(list) => (0..).map(Value::Int).zip(list).collect(),
            Value::Map(map) => {
                let entries = map.into_iter();
                entries
                    .map(|(key, value)| (Value::Text(key), value))
                    .collect()
            }
            Value::Int(count) => (0..count.clamp(0, 10_000))
                .map(|number| (Value::Int(number), Value::Int(number)))
                .collect(),
            other => {
                let message = format!("`range` cannot go over {}", other.kind());
                return Err(QueryError::Value(message));
            }
        };
        if entries.is_empty() {
            return self.nodes(otherwise, dot);
        }
        let depth = self.variables.len();
        for (key, value) in entries {
            match pipeline.variables.len() {
                0 => {}
                1 => self.assign(pipeline, std::slice::from_ref(&value))?,
                _ => self.assign(pipeline, &[key, value.clone()])?,
            }
            let flow = self.nodes(body, &value)?;
            if pipeline.declares {
                self.variables.truncate(depth);
            }
            if flow == Flow::Break {
                break;
            }
        }
        self.variables.truncate(depth);
        Ok(Flow::On)
    }

    fn assign(&mut self, pipeline: &Pipeline, values: &[Value]) -> Result<(), QueryError> {
        for (name, value) in pipeline.variables.iter().zip(values) {
            if pipeline.declares {
                self.variables.push((name.clone(), value.clone()));
                continue;
            }
            *self.variable(name)? = value.clone();
        }
        Ok(())
    }

    fn variable(&mut self, name: &str) -> Result<&mut Value, QueryError> {
        let mut variables = self.variables.iter_mut().rev();
        let found = variables.find(|(own, _)| own == name);
        let unknown = || QueryError::Value(format!("variable `${name}` has no value"));
        found.map(|(_, value)| value).ok_or_else(unknown)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, QueryError> {
        let mut last: Option<Value> = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, dot, last)?);
        }
        Ok(last.unwrap_or(Value::Nil))
    }

    fn command(
        &mut self,
        command: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value, QueryError> {
        let Some((first, rest)) = command.split_first() else {
            return Ok(Value::Nil);
        };
        if let Operand::Function(name) = first {
            let mut arguments = Vec::new();
            for operand in rest {
                let value = self.operand(operand, dot)?;
                // The value that decides is the last that is looked at.
                let decided = matches!(
                    (name.as_str(), value.is_true()),
                    ("and", false) | ("or", true)
                );
                arguments.push(value);
                if decided {
                    return call(name, &arguments);
                }
            }
            arguments.extend(piped);
            let value = call(name, &arguments)?;
            if let Value::Text(text) = &value {
                self.count(text.len())?;
            }
            return Ok(value);
        }
        if !rest.is_empty() || piped.is_some() {
            let message = "only functions take arguments".to_owned();
            return Err(QueryError::Value(message));
        }
        self.operand(first, dot)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, QueryError> {
        Ok(match operand {
            Operand::Bool(value) => Value::Bool(*value),
            Operand::Int(value) => Value::Int(*value),
            Operand::Text(text) => Value::Text(text.clone()),
            Operand::Nil => Value::Nil,
            Operand::Dot(names) => field(dot, names)?,
            Operand::Variable(name, names) => {
                let value = self.variable(name)?.clone();
                field(&value, names)?
            }
            Operand::Parentheses(pipeline, names) => field(&self.pipeline(pipeline, dot)?, names)?,
            Operand::Function(name) => call(name, &[])?,
        })
    }
}

/// A field of a field of a value. A map answers for every key.
fn field(value: &Value, names: &[String]) -> Result<Value, QueryError> {
    let mut value = value.clone();
    for (depth, name) in names.iter().enumerate() {
        let unknown = |known: Vec<String>| QueryError::Field {
            field: format!(".{}", names[..=depth].join(".")),
            known,
        };
        value = match value {
            Value::Struct(fields) => {
                let known = || fields.iter().map(|(name, _)| format!(".{name}")).collect();
                let found = fields.iter().find(|(own, _)| own == name);
                found.ok_or_else(|| unknown(known()))?.1.clone()
            }
            Value::Map(map) => map.get(name).cloned().unwrap_or(Value::Missing),
            Value::Nil | Value::Missing => {
                let message = format!("`.{}` is of nothing", names[..=depth].join("."));
                return Err(QueryError::Value(message));
            }
            other => {
                let message = format!(
                    "`.{}` is of {}, which has no fields",
                    names[..=depth].join("."),
                    other.kind()
                );
                return Err(QueryError::Value(message));
            }
        };
    }
    Ok(value)
}
