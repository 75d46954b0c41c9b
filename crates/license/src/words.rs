//! A text as a sequence of pairs of words, in which what licences vary in is left out.

/// A pair of neighbouring words.
pub(crate) type Pair = u64;

/// Lines that name who holds the copyright: every copy of a licence has its own.
const HOLDERS: [&str; 2] = ["copyright (c)", "copyright ©"];

/// The pairs of neighbouring words of a text, in order. Case, punctuation, layout, addresses, the
/// marks of comments and lists, lines that say who holds the copyright: none of that is seen.
pub(crate) fn pairs(text: &str) -> Vec<Pair> {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = line.trim_matches(|c: char| !c.is_alphanumeric() && !"(©<[".contains(c));
        if !names_holder(line) {
            words_of(line, &mut words);
        }
    }
    let two = |pair: &[u64]| mixed(pair[0].rotate_left(23) ^ pair[1]);
    words.windows(2).map(two).collect()
}

/// `Copyright (c) 2020 Somebody`, `Copyright 1999-2001, Somebody`, `All rights reserved.`
fn names_holder(line: &str) -> bool {
    let lower: String = line.chars().take(40).collect::<String>().to_lowercase();
    if HOLDERS.iter().any(|start| lower.starts_with(start))
        || lower.starts_with("all rights reserved")
    {
        return true;
    }
    // `(c)` alone may also be the third item of a list.
    let marks = ["copyright", "(c)", "©"];
    let Some(rest) = marks.iter().find_map(|mark| lower.strip_prefix(mark)) else {
        return false;
    };
    let rest = rest.trim_start_matches([' ', ':', ',']);
    rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '<' | '[' | '{'))
}

fn words_of(line: &str, words: &mut Vec<u64>) {
    let mut first = true;
    for chunk in line.split_whitespace() {
        if chunk.contains("://") || chunk.starts_with("www.") {
            words.push(hash("url"));
            continue;
        }
        for word in chunk.split(|c: char| !c.is_alphanumeric()) {
            let numeral = first && is_numeral(chunk);
            // Single letters and digits are mostly marks of lists and initials.
            if word.chars().nth(1).is_some() && !numeral {
                words.push(hash(&canonical(word)));
            }
        }
        first = false;
    }
}

/// `12.`, `(iv)`, `b)`: what counts the paragraphs.
fn is_numeral(chunk: &str) -> bool {
    let inner = chunk.trim_matches(['(', ')', '.', '[', ']']);
    inner.len() < chunk.len()
        && inner.len() <= 4
        && (inner.bytes().all(|byte| byte.is_ascii_digit())
            || inner.bytes().all(|byte| b"ivxIVX".contains(&byte)))
}

/// Lower case, and one spelling of what is spelt in two ways.
fn canonical(word: &str) -> String {
    let lower = word.to_lowercase();
    match lower.as_str() {
        "licence" => "license".to_owned(),
        "licences" => "licenses".to_owned(),
        "acknowledgement" => "acknowledgment".to_owned(),
        "noninfringement" => "infringement".to_owned(),
        _ => lower,
    }
}

/// FNV-1a. A stranger who makes two words collide gains a wrong name for a licence he wrote.
fn hash(word: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    word.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The last step of MurmurHash3: spreads all bits.
const fn mixed(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value
}

#[cfg(test)]
mod tests {
    use super::pairs;
    use proptest::prelude::*;

    #[test]
    fn layout_and_holders_do_not_count() {
        let plain = "Permission is hereby granted, free of charge\nto \"any\" person obtaining it";
        let other = "/*\n * Copyright (c) 2020, Somebody & Co\n * All rights reserved.\n *\n *   1. permission IS hereby\n * granted; free of charge - to 'any' person\n *     obtaining it\n */";
        assert_eq!(pairs(plain), pairs(other));
        assert_ne!(
            pairs("granted free of charge"),
            pairs("free of charge granted")
        );
        assert_eq!(pairs("see http://a/b now"), pairs("see https://c now"));
        assert_eq!(
            pairs("one\nCopyright 1999-2001 Me\ntwo"),
            pairs("one\nCopyright <year> <owner>\ntwo")
        );
        assert_eq!(pairs("copyright holders may").len(), 2);
        assert_eq!(pairs("one\n(c) 2020 Me\ntwo"), pairs("one two"));
        assert_eq!(pairs("(c) You must").len(), 1);
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "\\PC{0,200}") {
            prop_assert!(pairs(&text).len() <= text.len());
        }
    }
}
