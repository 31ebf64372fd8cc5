//! A text as YAML: plain where every reader takes it for the same text, in quotes where not, as a block where
//! it has several lines or is too long for one.

use crate::spec::scalar::plain;
use crate::spec::yaml::Value;

/// How wide a line may be, in characters, before it is broken.
pub(super) const WIDTH: usize = 110;
/// The longest key that may stand before its colon without more ado; YAML's own limit is 1024 characters.
const LONGEST_KEY: usize = 500;

/// A text as it is written: what stands on the line of its key, and the lines below it, not indented.
pub(super) struct Written {
    pub(super) head: String,
    pub(super) lines: Vec<String>,
}

/// A text as a value. `column` is where it begins, `indent` where the lines below it would.
pub(super) fn text(text: &str, column: usize, indent: usize) -> Written {
    if text.contains('\n') && fits_block(text) {
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let chomp = if text.ends_with('\n') { "" } else { "-" };
        lines.pop_if(|last| last.is_empty());
        return Written { head: format!("|{}{chomp}", indicator(&lines)), lines };
    }
    let head = line(text, false);
    if column + head.chars().count() > WIDTH && fits_fold(text) {
        let lines = fold(text, WIDTH.saturating_sub(indent).max(WIDTH / 3));
        if lines.len() > 1 {
            return Written { head: ">-".into(), lines };
        }
    }
    Written { head, lines: Vec::new() }
}

/// A folded text as somebody broke it into lines, if it can stand like that: `lines` are without their
/// indentation.
pub(super) fn folded(text: &str, lines: Vec<String>) -> Option<Written> {
    let chomp = match text.trim_end_matches('\n').len() {
        kept if kept == text.len() => "-",
        kept if kept + 1 == text.len() => "",
        _ => return None,
    };
    let good = !lines.is_empty() && lines.iter().all(|line| !line.contains('\t')) && fits_block(text);
    good.then(|| Written { head: format!(">{}{chomp}", indicator(&lines)), lines })
}

/// A text on one line: plain, else in quotes. `flow`: between brackets.
pub(super) fn line(text: &str, flow: bool) -> String {
    if is_plain(text, flow) {
        return text.to_owned();
    }
    let prefers_single = text.contains(['"', '\\']) && !text.contains('\'') && text.chars().all(is_printable);
    if prefers_single { format!("'{text}'") } else { double(text) }
}

/// A key with its colon. A very long one takes a line of its own, `indent` wide.
pub(super) fn key(key: &str, indent: usize) -> String {
    let written = line(key, true);
    if written.len() > LONGEST_KEY {
        return format!("? {written}\n{:indent$}:", "");
    }
    format!("{written}:")
}

/// The indentation indicator that a block with these lines needs.
fn indicator(lines: &[String]) -> &'static str {
    let first = lines.iter().find(|line| !line.trim().is_empty());
    let leading = lines.iter().take_while(|line| line.trim().is_empty());
    let spaced =
        first.is_some_and(|line| line.starts_with(' ')) || leading.into_iter().any(|l| !l.is_empty());
    if spaced { "2" } else { "" }
}

/// Whether a text can stand in a block without losing anything.
fn fits_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let last = body.rsplit('\n').next().unwrap_or("");
    !last.trim().is_empty()
        && body.chars().all(|c| c == '\n' || is_printable(c))
        && body.split('\n').all(|line| !line.trim_start_matches(' ').starts_with('\t'))
}

/// Whether a text of one line can be broken at its spaces.
fn fits_fold(text: &str) -> bool {
    text.trim() == text && text.chars().all(|c| is_printable(c) && c != '\t')
}

/// Breaks a text where a single space is: each break reads as that space again.
fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut before = "";
    for (at, word) in text.split(' ').enumerate() {
        let is_single = !before.is_empty() && !word.is_empty();
        if is_single && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        } else if at > 0 {
            line.push(' ');
        }
        line.push_str(word);
        before = word;
    }
    lines.push(line);
    lines
}

fn is_plain(text: &str, flow: bool) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second = text.chars().nth(1);
    let may_begin = match first {
        '-' | '?' | ':' => second.is_some_and(|c| c.is_alphanumeric()),
        _ => !",[]{}#&*!|>'\"%@`".contains(first),
    };
    may_begin
        && text.trim() == text
        && text.chars().all(|c| is_printable(c) && c != '\t')
        && !text.contains(": ")
        && !text.ends_with(':')
        && !text.contains(" #")
        && !(flow && text.contains([',', '[', ']', '{', '}', ':']))
        && !["---", "..."].iter().any(|mark| text.starts_with(mark))
        && matches!(plain(text), Value::Text(_))
        && !is_other_elsewhere(text)
}

/// Whether readers of YAML 1.1, which are many, take a plain text for something else.
fn is_other_elsewhere(text: &str) -> bool {
    const WORDS: [&str; 12] =
        ["y", "n", "yes", "no", "on", "off", "null", "true", "false", ".inf", ".nan", "<<"];
    let numeric = |c: char| c.is_ascii_hexdigit() || "_:.+-xXoObBtTzZ".contains(c);
    WORDS.contains(&text.to_lowercase().as_str())
        || text == "="
        || (text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && text.chars().all(numeric))
}

/// Whether a character can stand in a text as it is.
fn is_printable(c: char) -> bool {
    c == '\t'
        || !(c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'))
}

/// A text in double quotes.
pub(super) fn double(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_printable(c) => quoted.push(c),
            c if u32::from(c) <= 0xff => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}
