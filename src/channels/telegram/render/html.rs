//! Writes a stretch of text in Telegram's HTML, or without looks.

use std::ops::Range;

use super::rich::{Kind, Look, Rich};
use super::split::{MESSAGE, blank};

/// A tag as it stands open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag<'a> {
    Quote(u32),
    Code,
    Pre(&'a str),
    Link(&'a str),
    Bold,
    Italic,
    Strike,
    Spoiler,
}

/// What a look adds to a message after another look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// Bytes of HTML: what is opened, and what will close it.
    pub(super) bytes: usize,
    /// Tags that are opened.
    pub(super) tags: usize,
}

/// The tags of a look, the outermost first. Code takes no marks.
fn tags(look: &Look) -> impl Iterator<Item = Tag<'_>> {
    let quote = (look.quote > 0).then_some(Tag::Quote(look.quote));
    let kind = match &look.kind {
        Kind::Text => None,
        Kind::Code => Some(Tag::Code),
        Kind::Pre(language) => Some(Tag::Pre(language)),
        Kind::Link(address) => Some(Tag::Link(address)),
    };
    let marked = !matches!(look.kind, Kind::Code | Kind::Pre(_));
    let mark = move |set: bool, tag| (set && marked).then_some(tag);
    let marks = [
        mark(look.marks.bold, Tag::Bold),
        mark(look.marks.italic, Tag::Italic),
        mark(look.marks.strike, Tag::Strike),
        mark(look.marks.spoiler, Tag::Spoiler),
    ];
    [quote, kind].into_iter().chain(marks).flatten()
}

/// How many of the tags that are open may stay so for the next look.
fn common(open: &[Tag<'_>], next: &Look) -> usize {
    open.iter().zip(tags(next)).take_while(|(open, next)| **open == *next).count()
}

/// What `next` adds after `before`.
pub(super) fn added(before: Option<&Look>, next: &Look) -> Added {
    let open: Vec<Tag<'_>> = before.map(|look| tags(look).collect()).unwrap_or_default();
    let new = tags(next).skip(common(&open, next));
    new.fold(Added::default(), |sum, tag| {
        let mut written = String::new();
        start(tag, &mut written);
        end(tag, &mut written);
        Added { bytes: sum.bytes + written.len(), tags: sum.tags + 1 }
    })
}

/// How many bytes of HTML a character takes.
pub(super) fn bytes(c: char) -> usize {
    escaped(c).map_or(c.len_utf8(), str::len)
}

/// A range as Telegram's HTML.
pub(super) fn write(rich: &Rich, range: Range<usize>) -> String {
    let mut html = String::with_capacity(range.len() + range.len() / 4);
    let mut open: Vec<Tag<'_>> = Vec::new();
    for (text, look) in rich.stretches(range) {
        let kept = common(&open, look);
        close(&mut open, kept, &mut html);
        for tag in tags(look).skip(kept) {
            start(tag, &mut html);
            open.push(tag);
        }
        escape(text, &mut html);
    }
    close(&mut open, 0, &mut html);
    html
}

/// A range without looks. Addresses of links stand in brackets, as long as the message stays short enough.
pub(super) fn plain(rich: &Rich, range: Range<usize>) -> String {
    let units = |text: &str| text.encode_utf16().count();
    let mut room = MESSAGE.units.saturating_sub(units(&rich.text[range.clone()]));
    let mut plain = String::with_capacity(range.len());
    let mut link: Option<&str> = None;
    let mut label = 0;
    let mut stretches = rich.stretches(range).peekable();
    while let Some((text, look)) = stretches.next() {
        if let Kind::Link(address) = &look.kind {
            if link != Some(&**address) {
                (link, label) = (Some(&**address), plain.len());
            }
            plain.push_str(text);
            let goes_on = stretches.peek().is_some_and(|(_, next)| next.kind == look.kind);
            let beside = format!(" ({address})");
            if !goes_on && plain[label..] != **address && units(&beside) <= room {
                room -= units(&beside);
                plain.push_str(&beside);
            }
        } else {
            link = None;
            plain.push_str(text);
        }
    }
    debug_assert!(!blank(&plain), "parts that show nothing are left out");
    plain
}

fn close(open: &mut Vec<Tag<'_>>, down_to: usize, html: &mut String) {
    while open.len() > down_to {
        if let Some(tag) = open.pop() {
            end(tag, html);
        }
    }
}

fn start(tag: Tag<'_>, html: &mut String) {
    match tag {
        Tag::Quote(_) => html.push_str("<blockquote>"),
        Tag::Code => html.push_str("<code>"),
        Tag::Pre("") => html.push_str("<pre>"),
        Tag::Pre(language) => {
            html.push_str("<pre><code class=\"language-");
            escape(language, html);
            html.push_str("\">");
        }
        Tag::Link(address) => {
            html.push_str("<a href=\"");
            escape(address, html);
            html.push_str("\">");
        }
        Tag::Bold => html.push_str("<b>"),
        Tag::Italic => html.push_str("<i>"),
        Tag::Strike => html.push_str("<s>"),
        Tag::Spoiler => html.push_str("<tg-spoiler>"),
    }
}

fn end(tag: Tag<'_>, html: &mut String) {
    html.push_str(match tag {
        Tag::Quote(_) => "</blockquote>",
        Tag::Code => "</code>",
        Tag::Pre("") => "</pre>",
        Tag::Pre(_) => "</code></pre>",
        Tag::Link(_) => "</a>",
        Tag::Bold => "</b>",
        Tag::Italic => "</i>",
        Tag::Strike => "</s>",
        Tag::Spoiler => "</tg-spoiler>",
    });
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match escaped(c) {
            Some(entity) => html.push_str(entity),
            None => html.push(c),
        }
    }
}

fn escaped(c: char) -> Option<&'static str> {
    match c {
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '&' => Some("&amp;"),
        '"' => Some("&quot;"),
        _ => None,
    }
}
