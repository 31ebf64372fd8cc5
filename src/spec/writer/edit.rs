//! A file that says something else, with as little of it changed as can be: comments, order, quotes and layout
//! of what is not touched stay byte for byte.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::spec::shape::Shape;
use crate::spec::style::Style;
use crate::spec::text::Span;
use crate::spec::yaml::{Node, Value};

use super::align::align;
use super::flow;
use super::format::{canonical, part, reads_as, shape_of};
use super::fresh;
use super::places::{Hook, Place, next_line, own_end, places};
use super::print::{self, Manner, Printer};
use super::scalar::WIDTH;
use super::shared::{self, Freed};
use super::source::{Piece, Source};

/// The file `path` with the contents `raw` (without a byte order mark), changed so that it says `target`, a
/// mapping. It is read back before it is given out: where a small change does not come out right, what is
/// around it is written anew, and in the end all of it.
pub(super) fn rewrite(path: &str, raw: &str, target: &Json) -> String {
    let mut text = raw.to_owned();
    // Each round frees at least one anchor.
    while let Ok(source) = Source::read(path, &text) {
        match attempt(path, &source, target) {
            Attempt::Done(done) => return done,
            Attempt::Freed(freed) => text = freed,
            Attempt::Failed => break,
        }
    }
    canonical(path, target)
}

enum Attempt {
    Done(String),
    /// The same file without some anchors, to be tried again.
    Freed(String),
    Failed,
}

fn attempt(path: &str, source: &Source<'_>, target: &Json) -> Attempt {
    let value = source.root.to_json();
    for deepest in [usize::MAX, 3, 2, 1] {
        let mut editor = Editor::new(source, deepest);
        if !editor.inside(&source.root, target, Hook::ROOT, Some(shape_of(path))) {
            continue;
        }
        let freed = shared::disturbed(source, &editor.changed);
        if !freed.is_empty() {
            let mut editor = Editor::new(source, deepest);
            editor.free(&source.root, Hook::ROOT, &freed, Some(shape_of(path)));
            return match editor.apply() {
                Some(text) if text != source.raw && reads_as(path, &text, &value) => Attempt::Freed(text),
                _ => Attempt::Failed,
            };
        }
        if let Some(text) = editor.apply()
            && reads_as(path, &text, target)
        {
            return Attempt::Done(text);
        }
    }
    Attempt::Failed
}

/// Whether two values are the same to whoever reads them: 1.0 is 1.
pub(super) fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            a == b || (a.as_f64() == b.as_f64() && !(a.is_i64() && b.is_i64()))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Whether the member in the line of the `-` goes, so that `first` will stand there.
fn is_cut(places: &[Place<'_>], first: &Place<'_>) -> bool {
    places.first().is_some_and(|place| place.is_inline) && !first.is_inline
}

/// A part of the text that is replaced.
struct Edit {
    at: Span,
    text: String,
}

struct Editor<'n> {
    source: &'n Source<'n>,
    newline: &'static str,
    /// Below so many lists and mappings nothing is changed in place.
    deepest: usize,
    edits: Vec<Edit>,
    /// Where nodes begin that say something else now, and the parts that are gone.
    changed: Vec<Span>,
}

impl<'n> Editor<'n> {
    fn new(source: &'n Source<'n>, deepest: usize) -> Self {
        let newline = if source.raw.contains("\r\n") { "\r\n" } else { "\n" };
        Self { source, newline, deepest, edits: Vec::new(), changed: Vec::new() }
    }

    fn change(&mut self, node: &'n Node, target: &Json, hook: Hook<'n>, shape: Option<&Shape>) {
        if same(&node.to_json(), target) {
            return;
        }
        let (edits, changed) = (self.edits.len(), self.changed.len());
        if !self.inside(node, target, hook, shape) {
            self.edits.truncate(edits);
            self.changed.truncate(changed);
            self.replace(node, target, hook, shape);
        }
    }

    /// Changes the members of a node. Says `false` where that cannot be done in place.
    fn inside(&mut self, node: &'n Node, target: &Json, hook: Hook<'n>, shape: Option<&Shape>) -> bool {
        if hook.depth >= self.deepest {
            return false;
        }
        let Some(places) = places(self.source, node, hook) else { return false };
        self.changed.push(Span::at(node.span.start));
        match (&node.value, target) {
            (Value::Map(_), Json::Object(wanted)) => self.map(&places, wanted, shape),
            (Value::List(_), Json::Array(wanted)) => self.list(&places, wanted, shape),
            _ => false,
        }
    }

