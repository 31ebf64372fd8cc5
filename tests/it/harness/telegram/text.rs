//! Texts as the service keeps them: cleaned, trimmed, with entities counted in UTF-16 units.

use serde_json::{Value, json};

/// A text and what stands out in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Formatted {
    pub(crate) text: String,
    pub(crate) entities: Vec<Entity>,
}

/// A stretch of a text, in UTF-16 units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entity {
    /// `bold`, `mention`, `bot_command`…
    pub(crate) kind: String,
    pub(crate) offset: usize,
    pub(crate) length: usize,
    /// The address of a link, the language of code.
    pub(crate) argument: Option<String>,
}

impl Entity {
    /// As it goes out in messages.
    pub(crate) fn shape(&self) -> Value {
        let mut shape = json!({ "type": self.kind, "offset": self.offset, "length": self.length });
        if let Some(argument) = &self.argument {
            shape[if self.kind == "pre" { "language" } else { "url" }] = json!(argument);
        }
        shape
    }
}

/// The service reads no more of a text than that, in bytes.
const MOST_BYTES: usize = 35_000;

pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text as it comes in: control characters become spaces, and some marks that turn lines around or draw through
/// them are taken out.
pub(crate) fn cleaned(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\r' | '\u{2028}'..='\u{202e}' | '\u{333}' | '\u{33f}' | '\u{30a}' => {}
            '\n' => clean.push('\n'),
            c if c < ' ' => clean.push(' '),
            c => clean.push(c),
        }
        if clean.len() >= MOST_BYTES - 3 {
            clean.pop();
            break;
        }
    }
    clean
}

/// Whether nothing in the text can be seen.
pub(crate) fn is_empty(text: &str) -> bool {
    text.chars().all(|c| {
        matches!(
            c,
            ' ' | '\n' | '\u{a0}' | '\u{1680}' | '\u{180e}' | '\u{2000}'
                ..='\u{200f}' | '\u{202e}' | '\u{202f}'
        ) || matches!(
            c,
            '\u{205f}' | '\u{2800}' | '\u{3000}' | '\u{feff}' | '\u{fffc}' | '\u{e0000}'..='\u{e007f}'
        )
    })
}

impl Formatted {
    /// As the service keeps it: cleaned again after references were read, white space at the end taken off, and at the beginning up to the first
    /// entity.
    pub(crate) fn kept(mut self) -> Self {
        self.clean();
        let end = units(self.text.trim_end_matches([' ', '\n']));
        self.text.truncate(self.text.trim_end_matches([' ', '\n']).len());
        let first = self.entities.iter().map(|entity| entity.offset).min().unwrap_or(usize::MAX);
        let white = self.text.len() - self.text.trim_start_matches([' ', '\n']).len();
        // White space is a unit and a byte long each.
        let start = white.min(first);
        self.text.drain(..start);
        self.entities.retain_mut(|entity| {
            entity.length = (entity.offset + entity.length).min(end).saturating_sub(entity.offset);
            entity.offset -= start.min(entity.offset);
            entity.length > 0
        });
        self
    }

    /// Cleans the text and moves the entities along.
    fn clean(&mut self) {
        let mut moved = vec![0];
        let mut clean = String::with_capacity(self.text.len());
        let mut offset = 0;
        for c in self.text.chars() {
            let kept = cleaned(c.encode_utf8(&mut [0; 4]));
            clean.push_str(&kept);
            offset += units(&kept);
            moved.resize(moved.len() + c.len_utf16(), offset);
        }
        for entity in &mut self.entities {
            let last = moved.len() - 1;
            let end = moved[(entity.offset + entity.length).min(last)];
            entity.offset = moved[entity.offset.min(last)];
            entity.length = end - entity.offset;
        }
        self.entities.retain(|entity| entity.length > 0);
        self.text = clean;
    }
}
