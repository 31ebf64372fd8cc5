//! `botwright history`: what was active when, by whom.

use clap::Parser;
use serde_json::{Value, json};

use crate::cli::Here;
use crate::cli::chat::harmless;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::site::{Place, Site};
use crate::cli::table::table;
use crate::sync::Entry;

/// List what was applied, newest first
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright history\n  botwright history support --limit 5\n  botwright history --output json"
)]
pub(super) struct Args {
    /// Only what changed this bot
    #[arg(value_name = "BOT")]
    bot: Option<String>,
    /// Only of this source, such as git:acme/bots or dashboard
    #[arg(long)]
    source: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let site = Site::open(here, &args.place).await?;
    // A bot's changes may lie far apart.
    let reach = if args.bot.is_some() { 1_000 } else { args.limit };
    let entries = site.history(args.source.as_deref(), reach).await;
    site.close().await?;
    let mut entries = entries.map_err(Failure::of_config)?;
    if let Some(bot) = &args.bot {
        let address = format!("bot/{bot}");
        entries.retain(|entry| changes(entry).any(|(changed, _)| changed == address));
    }
    entries.truncate(usize::try_from(args.limit).unwrap_or(usize::MAX));
    if args.output.is_json() {
        here.terminal.json(&json!(entries))?;
    } else if entries.is_empty() {
        here.terminal.talk("nothing was applied yet: `botwright apply` does");
    } else {
        let head = ["", "GENERATION", "WHEN", "SOURCE", "WHO", "COMMIT", "WHAT"];
        here.terminal.write(&table(head, entries.iter().map(row)))?;
    }
    Ok(Exit::Ok)
}

/// Address and action.
fn changes(entry: &Entry) -> impl Iterator<Item = (&str, &str)> {
    let changes = entry.changes.as_array().map(Vec::as_slice).unwrap_or_default();
    changes
        .iter()
        .filter_map(|change| Some((change.get("address")?.as_str()?, change.get("action")?.as_str()?)))
}

fn row(entry: &Entry) -> [String; 7] {
    let text = |pointer: &str| entry.provenance.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let commit: String = text("/git/commit").chars().take(9).collect();
    let dirty = entry.provenance.pointer("/git/dirty").and_then(Value::as_bool).unwrap_or(false);
    [
        if entry.is_active { "*".into() } else { String::new() },
        entry.number.to_string(),
        entry.at.format("%Y-%m-%d %H:%M:%S").to_string(),
        entry.source.clone(),
        harmless(text("/actor")),
        if dirty { format!("{commit}+") } else { commit },
        harmless(&what(entry)),
    ]
}

/// `rollback to 3: bot/a update, bot/b archive`
pub(super) fn what(entry: &Entry) -> String {
    let text = |pointer: &str| entry.provenance.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let all: Vec<(&str, &str)> = changes(entry).collect();
    let mut named: Vec<String> =
        all.iter().take(3).map(|(address, action)| format!("{address} {action}")).collect();
    if all.len() > 3 {
        named.push(format!("{} more", all.len() - 3));
    }
    let changed = if named.is_empty() { "settings of the project".into() } else { named.join(", ") };
    let how = match text("/how") {
        "rollback" => {
            format!("rollback to {}: ", entry.provenance.get("to").and_then(Value::as_i64).unwrap_or(0))
        }
        "delegated" | "dashboard" => "dashboard: ".into(),
        _ => String::new(),
    };
    let why = match text("/message") {
        "" => text("/git/subject"),
        message => message,
    };
    let why: String = why.chars().take(60).collect();
    if why.is_empty() { format!("{how}{changed}") } else { format!("{how}{changed} ({why})") }
}
