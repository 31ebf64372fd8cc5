//! `botwright status`: the channels that bots stand on, and how each is.

use clap::Parser;
use serde_json::{Value, json};

use crate::app::App;
use crate::cli::Here;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;
use crate::cli::server::{Api, Server};
use crate::cli::table::table;
use crate::error::Result;

/// Show the channels that bots stand on, how each is, and what last went wrong
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright status\n  botwright status --server https://bots.example.com")]
pub(super) struct Args {
    #[command(flatten)]
    server: Server,
    /// The account whose bots they are, on this machine
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT, conflicts_with = "url")]
    account: String,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let rows = match args.server.address(&here.config)? {
        Some(address) => remote(&Api::new(address)?).await?,
        None => local(&args.account, here).await?,
    };
    if args.output.is_json() {
        here.terminal.json(&json!({ "connections": rows }))?;
        return Ok(Exit::Ok);
    }
    if rows.is_empty() {
        here.terminal
            .line("no bot stands on a channel: `channels.telegram.token` in a bot's file puts one there")?;
        return Ok(Exit::Ok);
    }
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let columns = ["bot", "channel", "username", "mode", "state", "lastError"];
    let lines = rows.iter().map(|row| columns.map(|key| text(row, key)));
    let head = ["BOT", "CHANNEL", "NAME", "MODE", "STATE", "LAST ERROR"];
    here.terminal.line(table(head, lines).trim_end())?;
    for row in rows.iter().filter(|row| row["readsGroups"] == json!(false)) {
        here.terminal.line(format!(
            "{}: in groups it hears only what is addressed to it (privacy mode); BotFather's /setprivacy changes \
             that, then add it to the group anew",
            text(row, "bot")
        ))?;
    }
    Ok(Exit::Ok)
}

async fn remote(api: &Api) -> Result<Vec<Value>> {
    let query =
        "{ connections { bot { name } channel username mode state lastError lastErrorAt readsGroups } }";
    let data = api.ask(query, json!({})).await?;
    let lower = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let row = |row: &Value| {
        json!({ "bot": row["bot"]["name"], "channel": row["channel"], "username": row["username"],
            "mode": lower(&row["mode"]), "state": lower(&row["state"]), "lastError": row["lastError"],
            "lastErrorAt": row["lastErrorAt"], "readsGroups": row["readsGroups"] })
    };
    Ok(data["connections"].as_array().map(|rows| rows.iter().map(row).collect()).unwrap_or_default())
}

async fn local(account: &str, here: &Here) -> Result<Vec<Value>> {
    let app = App::start(&here.config, here.options()).await?;
    let found = async {
        let actor = app.accounts().operator(account).await?;
        let bots = app.chat().bots().list(actor.account).await?;
        let name = |id| bots.iter().find(|live| live.bot.id == id).map(|live| live.bot.name.clone());
        let connections = app.chat().connections(&actor).await?;
        let row = |row: crate::store::Connection| {
            json!({ "bot": name(row.bot_id), "channel": row.channel, "username": row.username,
                "mode": row.mode.as_str(), "state": row.state.as_str(), "lastError": row.last_error,
                "lastErrorAt": row.error_at, "readsGroups": row.reads_groups })
        };
        Ok(connections.into_iter().map(row).collect())
    }
    .await;
    app.end().await?;
    found
}
