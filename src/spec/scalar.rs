//! Scalars of YAML: what a word without quotes is, and where a block text stands.

use serde_json::Number;
use serde_yaml::granit_parser::ScalarStyle;

use super::text::Span;
use super::yaml::Value;

/// YAML 1.2's core schema for plain scalars; everything in quotes is a text.
pub(super) fn value(value: &str, style: ScalarStyle) -> Value {
    if style == ScalarStyle::Plain { plain(value) } else { Value::Text(value.into()) }
}

/// What a plain scalar is.
pub(super) fn plain(value: &str) -> Value {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Flag(true),
        "false" | "False" | "FALSE" => Value::Flag(false),
        _ => number(value).map_or_else(|| Value::Text(value.into()), Value::Number),
    }
}

/// Where a block text stands with its `|` or `>`, which comes after `before`, and up to its last line.
pub(super) fn block(raw: &str, before: usize, span: Span, value: &str) -> Span {
    let mut start = span.start;
    let mut is_comment = false;
    let mut last = '\n';
    for (at, c) in raw.get(before..span.start).unwrap_or("").char_indices() {
        is_comment = !matches!(c, '\n' | '\r') && (is_comment || (c == '#' && last.is_whitespace()));
        if !is_comment && matches!(c, '|' | '>') {
            start = before + at;
            break;
        }
        last = c;
    }
    let body = raw.get(start..span.end).unwrap_or("");
    let end = if value.ends_with("\n\n") || value == "\n" {
        body.strip_suffix('\n').unwrap_or(body).trim_end_matches('\r')
    } else {
        body.trim_end_matches([' ', '\n', '\r'])
    };
    Span::new(start, start + end.len())
}

fn number(value: &str) -> Option<Number> {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    let radix =
        |prefix, radix| digits.strip_prefix(prefix).and_then(|rest| i64::from_str_radix(rest, radix).ok());
    if digits.len() == value.len()
        && let Some(whole) = radix("0x", 16).or_else(|| radix("0o", 8))
    {
        return Some(whole.into());
    }
    // Rust would also read `inf`, `nan` and `1_000`-like words; a number here is digits, a dot, an exponent.
    let first = digits.strip_prefix('.').unwrap_or(digits).bytes().next()?;
    if !first.is_ascii_digit() || !digits.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
        return None;
    }
    let value = value.strip_prefix('+').unwrap_or(value);
    if let Ok(whole) = value.parse::<i64>() {
        return Some(whole.into());
    }
    value.parse::<f64>().ok().and_then(Number::from_f64)
}
