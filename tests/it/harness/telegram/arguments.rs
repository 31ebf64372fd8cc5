//! What a call was given, in any of the ways in which clients say it.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The arguments of a call by name, and the files that came along.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) values: Map<String, Value>,
    pub(crate) files: HashMap<String, File>,
}

#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Arguments {
    /// Of the query and of a body: JSON, a form, or a form in parts. None if the body makes no sense.
    pub(super) fn read(query: Option<&str>, kind: &str, body: &[u8]) -> Option<Self> {
        let mut arguments = Self::default();
        arguments.form(query.unwrap_or_default());
        if kind.starts_with("application/json") {
            let Value::Object(values) = serde_json::from_slice(body).ok()? else { return None };
            arguments.values.extend(values);
        } else if let Some((_, boundary)) = kind.split_once("boundary=") {
            arguments.parts(boundary.trim_matches('"'), body)?;
        } else {
            arguments.form(std::str::from_utf8(body).ok()?);
        }
        Some(arguments)
    }

    fn form(&mut self, text: &str) {
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.values.insert(unescaped(name), Value::String(unescaped(value)));
        }
    }

    fn parts(&mut self, boundary: &str, body: &[u8]) -> Option<()> {
        let mark = format!("--{boundary}");
        for part in split(body, mark.as_bytes()).into_iter().skip(1) {
            if part.starts_with(b"--") {
                break;
            }
            let pieces = split(part, b"\r\n\r\n");
            let head = std::str::from_utf8(pieces.first()?).ok()?.to_owned();
            let content = part.get(head.len() + 4..part.len().checked_sub(2)?)?;
            let quoted = |name: &str| {
                let after = head.split_once(&format!("{name}=\""))?.1;
                after.split_once('"').map(|(value, _)| value.to_owned())
            };
            // `filename` holds `name` too, but does not come first.
            let name = quoted(" name")?;
            match quoted("filename") {
                Some(file) => {
                    self.files.insert(name, File { name: file, bytes: content.to_vec() });
                }
                None => {
                    self.values.insert(name, Value::String(String::from_utf8(content.to_vec()).ok()?));
                }
            }
        }
        Some(())
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    pub(crate) fn yes(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| matches!(text.to_lowercase().as_str(), "true" | "yes" | "1"))
    }

    /// Something that has parts: an object, a list. As a form has it, it is text that holds JSON.
    pub(crate) fn json(&self, name: &str) -> Option<Value> {
        match self.values.get(name)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(serde_json::from_str(text).unwrap_or(Value::Null)),
            Value::Null => None,
            other => Some(other.clone()),
        }
    }
}

fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at + mark.len() <= bytes.len() {
        if bytes[at..].starts_with(mark) {
            pieces.push(&bytes[start..at]);
            at += mark.len();
            start = at;
        } else {
            at += 1;
        }
    }
    pieces.push(&bytes[start..]);
    pieces
}

/// A piece of a form as it was meant: `+` is a space, `%41` an A.
pub(super) fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, code) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
