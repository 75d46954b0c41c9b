//! Names that somebody may have meant.

use super::pool::Pool;

/// The most that are suggested.
const MOST: usize = 3;
/// The shortest name for which there are suggestions: shorter ones are near to everything.
const SHORTEST: usize = 3;

/// Names that packages have and that are nearly `name`, the nearest first.
pub(super) fn similar<'a>(pool: &Pool<'a>, name: &str) -> Vec<&'a str> {
    let wanted: Vec<char> = name.chars().collect();
    if wanted.len() < SHORTEST {
        return Vec::new();
    }
    let most = if wanted.len() < 6 { 1 } else { 2 };
    let mut near: Vec<(usize, &str)> = pool
        .names()
        .filter(|other| other.len().abs_diff(name.len()) <= most)
        .map(|other| (distance(&wanted, other), other))
        .filter(|&(distance, _)| distance <= most)
        .collect();
    near.sort_unstable();
    near.truncate(MOST);
    near.into_iter().map(|(_, name)| name).collect()
}

/// How many characters to put in, take out, change or swap with the next (optimal string alignment).
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut least = (above[j] + usize::from(x != y))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_changes() {
        for (a, b, expected) in [
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("abc", "xabc", 1),
            ("zlib", "zstd", 3),
            ("", "ab", 2),
        ] {
            let a: Vec<char> = a.chars().collect();
            assert_eq!(super::distance(&a, b), expected, "{a:?} {b}");
        }
    }
}
