//! `botwright access`: who asked to talk to the bots, and letting them in.

use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use crate::cli::Here;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;
use crate::cli::place::Place;
use crate::cli::server::Api;
use crate::cli::table::table;
use crate::error::Error;

/// See who asked to talk to bots, and let them in
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright access list\n  botwright access approve ABCD-EFGH")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Approve(Approve),
}

/// List who asked to talk to a bot, the newest first
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright access list")]
struct List {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: Output,
}

/// Let in whoever a bot gave this code; codes are good for an hour
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright access approve ABCD-EFGH")]
struct Approve {
    /// As the bot wrote it
    code: String,
    #[command(flatten)]
    place: Place,
}

impl Args {
    pub(super) fn is_json(&self) -> bool {
        matches!(&self.command, Command::List(list) if list.output.is_json())
    }
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    match args.command {
        Command::List(List { place, output }) => list(&place, &output, here).await,
        Command::Approve(Approve { code, place }) => approve(&code, &place, here).await,
    }
}

async fn list(place: &Place, output: &Output, here: &Here) -> Outcome {
    let rows: Vec<Value> = match place.server.address(&here.config)? {
        Some(address) => {
            let query = "{ accessRequests { handle name state askedAt bot { name } } }";
            let data = Api::new(address)?.ask(query, json!({})).await?;
            let found = data["accessRequests"].as_array().cloned().unwrap_or_default();
            found
                .into_iter()
                .map(|row| {
                    json!({ "handle": row["handle"], "name": row["name"],
                "state": row["state"].as_str().unwrap_or_default().to_lowercase(), "askedAt": row["askedAt"],
                "bot": row["bot"]["name"] })
                })
                .collect()
        }
        None => {
            place
                .on_this_machine(here, async |app, actor| {
                    let grants = app.chat().access_grants(&actor).await?;
                    let bots = app.chat().bots().list(actor.account).await?;
                    let name =
                        |id| bots.iter().find(|live| live.bot.id == id).map(|live| live.bot.name.clone());
                    Ok(grants
                        .into_iter()
                        .map(|grant| {
                            json!({ "handle": grant.handle, "name": grant.name,
                "state": grant.state.as_str(), "askedAt": grant.at, "bot": name(grant.bot_id) })
                        })
                        .collect())
                })
                .await?
        }
    };
    if output.is_json() {
        here.terminal.json(&json!(rows))?;
        return Ok(Exit::Ok);
    }
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let lines =
        rows.iter().map(|row| ["bot", "handle", "name", "state", "askedAt"].map(|key| text(row, key)));
    here.terminal.line(table(["BOT", "WHO", "NAME", "STATE", "ASKED"], lines).trim_end())?;
    Ok(Exit::Ok)
}

async fn approve(code: &str, place: &Place, here: &Here) -> Outcome {
    let (handle, name) = match place.server.address(&here.config)? {
        Some(address) => {
            let query = "mutation($code: String!) { approveAccess(input: { code: $code }) {
                request { handle name } userErrors { ... on UserError { message } } } }";
            let data = Api::new(address)?.ask(query, json!({ "code": code })).await?;
            let payload = &data["approveAccess"];
            if let Some(refused) = payload["userErrors"][0]["message"].as_str() {
                return Err(Error::not_found(refused).into());
            }
            let text = |key: &str| payload["request"][key].as_str().unwrap_or_default().to_owned();
            (text("handle"), text("name"))
        }
        None => {
            place
                .on_this_machine(here, async |app, actor| {
                    let grant = app.chat().approve_access(&actor, code).await?;
                    Ok((grant.handle, grant.name))
                })
                .await?
        }
    };
    here.terminal.line(format!("{name} ({handle}) may talk now"))?;
    Ok(Exit::Ok)
}
