//! A YAML file as it was written: its tree, its comments, its anchors, and which comment belongs to what.

use std::collections::BTreeMap;

use serde_yaml::granit_parser::{self, Event, Parser, StructureStyle};

use crate::spec::problem::Problem;
use crate::spec::style::Style;
use crate::spec::text::{Span, Text};
use crate::spec::yaml::{self, Entry, Node, Value};

/// A file that was read.
pub(super) struct Source<'t> {
    pub(super) raw: &'t str,
    pub(super) root: Node,
    /// In the order of the file, each from its `#` to the end of its line.
    pub(super) comments: Vec<Span>,
    /// `&name`, by what it names.
    anchors: BTreeMap<(usize, Kind), Span>,
}

impl<'t> Source<'t> {
    /// Reads a file; `raw` has no byte order mark.
    pub(super) fn read(path: &str, raw: &'t str) -> Result<Self, Vec<Problem>> {
        let text = Text::new(path, raw);
        let mut problems = Vec::new();
        match yaml::read(&text, &mut problems) {
            Some(root) if problems.is_empty() => {
                let (comments, anchors) = marks(raw);
                Ok(Self { raw, root, comments, anchors })
            }
            _ => Err(problems),
        }
    }

    /// The part of the text that `span` is.
    pub(super) fn slice(&self, span: Span) -> &'t str {
        self.raw.get(span.start..span.end).unwrap_or("")
    }

    /// Where the line of `offset` begins.
    pub(super) fn line_start(&self, offset: usize) -> usize {
        self.slice(Span::new(0, offset)).rfind('\n').map_or(0, |at| at + 1)
    }

    /// Where the line of `offset` ends, its line break not counted.
    pub(super) fn line_end(&self, offset: usize) -> usize {
        let rest = self.raw.get(offset..).unwrap_or("");
        let line = rest.split('\n').next().unwrap_or("");
        offset + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// How many characters stand before `offset` in its line.
    pub(super) fn column(&self, offset: usize) -> usize {
        self.slice(Span::new(self.line_start(offset), offset)).chars().count()
    }

    pub(super) fn same_line(&self, from: usize, to: usize) -> bool {
        !self.slice(Span::new(from, to)).contains(['\n', '\r'])
    }

    /// Whether only white space stands before `offset` in its line.
    pub(super) fn begins_line(&self, offset: usize) -> bool {
        self.slice(Span::new(self.line_start(offset), offset)).trim().is_empty()
    }

    /// Whether the line before that of `offset` is empty.
    pub(super) fn blank_before(&self, offset: usize) -> bool {
        let start = self.line_start(offset);
        start > 0 && self.slice(Span::new(self.line_start(start - 1), start)).trim().is_empty()
    }

    /// A comment with the white space before it.
    pub(super) fn with_space(&self, span: Span) -> &'t str {
        let before = self.slice(Span::new(0, span.start));
        let start = before.trim_end_matches([' ', '\t']).len();
        self.slice(Span::new(start, span.end)).trim_end()
    }

    /// The anchor of a node; of an alias, none.
    pub(super) fn anchor(&self, node: &Node) -> Option<Span> {
        let kind = match (&node.value, node.style) {
            (_, Style::Flow) => Kind::Flow,
            (Value::List(_), _) => Kind::List,
            (Value::Map(_), _) => Kind::Map,
            _ => Kind::Scalar,
        };
        let anchor = self.anchors.get(&(node.span.start, kind)).copied();
        anchor.filter(|_| node.style != Style::Alias)
    }

    /// Whether a key has an anchor.
    pub(super) fn is_anchored(&self, key: Span) -> bool {
        self.anchors.contains_key(&(key.start, Kind::Scalar))
    }

    /// Where a node begins, with its anchor.
    pub(super) fn start(&self, node: &Node) -> usize {
        self.anchor(node).map_or(node.used.start, |anchor| anchor.start)
    }

    /// Where a node ends. The parser lets a list or a mapping on lines of its own end where the next thing
    /// begins.
    pub(super) fn end(&self, node: &Node) -> usize {
        if node.style == Style::Block {
            let last = match &node.value {
                Value::Map(entries) => {
                    entries.last().map(|entry| self.end(&entry.node).max(entry.key_span.end))
                }
                _ => node.items().last().map(|item| self.end(item)),
            };
            return last.unwrap_or(node.span.start);
        }
        // What is not written at all is said to be at the colon before it.
        let colon = node.used.start == node.used.end
            && self.raw.get(node.used.end..).is_some_and(|r| r.starts_with(':'));
        node.used.end + usize::from(colon)
    }
}

