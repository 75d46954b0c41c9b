//! Which commits a git client asks for (gitprotocol-pack(5), gitprotocol-v2(5)).

use crate::head::Headers;
use std::io::Read as _;

/// Most of a request that is looked at, in bytes.
const MAX_LOOKED_AT: u64 = 4 << 20;
/// Most objects that are named.
const MAX_WANTED: usize = 256;
/// What follows the repository in the path of such a request.
const ENDING: &str = "/git-upload-pack";

/// The objects that the body of a request to `path` names as wanted; none for other requests.
pub(crate) fn wanted(path: &str, headers: &Headers, body: &[u8]) -> Vec<String> {
    if !path.ends_with(ENDING) {
        return Vec::new();
    }
    let zipped = headers.lists("content-encoding", "gzip");
    let mut unpacked = Vec::new();
    let plain = if zipped {
        let mut reader = flate2::read::GzDecoder::new(body).take(MAX_LOOKED_AT);
        if reader.read_to_end(&mut unpacked).is_err() {
            return Vec::new();
        }
        &unpacked
    } else {
        body
    };
    let mut found: Vec<String> = lines(plain).filter_map(object).take(MAX_WANTED).collect();
    found.sort();
    found.dedup();
    found
}

/// The packet lines, to the first that is none.
fn lines(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (digits, after) = rest.split_at_checked(4)?;
        let length = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        let content = length.saturating_sub(4);
        let (line, left) = after.split_at_checked(content)?;
        rest = left;
        Some(line)
    })
}

fn object(line: &[u8]) -> Option<String> {
    let name = line.strip_prefix(b"want ")?;
    let end = name.iter().position(|byte| !byte.is_ascii_hexdigit());
    let name = std::str::from_utf8(&name[..end.unwrap_or(name.len())]).ok()?;
    matches!(name.len(), 40 | 64).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_that_are_wanted_are_named() {
        let commit = "0123456789012345678901234567890123456789";
        let mut body = Vec::new();
        for line in ["command=fetch", "agent=git/2"] {
            body.extend(format!("{:04x}{line}", line.len() + 4).into_bytes());
        }
        body.extend(b"0001");
        for line in [format!("want {commit}\n"), format!("want {commit} caps\n")] {
            body.extend(format!("{:04x}{line}", line.len() + 4).into_bytes());
        }
        body.extend(b"0000");
        let headers = Headers::default();
        assert_eq!(wanted("/a.git/git-upload-pack", &headers, &body), [commit]);
        assert!(wanted("/a.git/other", &headers, &body).is_empty());
        assert!(wanted("/git-upload-pack", &headers, b"zzzz").is_empty());
    }
}
