//! Text with looks: every character has one, and they do not nest. Nesting is made when a part is written, so that a
//! text can be cut anywhere.

use std::ops::Range;
use std::rc::Rc;

/// A text and how its stretches look, in order and without gaps.
#[derive(Debug, Default)]
pub(super) struct Rich {
    pub(super) text: String,
    pub(super) runs: Vec<Run>,
}

/// A stretch that looks alike, from the end of the one before.
#[derive(Debug)]
pub(super) struct Run {
    /// In bytes of the text.
    pub(super) end: usize,
    pub(super) look: Look,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Which quotation it stands in, counted from 1; 0 for none. Telegram does not nest them.
    pub(super) quote: u32,
    pub(super) kind: Kind,
    pub(super) marks: Marks,
    /// White space after a heading, which would rather not be cut at.
    pub(super) keep: bool,
}

/// What a stretch is. None of these may stand in another, says Telegram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Code,
    /// A block of code and its language, which may be empty.
    Pre(Rc<str>),
    /// A link and its address.
    Link(Rc<str>),
}

/// Marks that go together with each other, and with all but code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) strike: bool,
    pub(super) spoiler: bool,
}

impl Rich {
    /// Adds text at the end.
    pub(super) fn push(&mut self, text: &str, look: &Look) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text);
        let end = self.text.len();
        match self.runs.last_mut() {
            Some(last) if last.look == *look => last.end = end,
            _ => self.runs.push(Run { end, look: look.clone() }),
        }
    }

    /// The stretches of a range, each cut to it.
    pub(super) fn stretches(&self, range: Range<usize>) -> impl Iterator<Item = (&str, &Look)> {
        let first = self.runs.partition_point(|run| run.end <= range.start);
        self.runs[first..].iter().scan(range.start, move |start, run| {
            let end = run.end.min(range.end);
            let text = self.text.get(*start..end).filter(|text| !text.is_empty())?;
            *start = end;
            Some((text, &run.look))
        })
    }
}
