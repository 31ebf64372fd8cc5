//! `botwright import`: what was said elsewhere becomes a conversation's history.

mod read;
mod rows;

use std::path::PathBuf;

use chrono_tz::Tz;
use clap::Parser;
use serde_json::json;

use crate::app::App;
use crate::chat::{Destination, Imported, Whose};
use crate::cli::Here;
use crate::cli::bots::known;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::error::{Error, Result};
use crate::graphql;
use read::Read;

/// Bring along what was said elsewhere, with its dates and speakers; the same twice adds nothing
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright import --bot companion short_term.json mid_term.json \
                        whole_history.json history_context.json\n  \
                        botwright import --bot companion --person telegram:12345 past.jsonl\n  \
                        botwright import --bot companion --conversation club club.jsonl\n\n\
                        A line of a .jsonl file is {\"id\", \"at\", \"speaker\", \"role\", \"text\"}; a .json file \
                        is a list of {\"role\", \"content\", \"timestamp\"} or of {\"summary\", \"timestamp\"}. \
                        Only `at` and `text` are needed. `role` is person or bot (or user or assistant). What was \
                        interrupted goes on when it is started again.")]
pub(super) struct Args {
    /// The bot that shall remember it
    #[arg(long)]
    bot: String,
    /// The conversation that it becomes: a name, or the id of one that nobody has talked in yet; one of its own, if
    /// left out
    #[arg(long, value_name = "NAME|ID")]
    conversation: Option<String>,
    /// Whose past it is: a name, or a handle such as telegram:12345; yours, if left out
    #[arg(long)]
    person: Option<String>,
    /// Where dates without a timezone were written down
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    timezone: Tz,
    /// The account that the bot belongs to
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
    #[command(flatten)]
    pub(super) output: Output,
    /// Files to bring along, in any order
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let progress = Progress::new(&here.terminal);
    progress.step("Reading");
    let read = match read::files(&args.files, args.timezone) {
        Ok(read) => read,
        Err(error) => {
            progress.stop();
            return Err(error.into());
        }
    };
    progress.done();
    let app = App::start(&here.config, here.options()).await?;
    let imported = import(&app, &args, &read, &progress).await;
    if imported.is_err() {
        progress.stop();
    }
    app.end().await?;
    let imported = imported?;
    progress.done();
    tell(here, &args, &read, &imported)
}

async fn import(app: &App, args: &Args, read: &Read, progress: &Progress) -> Result<Imported, Failure> {
    let actor = app.accounts().operator(&args.account).await?;
    known(app.chat(), &actor, &args.bot).await?;
    let whose = match &args.person {
        Some(handle) => Whose::Person(app.accounts().find_or_make_person(&actor, handle).await?),
        None => Whose::Told,
    };
    let into = destination(args.conversation.as_deref())?;
    progress.counted_step("Importing", read.past.len());
    let tell = |done| progress.reached(done);
    let import =
        app.chat().import(&actor, &args.bot, (&into, &whose), &read.past, &read.summaries, tell).await;
    Ok(import?)
}

/// The conversation that is meant by what was typed.
pub(super) fn destination(typed: Option<&str>) -> Result<Destination> {
    let Some(typed) = typed else { return Ok(Destination::Own) };
    if typed.trim().is_empty() || typed.len() > 200 {
        return Err(Error::invalid("a conversation's name has 1 to 200 bytes"));
    }
    let id = typed.parse().ok().or_else(|| graphql::conversation_id(typed).ok());
    Ok(id.map_or_else(|| Destination::Named(typed.to_owned()), Destination::Known))
}

fn tell(here: &Here, args: &Args, read: &Read, imported: &Imported) -> Outcome {
    let Imported { conversation, added, known, summaries } = imported;
    let conversation = graphql::conversation_for_clients(*conversation);
    if args.output.is_json() {
        here.terminal.json(&json!({
            "conversation": conversation,
            "added": added,
            "known": known,
            "leftOut": { "empty": read.empty, "system": read.system },
            "summaries": { "read": read.summaries.len(), "kept": summaries },
        }))?;
        return Ok(Exit::Ok);
    }
    here.terminal.line(format!("{added} messages added, {known} known already: {conversation}"))?;
    for (count, what) in [(read.empty, "without words"), (read.system, "of the system or of tools")] {
        if count > 0 {
            here.terminal.line(format!("{count} {what} left out"))?;
        }
    }
    if let Some(kept) = summaries {
        let all = read.summaries.len();
        let rest = if *kept < all { ", the newest: the prompt has no room for more" } else { "" };
        here.terminal.line(format!("the rolling summary holds {kept} of {all} summaries{rest}"))?;
    }
    Ok(Exit::Ok)
}
