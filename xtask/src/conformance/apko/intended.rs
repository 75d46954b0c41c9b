//! The differences that are meant to be, each with its reason.

/// One intended difference.
#[derive(Debug)]
pub(super) struct Intended {
    /// A short name, for counts.
    pub(super) id: &'static str,
    /// What is checked before a world counts as this, and why it is so, for readers of
    /// `docs/compatibility.md`.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a test keeps the documentation by it")
    )]
    pub(super) reason: &'static str,
}

/// apko's set lacks what a package of it depends on.
pub(super) const INCOMPLETE: Intended = Intended {
    id: "install-if-without-dependencies",
    reason: "apko brings in a package by `install_if` without its own dependencies, so its set does not run. \
             Bessemer's has them, or not the package. Checked: each package of apko's set that lacks \
             something has `install_if`, Bessemer's set lacks nothing, and what it leaves out has `install_if`.",
};
/// apko's set has packages that exclude each other.
pub(super) const CONFLICT: Intended = Intended {
    id: "install-if-conflict",
    reason: "apko brings in a package by `install_if` that another one excludes, and apk would refuse the set. \
             Bessemer leaves it out. Checked: one of the two has `install_if`, Bessemer's set is without a \
             conflict, and what it leaves out has `install_if`.",
};
/// apko stops where there is a solution.
pub(super) const ONLY_OURS: Intended = Intended {
    id: "solved-by-bessemer-alone",
    reason: "apko stops with an error. Bessemer finds packages: it takes choices back, reads versions by \
             apk-tools' whole grammar, and compares a version under the very name that was asked for. Checked: \
             the set breaks no rule of apk's.",
};

/// The list; `docs/compatibility.md` shows it.
#[cfg(test)]
pub(super) const INTENDED: [&Intended; 3] = [&INCOMPLETE, &CONFLICT, &ONLY_OURS];

/// The table of [`INTENDED`] for `docs/compatibility.md`.
#[cfg(test)]
pub(super) fn table() -> String {
    let mut table = "| difference | what, and how it is known |\n|---|---|\n".to_owned();
    for intended in INTENDED {
        let words: Vec<&str> = intended.reason.split_whitespace().collect();
        table.extend(["| ", intended.id, " | ", &words.join(" "), " |\n"]);
    }
    table
}
