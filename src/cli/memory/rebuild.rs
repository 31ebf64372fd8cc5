//! `botwright memory rebuild`: deriving everything anew.

use clap::Parser;
use serde_json::json;

use crate::accounts::OPERATORS_ACCOUNT;
use crate::app::{App, Options, Roles};
use crate::cli::Here;
use crate::cli::bots::known;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;

/// Forget what models derived from a bot's conversations (summaries and facts) and derive it anew
#[derive(Debug, Parser)]
#[command(
    after_help = "Messages and digests stay, and so do facts that a person or the bot itself noted. The work is done by a \
                        running server, conversation by conversation, and takes the model's tokens; bots answer \
                        meanwhile.\n\nExample:\n  botwright memory rebuild --bot companion"
)]
pub(super) struct Args {
    /// Whose memory is made anew
    #[arg(long)]
    bot: String,
    /// The account that the bot belongs to
    #[arg(long, default_value = OPERATORS_ACCOUNT)]
    account: String,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let app = App::start(&here.config, Options { roles: Roles::NONE, ..here.options() }).await?;
    let done = begin(&app, &args).await;
    app.end().await?;
    let conversations = done?;
    if args.output.is_json() {
        here.terminal.json(&json!({ "bot": args.bot, "conversations": conversations }))?;
    } else {
        here.terminal.talk(format!(
            "conversations of `{}` that wait to be summed up anew by the running server: {conversations}",
            args.bot
        ));
    }
    Ok(Exit::Ok)
}

async fn begin(app: &App, args: &Args) -> crate::error::Result<usize> {
    let actor = app.accounts().operator(&args.account).await?;
    let live = known(app.chat(), &actor, &args.bot).await?;
    app.chat().rebuild_memory(&actor, live.bot.id).await
}
