//! What stands in a line: words, their marks, links.

use std::rc::Rc;

use crate::channels::telegram::render::address;
use crate::channels::telegram::render::rich::{Kind, Look, Marks};

use super::Reader;

/// How deep we are in each kind of mark.
#[derive(Default)]
pub(super) struct Depths {
    pub(super) bold: i32,
    pub(super) italic: i32,
    pub(super) strike: i32,
}

/// A link or an image that is being read, the outermost: they do not nest.
pub(super) struct Link {
    address: Rc<str>,
    /// What it shows.
    label: String,
    /// Links and images within.
    inner: usize,
}

impl Reader {
    fn look(&self) -> Look {
        let kind = match &self.link {
            Some(link) if address::is_linkable(&link.address) => Kind::Link(link.address.clone()),
            _ => Kind::Text,
        };
        let marks = Marks {
            bold: self.depths.bold > 0,
            italic: self.depths.italic > 0,
            strike: self.depths.strike > 0,
            spoiler: false,
        };
        Look { quote: self.quote_now(), kind, marks, keep: false }
    }

    pub(super) fn text(&mut self, text: &str) {
        if let Some((_, code)) = &mut self.code {
            code.push_str(text);
            return;
        }
        let look = self.look();
        self.lines(text, &look);
    }

    pub(super) fn inline_code(&mut self, text: &str) {
        let mut look = self.look();
        if look.kind == Kind::Text {
            look.kind = Kind::Code;
            look.marks = Marks::default();
        }
        self.lines(text, &look);
    }

    /// Writes words; a break at the end waits for what follows.
    fn lines(&mut self, text: &str, look: &Look) {
        if let Some(link) = &mut self.link {
            link.label.push_str(text);
        }
        if let Some(table) = &mut self.table {
            table.push(text);
            return;
        }
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.break_lines(1);
            }
            let line = line.trim_end_matches('\r');
            if !line.is_empty() {
                self.arrive();
                self.rich.push(line, look);
            }
        }
    }

    pub(super) fn begin_link(&mut self, address: &str) {
        match &mut self.link {
            Some(link) => link.inner += 1,
            None => self.link = Some(Link { address: address.into(), label: String::new(), inner: 0 }),
        }
    }

    pub(super) fn end_link(&mut self) {
        let Some(link) = self.link.as_mut() else { return };
        if link.inner > 0 {
            link.inner -= 1;
            return;
        }
        let (address, label) = (link.address.clone(), link.label.clone());
        let shown = address::shown(&address);
        if label.trim().is_empty() {
            let look = self.look();
            self.lines(shown, &look);
        }
        self.link = None;
        let hidden = self.table.is_some() || !address::is_linkable(&address);
        if hidden && !label.trim().is_empty() && !shown.is_empty() && label != shown {
            let look = self.look();
            self.lines(&format!(" ({shown})"), &look);
        }
    }
}
