//! A plan for eyes: what would change, bot by bot, field by field.

use std::fmt::Write as _;

use serde_json::Value;

use crate::cli::chat::harmless;
use crate::cli::terminal::Style;
use crate::sync::{Action, Change, Field, Plan};

/// Longer values are cut: the whole text is in the file.
const LONGEST: usize = 100;

/// Every change, what stands in the way, and the sum of it.
pub(super) fn shown(style: Style, plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        text.push_str(&shown_change(style, change));
    }
    for conflict in &plan.conflicts {
        let _ = writeln!(text, "{} {conflict}", style.red("conflict:"));
    }
    for block in &plan.blocked {
        let _ = writeln!(text, "{} {block}", style.red("blocked:"));
    }
    if !plan.changes.is_empty() {
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
        (plan.count(Action::Restore), "to restore"),
        (plan.count(Action::Archive), "to archive"),
        (plan.unchanged, "unchanged"),
    ];
    let parts: Vec<String> = counted
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match (plan.is_empty(), parts.is_empty()) {
        (_, true) => "no bots".into(),
        (true, false) => format!("no changes ({})", parts.join(", ")),
        (false, false) => parts.join(", "),
    }
}

fn shown_change(style: Style, change: &Change) -> String {
    let name = harmless(change.name());
    let mut text = match change.action {
        Action::Create => format!("{} {name} {}\n", style.green("+"), style.dim("is created")),
        Action::Update => format!("{} {name}\n", style.yellow("~")),
        Action::Restore => {
            format!("{} {name} {}\n", style.green("+"), style.dim("comes back, with its history"))
        }
        Action::Archive => {
            format!("{} {name} {}\n", style.red("-"), style.dim("is archived; its history stays"))
        }
    };
    if change.action == Action::Create {
        return text;
    }
    for Field { path, before, after } in &change.fields {
        let _ = writeln!(text, "    {path}");
        if let Some(before) = before {
            let _ = writeln!(text, "      {}", style.red(&format!("- {}", value(before))));
        }
        if let Some(after) = after {
            let _ = writeln!(text, "      {}", style.green(&format!("+ {}", value(after))));
        }
    }
    text
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
