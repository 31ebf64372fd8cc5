//! Words of other people in a comment: they are shown, and never mean anything to whoever renders it.

use std::fmt::Write as _;

use serde_json::Value;

/// A value is cut after so many characters: the whole of it is in the file.
const LONGEST: usize = 200;

/// Several lines of prose on one line, with `<br>` between them.
pub(super) fn prose(text: &str) -> String {
    text.split('\n').map(inline).collect::<Vec<_>>().join("<br>")
}

/// Inside of a line of Markdown: nothing is a list, a link, a mention or a cell's end.
pub(super) fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' | '!' | '&' | '<' | '>' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            // Nobody is called because a bot's persona names them.
            '@' => out.push_str("@<!-- -->"),
            '\n' => out.push(' '),
            c if hides(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// As code in a line of Markdown.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", inline(text).replace("@<!-- -->", "&#64;"))
}

/// A field's value as code, on one line and not too long; a dash where there is none.
pub(super) fn value(value: Option<&Value>) -> String {
    let text = match value {
        None => return "—".into(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => code(&format!("{}…", line.get(..cut).unwrap_or(""))),
        None => code(&line),
    }
}

/// A fence longer than any in the text.
pub(super) fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}{language}\n{text}\n{fence}")
}

/// Characters that make a text look other than it is: control characters, and those that turn its direction.
fn hides(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
