//! A plan for eyes: what would change, bot by bot, field by field.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::cli::chat::harmless;
use crate::cli::terminal::{Style, Terminal};
use crate::spec::Place;
use crate::sync::{Action, Attention, Change, Delegated, Field, Op, Plan, TextChange, Words};

/// Longer values are cut: the whole text is in the file.
const LONGEST: usize = 100;

/// Every change, what stands in the way, and the sum of it.
pub(super) fn shown(style: Style, plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        text.push_str(&shown_change(style, change));
    }
    if !plan.settings.is_empty() {
        let _ = writeln!(text, "{} the project", style.yellow("~"));
        shown_fields(style, &plan.settings, &mut text);
    }
    for conflict in &plan.conflicts {
        let _ = writeln!(text, "{} {conflict}", style.red("conflict:"));
    }
    for block in &plan.blocked {
        let _ = writeln!(text, "{} {block}", style.red("blocked:"));
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "{} {warning}", style.yellow("warning:"));
    }
    for Delegated { address, path, value: held } in &plan.delegated {
        let _ =
            writeln!(text, "{}", style.dim(&format!("{address}{path} is {} by the dashboard", value(held))));
    }
    if !plan.kept.is_empty() {
        let _ = writeln!(
            text,
            "{}",
            style.dim(&format!("kept, though their files are gone: {}", plan.kept.join(", ")))
        );
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", sum(plan));
    text
}

/// `1 to create, 2 to change, 40 unchanged`
pub(super) fn sum(plan: &Plan) -> String {
    let counted = [
        (plan.count(Action::Create), "to create"),
        (plan.count(Action::Update), "to change"),
        (plan.count(Action::Rename), "to rename"),
        (plan.count(Action::Restore), "to restore"),
        (plan.count(Action::Archive), "to archive"),
        (plan.summary.unchanged, "unchanged"),
    ];
    let parts: Vec<String> = counted
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match (plan.is_empty() && plan.settings.is_empty(), parts.is_empty()) {
        (_, true) => "no bots".into(),
        (true, false) => format!("no changes ({})", parts.join(", ")),
        (false, false) => parts.join(", "),
    }
}

pub(super) fn shown_change(style: Style, change: &Change) -> String {
    let name = harmless(change.name());
    let dim = |text: &str| style.dim(text);
    let mut text = match change.action {
        Action::Create => format!("{} {name} {}\n", style.green("+"), dim("is created")),
        Action::Update => format!("{} {name}\n", style.yellow("~")),
        Action::Restore => format!("{} {name} {}\n", style.green("+"), dim("comes back, with its history")),
        Action::Archive => format!("{} {name} {}\n", style.red("-"), dim("is archived; its history stays")),
        Action::Rename => {
            let from = change.renamed_from.as_deref().unwrap_or_default();
            let from = harmless(from.strip_prefix("bot/").unwrap_or(from));
            format!("{} {name} {}\n", style.yellow("→"), dim(&format!("was {from}; its history stays")))
        }
    };
    for attention in change.attention.iter().filter(|_| change.action != Action::Archive) {
        let _ = writeln!(text, "    {} {}", style.yellow("!"), harmless(&attention.message));
    }
    if change.action == Action::Create {
        return text;
    }
    shown_fields(style, &change.fields, &mut text);
    for TextChange { path, origin, words } in &change.texts {
        let path = path.strip_prefix("/files/").unwrap_or(path);
        let _ = writeln!(text, "    {path}{}", place(style, origin.as_ref()));
        let told: String = words.iter().map(|words| word(style, words)).collect();
        for line in told.trim_end().lines() {
            let _ = writeln!(text, "      {line}");
        }
    }
    text
}

fn shown_fields(style: Style, fields: &[Field], text: &mut String) {
    for Field { path, before, after, origin } in fields {
        let _ = writeln!(text, "    {path}{}", place(style, origin.as_ref()));
        if let Some(before) = before {
            let _ = writeln!(text, "      {}", style.red(&format!("- {}", value(before))));
        }
        if let Some(after) = after {
            let _ = writeln!(text, "      {}", style.green(&format!("+ {}", value(after))));
        }
    }
}

fn place(style: Style, origin: Option<&Place>) -> String {
    origin.map_or(String::new(), |Place { file, line, column: _ }| style.dim(&format!("  {file}:{line}")))
}

/// Words as they stay, go or come; without colour, in brackets.
fn word(style: Style, Words { op, text }: &Words) -> String {
    let text = harmless(text);
    match op {
        Op::Same => text,
        Op::Removed if style.is_coloured() => style.red(&text),
        Op::Added if style.is_coloured() => style.green(&text),
        Op::Removed => format!("[-{text}-]"),
        Op::Added => format!("{{+{text}+}}"),
    }
}

/// Marks on the lines of a pull request.
pub(super) fn annotate(terminal: &Terminal, plan: &Plan, dir: &Path) -> std::io::Result<()> {
    for trouble in plan.conflicts.iter().chain(&plan.blocked) {
        terminal.line(format!("::error title=plan::{}", escaped(trouble)))?;
    }
    for warning in &plan.warnings {
        terminal.line(format!("::warning title=plan::{}", escaped(warning)))?;
    }
    for change in &plan.changes {
        for Attention { kind: _, message, path } in &change.attention {
            let place = change.fields.iter().find(|field| field.path.starts_with(path.as_str()));
            let place = place.and_then(|field| field.origin.as_ref()).map_or(String::new(), |place| {
                format!("file={},line={},", dir.join(&place.file).display(), place.line)
            });
            let message = escaped(message);
            terminal.line(format!("::warning {place}title={}::{message}", change.address))?;
        }
    }
    terminal.line(format!("::notice title=plan::{}", sum(plan)))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// On one line, and not too long.
fn value(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(LONGEST).collect();
    harmless(&if cut.len() < line.len() { format!("{cut}…") } else { cut })
}
