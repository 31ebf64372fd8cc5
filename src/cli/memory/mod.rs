//! `botwright memory`: what bots remember, as a whole.

mod export;
mod rebuild;

use clap::{Parser, Subcommand};

use crate::cli::Here;
use crate::cli::exit::Outcome;

/// Hand over what bots remember, or have it derived anew
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright memory export --bot companion companion.jsonl")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(export::Args),
    Rebuild(rebuild::Args),
}

impl Args {
    /// Whether stdout is one JSON document.
    pub(super) fn is_json(&self) -> bool {
        match &self.command {
            Command::Export(args) => args.output.is_json(),
            Command::Rebuild(args) => args.output.is_json(),
        }
    }
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    match args.command {
        Command::Export(args) => export::run(args, here).await,
        Command::Rebuild(args) => rebuild::run(args, here).await,
    }
}
