//! What one attack of the table is: words, the tests that carry it out, and what is not there.

/// One attack of the list, by its number there.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) number: u8,
    /// What is tried.
    pub(crate) attack: &'static str,
    /// The mechanism that stops it.
    pub(crate) stopped_by: &'static str,
    /// What carries it out. Where `missing` says that nothing does, tests of what the mechanism stands on.
    pub(crate) tests: &'static [Test],
    pub(crate) control: Control,
    /// Why no test carries out the attack as a whole.
    pub(crate) missing: Option<&'static str>,
    /// Parts of the attack that the tests leave out.
    pub(crate) untried: &'static [&'static str],
}

/// Where the same attempt succeeds because the mechanism is off.
#[derive(Debug)]
pub(crate) enum Control {
    /// Tests of their own.
    Tests(&'static [Test]),
    /// A part of a test that carries out the attack.
    Within(&'static str),
}

/// A test by its exact name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) binary: Binary,
    pub(crate) name: &'static str,
    /// It is ignored without what a guest needs.
    pub(crate) guest: bool,
}

/// A binary that cargo makes of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Binary {
    /// Its crate, as the folder is named.
    pub(crate) folder: &'static str,
    pub(crate) target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Lib,
    Bin(&'static str),
    Test(&'static str),
}

impl Binary {
    pub(crate) const fn lib(folder: &'static str) -> Self {
        let target = Target::Lib;
        Self { folder, target }
    }

    pub(crate) const fn bin(folder: &'static str, name: &'static str) -> Self {
        let target = Target::Bin(name);
        Self { folder, target }
    }

    pub(crate) const fn test(folder: &'static str, name: &'static str) -> Self {
        let target = Target::Test(name);
        Self { folder, target }
    }

    /// A test that every machine can run.
    pub(crate) const fn has(self, name: &'static str) -> Test {
        Test {
            binary: self,
            name,
            guest: false,
        }
    }

    /// A test that boots a guest, or needs root or the programs as such a one does.
    pub(crate) const fn boots(self, name: &'static str) -> Test {
        Test {
            binary: self,
            name,
            guest: true,
        }
    }

    /// What chooses it among all of the workspace.
    pub(crate) fn selection(self) -> Vec<String> {
        let mut words = vec!["-p".to_owned(), format!("bessemer-{}", self.folder)];
        match self.target {
            Target::Lib => words.push("--lib".to_owned()),
            Target::Bin(name) => words.extend(["--bin".to_owned(), name.to_owned()]),
            Target::Test(name) => words.extend(["--test".to_owned(), name.to_owned()]),
        }
        words
    }
}

impl Case {
    /// Every test that it names, those of its control run last.
    pub(crate) fn all_tests(&self) -> impl Iterator<Item = &'static Test> {
        let control: &[Test] = match self.control {
            Control::Tests(tests) => tests,
            Control::Within(_) => &[],
        };
        self.tests.iter().chain(control)
    }

    /// Whether the attack is not there.
    pub(crate) const fn is_missing(&self) -> bool {
        self.missing.is_some()
    }
}
