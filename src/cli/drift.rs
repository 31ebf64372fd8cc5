//! `botwright drift`: whether what is live is what was applied.

use clap::Parser;
use serde_json::json;

use crate::cli::Here;
use crate::cli::changes;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::site::{Place, Site};

/// Show what is live otherwise than it was last applied; what the dashboard may change is shown, and is no drift
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright drift --output json\n\nEnds with 2 if there is any.")]
pub(super) struct Args {
    /// Of which source
    #[arg(long)]
    source: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let site = Site::open(here, &args.place).await?;
    let found = async {
        let source = site.source(args.source.clone()).await?;
        site.drift(&source).await
    };
    let found = found.await;
    site.close().await?;
    let plan = found.map_err(Failure::of_config)?;
    if args.output.is_json() {
        here.terminal.json(&json!(plan))?;
    } else {
        here.terminal.write(&changes::shown(here.terminal.style(), &plan))?;
    }
    Ok(if plan.is_empty() { Exit::Ok } else { Exit::Changes })
}
