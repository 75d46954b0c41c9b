//! PEM (RFC 7468), as strict as the keys here need it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why a text is not the PEM block it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No `BEGIN` line with this label.
    #[error("there is no `-----BEGIN {label}-----` line")]
    Begin {
        /// The label that was wanted.
        label: String,
    },
    /// The `END` line is missing.
    #[error("there is no `-----END {label}-----` line")]
    End {
        /// The label that was wanted.
        label: String,
    },
    /// What is between is not base64.
    #[error("the body of the `{label}` block is not base64")]
    Body {
        /// The label that was wanted.
        label: String,
    },
}

/// One PEM block with lines of 64 characters and a line end at its end.
pub fn encode_pem(label: &str, content: &[u8]) -> String {
    let body = STANDARD.encode(content);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().map(|&byte| char::from(byte)));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

/// The content of the first block called `label`.
pub fn decode_pem(label: &str, text: &str) -> Result<Vec<u8>, PemError> {
    let own = || label.to_owned();
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let (_, rest) = text
        .split_once(&begin)
        .ok_or_else(|| PemError::Begin { label: own() })?;
    let (body, _) = rest
        .split_once(&end)
        .ok_or_else(|| PemError::End { label: own() })?;
    let body: String = body
        .chars()
        .filter(|char| !char.is_ascii_whitespace())
        .collect();
    STANDARD
        .decode(body)
        .map_err(|_| PemError::Body { label: own() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        for length in [0, 1, 47, 48, 49, 500] {
            let content = vec![7; length];
            let text = encode_pem("PUBLIC KEY", &content);
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(decode_pem("PUBLIC KEY", &text).unwrap(), content);
        }
    }

    #[test]
    fn refuses_other_blocks() {
        let text = encode_pem("PRIVATE KEY", b"x");
        for (label, text) in [
            ("PUBLIC KEY", text.as_str()),
            ("PRIVATE KEY", &text[..30]),
            (
                "PRIVATE KEY",
                "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
            ),
        ] {
            assert!(decode_pem(label, text).is_err(), "{label} {text}");
        }
    }
}
