//! Pieces as canonical YAML.

use crate::spec::shape::Shape;
use crate::spec::style::Style;
use crate::spec::yaml::{Node, Value};

use super::scalar::{self, WIDTH, Written};
use super::source::Piece;

/// How pieces are printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Whether keys are put into the order of the types; else they stay as they were written.
    pub(super) ordered: bool,
    /// Whether folded texts stay broken as they were; else they are written anew.
    pub(super) folds: bool,
}

impl Manner {
    /// For what was never written.
    pub(super) const FRESH: Self = Self { ordered: true, folds: true };
}

/// Writes pieces one after the other.
pub(super) struct Printer<'s> {
    /// What is written so far.
    pub(super) out: String,
    /// The text that the pieces were read from; empty for what was never written.
    raw: &'s str,
    manner: Manner,
    /// Whether the next piece goes on in the line of a `-`.
    inline: bool,
}

impl<'s> Printer<'s> {
    pub(super) fn new(raw: &'s str, manner: Manner) -> Self {
        Self { out: String::new(), raw, manner, inline: false }
    }

    /// The members of a list or a mapping, each on lines of its own, and the comments after them.
    pub(super) fn members(&mut self, piece: &Piece<'_>, shape: Option<&Shape>, indent: usize) {
        for (at, member) in self.sorted(piece, shape).into_iter().enumerate() {
            self.comments(&member.above, indent, at == 0);
            self.member(member, shape.and_then(|shape| below(shape, member.key)), indent);
        }
        self.comments(&piece.below, indent, piece.inner.is_empty());
    }

    /// Lines of comments. Empty lines are kept, but never two of them, and none at the start.
    pub(super) fn comments(&mut self, lines: &[&str], indent: usize, is_first: bool) {
        if self.inline {
            return;
        }
        let mut may_part = !is_first && !self.out.is_empty();
        for line in lines {
            if !line.is_empty() {
                self.indent(indent);
                self.out.push_str(line);
                self.out.push('\n');
                may_part = true;
            } else if may_part && !self.out.ends_with("\n\n") {
                self.out.push('\n');
            }
        }
    }

    /// A member with its comments, on lines of its own.
    pub(super) fn member(&mut self, piece: &Piece<'_>, shape: Option<&Shape>, indent: usize) {
        if !self.inline {
            let leading = self.leading(piece, shape, indent);
            self.comments(&leading, indent, false);
        }
        let is_spread = !piece.inner.is_empty() && self.one_line(piece, shape, indent).is_none();
        self.indent(indent);
        match piece.key {
            Some(key) => self.out.push_str(&scalar::key(key, indent)),
            None => self.out.push('-'),
        }
        let beside = if piece.key.is_none() && is_spread { "" } else { piece.beside };
        self.rest(piece, beside, shape, indent);
    }

    /// What comes after `key:` or `-`, with the line break. Lines below it are indented more than `indent`.
    pub(super) fn rest(&mut self, piece: &Piece<'_>, beside: &str, shape: Option<&Shape>, indent: usize) {
        let one_line = self.one_line(piece, shape, indent);
        let is_spread = one_line.is_none() && !piece.inner.is_empty();
        if piece.key.is_none() && is_spread && piece.anchor.is_empty() && beside.is_empty() {
            self.inline = true;
            self.members(piece, shape, indent + 2);
        } else {
            self.value(piece, beside, one_line, shape, indent);
        }
    }

