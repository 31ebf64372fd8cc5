//! Problems in three forms: for people, for GitHub's annotations, for programs.
//!
//! `root` is what stands before every path: the project's folder as its reader would write it (`bots`), or
//! nothing.

use std::fmt::Write;

use serde_json::{Value, json};

use super::problem::{Problem, Severity};

/// One problem for people, with the source line and a caret under what is meant. Ends with a line break.
pub fn render(problem: &Problem, root: &str) -> String {
    let mut out = format!("{}[{}]: {}\n", word(problem.severity), problem.code, problem.message);
    let path = under(root, &problem.file);
    let number = problem.line.to_string();
    let gutter = " ".repeat(number.len());
    // Writing to a `String` cannot fail.
    let _ = match problem.line {
        0 => writeln!(out, "{gutter}--> {path}"),
        line => writeln!(out, "{gutter}--> {path}:{line}:{}", problem.column),
    };
    let suggestion = problem.suggestion.as_ref().map(|near| format!("did you mean `{near}`?"));
    if let Some(source) = &problem.source {
        let label = suggestion.as_deref().map(|text| format!(" {text}")).unwrap_or_default();
        let (indent, marks) = underline(source, problem.caret, problem.length);
        let _ = writeln!(out, "{gutter} |\n{number} | {source}\n{gutter} | {indent}{marks}{label}");
    } else if let Some(text) = suggestion {
        let _ = writeln!(out, "{gutter} = {text}");
    }
    if !problem.allowed.is_empty() {
        let _ = writeln!(out, "{gutter} = {}", wrapped("allowed here: ", &problem.allowed, &gutter));
    }
    for hint in &problem.hints {
        let _ = writeln!(out, "{gutter} = {hint}");
    }
    out
}

/// One problem as a workflow command of GitHub Actions. Ends with a line break.
pub fn github(problem: &Problem, root: &str) -> String {
    let level = word(problem.severity);
    let mut message = problem.message.clone();
    if let Some(near) = &problem.suggestion {
        let _ = write!(message, "; did you mean `{near}`?");
    }
    for hint in &problem.hints {
        let _ = write!(message, "\n{hint}");
    }
    let mut place = format!("file={}", property(&under(root, &problem.file)));
    if problem.line > 0 {
        let end = problem.column + problem.length;
        let _ = write!(place, ",line={},col={},endColumn={end}", problem.line, problem.column);
    }
    format!("::{level} {place},title={}::{}\n", property(problem.code), escape(&message))
}

/// All problems as one JSON document: `{"formatVersion": "1.0", "valid": …, "problems": […]}`.
pub fn to_json(problems: &[Problem], root: &str) -> Value {
    let listed: Vec<Value> = problems
        .iter()
        .map(|problem| {
            let mut value = json!(problem);
            if let Some(members) = value.as_object_mut() {
                members.insert("file".into(), under(root, &problem.file).into());
                members.remove("caret");
            }
            value
        })
        .collect();
    json!({
        "formatVersion": "1.0",
        "valid": !problems.iter().any(Problem::is_error),
        "problems": listed,
    })
}

/// How many there are, in one line: `2 errors and 1 warning in 2 files`.
pub fn summary(problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let warnings = problems.len() - errors;
    let mut files: Vec<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    let counted = match (errors, warnings) {
        (0, 0) => return "no problems".into(),
        (0, warnings) => count(warnings, "warning"),
        (errors, 0) => count(errors, "error"),
        (errors, warnings) => format!("{} and {}", count(errors, "error"), count(warnings, "warning")),
    };
    format!("{counted} in {}", count(files.len(), "file"))
}

/// A list in lines of a readable width, the later ones indented below its first entry.
fn wrapped(label: &str, entries: &[String], gutter: &str) -> String {
    const WIDTH: usize = 100;
    let indent = format!("\n{gutter}   {}", " ".repeat(label.len()));
    let mut out = label.to_owned();
    let mut width = label.len();
    for (index, entry) in entries.iter().enumerate() {
        let comma = if index + 1 < entries.len() { "," } else { "" };
        if width + entry.chars().count() + 2 > WIDTH {
            out.push_str(&indent);
            width = label.len();
        } else if index > 0 {
            out.push(' ');
        }
        let _ = write!(out, "{entry}{comma}");
        width += entry.chars().count() + 2;
    }
    out
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn under(root: &str, file: &str) -> String {
    match root.trim_end_matches('/') {
        "" | "." => file.to_owned(),
        root => format!("{root}/{file}"),
    }
}

/// What goes under a source line: the space before the caret (tabs stay tabs, wide characters are two
/// columns) and the carets.
fn underline(source: &str, caret: usize, length: usize) -> (String, String) {
    let mut indent = String::new();
    for c in source.chars().take(caret) {
        match c {
            '\t' => indent.push('\t'),
            c => indent.push_str(if is_wide(c) { "  " } else { " " }),
        }
    }
    let marked =
        source.chars().skip(caret).take(length).map(|c| if is_wide(c) { 2 } else { 1 }).sum::<usize>();
    (indent, "^".repeat(marked.max(1)))
}

/// East Asian letters and most emoji take two columns in a terminal.
fn is_wide(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd)
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
