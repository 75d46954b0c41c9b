//! "Did you mean": the nearest of the names that would have been right.

/// A hint naming the candidate nearest to `given`, when one is near enough.
pub fn did_you_mean<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(given, candidates).map(|name| format!("did you mean `{name}`?"))
}

fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given: Vec<char> = given.chars().take(MAX_CHARS).collect();
    let limit = (given.len() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (distance(&given, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Names longer than this are compared by their start: the work stays bounded for hostile input.
const MAX_CHARS: usize = 100;

/// Edits (insert, delete, replace, swap of neighbours) between two names, case ignored; the
/// "optimal string alignment" distance.
fn distance(left: &[char], right: &str) -> usize {
    let left: Vec<char> = left.iter().map(char::to_ascii_lowercase).collect();
    let right: Vec<char> = right
        .chars()
        .take(MAX_CHARS)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        row[0] = index;
    }
    rows[0] = (0..=right.len()).collect();
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let cost = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + cost);
            let swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_name_or_none() {
        let names = ["pipeline", "package", "subpackages", "name", "runs"];
        for (given, expected) in [
            ("pipelines", Some("pipeline")),
            ("pacakge", Some("package")),
            ("subpackage", Some("subpackages")),
            ("run", Some("runs")),
            ("Name", Some("name")),
            ("entirely-else", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, names), expected, "{given}");
        }
    }
}
