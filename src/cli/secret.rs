//! `botwright secret`: sets, lists and deletes what bot files refer to by name.

use std::io::Read as _;

use clap::{Parser, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::app::Base;
use crate::cli::Here;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::error::Error;

/// The most that is read: more than may be kept, so that the refusal is about the value.
const MOST: u64 = 1024 * 1024;

/// Set, list and delete the secrets that bot files refer to by name
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright secret set OPENAI_API_KEY          asks for the value\n  \
                        botwright secret set OPENAI_API_KEY < key.txt")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Set(Set),
    List(List),
    Delete(Delete),
}

/// Set a secret; its value is read from standard input, without an echo where somebody types
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright secret set OPENAI_API_KEY < key.txt\n\n\
                        One newline at the end of the value is not part of it.")]
struct Set {
    /// Capital letters, digits and `_`, such as UX_TELEGRAM_TOKEN
    name: String,
    /// The account that it belongs to
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
}

/// List the names of the secrets that are set; values are never shown
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright secret list")]
struct List {
    /// The account that they belong to
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
    #[command(flatten)]
    output: Output,
}

/// Delete a secret; what needs it stops working until it is set again
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright secret delete UX_TELEGRAM_TOKEN")]
struct Delete {
    /// As `botwright secret list` shows it
    name: String,
    /// The account that it belongs to
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
}

impl Args {
    pub(super) fn is_json(&self) -> bool {
        matches!(&self.command, Command::List(list) if list.output.is_json())
    }
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    // Asked before the database is opened: nobody likes to wait for a question.
    let value = match &args.command {
        Command::Set(set) => Some(read_value(here, &set.name).await?),
        Command::List(_) | Command::Delete(_) => None,
    };
    let base = here.base().await?;
    let done = act(args.command, value, here, &base).await;
    base.close().await?;
    done
}

async fn act(command: Command, value: Option<SecretString>, here: &Here, base: &Base) -> Outcome {
    let secrets = base.secrets(&here.config)?;
    match (command, value) {
        (Command::Set(Set { name, account }), value) => {
            let actor = base.accounts.operator(&account).await?;
            secrets.put(actor.account, &actor.principal, &name, value.unwrap_or_default()).await?;
            here.terminal.talk(format!("set `{name}`"));
        }
        (Command::List(List { account, output }), _) => {
            let actor = base.accounts.operator(&account).await?;
            let names = secrets.names(actor.account).await?;
            if output.is_json() {
                here.terminal.json(&json!({ "secrets": names }))?;
            } else if names.is_empty() {
                here.terminal.talk("no secrets yet: `botwright secret set NAME` sets one");
            } else {
                here.terminal.line(names.join("\n"))?;
            }
        }
        (Command::Delete(Delete { name, account }), _) => {
            let actor = base.accounts.operator(&account).await?;
            if !secrets.delete(actor.account, &actor.principal, &name).await? {
                return Err(Error::not_found(format!("there is no secret `{name}`")).into());
            }
            here.terminal.talk(format!("deleted `{name}`"));
        }
    }
    Ok(Exit::Ok)
}

async fn read_value(here: &Here, name: &str) -> Result<SecretString, Failure> {
    let typed = here.terminal.is_typed();
    if typed {
        here.terminal.ask(&format!("value of {name} (not shown): "));
    }
    let read = move || if typed { console::Term::stderr().read_secure_line() } else { read_all() };
    let value = spawn_blocking(read).await.map_err(Error::internal)?.map_err(|error| {
        Error::invalid("the value cannot be read from standard input: it has to be text in UTF-8")
            .with_source(error)
    })?;
    let value = SecretString::from(value);
    if value.expose_secret().is_empty() {
        let failure = Failure::from(Error::invalid(format!("no value came in for `{name}`")));
        return Err(failure.hint(format!("botwright secret set {name} < file")));
    }
    Ok(value)
}

/// Standard input without the newline at its end.
fn read_all() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(MOST).read_to_string(&mut text)?;
    Ok(text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text).to_owned())
}
