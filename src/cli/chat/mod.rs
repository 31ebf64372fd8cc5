//! `botwright chat`: a conversation in the terminal, with a bot of this machine or of a server.

mod local;
mod piped;
mod remote;
mod screen;
mod typed;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use clap::Parser;
use futures_util::stream::BoxStream;

use crate::cli::Here;
use crate::cli::exit::Outcome;
use crate::cli::server::Server;
use crate::error::Result;

pub(super) use screen::harmless;

/// Talk to a bot, here or on a server
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright chat companion\n  echo 'Where does Anna live?' | botwright chat companion\n  \
                        botwright chat companion --server https://bots.example.com --token bw_…\n\n\
                        Without --server it talks to the bots of DATA_DIR or DATABASE_URL, beside a running server \
                        too. In a conversation: /help, /quit, Ctrl+C stops a reply. Where no person types, every \
                        line is a message and every reply is written to stdout."
)]
pub(super) struct Args {
    /// The bot's name, as its folder is called
    bot: String,
    #[command(flatten)]
    server: Server,
}

/// The other end of the conversation: somebody who hears what is said and answers.
#[async_trait]
trait Line: Send {
    /// Takes up the conversation, or begins it.
    async fn open(&mut self) -> Result<Opening>;
    /// Says something. What comes back ends in one of the last three pieces.
    async fn say(&mut self, text: &str) -> Result<BoxStream<'static, Result<Piece>>>;
    /// Runs a command of a person, with its slash, and says what it answers.
    async fn command(&mut self, typed: &str) -> Result<Answered>;
    /// Stops the reply that is under way.
    async fn cancel(&mut self) -> Result<()>;
}

/// How a conversation stands when it is taken up.
struct Opening {
    /// The bot's, for people.
    name: String,
    /// The last things said, oldest first; the greeting alone where the conversation is new.
    earlier: Vec<Said>,
    /// Whether more was said before those.
    more: bool,
}

/// What a command answered.
struct Answered {
    text: String,
    /// What is to be written to a file, a line of JSON each.
    export: Option<String>,
}

struct Said {
    by_bot: bool,
    text: String,
    at: DateTime<Utc>,
}

/// A piece of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A tool is at work.
    Tool(String),
    /// What came so far is void.
    Restarted,
    Completed,
    Failed {
        message: String,
        retryable: bool,
    },
    Cancelled,
}

/// How much of an earlier conversation is shown.
const EARLIER: usize = 6;

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let Args { bot, server } = args;
    if let Some(address) = server.address(&here.config)? {
        let mut line = remote::Remote::new(address, bot)?;
        return talk(&mut line, here).await;
    }
    let mut line = local::Local::start(here, bot).await?;
    let outcome = talk(&mut line, here).await;
    line.stop().await;
    outcome
}

async fn talk(line: &mut dyn Line, here: &Here) -> Outcome {
    if here.terminal.is_interactive() { typed::talk(line, here).await } else { piped::talk(line, here).await }
}
