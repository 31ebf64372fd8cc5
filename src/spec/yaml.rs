//! YAML into a tree in which every key and every value knows where it stands.
//!
//! YAML 1.2: `no` and `on` are texts. What is refused, with its place: more than one document, merge keys,
//! tags, keys that are no text, duplicate keys, and anything that would grow (aliases, depth, size).

use std::collections::HashMap;

use serde_json::Number;
use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span as YamlSpan};

use super::problem::{Problem, codes, quote};
use super::scalar;
use super::style::Style;
use super::syntax;
use super::text::{Span, Text};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    /// Where the value is written; for an alias, where the anchor's value is.
    pub(super) span: Span,
    /// Where it is used: the same, but for an alias; a block text begins with its `|` and ends with its last
    /// line.
    pub(super) used: Span,
    pub(super) style: Style,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) node: Node,
}

/// How deep lists and mappings may stand in each other.
pub(super) const MAX_DEPTH: usize = 32;
/// How many nodes a file may come to, aliases expanded.
const MAX_NODES: usize = 20_000;
/// How many bytes of text a file may come to, aliases expanded.
const MAX_BYTES: usize = 1024 * 1024;
/// The longest single text; longer ones belong into a file of their own.
const MAX_SCALAR: usize = 64 * 1024;

impl Node {
    pub(super) fn new(value: Value, span: Span, style: Style) -> Self {
        Self { value, span, used: span, style }
    }
    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }
    /// The members of a list; none for anything else.
    pub(super) fn items(&self) -> &[Node] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }
    /// The same as JSON.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Flag(flag) => (*flag).into(),
            Value::Number(number) => number.clone().into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect()
            }
        }
    }
    /// Calls `visit` for this node and everything below it, with the key that leads to it.
    pub(super) fn walk<'n>(
        &'n self,
        key: Option<&'n Entry>,
        visit: &mut impl FnMut(Option<&'n Entry>, &'n Self),
    ) {
        visit(key, self);
        for entry in self.entries() {
            entry.node.walk(Some(entry), visit);
        }
        for item in self.items() {
            item.walk(key, visit);
        }
    }
    /// Nodes and bytes of text, this node included.
    fn weight(&self) -> (usize, usize) {
        let (mut nodes, mut bytes) = (0, 0);
        self.walk(None, &mut |_, node| {
            nodes += 1;
            bytes += node.text().map_or(0, str::len);
            bytes += node.entries().iter().map(|entry| entry.key.len()).sum::<usize>();
        });
        (nodes, bytes)
    }
}

/// Reads one file. A tree comes back only where the whole file could be read; problems that do not stop the
/// reading (duplicate keys, merge keys) may stand beside it.
pub(super) fn read(text: &Text<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    let mut builder = Builder {
        text,
        problems,
        stack: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        nodes: 0,
        bytes: 0,
        read: 0,
    };
    let options = serde_yaml::granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        max_directive_bytes: 256,
    };
    for event in Parser::new_from_str_with_options(text.raw, options) {
        let taken = event
            .map_err(|error| Box::new(syntax::explain(text, &error)))
            .and_then(|(event, span)| builder.take(event, span));
        match taken {
            Ok(true) => {}
            Ok(false) => break,
            Err(problem) => {
                // What follows a key that is none is no news.
                let told = |last: &Problem| last.code == codes::UNSUPPORTED && last.line == problem.line;
                if !builder.problems.last().is_some_and(told) {
                    builder.problems.push(*problem);
                }
                return None;
            }
        }
    }
    Some(builder.root.unwrap_or_else(|| Node::new(Value::Null, Span::at(0), Style::Plain)))
}

/// A list or a mapping that is being read.
struct Frame {
    span: Span,
    style: Style,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<String, Span>, key: Option<(String, Span)> },
}

struct Builder<'t, 'p> {
    text: &'t Text<'t>,
    problems: &'p mut Vec<Problem>,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    bytes: usize,
    /// Where the event before ended.
    read: usize,
}

/// Whether to go on, or the problem that ends the reading.
type Taken = Result<bool, Box<Problem>>;

