//! `botwright schema`: the schemas that editors and clients use.

use clap::{Parser, ValueEnum};

use crate::cli::Here;
use crate::cli::exit::{Exit, Outcome};
use crate::graphql;
use crate::spec;

/// Print the JSON Schema of bot files, or the GraphQL schema of the API
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  botwright schema bot > bots/bot.schema.json\n  botwright schema graphql > schema.graphql\n  botwright schema docs > docs/bot-file.md"
)]
pub(super) struct Args {
    /// Which one
    #[arg(value_enum)]
    which: Which,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// Of bot.yaml, as JSON Schema
    Bot,
    /// Of botwright.yaml, as JSON Schema
    Project,
    /// Of the API, in GraphQL's own language
    Graphql,
    /// Of both files, as a page for people
    Docs,
}

pub(super) fn run(args: &Args, here: &Here) -> Outcome {
    match args.which {
        Which::Bot => here.terminal.json(&spec::schema::bot())?,
        Which::Project => here.terminal.json(&spec::schema::project())?,
        Which::Docs => here.terminal.write(&spec::manual())?,
        Which::Graphql => here.terminal.write(&graphql::sdl())?,
    }
    Ok(Exit::Ok)
}
