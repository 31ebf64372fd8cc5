//! The commands, one file each.
//!
//! Data goes to stdout, talk to stderr; in `--output json` stdout is exactly one JSON document. What a
//! command ends with is in `exit`. Without `--server` a command acts as the operator on the database of
//! `DATABASE_URL` or `DATA_DIR`, beside a running server too.

mod access;
mod ancestry;
mod apply;
mod bots;
mod changes;
mod chat;
mod comment;
mod context;
mod deliveries;
mod doctor;
mod drift;
mod exit;
mod export;
mod history;
mod fmt;
mod import;
mod init;
mod memory;
mod migrate;
mod output;
mod place;
mod plan;
mod planned;
mod problems;
mod progress;
mod recall;
mod report;
mod rollback;
mod saved;
mod schema;
mod secret;
mod serve;
mod server;
mod serving;
mod show;
mod site;
mod status;
mod table;
mod terminal;
mod token;
mod up;
mod validate;
mod watch;
mod written;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::app::{Base, Options, Tell, Told};
use crate::config::{self, Config};
use crate::error::Error;
use crate::telemetry;
use exit::{Exit, Failure, Outcome};
use progress::Progress;
use terminal::Terminal;

/// Connections of a command that does one thing.
const CONNECTIONS: usize = 4;

#[derive(Debug, Parser)]
#[command(
    name = "botwright",
    version,
    about = "Bots as code: they talk, remember, and never lose a message",
    after_help = "Start here:\n  botwright up                start everything on this machine\n  \
                  botwright chat companion    talk to a bot\n\n\
                  Exit codes: 0 ok, 1 failure, 2 changes (--detailed-exitcode), 3 invalid bot files, \
                  4 conflict, 5 blocked by policy, 6 applied but not ready, 64 usage",
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Up(up::Args),
    Serve(serve::Args),
    Chat(chat::Args),
    Context(context::Args),
    Import(import::Args),
    Memory(memory::Args),
    Recall(recall::Args),
    Validate(validate::Args),
    Fmt(fmt::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Comment(comment::Args),
    Drift(drift::Args),
    Export(export::Args),
    History(history::Args),
    Show(show::Args),
    Rollback(rollback::Args),
    Resume(rollback::ResumeArgs),
    Watch(watch::Args),
    Status(status::Args),
    Access(access::Args),
    Deliveries(deliveries::Args),
    Token(token::Args),
    Secret(secret::Args),
    Migrate(migrate::Args),
    Schema(schema::Args),
    Doctor(doctor::Args),
}

impl Command {
    /// Whether stdout is one JSON document, also when the command fails.
    fn is_json(&self) -> bool {
        match self {
            Self::Init(args) => args.output.is_json(),
            Self::Up(_) | Self::Serve(_) | Self::Chat(_) | Self::Schema(_) | Self::Watch(_) => false,
            Self::Context(args) => args.output.is_json(),
            Self::Import(args) => args.output.is_json(),
            Self::Memory(args) => args.is_json(),
            Self::Recall(args) => args.output.is_json(),
            Self::Validate(args) => args.output.is_json(),
            Self::Fmt(args) => args.output.is_json(),
            Self::Plan(args) => args.output.is_json(),
            Self::Apply(args) => args.output.is_json(),
            Self::Comment(args) => args.output.is_json(),
            Self::Drift(args) => args.output.is_json(),
            Self::Export(args) => args.output.is_json(),
            Self::History(args) => args.output.is_json(),
            Self::Show(args) => args.output.is_json(),
            Self::Rollback(args) => args.output.is_json(),
            Self::Resume(args) => args.output.is_json(),
            Self::Status(args) => args.output.is_json(),
            Self::Access(args) => args.is_json(),
            Self::Deliveries(args) => args.is_json(),
            Self::Token(args) => args.is_json(),
            Self::Secret(args) => args.is_json(),
            Self::Migrate(args) => args.output.is_json(),
            Self::Doctor(args) => args.output.is_json(),
        }
    }
}

impl Command {
    /// A command that somebody waits for shows its answer, not the log, unless RUST_LOG asks for that.
    fn quieter(&self, mut config: Config) -> Config {
        let serves = matches!(self, Self::Up(_) | Self::Serve(_));
        if !serves && config.log_filter == config::DEFAULT_LOG_FILTER {
            config.log_filter = "error".into();
        }
        config
    }
}