impl Builder<'_, '_> {
    fn take(&mut self, event: Event<'_>, at: YamlSpan) -> Taken {
        let span = bytes(self.text, at);
        let before = std::mem::replace(&mut self.read, span.end);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                let problem = Problem::at(self.text, span, codes::DOCUMENTS, "a second document begins here")
                    .hint("one file holds one object: give every bot a folder and a `bot.yaml` of its own");
                self.problems.push(problem);
                return Ok(false);
            }
            Event::Scalar(value, style, anchor, tag) => {
                self.tag(tag.is_some(), at, span);
                let node = self.scalar(&value, style, before, span)?;
                self.finish(node, anchor, style == ScalarStyle::Plain)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.tag(tag.is_some(), at, span);
                self.push(Frame { span, style: style.into(), anchor, content: Content::List(Vec::new()) })?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.tag(tag.is_some(), at, span);
                let content = Content::Map { entries: Vec::new(), seen: HashMap::new(), key: None };
                self.push(Frame { span, style: style.into(), anchor, content })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.stack.pop() else { return Ok(true) };
                let value = match frame.content {
                    Content::List(items) => Value::List(items),
                    Content::Map { entries, .. } => Value::Map(entries),
                };
                let node = Node::new(value, Span::new(frame.span.start, span.end), frame.style);
                self.finish(node, frame.anchor, false)?;
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(Box::new(Problem::at(
                        self.text,
                        span,
                        codes::UNSUPPORTED,
                        "this alias stands inside of what it means",
                    )));
                };
                self.charge(&node, span)?;
                self.attach(Node { used: span, style: Style::Alias, ..node }, span, false);
            }
            Event::UnresolvedAlias(name) => {
                let message =
                    format!("{} is an alias, and nothing has that name", quote(&format!("*{name}")));
                let problem = Problem::at(self.text, span, codes::UNSUPPORTED, message)
                    .hint("a text that begins with `*` has to be in quotes");
                return Err(Box::new(problem));
            }
            _ => {}
        }
        Ok(true)
    }

    /// A scalar that comes after the offset `before`.
    fn scalar(
        &self,
        value: &str,
        style: ScalarStyle,
        before: usize,
        span: Span,
    ) -> Result<Node, Box<Problem>> {
        if value.len() > MAX_SCALAR {
            let message = format!("this text is longer than {} KiB", MAX_SCALAR / 1024);
            return Err(Box::new(
                Problem::at(self.text, span, codes::BUDGET, message)
                    .hint("put it into a file of its own: `{file: path.md}`"),
            ));
        }
        let mut node = Node::new(scalar::value(value, style), span, style.into());
        if matches!(node.style, Style::Literal | Style::Folded) {
            node.used = scalar::block(self.text.raw, before, span, value);
        }
        Ok(node)
    }

    fn push(&mut self, frame: Frame) -> Result<(), Box<Problem>> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Box::new(syntax::too_deep(self.text, frame.span)));
        }
        self.stack.push(frame);
        Ok(())
    }

    /// A node is complete: it is counted, remembered if it has a name, and put where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, plain: bool) -> Result<(), Box<Problem>> {
        let span = node.span;
        self.nodes += 1;
        self.bytes += node.text().map_or(0, str::len);
        self.within_budget(span)?;
        if anchor > 0 {
            self.charge(&node, span)?;
            self.anchors.insert(anchor, node.clone());
        }
        self.attach(node, span, plain);
        Ok(())
    }

    fn charge(&mut self, node: &Node, span: Span) -> Result<(), Box<Problem>> {
        let (nodes, bytes) = node.weight();
        self.nodes += nodes;
        self.bytes += bytes;
        self.within_budget(span)
    }

    fn within_budget(&self, span: Span) -> Result<(), Box<Problem>> {
        if self.nodes <= MAX_NODES && self.bytes <= MAX_BYTES {
            return Ok(());
        }
        let message = format!(
            "the file comes to more than {MAX_NODES} values or {} KiB of text here",
            MAX_BYTES / 1024
        );
        Err(Box::new(
            Problem::at(self.text, span, codes::BUDGET, message)
                .hint("aliases count as often as they are used"),
        ))
    }

    /// Puts a node into the list or mapping that is being read. `span` is where it is used.
    fn attach(&mut self, node: Node, span: Span, plain: bool) {
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut frame.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, seen, key } => match key.take() {
                None => {
                    *key = Some((key_text(self.text, self.problems, &node, span, plain), span));
                }
                Some((name, key_span)) => {
                    if let Some(first) = seen.get(&name) {
                        let problem = duplicate(self.text, &name, key_span, *first);
                        self.problems.push(problem);
                    } else {
                        seen.insert(name.clone(), key_span);
                        entries.push(Entry { key: name, key_span, node });
                    }
                }
            },
        }
    }

    fn tag(&mut self, tagged: bool, at: YamlSpan, span: Span) {
        if tagged {
            let span = at.tag_span().map_or(span, |tag| bytes(self.text, tag));
            let problem = Problem::at(
                self.text,
                span,
                codes::UNSUPPORTED,
                format!("tags are not read: {}", quote(self.text.shown(span))),
            )
            .hint(
                if self.text.raw.get(span.start..).is_some_and(|rest| rest.starts_with("!include")) {
                    "a text in a file of its own is `{file: persona.md}`"
                } else {
                    "leave the tag out; a text that begins with `!` has to be in quotes"
                },
            );
            self.problems.push(problem);
        }
    }
}

/// A key as text; what cannot be a key is reported.
fn key_text(text: &Text<'_>, problems: &mut Vec<Problem>, node: &Node, span: Span, plain: bool) -> String {
    match &node.value {
        Value::Text(key) if key == "<<" && plain => {
            let problem = Problem::at(text, span, codes::UNSUPPORTED, "merge keys (`<<`) are not read")
                .hint("write the keys out: the file then says what it means");
            problems.push(problem);
            key.clone()
        }
        Value::Text(key) => key.clone(),
        Value::Number(_) | Value::Flag(_) => {
            text.raw.get(span.start..span.end).unwrap_or("").trim().to_owned()
        }
        Value::Null | Value::List(_) | Value::Map(_) => {
            let problem = Problem::at(text, span, codes::UNSUPPORTED, "a key has to be a text");
            let braces = text.raw.get(span.start..).is_some_and(|rest| rest.starts_with('{'));
            problems.push(if braces {
                problem
                    .hint("a text that begins with `{` has to be in quotes: `\"{{person.name}}, welcome\"`")
            } else {
                problem
            });
            // Unlike any other, so that it is not taken for a duplicate as well.
            format!("\u{0}{}", span.start)
        }
    }
}

fn duplicate(text: &Text<'_>, key: &str, span: Span, first: Span) -> Problem {
    Problem::at(text, span, codes::DUPLICATE_KEY, format!("the key {} stands here twice", quote(key)))
        .hint(format!("the first one is in line {}", text.place(first).line))
}

fn bytes(text: &Text<'_>, span: YamlSpan) -> Span {
    let start = span.start.byte_offset().unwrap_or(0).min(text.raw.len());
    let end = span.end.byte_offset().unwrap_or(start).min(text.raw.len());
    Span::new(start, end)
}
