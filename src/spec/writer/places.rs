//! The lines of each member of a list or a mapping.

use crate::spec::style::Style;
use crate::spec::text::Span;
use crate::spec::yaml::{Node, Value};

use super::source::Source;

/// Where a value hangs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hook<'n> {
    /// Its key, if it has one.
    pub(super) key: Option<&'n str>,
    /// Just behind its `:` or `-`.
    pub(super) after: usize,
    /// The column of its key or its `-`, from 0.
    pub(super) column: usize,
    /// How many lists and mappings are around it.
    pub(super) depth: usize,
}

impl Hook<'_> {
    /// Where the mapping hangs that the file is.
    pub(super) const ROOT: Self = Self { key: None, after: 0, column: 0, depth: 0 };
}

/// A member that has lines of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'n> {
    pub(super) hook: Hook<'n>,
    pub(super) node: &'n Node,
    /// Its key or its `-`.
    pub(super) start: usize,
    /// The start of its first line, that of the comments right above it.
    pub(super) lead: usize,
    /// The start of the first line that is not its own.
    pub(super) stop: usize,
    /// Whether it goes on in the line of a `-`, so that its first line is not its own.
    pub(super) is_inline: bool,
}

/// The places of the members of `node`, which hangs on `hook`; none if they are written in a way that is too
/// clever for us.
pub(super) fn places<'n>(source: &Source<'_>, node: &'n Node, hook: Hook<'n>) -> Option<Vec<Place<'n>>> {
    if node.style != Style::Block {
        return None;
    }
    let marks = match &node.value {
        Value::Map(_) => colons(source, node)?,
        Value::List(_) => dashes(source, node, hook.after)?,
        _ => return None,
    };
    let column = source.column(marks.first()?.start);
    let mut floor = if hook.depth == 0 { usize::MAX } else { next_line(source, hook.after) };
    let mut places: Vec<Place<'n>> = Vec::new();
    for (at, mark) in marks.iter().enumerate() {
        let (key, member) = match &node.value {
            Value::Map(entries) => entries.get(at).map(|entry| (Some(entry.key.as_str()), &entry.node))?,
            _ => (None, node.items().get(at)?),
        };
        let is_inline = !source.begins_line(mark.start);
        let before = source.slice(Span::new(source.line_start(mark.start), mark.start));
        if source.column(mark.start) != column
            || (is_inline && (at > 0 || !before.trim_matches(['-', ' ']).is_empty()))
        {
            return None;
        }
        let end = source.end(member).max(mark.end);
        let stop = own_end(source, end, column);
        places.push(Place {
            hook: Hook { key, after: mark.end, column, depth: hook.depth + 1 },
            node: member,
            start: mark.start,
            lead: if is_inline { mark.start } else { own_start(source, mark.start, floor) },
            stop,
            is_inline,
        });
        floor = stop;
    }
    Some(places)
}

/// From each key to just behind its colon.
fn colons(source: &Source<'_>, node: &Node) -> Option<Vec<Span>> {
    let colon = |key: Span| {
        let rest = source.raw.get(key.end..)?;
        let gap = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let is_simple = rest.get(gap..)?.starts_with(':') && !source.is_anchored(key);
        is_simple.then(|| Span::new(key.start, key.end + gap + 1))
    };
    node.entries().iter().map(|entry| colon(entry.key_span)).collect()
}

/// The `-` of each member of a list that begins after the offset `after`.
fn dashes(source: &Source<'_>, node: &Node, after: usize) -> Option<Vec<Span>> {
    let mut dashes = Vec::new();
    let mut at = source.anchor(node).map_or(after, |anchor| anchor.end);
    for item in node.items() {
        // Between two members there are only comments and empty lines.
        while !source.raw.get(at..)?.starts_with('-') {
            let rest = source.raw.get(at..)?;
            let trimmed = rest.trim_start();
            at += rest.len() - trimmed.len();
            if trimmed.starts_with('#') {
                at = next_line(source, at);
            } else if !trimmed.starts_with('-') {
                return None;
            }
        }
        dashes.push(Span::new(at, at + 1));
        at = source.end(item).max(at + 1);
    }
    Some(dashes)
}

/// Where the comments right above a member begin, down from `floor`.
fn own_start(source: &Source<'_>, start: usize, floor: usize) -> usize {
    let mut lead = source.line_start(start);
    while lead > floor {
        let above = source.line_start(lead - 1);
        if above < floor || !source.slice(Span::new(above, lead)).trim_start().starts_with('#') {
            break;
        }
        lead = above;
    }
    lead
}

/// Where what ends at `end` stops: comments that are indented more than its own column are its own.
pub(super) fn own_end(source: &Source<'_>, end: usize, column: usize) -> usize {
    let mut stop = next_line(source, end);
    let mut at = stop;
    while at < source.raw.len() {
        let next = next_line(source, at);
        let line = source.slice(Span::new(at, next));
        let trimmed = line.trim_start();
        if trimmed.starts_with('#') && line.len() - trimmed.len() > column {
            stop = next;
        } else if !trimmed.is_empty() {
            break;
        }
        at = next;
    }
    stop
}

/// Where the line after that of `offset` begins.
pub(super) fn next_line(source: &Source<'_>, offset: usize) -> usize {
    let rest = source.raw.get(offset..).unwrap_or("");
    offset + rest.find('\n').map_or(rest.len(), |at| at + 1)
}