/// What a command is given besides its arguments.
struct Here {
    terminal: Terminal,
    config: Config,
}

/// The whole program.
pub fn main() -> ExitCode {
    // Whoever speaks TLS takes the process's default, so it stands before anything else.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let terminal = Terminal::standard();
    let command = match parse() {
        Ok(command) => command,
        Err(error) => return misused(&terminal, &error).into(),
    };
    let json = command.is_json();
    let exit = run(&terminal, command).unwrap_or_else(|failure| {
        report::failure(&terminal, &failure, json);
        failure.exit
    });
    exit.into()
}

fn parse() -> Result<Command, clap::Error> {
    let matches = Cli::command().try_get_matches()?;
    Cli::from_arg_matches(&matches).map(|cli| cli.command)
}

/// Help and version are answers; anything else is a wrong command line.
fn misused(terminal: &Terminal, error: &clap::Error) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        let coloured = terminal.talk_style().is_coloured();
        let text = if coloured { text.ansi().to_string() } else { text.to_string() };
        terminal.talk(text.trim_end());
        return Exit::Usage;
    }
    let text = if terminal.style().is_coloured() { text.ansi().to_string() } else { text.to_string() };
    terminal.write(&text).map_or(Exit::Failure, |()| Exit::Ok)
}

fn run(terminal: &Terminal, command: Command) -> Outcome {
    let config = Config::from_env().map_err(Error::from)?;
    let here = Here { terminal: terminal.clone(), config: command.quieter(config) };
    let talk = terminal.clone();
    let lines = move |line: &str| talk.talk(line.trim_end_matches('\n'));
    telemetry::start_logs(&here.config, terminal.talk_style().is_coloured(), Arc::new(lines))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
    let outcome = runtime.block_on(dispatch(command, &here));
    // A thread that waits for the keyboard would keep the process alive.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(command: Command, here: &Here) -> Outcome {
    match command {
        Command::Init(args) => init::run(&args, here),
        Command::Up(args) => up::run(args, here).await,
        Command::Serve(args) => serve::run(args, here).await,
        Command::Chat(args) => chat::run(args, here).await,
        Command::Context(args) => context::run(args, here).await,
        Command::Import(args) => import::run(args, here).await,
        Command::Memory(args) => memory::run(args, here).await,
        Command::Recall(args) => recall::run(args, here).await,
        Command::Validate(args) => validate::run(args, here),
        Command::Fmt(args) => fmt::run(args, here),
        Command::Schema(args) => schema::run(&args, here),
        Command::Plan(args) => plan::run(args, here).await,
        Command::Apply(args) => apply::run(args, here).await,
        Command::Comment(args) => comment::run(args, here).await,
        Command::Drift(args) => drift::run(args, here).await,
        Command::Export(args) => export::run(args, here).await,
        Command::History(args) => history::run(args, here).await,
        Command::Show(args) => show::run(args, here).await,
        Command::Rollback(args) => rollback::run(args, here).await,
        Command::Resume(args) => rollback::resume(args, here).await,
        Command::Watch(args) => watch::run(args, here).await,
        Command::Status(args) => status::run(args, here).await,
        Command::Access(args) => access::run(args, here).await,
        Command::Deliveries(args) => deliveries::run(args, here).await,
        Command::Token(args) => token::run(args, here).await,
        Command::Secret(args) => secret::run(args, here).await,
        Command::Migrate(args) => migrate::run(args, here).await,
        Command::Doctor(args) => doctor::run(args, here).await,
    }
}

impl Here {
    /// The database, for a command that does one thing there.
    async fn base(&self) -> Result<Base, Failure> {
        Ok(Base::open(&self.config, CONNECTIONS, &self.notes()).await?)
    }

    /// How a command starts the house for itself.
    fn options(&self) -> Options {
        Options::quiet(self.notes())
    }

    /// Tells what takes time, but not the steps: they are over before anybody has read them.
    fn notes(&self) -> Tell {
        let progress = Progress::new(&self.terminal);
        Arc::new(move |told| {
            if let Told::Note(line) = told {
                progress.note(line);
            }
        })
    }
}

#[cfg(test)]
mod tests;
