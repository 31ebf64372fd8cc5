//! `botwright show`: one generation and what it changed, or the words by which a bot speaks or spoke.

use std::fmt::Write as _;

use clap::Parser;
use serde_json::{Value, json};

use crate::cli::Here;
use crate::cli::changes;
use crate::cli::chat::harmless;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::history::what;
use crate::cli::output::Output;
use crate::cli::site::{Place, Site, Which};
use crate::cli::terminal::Style;
use crate::error::{Error, Result};
use crate::spec;
use crate::sync::{Shown, Spoken};

/// Show a generation and what it changed, a bot as it is written, or by which words a message was spoken
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright show 41\n  botwright show support\n  botwright show support@7\n  \
                  botwright show --message 019a…"
)]
pub(super) struct Args {
    /// A generation's number, or a bot, or a bot at a revision
    #[arg(value_name = "GENERATION|BOT|BOT@REVISION", required_unless_present = "message")]
    what: Option<String>,
    /// The bot as it was when it wrote this message
    #[arg(long, value_name = "ID", conflicts_with = "what")]
    message: Option<String>,
    /// Of which source a number is
    #[arg(long)]
    source: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) output: Output,
}

enum Found {
    Generation(Box<Shown>),
    Bot(Box<Spoken>),
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let site = Site::open(here, &args.place).await?;
    let found = find(&site, &args).await;
    site.close().await?;
    match found.map_err(Failure::from)? {
        Found::Generation(shown) if args.output.is_json() => here.terminal.json(&json!(shown))?,
        Found::Bot(spoken) if args.output.is_json() => here.terminal.json(&json!(spoken))?,
        Found::Generation(shown) => here.terminal.write(&generation(here.terminal.style(), &shown))?,
        Found::Bot(spoken) => here.terminal.write(&bot(here.terminal.style(), &spoken))?,
    }
    Ok(Exit::Ok)
}

async fn find(site: &Site, args: &Args) -> Result<Found> {
    let which = match (&args.message, args.what.as_deref().unwrap_or_default()) {
        (Some(message), _) => Which::Message(message.clone()),
        (None, number) if number.parse::<i32>().is_ok() => {
            let source = site.source(args.source.clone()).await?;
            let number = number.parse().unwrap_or_default();
            return Ok(Found::Generation(Box::new(site.show(&source, number).await?)));
        }
        (None, bot) => match bot.split_once('@') {
            None => Which::Bot { name: bot.to_owned(), revision: None },
            Some((name, revision)) => {
                let number = revision.parse().map_err(|_| {
                    Error::invalid(format!(
                        "`{revision}` is no revision: they count from 1, as in `{name}@3`"
                    ))
                })?;
                Which::Bot { name: name.to_owned(), revision: Some(number) }
            }
        },
    };
    Ok(Found::Bot(Box::new(site.spoken(which).await?)))
}

fn generation(style: Style, shown: &Shown) -> String {
    let entry = &shown.entry;
    let active = if entry.is_active { ", active" } else { "" };
    let mut text = format!("{} {} of {}{active}\n", style.bold("generation"), entry.number, entry.source);
    let line = |text: &mut String, name: &str, value: String| {
        let _ = writeln!(text, "  {} {value}", style.dim(&format!("{name}:")));
    };
    line(&mut text, "when", entry.at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    line(&mut text, "what", harmless(&what(entry)));
    for (name, pointer) in [
        ("who", "/actor"),
        ("how", "/how"),
        ("commit", "/git/commit"),
        ("branch", "/git/branch"),
        ("author", "/git/author"),
    ] {
        if let Some(value) = entry.provenance.pointer(pointer).and_then(Value::as_str) {
            line(&mut text, name, harmless(value));
        }
    }
    if let Some(held) = &shown.held {
        line(&mut text, "held", harmless(&format!("by {}: {}", held.by, held.reason)));
    }
    let bots: Vec<String> = shown.bots.iter().map(|bot| format!("{}@{}", bot.name, bot.revision)).collect();
    line(&mut text, "bots", bots.join(", "));
    text.push('\n');
    for change in &shown.diff {
        text.push_str(&changes::shown_change(style, change));
    }
    text
}

fn bot(style: Style, spoken: &Spoken) -> String {
    let mut text =
        format!("{} at revision {}, of {}\n", style.bold(&spoken.bot), spoken.revision, spoken.source);
    if let Some(entry) = &spoken.generation {
        let since = entry.at.format("%Y-%m-%d %H:%M:%S UTC");
        let _ = writeln!(
            text,
            "  {} generation {}, {since}: {}",
            style.dim("since:"),
            entry.number,
            harmless(&what(entry))
        );
    }
    for (path, value) in spoken.overlay.as_object().into_iter().flatten() {
        let _ = writeln!(text, "  {} {path} is {value}", style.dim("by the dashboard:"));
    }
    for (path, body) in spec::export(&spoken.authored, None) {
        let _ = write!(text, "\n{}\n{}", style.dim(&format!("# {path}")), harmless(&body));
    }
    text
}