/// A list may begin where its first member does, and a mapping where its first key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Scalar,
    Flow,
    List,
    Map,
}

/// The comments and the anchors of a file, by where what they name begins.
fn marks(raw: &str) -> (Vec<Span>, BTreeMap<(usize, Kind), Span>) {
    let options = granit_parser::options! {
        emit_comments: true,
        emit_anchor_events: true,
        max_buffered_comment_events: usize::MAX,
    };
    let mut comments = Vec::new();
    let mut anchors = BTreeMap::new();
    let mut before = (0, Kind::Scalar);
    for (event, at) in Parser::new_from_str_with_options(raw, options).map_while(Result::ok) {
        let start = at.start.byte_offset().unwrap_or(0);
        let span = Span::new(start, at.end.byte_offset().unwrap_or(start));
        match event {
            Event::Comment(..) => comments.push(span),
            Event::Anchor(..) => {
                anchors.insert(before, span);
            }
            Event::SequenceStart(StructureStyle::Flow, ..)
            | Event::MappingStart(StructureStyle::Flow, ..) => {
                before = (start, Kind::Flow);
            }
            Event::SequenceStart(..) => before = (start, Kind::List),
            Event::MappingStart(..) => before = (start, Kind::Map),
            _ => before = (start, Kind::Scalar),
        }
    }
    comments.sort();
    (comments, anchors)
}

/// A value with its key, if it has one, and the comments that belong to it.
pub(super) struct Piece<'n> {
    pub(super) key: Option<&'n str>,
    pub(super) node: &'n Node,
    /// `&name`
    pub(super) anchor: &'n str,
    /// Comments above it; an empty one is an empty line.
    pub(super) above: Vec<&'n str>,
    /// The comment at the end of its first or only line, with the space before it.
    pub(super) beside: &'n str,
    /// The members of a list or a mapping.
    pub(super) inner: Vec<Piece<'n>>,
    /// Comments after the last member.
    pub(super) below: Vec<&'n str>,
}

impl<'n> Piece<'n> {
    /// A value without any comment.
    pub(super) fn bare(key: Option<&'n str>, node: &'n Node) -> Self {
        let entries = node.entries().iter().map(|entry| Self::bare(Some(&entry.key), &entry.node));
        let inner = entries.chain(node.items().iter().map(|item| Self::bare(None, item))).collect();
        Self { key, node, anchor: "", above: Vec::new(), beside: "", inner, below: Vec::new() }
    }
}

/// The whole file in pieces.
pub(super) fn pieces<'n>(source: &'n Source<'n>) -> Piece<'n> {
    let mut attach = Attach { source, next: 0 };
    let mut root = Piece { inner: Vec::new(), ..Piece::bare(None, &source.root) };
    attach.inside(&mut root, None, 0, usize::MAX);
    root
}

/// Gives each comment to what it belongs to, in the order of the file.
struct Attach<'n> {
    source: &'n Source<'n>,
    next: usize,
}

impl<'n> Attach<'n> {
    /// The next comment, if it begins before `limit` and `wanted` says so.
    fn take(&mut self, limit: usize, wanted: impl Fn(Span) -> bool) -> Option<Span> {
        let span = self.source.comments.get(self.next).copied()?;
        let taken = span.start < limit && wanted(span);
        self.next += usize::from(taken);
        taken.then_some(span)
    }