    /// The comments that would stand between a `-` and the first key of its mapping. They go above the `-`.
    fn leading<'n>(&self, piece: &Piece<'n>, shape: Option<&Shape>, indent: usize) -> Vec<&'n str> {
        let mut comments = Vec::new();
        let is_spread = !piece.inner.is_empty() && self.one_line(piece, shape, indent).is_none();
        if piece.key.is_none() && is_spread {
            comments.extend(Some(piece.beside.trim_start()).filter(|comment| !comment.is_empty()));
            if piece.anchor.is_empty()
                && let Some(first) = self.sorted(piece, shape).first()
            {
                comments.extend(first.above.iter().filter(|line| !line.is_empty()));
                let shape = shape.and_then(|shape| below(shape, first.key));
                comments.extend(self.leading(first, shape, indent + 2));
            }
        }
        comments
    }

    fn value(
        &mut self,
        piece: &Piece<'_>,
        beside: &str,
        one_line: Option<String>,
        shape: Option<&Shape>,
        indent: usize,
    ) {
        if !piece.anchor.is_empty() {
            self.out.push(' ');
            self.out.push_str(piece.anchor);
        }
        let Written { head, lines } = match one_line {
            Some(head) => Written { head, lines: Vec::new() },
            None => match &piece.node.value {
                Value::Text(text) => self.text(piece.node, text, indent + 2),
                _ => Written { head: String::new(), lines: Vec::new() },
            },
        };
        if !head.is_empty() {
            self.out.push(' ');
            self.out.push_str(&head);
        }
        self.out.push_str(beside);
        self.out.push('\n');
        for line in lines {
            if !line.is_empty() {
                self.indent(indent + 2);
            }
            self.out.push_str(&line);
            self.out.push('\n');
        }
        if head.is_empty() {
            self.members(piece, shape, indent + 2);
        }
    }

    /// A value that takes no more than its line: not a text, and a list or a mapping only if somebody wrote it
    /// like that and it fits.
    fn one_line(&self, piece: &Piece<'_>, shape: Option<&Shape>, indent: usize) -> Option<String> {
        let node = piece.node;
        if node.style == Style::Alias {
            return Some(self.flow(piece, shape));
        }
        match &node.value {
            Value::Text(_) => None,
            Value::List(_) | Value::Map(_) if !piece.inner.is_empty() => {
                let was_one_line = node.style == Style::Flow
                    && !self.written(node).contains(['\n', '\r'])
                    && piece.below.is_empty();
                let flow = was_one_line.then(|| self.flow(piece, shape))?;
                let head = piece.key.map_or(1, |key| scalar::key(key, 0).chars().count());
                let anchor = piece.anchor.chars().count();
                (indent + head + anchor + 2 + flow.chars().count() <= WIDTH).then_some(flow)
            }
            _ => Some(self.flow(piece, shape)),
        }
    }

    /// A value between brackets.
    pub(super) fn flow(&self, piece: &Piece<'_>, shape: Option<&Shape>) -> String {
        if piece.node.style == Style::Alias {
            return self.written_use(piece.node).to_owned();
        }
        let members = |open: &str, close: &str| {
            let members: Vec<String> = self
                .sorted(piece, shape)
                .into_iter()
                .map(|member| {
                    let value = self.flow(member, shape.and_then(|shape| below(shape, member.key)));
                    let anchor = member.anchor;
                    let value = if anchor.is_empty() { value } else { format!("{anchor} {value}") };
                    member.key.map_or_else(|| value.clone(), |key| format!("{} {value}", scalar::key(key, 0)))
                })
                .collect();
            format!("{open}{}{close}", members.join(", "))
        };
        match &piece.node.value {
            Value::Null => "null".into(),
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) => match self.written(piece.node) {
                "" => number.to_string(),
                written => written.to_owned(),
            },
            Value::Text(text) => scalar::line(text, true),
            Value::List(_) => members("[", "]"),
            Value::Map(_) => members("{", "}"),
        }
    }

    fn text(&self, node: &Node, text: &str, indent: usize) -> Written {
        if node.style == Style::Folded
            && self.manner.folds
            && let Some(written) = scalar::folded(text, self.folds(node))
        {
            return written;
        }
        let line = self.out.rsplit('\n').next().unwrap_or("");
        scalar::text(text, line.chars().count() + 1, indent)
    }

    /// The lines of a folded text without their indentation.
    fn folds(&self, node: &Node) -> Vec<String> {
        let before = self.raw.get(..node.span.start).unwrap_or("");
        let margin = before.chars().rev().take_while(|c| *c == ' ').count();
        let line = |line: &str| line.get(margin..).unwrap_or("").trim_end_matches('\r').to_owned();
        self.written_use(node).split('\n').skip(1).map(line).collect()
    }

    fn written(&self, node: &Node) -> &'s str {
        self.raw.get(node.span.start..node.span.end).unwrap_or("")
    }

    fn written_use(&self, node: &Node) -> &'s str {
        self.raw.get(node.used.start..node.used.end).unwrap_or("")
    }

    fn indent(&mut self, indent: usize) {
        if std::mem::take(&mut self.inline) {
            self.out.push(' ');
        } else {
            self.out.extend(std::iter::repeat_n(' ', indent));
        }
    }

    /// The members of a piece in the order in which they are printed.
    fn sorted<'p, 'n>(&self, piece: &'p Piece<'n>, shape: Option<&Shape>) -> Vec<&'p Piece<'n>> {
        let mut members: Vec<&Piece<'_>> = piece.inner.iter().collect();
        if self.manner.ordered
            && let Some(shape) = shape
        {
            members.sort_by_key(|member| member.key.map(|key| rank(shape, key)));
        }
        members
    }
}

/// The place of a key among those that its mapping may have; past all of them if it is not known.
pub(super) fn rank(shape: &Shape, key: &str) -> usize {
    match shape {
        Shape::Map { fields, .. } => fields.iter().position(|field| field.name == key).unwrap_or(usize::MAX),
        Shape::Either(choices) => choices.iter().map(|choice| rank(choice, key)).min().unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

/// The shape of a member: of that with this key, or of any member of a list.
pub(super) fn below<'s>(shape: &'s Shape, key: Option<&str>) -> Option<&'s Shape> {
    match (shape, key) {
        (Shape::Map { fields, .. }, Some(key)) => {
            fields.iter().find(|field| field.name == key).map(|field| &field.shape)
        }
        (Shape::Table { value }, Some(_)) => Some(value),
        (Shape::List { item, .. }, None) => Some(item),
        (Shape::Either(choices), _) => choices.iter().find_map(|choice| below(choice, key)),
        _ => None,
    }
}
