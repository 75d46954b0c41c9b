//! What a registry demands of those who ask (`WWW-Authenticate`).
//!
//! Source: RFC 9110, section 11.6.1, and distribution's token specification.

use std::collections::BTreeMap;

/// Most bytes of a header that are read.
const HEADER_LIMIT: usize = 16 << 10;

/// How a registry wants to be told who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// User name and password with each request.
    Basic,
    /// A token of a token server.
    Bearer {
        /// The token server's address.
        realm: String,
        /// What it calls the registry.
        service: Option<String>,
        /// What the request needs.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The first challenge of a header that can be met; a bearer's rather than a password's.
    pub fn parse(header: &str) -> Option<Self> {
        let all = challenges(header.get(..HEADER_LIMIT).unwrap_or(header))?;
        let bearer = all.iter().find_map(|(scheme, parameters)| {
            let realm = parameters.get("realm").filter(|realm| !realm.is_empty());
            let realm = realm.filter(|_| scheme == "bearer")?;
            Some(Self::Bearer {
                realm: realm.clone(),
                service: parameters.get("service").cloned(),
                scope: parameters.get("scope").cloned(),
            })
        });
        let basic = || all.iter().any(|(scheme, _)| scheme == "basic");
        bearer.or_else(|| basic().then_some(Self::Basic))
    }
}

type Parameters = BTreeMap<String, String>;

/// `Scheme name=value, name="value", Scheme …`, names and schemes in lower case.
fn challenges(header: &str) -> Option<Vec<(String, Parameters)>> {
    let mut found: Vec<(String, Parameters)> = Vec::new();
    let mut rest = header.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (word, after) = token(rest)?;
        let after = after.trim_start_matches([' ', '\t']);
        if let (Some(value), Some((_, parameters))) = (after.strip_prefix('='), found.last_mut()) {
            let value = value.trim_start_matches([' ', '\t']);
            let (value, after) = if value.starts_with('"') {
                quoted(value)?
            } else {
                let (value, after) = token(value)?;
                (value.to_owned(), after)
            };
            parameters.entry(word.to_ascii_lowercase()).or_insert(value);
            rest = after;
        } else {
            found.push((word.to_ascii_lowercase(), Parameters::new()));
            rest = after;
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    Some(found)
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/:".contains(&byte);
    let end = text.bytes().position(|byte| !is_token(byte));
    let end = end.unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            character if character.is_control() => return None,
            character => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn reads() {
        let docker = bearer(
            "https://auth.docker.io/token",
            Some("registry.docker.io"),
            Some("repository:a/b:pull,push"),
        );
        for (header, expected) in [
            ("Basic realm=\"x\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull,push\"",
                Some(docker),
            ),
            (
                "Basic realm=\"a, b\", BEARER REALM = \"t\\\"u\" , x=y",
                Some(bearer("t\"u", None, None)),
            ),
            (
                "Bearer realm=https://r/t",
                Some(bearer("https://r/t", None, None)),
            ),
            (
                "Bearer realm=\"a\",realm=\"b\"",
                Some(bearer("a", None, None)),
            ),
            ("Bearer service=\"x\"", None),
            ("Bearer realm=\"", None),
            ("Negotiate", None),
            ("", None),
            ("=", None),
        ] {
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn reads_any_quoted_realm(realm in "[ -~]{1,40}") {
            let escaped = realm.replace('\\', "\\\\").replace('"', "\\\"");
            let header = format!("Digest a=b, Bearer realm=\"{escaped}\"");
            prop_assert_eq!(Challenge::parse(&header), Some(bearer(&realm, None, None)));
        }

        #[test]
        fn takes_anything(header in "\\PC{0,60}") {
            let _ = Challenge::parse(&header);
        }
    }
}