    /// Puts the comments before `limit` that are `wanted` at the end of `lines`.
    fn lines(&mut self, lines: &mut Vec<&'n str>, limit: usize, wanted: impl Fn(Span) -> bool) {
        while let Some(span) = self.take(limit, &wanted) {
            if self.source.blank_before(span.start) && self.source.begins_line(span.start) {
                lines.push("");
            }
            lines.push(self.source.slice(span).trim_end());
        }
    }

    /// Fills in what is in a piece. `column` is that of the piece's own key (of a member of a list: none that
    /// there could be; of the whole file: none), `begin` where its value may begin, `limit` where the next piece begins.
    fn inside(&mut self, piece: &mut Piece<'n>, column: Option<usize>, mut begin: usize, limit: usize) {
        let source = self.source;
        let node = piece.node;
        if node.style == Style::Alias {
            return;
        }
        let starts: Vec<usize> = match &node.value {
            Value::Map(entries) => entries.iter().map(|entry| entry.key_span.start).collect(),
            _ => node.items().iter().map(|item| source.start(item)).collect(),
        };
        let limit = if node.style == Style::Flow { node.span.end } else { limit };
        for (at, start) in starts.iter().enumerate() {
            let next = starts.get(at + 1).copied().unwrap_or(limit);
            let child = match &node.value {
                Value::Map(entries) => entries.get(at).map(|entry| (Some(entry), &entry.node)),
                _ => node.items().get(at).map(|item| (None, item)),
            };
            if let Some((entry, below)) = child {
                piece.inner.push(self.child(entry, below, begin, *start, next));
                begin = source.end(below);
            }
        }
        if node.style == Style::Flow {
            self.lines(&mut piece.below, limit, |_| true);
        } else if matches!(node.value, Value::List(_) | Value::Map(_)) {
            let own = source.column(node.span.start);
            let least = if column == Some(own) { own + 1 } else { own };
            let is_inside = |span: Span| {
                column.is_none() || (source.begins_line(span.start) && source.column(span.start) >= least)
            };
            self.lines(&mut piece.below, limit, is_inside);
        } else if column.is_none() {
            self.lines(&mut piece.below, limit, |_| true);
        }
        if piece.inner.is_empty() {
            piece.above.append(&mut piece.below);
        }
    }

    /// A member that begins at `start`, after `begin`.
    fn child(
        &mut self,
        entry: Option<&'n Entry>,
        node: &'n Node,
        begin: usize,
        start: usize,
        limit: usize,
    ) -> Piece<'n> {
        let source = self.source;
        let mut piece =
            Piece { inner: Vec::new(), ..Piece::bare(entry.map(|entry| entry.key.as_str()), node) };
        piece.anchor = source.anchor(node).map_or("", |anchor| source.slice(anchor));
        self.lines(&mut piece.above, start, |_| true);
        if source.blank_before(start) && !source.same_line(begin, start) {
            piece.above.push("");
        }
        let head = entry.map_or(start, |entry| entry.key_span.end);
        let content = if node.style == Style::Alias { node.used.start } else { node.span.start };
        if let Some(span) = self.take(content.max(node.used.start), |span| source.same_line(head, span.start))
        {
            piece.beside = source.with_space(span);
        }
        if node.style != Style::Block {
            self.lines(&mut piece.above, content, |_| true);
        }
        let column = entry.map_or(usize::MAX, |entry| source.column(entry.key_span.start));
        self.inside(&mut piece, Some(column), head, limit);
        let end = source.end(node);
        let is_block = matches!(node.style, Style::Block | Style::Literal | Style::Folded);
        if piece.beside.is_empty()
            && !is_block
            && let Some(span) =
                self.take(limit, |span| span.start >= end && source.same_line(end, span.start))
        {
            piece.beside = source.with_space(span);
        }
        piece
    }
}
