//! Changing what stands between brackets: what is not touched stays as it is, with its commas and comments.

use serde_json::{Map, Value as Json};

use crate::spec::shape::Shape;
use crate::spec::style::Style;
use crate::spec::text::Span;
use crate::spec::yaml::{Entry, Node, Value};

use super::align::align;
use super::edit::same;
use super::fresh as unwritten;
use super::print::{self, Manner, Printer};
use super::source::{Piece, Source};

/// A member with everything up to the next one.
struct Cell<'t> {
    /// From the bracket or the comma before it.
    lead: &'t str,
    member: String,
    /// Up to its comma.
    gap: &'t str,
    has_comma: bool,
    /// What comes after the comma in the same line, if it is a comment.
    tail: &'t str,
}

/// `node`, which is written between brackets or in them, saying `target`. Notes in `changed` what is not
/// said as before.
pub(super) fn rewritten(
    source: &Source<'_>,
    node: &Node,
    target: &Json,
    shape: Option<&Shape>,
    changed: &mut Vec<Span>,
) -> Option<String> {
    let whole = Span::new(source.start(node), source.end(node));
    if same(&node.to_json(), target) {
        return Some(source.slice(whole).to_owned());
    }
    let is_open = node.style == Style::Flow && source.slice(node.span).starts_with(['[', '{']);
    let members = if is_open { members(source, node, target, shape, changed) } else { None };
    if let Some(members) = members {
        changed.push(Span::at(node.span.start));
        return Some(format!("{}{members}", source.slice(Span::new(whole.start, node.span.start))));
    }
    changed.push(whole);
    Some(written(target, shape))
}

/// A value between brackets that was never written.
pub(super) fn written(value: &Json, shape: Option<&Shape>) -> String {
    let node = unwritten::node(value, None, 2);
    Printer::new("", Manner::FRESH).flow(&Piece::bare(None, &node), shape)
}

/// The members, changed, with their brackets. None where that cannot be done.
fn members(
    source: &Source<'_>,
    node: &Node,
    target: &Json,
    shape: Option<&Shape>,
    changed: &mut Vec<Span>,
) -> Option<String> {
    let cells = cells(source, node)?;
    let last = cells.last()?;
    let lead = if cells.len() > 1 && last.lead.trim().is_empty() { last.lead } else { " " };
    let ends_with_comma = last.has_comma;
    let sequence = match (&node.value, target) {
        (Value::List(items), Json::Array(wanted)) if !wanted.is_empty() => list(
            source,
            items,
            cells,
            wanted,
            lead,
            shape.and_then(|shape| print::below(shape, None)),
            changed,
        )?,
        (Value::Map(entries), Json::Object(wanted)) if !wanted.is_empty() => {
            let mut kept = map(source, entries, cells, wanted, shape, changed)?;
            add(entries, &mut kept, wanted, lead, shape)?;
            kept
        }
        _ => return None,
    };
    Some(joined(source, node, sequence, ends_with_comma))
}

/// A member that was never written.
fn fresh<'t>(lead: &'t str, member: String) -> Cell<'t> {
    Cell { lead, member, gap: "", has_comma: true, tail: "" }
}

fn list<'t>(
    source: &Source<'t>,
    items: &[Node],
    cells: Vec<Cell<'t>>,
    wanted: &[Json],
    lead: &'t str,
    shape: Option<&Shape>,
    changed: &mut Vec<Span>,
) -> Option<Vec<Cell<'t>>> {
    let old: Vec<Json> = items.iter().map(Node::to_json).collect();
    let mut left = items.iter().zip(cells);
    let mut sequence = Vec::new();
    // The old members come in their order, each of them once.
    for (was, is) in align(&old, wanted) {
        let member = was.and_then(|_| left.next());
        match (member, is.and_then(|at| wanted.get(at))) {
            (Some((item, cell)), Some(value)) => {
                let member = rewritten(source, item, value, shape, changed)?;
                sequence.push(Cell { member, ..cell });
            }
            (None, Some(value)) => sequence.push(fresh(lead, written(value, shape))),
            (Some((item, _)), None) => changed.push(item.used),
            (None, None) => {}
        }
    }
    Some(sequence)
}

/// The entries that stay.
fn map<'t>(
    source: &Source<'t>,
    entries: &[Entry],
    cells: Vec<Cell<'t>>,
    wanted: &Map<String, Json>,
    shape: Option<&Shape>,
    changed: &mut Vec<Span>,
) -> Option<Vec<Cell<'t>>> {
    let mut sequence = Vec::new();
    for (entry, cell) in entries.iter().zip(cells) {
        let Some(value) = wanted.get(&entry.key) else {
            changed.push(Span::new(entry.key_span.start, source.end(&entry.node)));
            continue;
        };
        if same(&entry.node.to_json(), value) {
            sequence.push(cell);
        } else if entry.node.used.start == entry.node.used.end {
            return None;
        } else {
            let key = source.slice(Span::new(entry.key_span.start, source.start(&entry.node)));
            let shape = shape.and_then(|shape| print::below(shape, Some(&entry.key)));
            let member = format!("{key}{}", rewritten(source, &entry.node, value, shape, changed)?);
            sequence.push(Cell { member, ..cell });
        }
    }
    Some(sequence)
}

