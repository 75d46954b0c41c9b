//! The file of `--vars-file`: a YAML map of names to scalars.

use std::collections::BTreeMap;

/// The text is not a map of names to scalars.
#[derive(Debug, thiserror::Error)]
#[error("not a map of names to text")]
pub struct VariablesFileError(#[from] serde_saphyr::Error);

/// Reads variables that replace a recipe's own.
pub fn parse_variables(text: &str) -> Result<BTreeMap<String, String>, VariablesFileError> {
    Ok(serde_saphyr::from_str(text)?)
}

#[cfg(test)]
mod tests {
    use super::parse_variables;

    #[test]
    fn reads_a_flat_map_only() {
        let variables = parse_variables("one: '1'\ntwo: b\n").unwrap();
        assert_eq!(variables["two"], "b");
        assert!(parse_variables("one: [1]\n").is_err());
    }
}
