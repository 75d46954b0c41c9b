use super::{CONFIDENT, Classifier, Match};
use proptest::prelude::*;

fn text(id: &str) -> &'static str {
    spdx::license_id(id).unwrap().text()
}

fn classify(text: &str) -> Vec<Match> {
    Classifier::default().classify(text)
}

/// The preferred identifiers of what is found with confidence.
fn ids(text: &str) -> Vec<&'static str> {
    let found = classify(text);
    found
        .iter()
        .filter(|found| found.confidence >= CONFIDENT)
        .map(|found| found.ids[0])
        .collect()
}

#[test]
fn every_text_of_the_list_is_itself() {
    let mut classifier = Classifier::default();
    for known in super::CORPUS.iter() {
        let found = classifier.classify(text(known.ids[0]));
        let best = found
            .iter()
            .max_by(|one, other| one.confidence.total_cmp(&other.confidence));
        let found = best.unwrap_or_else(|| panic!("nothing is found for {:?}", known.ids));
        assert_eq!(found.ids, known.ids);
        assert!(found.confidence > 0.999, "{:?}", known.ids);
    }
}

#[test]
fn texts_that_several_identifiers_share() {
    assert_eq!(
        classify(text("GPL-2.0"))[0].ids,
        ["GPL-2.0-only", "GPL-2.0-or-later", "GPL-2.0", "GPL-2.0+"]
    );
}

#[test]
fn copies_with_holders_other_names_and_comments() {
    let mit = text("MIT").replace("<year> <copyright holders>", "2011-2024 A. Person <a@b.c>");
    assert_eq!(ids(&mit), ["MIT"]);
    let comment = mit.replace('\n', "\n * ");
    assert_eq!(ids(&format!("/*\n * {comment}\n */")), ["MIT"]);
    let bsd = text("BSD-3-Clause")
        .replace(
            "the copyright holder nor",
            "the University of Somewhere nor",
        )
        .replace(
            "COPYRIGHT HOLDERS AND CONTRIBUTORS",
            "REGENTS AND CONTRIBUTORS",
        );
    assert_eq!(ids(&bsd), ["BSD-3-Clause"]);
    // Without the appendix that says how to apply it.
    let apache = text("Apache-2.0");
    let end = apache.find("END OF TERMS").unwrap();
    assert_eq!(ids(&apache[..end]), ["Apache-2.0"]);
    // Lines broken anywhere.
    for width in [40, 66, 72, 79] {
        for id in ["Apache-2.0", "GPL-3.0-only", "BSD-3-Clause", "MPL-2.0"] {
            assert_eq!(ids(&wrapped(text(id), width)), [id], "{width}");
        }
    }
}

/// The same words in lines of about this many characters.
fn wrapped(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    for paragraph in text.split("\n\n") {
        let mut column = 0;
        for word in paragraph.split_whitespace() {
            let space = if column == 0 { "" } else { " " };
            wrapped += &[space, word].concat();
            column += word.len() + 1;
            if column > width {
                wrapped.push('\n');
                column = 0;
            }
        }
        wrapped.push_str("\n\n");
    }
    wrapped
}

#[test]
fn several_in_one_file_come_in_their_order() {
    let both = format!(
        "This project has two parts.\n\nThe first:\n{}\n\nThe second, by others:\n\n{}\n{}",
        text("BSD-2-Clause"),
        text("ISC"),
        text("Zlib")
    );
    assert_eq!(ids(&both), ["BSD-2-Clause", "ISC", "Zlib"]);
    let twice = format!("{}\n{}", text("BSD-3-Clause"), text("BSD-2-Clause"));
    assert_eq!(ids(&twice), ["BSD-3-Clause", "BSD-2-Clause"]);
    // The end of the first and the start of the second are not a third.
    let bsd = text("BSD-3-Clause").replace("the copyright holder nor", "Cloudy, Inc. nor");
    assert_eq!(ids(&format!("{bsd}\n===\n{bsd}")), ["BSD-3-Clause"; 2]);
}

#[test]
fn what_is_no_licence_is_none() {
    for other in [
        "",
        "This is not a license.",
        "All of this is mine.\nAll rights reserved.",
        "See the file LICENSE in the top directory.",
    ] {
        assert_eq!(ids(other), [""; 0], "{other}");
    }
    // Other terms in between: too much changed to be believed, but worth a look.
    let terms = "Nobody may use this on Sundays, and everybody has to send a postcard.\n";
    let changed = text("BSD-3-Clause").replace('\n', &format!("\n{terms}"));
    assert_eq!(ids(&changed), [""; 0]);
}

#[test]
fn the_same_text_gives_the_same_answer() {
    let both = format!("{}\n{}", text("MIT"), text("GPL-3.0-only"));
    let first = classify(&both);
    assert_eq!(first.len(), 2);
    for _ in 0..3 {
        assert_eq!(classify(&both), first);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_of_licences_in_any_order_are_taken(
        cuts in prop::collection::vec((0_usize..3, 0_usize..2000, 0_usize..2000), 0..6)
    ) {
        let texts = ["MIT", "BSD-3-Clause", "GPL-2.0"].map(text);
        let mut whole = String::new();
        for (which, from, length) in cuts {
            let characters = texts[which].chars();
            whole.extend(characters.skip(from).take(length));
        }
        for found in classify(&whole) {
            prop_assert!((super::WORTH_SAYING..=1.0).contains(&found.confidence));
        }
    }
}
