//! One file's text, and where things stand in it: byte ranges to lines and columns.

use std::borrow::Cow;

use super::credential::{self, Credential};

/// A range of bytes in a file's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }
    /// Nothing wide, at `start`.
    pub(super) fn at(start: usize) -> Self {
        Self { start, end: start }
    }
}

/// A place as people count: lines and columns from 1, columns and lengths in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) length: usize,
    /// The same as an offset in bytes.
    start: usize,
}

/// A file's text with an index of its lines, and a copy that may be shown: literals that look like
/// credentials are masked in it, byte for byte.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) path: &'a str,
    pub(super) raw: &'a str,
    shown: Cow<'a, str>,
    starts: Vec<usize>,
    /// How many characters stand before each block, so that columns of very long lines are found at once.
    blocks: Vec<usize>,
    pub(super) credentials: Vec<Credential>,
}

/// How much of a long line is shown, in characters.
const SHOWN_WIDTH: usize = 120;
/// How many bytes are counted together.
const BLOCK: usize = 1024;

impl<'a> Text<'a> {
    pub(super) fn new(path: &'a str, raw: &'a str) -> Self {
        let is_yaml = path.ends_with(".yaml");
        let credentials = credential::find(raw, is_yaml);
        let mut hidden: Vec<Span> = credentials.iter().map(|credential| credential.span).collect();
        if is_yaml {
            hidden.extend(credential::beside_words(raw));
        }
        Self { shown: credential::hide(raw, hidden), credentials, ..Self::hidden(path, raw) }
    }

    /// A text of which nothing will be shown.
    pub(super) fn hidden(path: &'a str, raw: &'a str) -> Self {
        Self {
            path,
            raw,
            shown: Cow::Borrowed(""),
            starts: starts(raw),
            blocks: blocks(raw),
            credentials: Vec::new(),
        }
    }

    /// Where `span` is. A span over several lines is as long as its part of the first one.
    pub(super) fn place(&self, span: Span) -> Place {
        let start = self.floor(span.start);
        let index = self.starts.partition_point(|&first| first <= start).saturating_sub(1);
        let first = self.starts.get(index).copied().unwrap_or(0);
        // Nobody needs more carets than a line is wide.
        let end = self.floor(span.end.min(start + 4 * SHOWN_WIDTH));
        let rest = self.raw.get(start..end).unwrap_or("");
        let length = rest.split(['\n', '\r']).next().unwrap_or("").trim_end().chars().count();
        Place {
            line: index + 1,
            column: self.chars_before(start) - self.chars_before(first) + 1,
            length: length.max(1),
            start,
        }
    }

    /// The line that `place` is in, as it may be shown, cut to a readable width, and the caret's offset in it
    /// in characters.
    pub(super) fn excerpt(&self, place: Place) -> (String, usize) {
        let first = self.starts.get(place.line - 1).copied().unwrap_or(0);
        let far = place.start - first > SHOWN_WIDTH * 2 / 3;
        let from = if far { self.floor(place.start - SHOWN_WIDTH / 2).max(first) } else { first };
        // No character is longer than four bytes.
        let to = self.floor(from + 4 * SHOWN_WIDTH);
        let window = self.shown.get(from..to).unwrap_or("");
        let line = window.split(['\n', '\r']).next().unwrap_or("").trim_end();
        let cut: String = line.chars().take(SHOWN_WIDTH).collect();
        let (before, after) = (if far { "…" } else { "" }, if cut.len() < line.len() { "…" } else { "" });
        let caret = self.chars_before(place.start) - self.chars_before(from) + usize::from(far);
        (format!("{before}{cut}{after}"), caret)
    }

    /// The text of `span` as it may be shown.
    pub(super) fn shown(&self, span: Span) -> &str {
        self.shown.get(span.start..span.end).unwrap_or("")
    }

    /// How many characters stand before an offset of the file.
    fn chars_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let rest = self.raw.as_bytes().get(block * BLOCK..offset).unwrap_or_default();
        self.blocks.get(block).copied().unwrap_or(0) + chars(rest)
    }

    /// The nearest boundary of a character at or before `offset`.
    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.raw.len());
        while !self.raw.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// Where lines start: after `\n`, `\r\n` and a lone `\r`, as YAML has it.
fn starts(raw: &str) -> Vec<usize> {
    let bytes = raw.as_bytes();
    let breaks = bytes
        .iter()
        .enumerate()
        .filter(|&(at, &byte)| byte == b'\n' || (byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')));
    std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect()
}

/// How many characters stand before each block; the end of a text that fills its last block begins one more.
fn blocks(raw: &str) -> Vec<usize> {
    let counts = raw.as_bytes().chunks(BLOCK).scan(0, |before, block| {
        *before += chars(block);
        Some(*before)
    });
    std::iter::once(0).chain(counts).collect()
}

/// How many characters begin in these bytes.
fn chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}
