//! Each parser of what an archive serves, on its own: for fuzzing.

use crate::apt::Chosen;
use crate::control::Paragraph;
use crate::lists::{matching_paragraphs, signed_part};

/// Reads a Packages file and what it says of one package.
pub fn packages(mut bytes: &[u8]) {
    let chosen = [Chosen {
        name: "hello".to_owned(),
        version: "2.10-3".to_owned(),
    }];
    let Ok(found) = matching_paragraphs(&mut bytes, &chosen) else {
        return;
    };
    for (key, paragraph) in found {
        assert!(chosen.contains(&key));
        let _ = paragraph.relations("Depends");
    }
}

/// Reads a release file.
pub fn release(text: &str) {
    let _ = Paragraph::parse(signed_part(text)).relations("SHA256");
}

/// The apk version of a Debian version.
#[must_use]
pub fn version(text: &str) -> String {
    crate::version::to_apk(text)
}
