//! `botwright doctor`: looks at everything a person could have got wrong, and says how to mend it. Changes
//! nothing, starts nothing.

mod database;
mod folders;
mod index;
mod machine;

use clap::Parser;
use serde::Serialize;
use serde_json::json;

use crate::cli::Here;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;

/// Look for what is wrong with the installation, and say how to mend it
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright doctor\n  botwright doctor --verify-index\n  DATABASE_URL=postgres://… botwright doctor --output json\n\n\
                        Ends with 1 if something is wrong; warnings alone end with 0."
)]
pub(super) struct Args {
    /// Compare the search index with the database, message by message; this takes seconds per hundred thousand
    #[arg(long)]
    verify_index: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    state: State,
    /// What was found.
    text: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Wrong,
}

impl Finding {
    fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, state: State::Ok, text: text.into(), hint: None }
    }
    fn warning(name: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, state: State::Warning, text: text.into(), hint: Some(hint.into()) }
    }
    fn wrong(name: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, state: State::Wrong, text: text.into(), hint: Some(hint.into()) }
    }
    /// An error whose sentence says what to do.
    fn error(name: &'static str, error: &crate::error::Error) -> Self {
        Self { name, state: State::Wrong, text: error.chain(), hint: None }
    }
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let mut findings = machine::look(here).await;
    findings.extend(database::look(&here.config).await);
    findings.extend(folders::look(&here.config));
    if args.verify_index {
        findings.extend(index::look(here).await);
    }
    let wrong = findings.iter().filter(|finding| finding.state == State::Wrong).count();
    if args.output.is_json() {
        here.terminal.json(&json!({ "ok": wrong == 0, "findings": findings }))?;
    } else {
        for finding in &findings {
            here.terminal.write(&shown(here, finding))?;
        }
        let verdict = match wrong {
            0 => here.terminal.style().green("nothing is wrong"),
            1 => here.terminal.style().red("1 thing is wrong"),
            _ => here.terminal.style().red(&format!("{wrong} things are wrong")),
        };
        here.terminal.line(format!("\n{verdict}"))?;
    }
    Ok(if wrong == 0 { Exit::Ok } else { Exit::Failure })
}

fn shown(here: &Here, finding: &Finding) -> String {
    let style = here.terminal.style();
    let Finding { name, state, text, hint } = finding;
    let mark = match state {
        State::Ok => style.green("ok     "),
        State::Warning => style.yellow("warning"),
        State::Wrong => style.red("wrong  "),
    };
    let mut lines = format!("{mark} {} {text}\n", style.bold(&format!("{name}:")));
    if let Some(hint) = hint {
        lines.push_str(&format!("        {} {hint}\n", style.cyan("hint:")));
    }
    lines
}
