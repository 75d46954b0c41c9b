//! Debian's versions in apk's grammar.
//!
//! Debian orders `[epoch:]upstream[-revision]` (deb-version(7)); apk knows
//! `number(.number)*[letter](_suffix[number])*-r<number>`. The mapping:
//!
//! * the epoch is dropped: a repository holds one version of each package, and recipes ask for
//!   upstream's numbers;
//! * the leading dotted number is kept as it is, with one letter after it if that stands alone;
//! * every later number becomes `_p<number>`, or `_pre<number>` if a `~` came before it, which
//!   sorts before nothing, as in Debian;
//! * all other letters and signs are dropped;
//! * `-r0` ends it.
//!
//! `12.2.0-14+deb12u1` becomes `12.2.0_p14_p12_p1-r0`. The order of two versions of the same package
//! is kept as long as they differ in numbers; it is not kept between different epochs, nor between a
//! revision `.` and a `+` at the same place.

/// Largest number of digits kept of one number, so that it fits 64 bits.
const DIGITS: usize = 18;

/// The apk version, with `-r0`, of a Debian version.
pub(crate) fn to_apk(debian: &str) -> String {
    let version = debian
        .split_once(':')
        .map_or(debian, |(_, version)| version);
    let head = version
        .find(|sign: char| !sign.is_ascii_digit() && sign != '.')
        .map_or(version, |end| &version[..end]);
    let parts: Vec<&str> = head
        .split('.')
        .take_while(|part| !part.is_empty())
        .collect();
    let head = parts.join(".");
    let mut rest = &version[head.len()..];
    let mut apk = if head.is_empty() {
        "0".to_owned()
    } else {
        head
    };
    let mut letters = rest.chars();
    if let Some(letter) = letters.next().filter(char::is_ascii_lowercase)
        && !letters
            .next()
            .is_some_and(|next| next.is_ascii_alphanumeric())
    {
        apk.push(letter);
        rest = &rest[1..];
    }
    let mut before = false;
    while let Some(sign) = rest.chars().next() {
        if !sign.is_ascii_digit() {
            before |= sign == '~';
            rest = &rest[sign.len_utf8()..];
            continue;
        }
        let end = rest
            .find(|sign: char| !sign.is_ascii_digit())
            .unwrap_or(rest.len());
        let number = rest[..end].trim_start_matches('0');
        let number = if number.is_empty() {
            "0"
        } else {
            &number[..number.len().min(DIGITS)]
        };
        apk.push_str(if before { "_pre" } else { "_p" });
        apk.push_str(number);
        before = false;
        rest = &rest[end..];
    }
    apk + "-r0"
}

#[cfg(test)]
mod tests {
    use super::to_apk;

    #[test]
    fn maps_as_documented() {
        for (debian, apk) in [
            ("12.2.0-14+deb12u1", "12.2.0_p14_p12_p1-r0"),
            ("1:1.2.13.dfsg-1", "1.2.13_p1-r0"),
            ("4:12.2.0-3", "12.2.0_p3-r0"),
            ("2.4.7-7~deb12u1", "2.4.7_p7_pre12_p1-r0"),
            ("6.2.1+dfsg1-1.1", "6.2.1_p1_p1_p1-r0"),
            ("30+20221128-1", "30_p20221128_p1-r0"),
            ("1.1w-0", "1.1w_p0-r0"),
            ("2.0ds1-1", "2.0_p1_p1-r0"),
            ("r23", "0_p23-r0"),
            ("1.-01", "1_p1-r0"),
        ] {
            assert_eq!(to_apk(debian), apk, "{debian}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_version_maps_to_apks_grammar(debian in "([0-9]:)?[0-9][a-z0-9.+~-]{0,20}") {
            let apk = to_apk(&debian);
            let body = apk.strip_suffix("-r0").unwrap();
            let (head, suffixes) = body.split_once("_p").unwrap_or((body, ""));
            let head = head.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
            assert!(head.split('.').all(|part| !part.is_empty()), "{apk}");
            assert!(!suffixes.contains(['.', '-', '+', '~']), "{apk}");
        }
    }
}
