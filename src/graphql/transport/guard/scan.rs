//! Counting a document's tokens and brackets without parsing it, so that the parser, which recurses, only
//! ever sees what it can take.

/// What was counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scanned {
    pub(super) tokens: usize,
    /// The deepest that brackets of any kind stand within each other.
    pub(super) nesting: usize,
}

/// Counts to the end, or to a string that does not end, which no parser goes past either.
pub(super) fn scan(document: &str) -> Scanned {
    let bytes = document.as_bytes();
    let mut scanned = Scanned::default();
    let mut open = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => at += 1,
            b'#' => at = after_comment(bytes, at),
            b'"' => {
                scanned.tokens += 1;
                let Some(end) = after_string(bytes, at) else { return scanned };
                at = end;
            }
            b'{' | b'[' | b'(' => {
                open += 1;
                scanned.nesting = scanned.nesting.max(open);
                scanned.tokens += 1;
                at += 1;
            }
            b'}' | b']' | b')' => {
                open = open.saturating_sub(1);
                scanned.tokens += 1;
                at += 1;
            }
            _ => {
                scanned.tokens += 1;
                at = after_word(bytes, at);
            }
        }
    }
    scanned
}

fn after_comment(bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from..];
    rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).map_or(bytes.len(), |length| from + length)
}

/// A name or a number as one token, anything else byte by byte.
fn after_word(bytes: &[u8], from: usize) -> usize {
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = bytes[from..].iter().position(|byte| !in_word(byte)).unwrap_or(bytes.len() - from);
    from + length.max(1)
}

fn after_string(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = &bytes[from..];
    if let Some(block) = rest.strip_prefix(b"\"\"\"") {
        let mut at = 0;
        while at < block.len() {
            if block[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if block[at..].starts_with(b"\"\"\"") {
                return Some(from + 3 + at + 3);
            } else {
                at += 1;
            }
        }
        return None;
    }
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => return Some(from + at + 1),
            b'\\' => at += 2,
            b'\r' | b'\n' => return None,
            _ => at += 1,
        }
    }
    None
}
