//! Heads of requests and responses, read strictly: what two readers could understand differently is
//! refused (RFC 9112, sections 2.2, 5.1, 5.2, 6.3).

use std::fmt::Write as _;

/// Most headers of one head.
const MAX_HEADERS: usize = 128;
/// Longest head, in bytes.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
/// Longest method.
const MAX_METHOD: usize = 32;

/// Why bytes are no head that is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Longer than it may be.
    #[error("the head is longer than {MAX_HEAD} bytes")]
    TooLong,
    /// A line that does not end in CR LF, or a NUL.
    #[error("a line of the head does not end in CR LF, or has a control character")]
    Line,
    /// A header that goes on in the next line.
    #[error("a header goes on in the next line")]
    Folded,
    /// Not HTTP/1.
    #[error("the head is not one of HTTP/1.1: {0}")]
    Syntax(String),
    /// A value that is no text.
    #[error("the header `{0}` is no text")]
    Value(String),
    /// Two headers of which there may be one, or a length that is none.
    #[error("`{0}` is given twice, or is not what it may be")]
    Ambiguous(&'static str),
    /// Length and transfer coding.
    #[error("the body has both a length and a transfer coding")]
    TwoLengths,
    /// A body whose pieces are not as they should be.
    #[error("the body's pieces are not as they should be")]
    Chunk,
    /// Too early an end.
    #[error("the connection ended in the middle")]
    Cut,
}

/// Names in lower case and values, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// In pieces with their lengths.
    Chunked,
    /// Up to the end of the connection; in responses only.
    UntilClose,
}

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// The method.
    pub method: String,
    /// What is asked for, as written.
    pub target: String,
    /// Whether it is HTTP/1.0.
    pub old: bool,
    /// The headers.
    pub headers: Headers,
    /// How its body is delimited.
    pub framing: Framing,
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// How its body is delimited, if the request's method lets it have one.
    pub framing: Framing,
}

impl Headers {
    /// The values of every header of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(own, _)| own == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The value of the first.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether one of the words of a list header is this one.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        let mut words = self.all(name).flat_map(|value| value.split(','));
        words.any(|own| own.trim().eq_ignore_ascii_case(word))
    }

    /// The one value there may be.
    fn single(&self, name: &'static str) -> Result<Option<&str>, HttpError> {
        match self.0.iter().filter(|(own, _)| own == name).count() {
            0 | 1 => Ok(self.get(name)),
            _ => Err(HttpError::Ambiguous(name)),
        }
    }
}

impl RequestHead {
    /// The same head, written out.
    pub fn render(&self) -> Vec<u8> {
        let version = if self.old { "1.0" } else { "1.1" };
        let mut text = format!("{} {} HTTP/{version}\r\n", self.method, self.target);
        for (name, value) in self.headers.iter() {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// Reads a request's head, the empty line at its end included.
pub fn parse_request(bytes: &[u8]) -> Result<RequestHead, HttpError> {
    check_lines(bytes)?;
    let mut space = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut space);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(HttpError::Syntax("it ends early or late".to_owned())),
        Err(error) => return Err(HttpError::Syntax(error.to_string())),
    }
    let missing = || HttpError::Syntax("no request line".to_owned());
    let method = request.method.ok_or_else(missing)?;
    if method.len() > MAX_METHOD || !method.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(HttpError::Syntax("the method".to_owned()));
    }
    let target = request.path.ok_or_else(missing)?;
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(HttpError::Syntax("the target".to_owned()));
    }
    let (method, target) = (method.to_owned(), target.to_owned());
    let old = request.version == Some(0);
    let headers = headers(request.headers)?;
    if headers.single("host")?.is_none() && !old {
        return Err(HttpError::Ambiguous("host"));
    }
    let framing = match body_of(&headers, old)? {
        Framing::UntilClose => Framing::None,
        framing => framing,
    };
    Ok(RequestHead {
        method,
        target,
        old,
        headers,
        framing,
    })
}

/// Reads a response's head, the empty line at its end included.
pub fn parse_response(bytes: &[u8]) -> Result<ResponseHead, HttpError> {
    check_lines(bytes)?;
    let mut space = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut space);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(HttpError::Syntax("it ends early or late".to_owned())),
        Err(error) => return Err(HttpError::Syntax(error.to_string())),
    }
    let status = response.code.filter(|code| (100..1000).contains(code));
    let status = status.ok_or_else(|| HttpError::Syntax("no status".to_owned()))?;
    let old = response.version == Some(0);
    let headers = headers(response.headers)?;
    let framing = match status {
        100..=199 | 204 | 304 => Framing::None,
        _ => body_of(&headers, old)?,
    };
    Ok(ResponseHead {
        status,
        headers,
        framing,
    })
}

/// Every line ends in CR LF, none starts with a space, and no byte is a control character.
fn check_lines(bytes: &[u8]) -> Result<(), HttpError> {
    if bytes.len() > MAX_HEAD {
        return Err(HttpError::TooLong);
    }
    let mut previous = 0_u8;
    for (at, byte) in bytes.iter().copied().enumerate() {
        match byte {
            b'\n' if previous != b'\r' => return Err(HttpError::Line),
            b'\n' | b'\t' | b'\r' => {}
            0..=31 | 127 => return Err(HttpError::Line),
            _ => {}
        }
        if previous == b'\r' && byte != b'\n' {
            return Err(HttpError::Line);
        }
        if previous == b'\n' && matches!(byte, b' ' | b'\t') && at > 0 {
            return Err(HttpError::Folded);
        }
        previous = byte;
    }
    Ok(())
}

fn headers(parsed: &[httparse::Header<'_>]) -> Result<Headers, HttpError> {
    let mut headers = Vec::new();
    for header in parsed {
        let name = header.name.to_ascii_lowercase();
        match std::str::from_utf8(header.value) {
            Ok(value) => headers.push((name, value.trim().to_owned())),
            Err(_) => return Err(HttpError::Value(name)),
        }
    }
    Ok(Headers(headers))
}

fn body_of(headers: &Headers, old: bool) -> Result<Framing, HttpError> {
    let coding = headers.single("transfer-encoding")?;
    let length = headers.single("content-length")?;
    match (coding, length) {
        (Some(_), Some(_)) => Err(HttpError::TwoLengths),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") && !old => {
            Ok(Framing::Chunked)
        }
        (Some(_), None) => Err(HttpError::Ambiguous("transfer-encoding")),
        (None, Some(length)) => {
            let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
            let length = length.parse().ok().filter(|_| digits);
            length
                .map(Framing::Length)
                .ok_or(HttpError::Ambiguous("content-length"))
        }
        (None, None) => Ok(Framing::UntilClose),
    }
}

#[cfg(test)]
mod tests;
