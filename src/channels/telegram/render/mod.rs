//! From the Markdown that models write to messages that Telegram takes: HTML of its own small kind, in parts that
//! are never too long.
//!
//! Markdown is read into text with looks ([`rich`]), that is cut at sensible places ([`split`]), and every part is
//! written on its own ([`html`]): whatever a cut goes through is closed before it and opened again after it.
//! Nothing that can be seen is lost, except white space at a cut.
//!
//! Never: input, output, or a look at who the message is for.

mod address;
mod html;
mod read;
mod rich;
mod spoiler;
mod split;
mod table;
mod unfinished;

use split::Limits;

/// UTF-16 units that a message may have, after its entities were read.
pub const MESSAGE_UNITS: usize = 4096;
/// UTF-16 units that the caption of a photo or a file may have.
pub const CAPTION_UNITS: usize = 1024;

/// One message, twice: send `html` with `parse_mode` `HTML`, and `plain` without one if Telegram does not take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub html: String,
    /// The same without looks, with the addresses of links in brackets as far as they fit.
    pub plain: String,
}

/// A finished text as messages, in order. Empty if there is nothing that could be seen: Telegram refuses that.
pub fn render(markdown: &str) -> Vec<Part> {
    parts(markdown, MESSAGE_UNITS)
}

/// The same, where the first part is the caption of a photo or a file; the others are messages.
pub fn render_caption(markdown: &str) -> Vec<Part> {
    parts(markdown, CAPTION_UNITS)
}

/// What has come so far of a text that still grows: what was begun and not ended, such as `**bo` or half a link,
/// is shown as it will look, so that the message does not jump with every edit.
pub fn render_unfinished(markdown: &str) -> Vec<Part> {
    parts(&unfinished::ended(markdown), MESSAGE_UNITS)
}

fn parts(markdown: &str, first: usize) -> Vec<Part> {
    let rich = spoiler::hide(read::read(markdown));
    let limits = |index: usize| Limits::of(if index == 0 { first } else { MESSAGE_UNITS });
    split::split(&rich, limits)
        .into_iter()
        .map(|range| Part { html: html::write(&rich, range.clone()), plain: html::plain(&rich, range) })
        .collect()
}
