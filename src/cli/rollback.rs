//! `botwright rollback` and `botwright resume`: back to what worked, and on again.

use clap::Parser;
use serde_json::json;

use crate::cli::Here;
use crate::cli::changes;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::site::{Done, Place, Site};
use crate::error::{Error, Result};
use crate::sync::{Back, Plan};

/// Make the bots of an older generation live again, and hold the source: CI does not roll it forward by accident
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright rollback 41 --reason \"the greeting was wrong\"\n  botwright rollback 41 --dry-run\n\n\
                  A newer commit goes live again by itself; `botwright resume` lets the same one."
)]
pub(super) struct Args {
    /// The generation to go back to: `botwright history` lists them
    #[arg(value_name = "GENERATION")]
    number: i32,
    /// Why, for the history and for whoever wonders why nothing goes live
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    reason: String,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
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
    let done = act(&site, &args).await;
    site.close().await?;
    let (plan, generation) = done.map_err(Failure::of_config)?;
    if args.output.is_json() {
        here.terminal.json(&json!({ "generation": generation, "plan": plan }))?;
        return Ok(Exit::Ok);
    }
    here.terminal.write(&changes::shown(here.terminal.style(), &plan))?;
    match generation {
        None => here.terminal.talk("nothing was changed: --dry-run"),
        Some(generation) if generation == plan.base.generation => {
            here.terminal.talk(format!("generation {} is what is live already", args.number));
        }
        Some(generation) => {
            here.terminal.talk(format!(
                "generation {generation} of {} is live: it is {} again, and the source is held until `botwright resume` or a newer commit",
                plan.source, args.number
            ));
            if let Some(commit) = &plan.base.commit {
                here.terminal.talk(format!(
                    "to take it back in git too: git revert {commit} (with `-m 1` if that is a merge)"
                ));
            }
        }
    }
    Ok(Exit::Ok)
}

async fn act(site: &Site, args: &Args) -> Result<(Plan, Option<i32>)> {
    let source = site.source(args.source.clone()).await?;
    if args.dry_run {
        return Ok((site.plan_rollback(&source, args.number).await?, None));
    }
    let back = Back {
        source,
        number: args.number,
        reason: args.reason.clone(),
        actor: String::new(),
        provenance: json!({ "version": env!("CARGO_PKG_VERSION") }),
    };
    let Done { plan, generation, version: _ } = site.rollback(back).await?;
    Ok((plan, Some(generation)))
}

/// Let a source go on that was rolled back
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright resume")]
pub(super) struct ResumeArgs {
    /// Which source
    #[arg(long)]
    source: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn resume(args: ResumeArgs, here: &Here) -> Outcome {
    let site = Site::open(here, &args.place).await?;
    let done: Result<(String, bool), Error> = async {
        let source = site.source(args.source.clone()).await?;
        let was_held = site.resume(&source).await?;
        Ok((source, was_held))
    }
    .await;
    site.close().await?;
    let (source, was_held) = done.map_err(Failure::of_config)?;
    if args.output.is_json() {
        here.terminal.json(&json!({ "source": source, "wasHeld": was_held }))?;
    } else if was_held {
        here.terminal.talk(format!("{source} goes on: the next apply counts again"));
    } else {
        here.terminal.talk(format!("{source} was not held"));
    }
    Ok(Exit::Ok)
}
