//! PEM: all blocks of a text, as image files and packages have them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_attest::encode_pem;

/// A block of a PEM text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What stands after `BEGIN`.
    pub(crate) label: String,
    /// The content.
    pub(crate) der: Vec<u8>,
}

/// Why a text is not PEM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemError {
    /// A block has no end.
    #[error("the PEM block `{0}` has no end")]
    End(String),
    /// A block's content is no base64.
    #[error("the PEM block `{0}` is not base64")]
    Base64(String),
}

/// All blocks; text around them is no part of any.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, PemError> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let begin = line.strip_prefix("-----BEGIN ");
        let Some(label) = begin.and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let label = label.to_owned();
        let end = format!("-----END {label}-----");
        let mut base64 = String::new();
        loop {
            match lines.next() {
                None => return Err(PemError::End(label)),
                Some(line) if line == end => break,
                Some(line) => base64.push_str(line),
            }
        }
        match STANDARD.decode(&base64) {
            Ok(der) => found.push(Block { label, der }),
            Err(_) => return Err(PemError::Base64(label)),
        }
    }
    Ok(found)
}

impl Block {
    /// As text, with a newline at the end.
    pub(crate) fn encode(&self) -> String {
        encode_pem(&self.label, &self.der)
    }

    /// Whether the content is one whole DER sequence: as keys and certificates are.
    pub(crate) fn is_sequence(&self) -> bool {
        let Some((0x30, rest)) = self.der.split_first().map(|(tag, rest)| (*tag, rest)) else {
            return false;
        };
        let Some((&first, rest)) = rest.split_first() else {
            return false;
        };
        if first < 0x80 {
            return rest.len() == usize::from(first);
        }
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 || rest.len() < count {
            return false;
        }
        let (length, content) = rest.split_at(count);
        let length = length
            .iter()
            .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        content.len() == length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_and_written() {
        let block = Block {
            label: "PUBLIC KEY".into(),
            der: [vec![0x30, 0x81, 100], vec![7; 100]].concat(),
        };
        assert!(block.is_sequence());
        let text = block.encode();
        let around = format!("before\n{text}after\n{text}");
        assert_eq!(blocks(&around).unwrap(), [block.clone(), block]);
        assert_eq!(blocks("nothing").unwrap(), []);
        for (text, message) in [
            ("-----BEGIN X-----\nAAAA\n", "the PEM block `X` has no end"),
            (
                "-----BEGIN X-----\n!\n-----END X-----",
                "the PEM block `X` is not base64",
            ),
        ] {
            assert_eq!(blocks(text).unwrap_err().to_string(), message);
        }
        let short = |der: &[u8]| Block {
            label: String::new(),
            der: der.to_vec(),
        };
        for der in [
            &[][..],
            &[0x30],
            &[0x31, 0],
            &[0x30, 1],
            &[0x30, 0x85, 1],
            &[0x30, 0, 0],
        ] {
            assert!(!short(der).is_sequence(), "{der:?}");
        }
    }
}
