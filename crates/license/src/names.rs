//! Which files hold a licence, by their names. The rules are those of the licensee project, as
//! melange has them.

/// Directories that hold copies of other projects.
const IGNORED_FOLDERS: [&str; 6] = [
    ".virtualenv",
    "env",
    "node_modules",
    "rust-src",
    "rustc-src",
    "venv",
];
/// Files about a licence rather than with its text; compared as written.
const IGNORED_ENDS: [&str; 5] = ["xml", "go", "gemspec", "spdx", "header"];
/// Ends of files that people read.
const TEXT_ENDS: [&str; 4] = ["md", "markdown", "txt", "html"];

/// How likely a file holds the text of the project's licence, in hundredths: 30 to 100 by its name,
/// 50 more at the top of the source. `None` when it does not.
pub fn weight(path: &str) -> Option<u16> {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop()?;
    if parts.iter().any(|folder| is_ignored(folder)) || path.contains("melange-out") {
        return None;
    }
    let top = if parts.is_empty() { 50 } else { 0 };
    Some(of_name(name)? + top)
}

/// Rust's sources bear a version: `rust-1.86.0-src` is `rust-src`.
fn is_ignored(folder: &str) -> bool {
    let plain = without_version(folder);
    IGNORED_FOLDERS.contains(&plain.as_deref().unwrap_or(folder))
}

/// `a-1.2.3-b` as `a-b`.
fn without_version(folder: &str) -> Option<String> {
    let parts: Vec<&str> = folder.split('-').collect();
    let at = (1..parts.len().saturating_sub(1)).find(|at| {
        let numbers: Vec<&str> = parts[*at].split('.').collect();
        let digits =
            |number: &&str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        numbers.len() == 3 && numbers.iter().all(digits)
    })?;
    let kept = parts.iter().enumerate().filter(|(index, _)| *index != at);
    Some(kept.map(|(_, part)| *part).collect::<Vec<_>>().join("-"))
}

fn of_name(name: &str) -> Option<u16> {
    let end = name.rsplit_once('.').map(|(_, end)| end);
    if end.is_some_and(|end| IGNORED_ENDS.contains(&end)) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let (stem, end) = match lower.rsplit_once('.') {
        Some((stem, end)) if !end.is_empty() => (stem, Some(end)),
        Some(_) => return None,
        None => (lower.as_str(), None),
    };
    let preferred = end.is_some_and(|end| TEXT_ENDS.contains(&end));
    let graded = |alone, preferred_end, other_end| match end {
        None => alone,
        Some(_) if preferred => preferred_end,
        Some(_) => other_end,
    };
    let word = |stem: &str| match stem {
        "license" | "licence" | "unlicense" | "unlicence" => Some(graded(100, 95, 80)),
        "copying" | "copyright" => Some(graded(90, 85, 75)),
        "ofl" => Some(graded(40, 50, 45)),
        "patents" => Some(graded(35, 30, 30)),
        _ => None,
    };
    word(stem)
        .or_else(|| begins(stem))
        .or_else(|| contains(stem))
}

const LICENSE: [&str; 4] = ["unlicense", "unlicence", "license", "licence"];
const COPYING: [&str; 2] = ["copying", "copyright"];

/// `LICENSE-MIT`, `COPYING_LIB`.
fn begins(stem: &str) -> Option<u16> {
    let separated = |words: &[&str]| {
        words.iter().any(|word| {
            let rest = stem.strip_prefix(word);
            rest.is_some_and(|rest| rest.starts_with(['-', '_']) && !rest.contains('.'))
        })
    };
    if separated(&LICENSE) {
        return Some(70);
    }
    separated(&COPYING).then_some(65)
}

/// `MIT-LICENSE`, `GPL_COPYING2`: a word, a separator, then the name.
fn contains(stem: &str) -> Option<u16> {
    let after = |words: &[&str]| {
        stem.char_indices().any(|(at, separator)| {
            let (before, rest) = stem.split_at(at);
            let is_word = |text: &str| {
                !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
            };
            matches!(separator, '-' | '_')
                && is_word(before)
                && words.iter().any(|word| {
                    let rest = rest[1..].strip_prefix(word);
                    rest.is_some_and(|rest| !rest.contains('.'))
                })
        })
    };
    if after(&LICENSE) {
        return Some(60);
    }
    after(&COPYING).then_some(55)
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn names_of_licences() {
        let found = [
            ("LICENSE", 150),
            ("LICENSE.md", 145),
            ("LICENSE.txt", 145),
            ("COPYING", 140),
            ("COPYRIGHT", 140),
            ("COPYING.txt", 135),
            ("licence.rst", 130),
            ("LICENSE-APACHE", 120),
            ("LICENSE-MIT.md", 120),
            ("COPYING_LIB", 115),
            ("MIT-LICENSE", 110),
            ("MIT-COPYING", 105),
            ("OFL.txt", 100),
            ("UNLICENSE", 150),
            ("PATENTS", 85),
            ("PATENTS.txt", 80),
            ("doc/LICENSE", 100),
            ("a/env-file/LICENSE", 100),
        ];
        for (path, expected) in found {
            assert_eq!(weight(path), Some(expected), "{path}");
        }
        let others = [
            "random.txt",
            "README.md",
            "LICENSE.gemspec",
            "license.go",
            "copyme",
            "COPY",
            "LICENSES",
            "LICENSE.",
            "",
            "LICENSE/x",
            "node_modules/LICENSE",
            "a/venv/COPYING",
            ".virtualenv/MIT-COPYING",
            "rust-src-1.86.0/rust-src/foo/LICENSE-MIT",
            "rust-1.86.0-src/foo/LICENSE-MIT",
            "melange-out/a/LICENSE",
        ];
        for path in others {
            assert_eq!(weight(path), None, "{path}");
        }
    }
}
