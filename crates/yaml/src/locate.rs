//! From an offset in a decoded scalar back to its place in the file.

use crate::source::{Diagnostic, Position, SourceFile};
use crate::text::Text;

impl SourceFile {
    /// A diagnostic at byte `offset` of a scalar's value.
    ///
    /// Block scalars lose their indentation when decoded, so the line is found again by its text,
    /// from the scalar's start downwards.
    pub fn diagnostic_within(
        &self,
        text: &Text,
        offset: usize,
        message: impl Into<String>,
    ) -> Diagnostic {
        let position = self.position_within(text, offset).or(text.position);
        self.diagnostic(position, message)
    }

    fn position_within(&self, text: &Text, offset: usize) -> Option<Position> {
        let start = text.position?;
        let line_start = text
            .value
            .get(..offset)?
            .rfind('\n')
            .map_or(0, |index| index + 1);
        let line = text.value[line_start..].lines().next()?;
        let needle = line.trim();
        let indent = line.len() - line.trim_start().len();
        let skip = usize::try_from(start.line).ok()?.checked_sub(1)?;
        let (index, found) = self
            .text
            .lines()
            .enumerate()
            .skip(skip)
            .find_map(|(index, line)| Some((index, &line[..line.find(needle)?])))?;
        let within = line.get(indent..offset - line_start)?;
        let column = found.chars().count() + within.chars().count() + 1;
        Some(Position {
            line: index as u64 + 1,
            column: column as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::source::{Position, SourceFile};
    use crate::text::Text;

    #[test]
    fn points_into_plain_and_block_scalars() {
        #[derive(serde::Deserialize)]
        struct Two {
            plain: Text,
            block: Text,
        }
        let text = "plain: é ${{x}}\nblock: |\n  one\n    two ${{y}}\n";
        let two: Two = crate::decode::decode(&SourceFile::new("f", text)).unwrap();
        let file = SourceFile::new("f", text);
        for (scalar, line, column) in [(&two.plain, 1, 10), (&two.block, 4, 9)] {
            let offset = scalar.find("${{").unwrap();
            let diagnostic = file.diagnostic_within(scalar, offset, "m");
            assert_eq!(diagnostic.position, Some(Position { line, column }));
        }
    }
}
