//! What a text is built of: blocks, and the lines between them.

use std::rc::Rc;

use crate::channels::telegram::render::rich::{Kind, Look};

use super::Reader;

/// Deeper levels are not shifted further to the right.
const DEEPEST: usize = 6;

/// A list: the number of its next entry, if they have numbers.
pub(super) struct List {
    next: Option<u64>,
}

impl Reader {
    /// Has at least so many line breaks come before what follows.
    pub(super) fn break_lines(&mut self, least: usize) {
        self.breaks = self.breaks.max(least);
    }

    /// A block begins; the first of a list's entry stands beside the entry's sign.
    pub(super) fn begin_block(&mut self) {
        if self.sign.is_empty() {
            self.end_block();
        }
    }

    /// A block ends. In lists nothing stands far apart.
    pub(super) fn end_block(&mut self) {
        self.break_lines(if self.lists.is_empty() { 2 } else { 1 });
    }

    /// Writes the line breaks and the sign that come before what will be written now.
    pub(super) fn arrive(&mut self) {
        let breaks = std::mem::take(&mut self.breaks);
        let mut between = std::mem::take(&mut self.between);
        let quote = self.quote_now();
        between.quote = if between.quote == quote { quote } else { 0 };
        if breaks > 0 && !self.rich.text.is_empty() {
            self.rich.push(if breaks > 1 { "\n\n" } else { "\n" }, &between);
        }
        let sign = std::mem::take(&mut self.sign);
        let begins = breaks > 0 || self.rich.text.is_empty();
        if self.code.is_none() && (begins || !sign.is_empty()) {
            let look = Look { quote, ..Look::default() };
            let inner = self.quotes.saturating_sub(1).min(DEEPEST);
            let shift = self.lists.len().saturating_sub(usize::from(!sign.is_empty())).min(DEEPEST);
            self.rich.push(&"> ".repeat(inner), &look);
            self.rich.push(&"  ".repeat(shift), &look);
            self.rich.push(&sign, &look);
        }
        // What comes between this and the next stands in this quotation, if the next does too.
        self.between.quote = quote;
    }

    pub(super) fn quote_now(&self) -> u32 {
        if self.quotes > 0 { self.quote } else { 0 }
    }

    pub(super) fn begin_quote(&mut self) {
        self.begin_block();
        if self.quotes == 0 {
            self.quote += 1;
        }
        self.quotes += 1;
    }

    pub(super) fn end_quote(&mut self) {
        self.quotes = self.quotes.saturating_sub(1);
        self.end_block();
    }

    pub(super) fn begin_list(&mut self, first: Option<u64>) {
        self.begin_block();
        self.lists.push(List { next: first });
    }

    pub(super) fn begin_item(&mut self) {
        if self.sign.is_empty() {
            self.break_lines(1);
        }
        let depth = self.lists.len();
        let sign = match self.lists.last_mut().and_then(|list| list.next.as_mut()) {
            Some(number) => {
                let sign = format!("{number}. ");
                *number = number.saturating_add(1);
                sign
            }
            None if depth.is_multiple_of(2) => "◦ ".to_owned(),
            None => "• ".to_owned(),
        };
        self.sign.push_str(&sign);
    }

    pub(super) fn end_item(&mut self) {
        if !self.sign.is_empty() {
            // An entry without words is still an entry.
            self.arrive();
        }
        self.break_lines(1);
    }

    pub(super) fn task(&mut self, done: bool) {
        for bullet in ["• ", "◦ "] {
            if let Some(rest) = self.sign.strip_suffix(bullet) {
                self.sign.truncate(rest.len());
            }
        }
        self.sign.push_str(if done { "☑ " } else { "☐ " });
    }

    pub(super) fn end_code(&mut self) {
        if let Some((language, text)) = &self.code {
            let (language, text) = (language.clone(), text.trim_end_matches('\n').to_owned());
            self.set(&text, &language);
            self.code = None;
        }
        self.end_block();
    }

    pub(super) fn end_table(&mut self) {
        if let Some(table) = self.table.take() {
            self.code = Some(Default::default());
            self.set(&table.written(), "");
            self.code = None;
        }
        self.end_block();
    }

    /// Writes a block in letters of one width.
    fn set(&mut self, text: &str, language: &str) {
        if text.is_empty() {
            return;
        }
        if !self.sign.is_empty() {
            // The sign of the list's entry gets a line of its own.
            let code = self.code.take();
            self.arrive();
            self.break_lines(1);
            self.code = code;
        }
        self.arrive();
        let look = Look { quote: self.quote_now(), kind: Kind::Pre(Rc::from(language)), ..Look::default() };
        self.rich.push(text, &look);
    }
}
