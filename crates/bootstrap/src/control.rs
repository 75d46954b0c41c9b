//! Debian's control data: paragraphs of `Field: value` (deb822(5)) and relations between packages.

use std::collections::BTreeMap;

/// One paragraph: fields by name as spelled, continuation lines joined with line breaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paragraph(BTreeMap<String, String>);

impl Paragraph {
    /// Reads the lines of one paragraph; lines that are no field are skipped.
    pub(crate) fn parse(text: &str) -> Self {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut last = None;
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                if let Some(value) = last.as_ref().and_then(|name| fields.get_mut(name)) {
                    value.push('\n');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                fields.insert(name.to_owned(), value.trim().to_owned());
                last = Some(name.to_owned());
            }
        }
        Self(fields)
    }

    /// A field's value, empty when it is absent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The names in a relation field (`Depends`), alternatives grouped, without versions,
    /// architectures and profiles.
    pub(crate) fn relations(&self, name: &str) -> Vec<Vec<String>> {
        let groups = self.get(name).split(',').map(|group| {
            let names = group.split('|').map(|relation| {
                let end = relation.trim_start().find([' ', '(', '[', '<', ':']);
                let relation = relation.trim_start();
                end.map_or(relation.trim(), |end| &relation[..end])
                    .to_owned()
            });
            names.filter(|name| !name.is_empty()).collect::<Vec<_>>()
        });
        groups.filter(|group| !group.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_relations() {
        let text = "Package: a\nDepends: libc6 (>= 2.36), awk | mawk:any, x [amd64] <!nocheck>,\n b\n\
                    Description: short\n long\nnonsense\n";
        let paragraph = Paragraph::parse(text);
        assert_eq!(paragraph.get("Package"), "a");
        assert_eq!(paragraph.get("Description").lines().next(), Some("short"));
        assert_eq!(paragraph.get("Missing"), "");
        assert_eq!(
            paragraph.relations("Depends"),
            [vec!["libc6"], vec!["awk", "mawk"], vec!["x"], vec!["b"]]
        );
        assert!(paragraph.relations("Missing").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC*(\n\\PC*){0,4}") {
            let paragraph = Paragraph::parse(&text);
            paragraph.relations("Depends");
        }
    }
}
