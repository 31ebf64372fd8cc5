//! `botwright deliveries`: what may not have arrived over a channel, and sending it again.

use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use crate::cli::Here;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;
use crate::cli::place::Place;
use crate::cli::server::Api;
use crate::cli::table::table;
use crate::error::Error;
use crate::graphql;
use crate::store::Delivery;

/// So much of a text is shown in a table, in characters.
const SHOWN: usize = 40;

/// See what may not have arrived over a channel, and send it again
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright deliveries list\n  botwright deliveries resend delivery_AZq…")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Resend(Resend),
}

/// List what failed, and what was sent and never answered for, the newest first
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright deliveries list")]
struct List {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: Output,
}

/// Send one of them again; if it did arrive, it will be seen twice
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright deliveries resend delivery_AZq…")]
struct Resend {
    /// As the list names it
    id: String,
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
        Command::Resend(Resend { id, place }) => resend(&id, &place, here).await,
    }
}

async fn list(place: &Place, output: &Output, here: &Here) -> Outcome {
    let rows: Vec<Value> = match place.server.address(&here.config)? {
        Some(address) => {
            let query = "{ undelivered { id channel state error text createdAt isResendable } }";
            let data = Api::new(address)?.ask(query, json!({})).await?;
            let mut found = data["undelivered"].as_array().cloned().unwrap_or_default();
            for row in &mut found {
                row["state"] = json!(row["state"].as_str().unwrap_or_default().to_lowercase());
            }
            found
        }
        None => {
            let found = place.on_this_machine(here, async |app, actor| app.chat().undelivered(&actor).await);
            found.await?.iter().map(row).collect()
        }
    };
    if output.is_json() {
        here.terminal.json(&json!(rows))?;
        return Ok(Exit::Ok);
    }
    if rows.is_empty() {
        here.terminal.line("everything arrived")?;
        return Ok(Exit::Ok);
    }
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let lines = rows.iter().map(|row| {
        let words = text(row, "text").split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = words.chars().take(SHOWN).collect();
        let [id, state, at, error] = ["id", "state", "createdAt", "error"].map(|key| text(row, key));
        [id, state, at, short, error]
    });
    here.terminal.line(table(["ID", "STATE", "MADE", "TEXT", "WHY"], lines).trim_end())?;
    Ok(Exit::Ok)
}

/// As GraphQL tells it.
fn row(delivery: &Delivery) -> Value {
    json!({ "id": graphql::delivery_for_clients(delivery.id), "channel": delivery.channel,
        "state": delivery.state.as_str(), "error": delivery.error, "text": delivery.text,
        "createdAt": delivery.created_at, "isResendable": delivery.is_resendable() })
}

async fn resend(id: &str, place: &Place, here: &Here) -> Outcome {
    match place.server.address(&here.config)? {
        Some(address) => {
            let query = "mutation($id: ID!) { resendDelivery(input: { id: $id }) {
                userErrors { __typename ... on UserError { message } } } }";
            let data = Api::new(address)?.ask(query, json!({ "id": id })).await?;
            if let Some(refused) = data["resendDelivery"]["userErrors"][0]["message"].as_str() {
                return Err(Error::not_found(refused).into());
            }
        }
        None => {
            let id = graphql::delivery_id(id)?;
            place.on_this_machine(here, async |app, actor| app.chat().resend(&actor, id).await).await?;
        }
    }
    here.terminal.line("it is sent again")?;
    Ok(Exit::Ok)
}
