//! `botwright migrate`: brings the database up to date, before a new version is deployed.

use clap::Parser;
use serde_json::json;

use crate::cli::Here;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;

/// Bring the database up to date; `up` and `serve` do so too when they start
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  DATABASE_URL=postgres://… botwright migrate")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let base = here.base().await?;
    let ran = base.migrated.clone();
    base.close().await?;
    if args.output.is_json() {
        here.terminal.json(&json!({ "migrations": ran }))?;
    } else if ran.is_empty() {
        here.terminal.talk("the database is up to date");
    } else {
        for migration in &ran {
            here.terminal.line(migration)?;
        }
    }
    Ok(Exit::Ok)
}
