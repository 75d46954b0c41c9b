//! Progress: what libraries tell, and never print.

/// What happens, for whoever started it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A stage begins (`resolve`, `environment`, `build guest`, …), with what it works on.
    Stage {
        /// The stage's name.
        name: &'static str,
        /// What it works on.
        detail: &'a str,
    },
    /// Something worth knowing that is no error.
    Note(&'a str),
    /// Something that is likely not meant, and stops nothing.
    Warning(&'a str),
    /// A step of a recipe begins in a guest.
    Step {
        /// The step's id in the plan.
        id: &'a str,
        /// Its name, or what it uses.
        name: &'a str,
    },
    /// Output of a shell that a person opened in a guest, for their terminal.
    Terminal(&'a [u8]),
    /// Output of the running step, as it came; control characters included.
    Output(&'a [u8]),
}

/// Receives progress.
pub trait Reporter {
    /// Takes one event.
    fn report(&mut self, event: Event<'_>);
}

/// Keeps nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&mut self, _event: Event<'_>) {}
}
