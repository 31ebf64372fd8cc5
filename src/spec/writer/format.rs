//! A file in its canonical form.

use crate::spec::problem::{Problem, codes};
use crate::spec::shape::{self, Shape};
use crate::spec::text::{Span, Text};
use crate::spec::yaml::Value;

use super::fresh;
use super::print::{Manner, Printer, rank};
use super::source::{Piece, Source, pieces};

/// What a new `bot.yaml` begins with: it tells editors what the file may say.
pub const SCHEMA_LINE: &str = "# yaml-language-server: $schema=../bot.schema.json";
/// The keys with which a new part of a file begins; an empty line is put before it.
const PARTS: [&str; 11] = [
    "persona",
    "rules",
    "lore",
    "model",
    "memory",
    "sources",
    "modules",
    "channels",
    "limits",
    "protect",
    "providers",
];

/// A `bot.yaml` or a `botwright.yaml` in canonical form: keys in the order of the schema, two spaces, no more
/// quotes than needed, texts of several lines as blocks. Comments stay, and so do empty lines (one at a time),
/// folded texts as they were broken, and lists and mappings in brackets where they fit on their line.
///
/// Formatting twice is formatting once, and it never changes what the file says.
///
/// # Errors
/// What is wrong with a file that is not the YAML that we read.
pub fn format(path: &str, text: &str) -> Result<String, Vec<Problem>> {
    let raw = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::read(path, raw)?;
    if !matches!(source.root.value, Value::Map(_)) {
        return Ok(text.to_owned());
    }
    let value = source.root.to_json();
    // Where an alias would come before its anchor, the keys stay in their order.
    for (ordered, folds) in [(true, true), (false, true), (false, false)] {
        let formatted = print(&source, shape_of(path), Manner { ordered, folds });
        if reads_as(path, &formatted, &value) {
            return Ok(formatted);
        }
    }
    Err(vec![
        Problem::whole(
            path,
            codes::UNSUPPORTED,
            "this file cannot be formatted without changing what it says",
        )
        .hint("this is a fault of ours; the file is left as it is"),
    ])
}

/// That a file is not in canonical form, at the first line that would change. A warning.
pub fn untidy(path: &str, before: &str, after: &str) -> Problem {
    let same = before.split('\n').zip(after.split('\n')).take_while(|(a, b)| a == b);
    let start: usize = same.map(|(line, _)| line.len() + 1).sum();
    let text = Text::new(path, before);
    Problem::at(&text, Span::at(start.min(before.len())), codes::UNTIDY, "this file is not in canonical form")
        .hint("run `botwright fmt`")
        .warning()
}

fn print(source: &Source<'_>, shape: &Shape, manner: Manner) -> String {
    let mut root = pieces(source);
    let mut printer = Printer::new(source.raw, manner);
    // What stands above the first key is about the file, so it stays at the top.
    if let Some(first) = root.inner.first_mut() {
        let header = std::mem::take(&mut first.above);
        printer.comments(&header, 0, true);
    }
    if root.inner.is_empty() {
        root.above.push("{}");
        printer.comments(&root.above, 0, true);
        return printer.out;
    }
    printer.members(&root, Some(shape), 0);
    printer.out
}

/// A value, which is a mapping, as a new file. It has no comment.
pub(super) fn canonical(path: &str, value: &serde_json::Value) -> String {
    let shape = shape_of(path);
    let node = fresh::node(value, None, 0);
    let mut root = Piece::bare(None, &node);
    root.inner.sort_by_key(|piece| piece.key.map(|key| rank(shape, key)));
    let mut before = None;
    for piece in &mut root.inner {
        let part = piece.key.map(|key| part(shape, key));
        if before.is_some_and(|before| before != part) {
            piece.above.push("");
        }
        before = Some(part);
    }
    let mut printer = Printer::new("", Manner::FRESH);
    printer.members(&root, Some(shape), 0);
    printer.out
}

/// In which part of its file a key stands.
pub(super) fn part(shape: &Shape, key: &str) -> usize {
    let rank_of = |key| rank(shape, key);
    PARTS.iter().filter(|start| rank_of(start) != usize::MAX && rank_of(start) <= rank_of(key)).count()
}

/// The shape of the file called `path`.
pub(super) fn shape_of(path: &str) -> &'static Shape {
    let is_project = path.rsplit('/').next() == Some("botwright.yaml");
    if is_project { &shape::project().root } else { &shape::bot().root }
}

/// Whether a text is a right file and says `value`.
pub(super) fn reads_as(path: &str, text: &str, value: &serde_json::Value) -> bool {
    Source::read(path, text).is_ok_and(|source| source.root.to_json() == *value)
}