/// Puts the entries that are new where the schema has them.
fn add<'t>(
    entries: &[Entry],
    sequence: &mut Vec<Cell<'t>>,
    wanted: &Map<String, Json>,
    lead: &'t str,
    shape: Option<&Shape>,
) -> Option<()> {
    let rank = |key: &str| shape.map(|shape| print::rank(shape, key));
    let is_old = |key: &str| entries.iter().any(|entry| entry.key == key);
    let kept = entries.iter().filter(|entry| wanted.contains_key(&entry.key));
    let mut ranks: Vec<Option<usize>> = kept.map(|entry| rank(&entry.key)).collect();
    let mut added: Vec<(&String, &Json)> = wanted.iter().filter(|(key, _)| !is_old(key)).collect();
    added.sort_by_key(|(key, _)| (rank(key), *key));
    for (key, value) in added {
        let at = ranks.iter().rposition(|other| *other <= rank(key)).map_or(0, |at| at + 1);
        let alone = Json::Object(Map::from_iter([(key.clone(), value.clone())]));
        let written = written(&alone, shape);
        let member = written.strip_prefix('{')?.strip_suffix('}')?.to_owned();
        sequence.insert(at, fresh(lead, member));
        ranks.insert(at, rank(key));
    }
    Some(())
}

/// The text of a list or a mapping, its brackets included.
fn joined(source: &Source<'_>, node: &Node, cells: Vec<Cell<'_>>, ends_with_comma: bool) -> String {
    let raw = source.slice(node.span);
    let (open, close) = (raw.get(..1).unwrap_or(""), raw.get(raw.len() - 1..).unwrap_or(""));
    let body = raw.get(1..raw.len() - 1).unwrap_or("");
    let (pad, end) = (&body[..body.len() - body.trim_start().len()], &body[body.trim_end().len()..]);
    let mut text = open.to_owned();
    let last = cells.len().saturating_sub(1);
    let mut in_comment = false;
    for (at, cell) in cells.into_iter().enumerate() {
        let lead = if at == 0 && cell.lead.trim().is_empty() { pad } else { cell.lead };
        if in_comment && !lead.contains('\n') {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', source.column(node.span.start) + 2));
        }
        text.push_str(lead);
        text.push_str(&cell.member);
        let rest = format!("{}{}", cell.gap.trim_end(), cell.tail);
        in_comment = rest.contains('#');
        // The comment behind a comma is about the member before it, so at the end the comma stays with it.
        if at < last || ends_with_comma || !cell.tail.is_empty() {
            text.push(',');
        }
        // The white space at the end is put there below.
        text.push_str(if at == last { rest.trim_end() } else { &rest });
    }
    if in_comment && !end.contains('\n') {
        text.push('\n');
    }
    text.push_str(end);
    text.push_str(close);
    text
}

/// The members with what is around them. None where a comma cannot be found.
fn cells<'t>(source: &Source<'t>, node: &Node) -> Option<Vec<Cell<'t>>> {
    let spans: Vec<Span> = match &node.value {
        Value::Map(entries) => entries
            .iter()
            .map(|entry| Span::new(entry.key_span.start, source.end(&entry.node).max(entry.key_span.end)))
            .collect(),
        _ => node.items().iter().map(|item| Span::new(source.start(item), source.end(item))).collect(),
    };
    let close = node.span.end.checked_sub(1)?;
    let mut from = node.span.start + 1;
    let mut cells = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let limit = spans.get(at + 1).map_or(close, |next| next.start);
        let comment = |offset: usize| {
            source.comments.iter().find(|comment| comment.start <= offset && offset < comment.end)
        };
        let rest = source.slice(Span::new(span.end, limit));
        let comma = rest.match_indices(',').map(|(at, _)| span.end + at).find(|at| comment(*at).is_none());
        if comma.is_none() && limit != close {
            return None;
        }
        let behind = comma.map_or(limit, |comma| comma + 1);
        let beside = source
            .comments
            .iter()
            .find(|comment| {
                comment.start >= behind && comment.end <= limit && source.same_line(behind, comment.start)
            })
            .filter(|_| comma.is_some());
        let end = beside.map_or(behind, |comment| comment.end);
        cells.push(Cell {
            lead: source.slice(Span::new(from, span.start)),
            member: source.slice(*span).to_owned(),
            gap: source.slice(Span::new(span.end, comma.unwrap_or(limit))),
            has_comma: comma.is_some(),
            tail: source.slice(Span::new(behind.min(end), end)),
        });
        from = end;
    }
    Some(cells)
}