    fn map(
        &mut self,
        places: &[Place<'n>],
        wanted: &serde_json::Map<String, Json>,
        shape: Option<&Shape>,
    ) -> bool {
        let target = |place: &Place<'n>| place.hook.key.and_then(|key| wanted.get(key));
        let kept: Vec<&Place<'n>> = places.iter().filter(|place| target(place).is_some()).collect();
        let Some(first) = kept.first() else { return false };
        for place in &kept {
            if let Some(value) = target(place) {
                self.change(
                    place.node,
                    value,
                    place.hook,
                    shape.and_then(|shape| print::below(shape, place.hook.key)),
                );
            }
        }
        self.remove(places, |place| target(place).is_none());
        let rank = |key: &str| shape.map(|shape| print::rank(shape, key));
        let mut added: Vec<(&String, &Json)> =
            wanted.iter().filter(|(key, _)| places.iter().all(|place| place.hook.key != Some(key))).collect();
        added.sort_by_key(|(key, _)| (rank(key), *key));
        let is_spaced =
            first.hook.depth == 1 && places.iter().any(|place| self.source.blank_before(place.lead));
        for (key, value) in added {
            let before = kept.iter().filter(|place| place.hook.key.map(rank) <= Some(rank(key)));
            let before = before.max_by_key(|place| place.hook.key.map(rank));
            let parted = is_spaced
                && before
                    .and_then(|place| place.hook.key)
                    .zip(shape)
                    .is_some_and(|(other, shape)| part(shape, other) != part(shape, key));
            if before.is_none() && is_cut(places, first) {
                return false;
            }
            self.insert(Some(key), value, before.copied(), first, shape, parted);
        }
        true
    }

    fn list(&mut self, places: &[Place<'n>], wanted: &[Json], shape: Option<&Shape>) -> bool {
        let old: Vec<Json> = places.iter().map(|place| place.node.to_json()).collect();
        let pairs = align(&old, wanted);
        let kept = |at: usize| pairs.iter().any(|(was, is)| *was == Some(at) && is.is_some());
        let gone: BTreeSet<usize> =
            (0..places.len()).filter(|at| !kept(*at)).map(|at| places[at].start).collect();
        let Some(first) = places.iter().find(|place| !gone.contains(&place.start)) else { return false };
        self.remove(places, |place| gone.contains(&place.start));
        let mut before = None;
        for (was, is) in pairs {
            let place = was.and_then(|at| places.get(at));
            let Some(value) = is.and_then(|at| wanted.get(at)) else { continue };
            match place {
                Some(place) => {
                    self.change(
                        place.node,
                        value,
                        place.hook,
                        shape.and_then(|shape| print::below(shape, None)),
                    );
                    before = Some(place);
                }
                None if before.is_none() && is_cut(places, first) => return false,
                None => self.insert(None, value, before, first, shape, false),
            }
        }
        true
    }

    /// Takes members away with their comments.
    fn remove(&mut self, places: &[Place<'n>], is_gone: impl Fn(&Place<'n>) -> bool) {
        let source = self.source;
        let mut is_start = true;
        let mut from = 0;
        for (at, place) in places.iter().enumerate() {
            if !is_gone(place) {
                is_start = false;
                from = place.stop;
                continue;
            }
            self.changed.push(Span::new(place.start, place.stop));
            let rest = source.raw.get(place.stop..).unwrap_or("");
            let next = place.stop + rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            let is_parted = source.blank_before(place.lead);
            // Of the empty lines above and below it, one is enough to part what is left.
            let span = if let Some(first) = places.first().filter(|first| is_start && first.is_inline) {
                self.edits.retain(|edit| edit.at.start != first.start);
                Span::new(first.start, next)
            } else if at + 1 == places.len() {
                let above = source.slice(Span::new(0, place.lead)).trim_end().len();
                let start = if is_parted { next_line(source, above).max(from) } else { place.lead };
                Span::new(start, place.stop)
            } else if is_start || is_parted {
                Span::new(place.lead, source.line_start(next).max(place.stop))
            } else {
                Span::new(place.lead, place.stop)
            };
            from = span.end;
            self.edits.push(Edit { at: span, text: String::new() });
        }
    }

    /// Puts a member behind `before`, else ahead of `first`, which is the first one that stays.
    fn insert(
        &mut self,
        key: Option<&str>,
        value: &Json,
        before: Option<&Place<'n>>,
        first: &Place<'n>,
        shape: Option<&Shape>,
        parted: bool,
    ) {
        let column = first.hook.column;
        let node = fresh::node(value, key, first.hook.depth);
        let mut printer = Printer::new("", Manner::FRESH);
        let below = shape.and_then(|shape| print::below(shape, key));
        printer.member(&Piece::bare(key, &node), below, column);
        let mut text = printer.out.replace('\n', self.newline);
        let at = match before {
            Some(place) => {
                if parted {
                    text.insert_str(0, self.newline);
                }
                if !self.source.slice(Span::new(0, place.stop)).ends_with('\n') {
                    text.truncate(text.len() - self.newline.len());
                    text.insert_str(0, self.newline);
                }
                place.stop
            }
            None if first.is_inline => {
                text = format!("{}{:column$}", text.trim_start_matches(' '), "");
                first.start
            }
            None => first.lead,
        };
        self.edits.push(Edit { at: Span::at(at), text });
    }

    /// Writes a node anew.
    fn replace(&mut self, node: &'n Node, target: &Json, hook: Hook<'n>, shape: Option<&Shape>) {
        let source = self.source;
        let (start, end) = (source.start(node), source.end(node).max(hook.after));
        if node.style == Style::Flow
            && let Some(text) = flow::rewritten(source, node, target, shape, &mut self.changed)
        {
            let width = source.column(start) + text.chars().count();
            if (target.is_array() || target.is_object()) && (text.contains('\n') || width <= WIDTH) {
                self.edits.push(Edit { at: Span::new(start, end), text });
                return;
            }
        }
        self.changed.push(Span::new(start, end));
        let beside = self.beside(node, hook, end);
        let prefix = source.slice(Span::new(source.line_start(hook.after), hook.after));
        let fresh = fresh::node(target, hook.key, hook.depth);
        let mut printer = Printer::new("", Manner::FRESH);
        printer.out.push_str(prefix);
        printer.rest(&Piece::bare(hook.key, &fresh), beside, shape, hook.column);
        let mut text = printer.out.split_off(prefix.len());
        text.pop();
        let line = source.line_end(end);
        let stop = own_end(source, end, hook.column);
        let mut to = line;
        if node.style == Style::Block || text.contains('\n') {
            // Comments below it would become a part of the new text. Those about what is gone, go.
            let below = source.comments.iter().filter(|span| span.start > line && span.start < stop);
            for span in below {
                to = span.end;
                if node.style != Style::Block {
                    text.push_str(&format!("\n{:1$}{2}", "", hook.column, source.slice(*span).trim_end()));
                }
            }
        }
        self.edits.push(Edit { at: Span::new(hook.after, to), text: text.replace('\n', self.newline) });
    }

    /// The comment in the first line of a node, else that behind it.
    fn beside(&self, node: &Node, hook: Hook<'n>, end: usize) -> &'n str {
        let source = self.source;
        let content = if node.style == Style::Alias { node.used.start } else { node.span.start };
        let is_behind = |span: &Span| span.start >= end && source.same_line(end, span.start);
        let is_ahead = |span: &Span| {
            span.start >= hook.after && source.same_line(hook.after, span.start) && span.end <= content
        };
        let found = source
            .comments
            .iter()
            .find(|span| is_ahead(span) || (node.style != Style::Block && is_behind(span)));
        found.map_or("", |span| source.with_space(*span))
    }

    /// Writes out the aliases of `freed` anchors and takes these away.
    fn free(&mut self, node: &'n Node, hook: Hook<'n>, freed: &Freed, shape: Option<&Shape>) {
        let source = self.source;
        if node.style == Style::Alias {
            if freed.contains(&node.span.start) {
                self.replace(node, &node.to_json(), hook, shape);
            }
            return;
        }
        if freed.contains(&node.span.start)
            && let Some(anchor) = source.anchor(node)
        {
            self.edits.push(Edit { at: shared::with_gap(source, anchor), text: String::new() });
        }
        match places(source, node, hook) {
            Some(places) => {
                for place in places {
                    let shape = shape.and_then(|shape| print::below(shape, place.hook.key));
                    self.free(place.node, place.hook, freed, shape);
                }
            }
            None => {
                for (at, text) in shared::written_out(source, node, freed) {
                    self.edits.push(Edit { at, text });
                }
            }
        }
    }

    /// The new text; nothing where two changes meet.
    fn apply(mut self) -> Option<String> {
        self.edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
        let raw = self.source.raw;
        let mut text = String::with_capacity(raw.len());
        let mut from = 0;
        for edit in self.edits {
            text.push_str(raw.get(from..edit.at.start)?);
            text.push_str(&edit.text);
            from = edit.at.end;
        }
        text.push_str(raw.get(from..)?);
        Some(text)
    }
}
