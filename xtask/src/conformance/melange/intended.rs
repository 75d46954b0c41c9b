//! The differences that are meant to be, each with its reason.

use super::compare::{Difference, Kind};

/// One intended difference.
#[derive(Debug)]
pub(super) struct Intended {
    /// A short name, for counts.
    pub(super) id: &'static str,
    /// Where it occurs: keys, `*` for any one, `**` for any number.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    /// Why it is so, for readers of `docs/compatibility.md`.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a test keeps the documentation by it")
    )]
    pub(super) reason: &'static str,
}

/// The list; `docs/compatibility.md` shows it.
pub(super) const INTENDED: &[Intended] = &[
    Intended {
        id: "shell-layout",
        path: "**/runs",
        kind: Kind::Layout,
        reason: "melange prints scripts again through a shell formatter and drops comments. Bessemer keeps \
                 them as they were written, so that a step's log and its place in the recipe agree. The \
                 comparison is by shell tokens: words, quoted texts and here-documents must be the same to the byte.",
    },
    Intended {
        id: "remark-with-backslash",
        path: "**/runs",
        kind: Kind::Remark,
        reason: "A remark ends with its line, in every shell, even when it ends in a backslash; what follows is a \
                 new command. melange's formatter takes the backslash for a continuation and joins the next line \
                 to the command before the remark. Bessemer gives the shell what is written.",
    },
    Intended {
        id: "built-in-text",
        path: "**",
        kind: Kind::Expansion,
        reason: "The built-in pipelines are Bessemer's own: what they expand to differs. `uses`, `with`, what \
                 they need in the environment, conditions and everything around them is compared.",
    },
    Intended {
        id: "subpackage-conditions",
        path: "subpackages",
        kind: Kind::Condition,
        reason: "A subpackage whose `if` does not hold is left out. melange lists it, and decides its condition \
                 later without any variable.",
    },
    Intended {
        id: "built-in-needs",
        path: "**",
        kind: Kind::Needs,
        reason: "`fetch` needs busybox instead of wget, because the control side fetches; `strip` and `split/debug` \
                 need busybox instead of scanelf, because they read the heads of files themselves. All other \
                 packages of the environments are the same, in the same order.",
    },
];

/// The packages that built-in pipelines need on one side where they need others on the other side.
#[derive(Debug)]
pub(super) struct Needs {
    pub(super) theirs: &'static [&'static str],
    pub(super) ours: &'static [&'static str],
}

/// `fetch` needs no program that downloads: the control side fetches. `strip` and `split/debug` read
/// the heads of files themselves.
pub(super) const NEEDS: Needs = Needs {
    theirs: &["wget", "scanelf"],
    ours: &["busybox"],
};

/// The entry that covers a difference.
pub(super) fn reason(difference: &Difference) -> Option<&'static Intended> {
    INTENDED.iter().find(|intended| {
        let pattern: Vec<&str> = intended.path.split('/').collect();
        intended.kind == difference.kind && matches(&pattern, &difference.path)
    })
}

fn matches(pattern: &[&str], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            matches(rest, path)
                || path
                    .split_first()
                    .is_some_and(|(_, path)| matches(pattern, path))
        }
        (Some((key, rest)), Some((found, path))) => {
            (*key == "*" || key == found) && matches(rest, path)
        }
        _ => false,
    }
}

/// The table of [`INTENDED`] for `docs/compatibility.md`.
#[cfg(test)]
pub(super) fn table() -> String {
    let mut table = "| difference | where | why |\n|---|---|---|\n".to_owned();
    for intended in INTENDED {
        let words: Vec<&str> = intended.reason.split_whitespace().collect();
        let row = [
            intended.id,
            &format!("`{}`", intended.path),
            &words.join(" "),
        ];
        table.extend(["| ", &row.join(" | "), " |\n"]);
    }
    table
}
