//! Anchors whose value is about to change while an alias of it is not: the alias is written out first.

use std::collections::BTreeSet;

use crate::spec::style::Style;
use crate::spec::text::Span;
use crate::spec::yaml::Node;

use super::flow;
use super::source::Source;

/// Where the nodes begin whose anchors have to go.
pub(super) type Freed = BTreeSet<usize>;

/// The anchors whose nodes have `changed` and that still have an alias somewhere else.
pub(super) fn disturbed(source: &Source<'_>, changed: &[Span]) -> Freed {
    let is_changed = |start: usize| {
        changed.iter().any(|span| span.start == start || (span.start <= start && start < span.end))
    };
    let mut freed = Freed::new();
    each(&source.root, &mut |node| {
        let is_gone = changed.iter().any(|span| span.start <= node.used.start && node.used.end <= span.end);
        if node.style == Style::Alias && !is_gone && is_changed(node.span.start) {
            freed.insert(node.span.start);
        }
    });
    freed
}

/// What is put in place of the aliases in `node`, and of the freed anchors in it, where it is written between
/// brackets.
pub(super) fn written_out(source: &Source<'_>, node: &Node, freed: &Freed) -> Vec<(Span, String)> {
    let mut edits = Vec::new();
    let own = node.span.start;
    each(node, &mut |node| {
        if !freed.contains(&node.span.start) {
            return;
        }
        if node.style == Style::Alias {
            edits.push((node.used, flow::written(&node.to_json(), None)));
        } else if node.span.start != own
            && let Some(anchor) = source.anchor(node)
        {
            edits.push((with_gap(source, anchor), String::new()));
        }
    });
    edits
}

/// An anchor with the white space that parts it from what it names, else from what is before it.
pub(super) fn with_gap(source: &Source<'_>, anchor: Span) -> Span {
    let rest = source.raw.get(anchor.end..).unwrap_or("");
    let behind = rest.trim_start_matches([' ', '\t']);
    if behind.starts_with(['\n', '\r', '#']) || behind.is_empty() {
        let before = source.raw.get(..anchor.start).unwrap_or("");
        return Span::new(before.trim_end_matches([' ', '\t']).len(), anchor.end);
    }
    Span::new(anchor.start, anchor.end + rest.len() - behind.len())
}

/// Calls `visit` for every node that stands in the file itself, not for what an alias brings.
fn each(node: &Node, visit: &mut impl FnMut(&Node)) {
    visit(node);
    if node.style != Style::Alias {
        node.entries().iter().for_each(|entry| each(&entry.node, visit));
        node.items().iter().for_each(|item| each(item, visit));
    }
}
