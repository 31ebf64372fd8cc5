//! `botwright memory export`: everything that bots were told and said and keep, in one file.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use clap::Parser;
use serde_json::{Value, json};

use crate::app::App;
use crate::chat::Exported;
use crate::cli::Here;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;
use crate::error::{Error, Result};

/// Write every message with its versions, every summary and every fact with its sources and history to a file
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright memory export all.jsonl\n  botwright memory export --bot companion companion.jsonl\n\n\
                        Every line is JSON. `botwright import` takes the messages and the newest summaries of such a file."
)]
pub(super) struct Args {
    /// The file, which must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only what this bot keeps
    #[arg(long)]
    bot: Option<String>,
    /// The account whose bots they are
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let shown = args.file.display().to_string();
    let unwritable =
        |error: std::io::Error| Error::unavailable(format!("`{shown}` cannot be written: {error}"));
    let mut file = BufWriter::new(File::create_new(&args.file).map_err(unwritable)?);
    let app = App::start(&here.config, here.options()).await?;
    let exported = export(&app, &args, |line| writeln!(file, "{line}").map_err(unwritable)).await;
    app.end().await?;
    let exported = match exported {
        Ok(exported) => exported,
        Err(error) => {
            // Half of it is of no use to anybody.
            let _ = std::fs::remove_file(&args.file);
            return Err(error.into());
        }
    };
    file.flush().map_err(unwritable)?;
    let Exported { conversations, messages, summaries, facts } = exported;
    if args.output.is_json() {
        here.terminal.json(&json!({
            "conversations": conversations, "messages": messages, "summaries": summaries, "facts": facts,
        }))?;
    } else {
        let line = format!(
            "{messages} messages, {summaries} summaries and {facts} facts of {conversations} conversations: {shown}"
        );
        here.terminal.line(line)?;
    }
    Ok(Exit::Ok)
}

async fn export(app: &App, args: &Args, write: impl FnMut(Value) -> Result<()> + Send) -> Result<Exported> {
    let actor = app.accounts().operator(&args.account).await?;
    app.chat().export_memory(&actor, args.bot.as_deref(), write).await
}
