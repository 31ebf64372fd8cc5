//! `botwright plan`: what an apply would do.

use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::json;

use crate::cli::Here;
use crate::cli::changes;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::{CiFormat, CiOutput};
use crate::cli::planned::{Limits, Planned, exit, folder, planned};
use crate::cli::problems::read;
use crate::cli::saved::Saved;
use crate::cli::site::{Place, Site};
use crate::sync::Plan;

/// Show what an apply of a folder of bots would change; changes nothing
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright plan\n  botwright plan bots --detailed-exitcode --output json\n  \
                  botwright plan bots --out plan.json && botwright apply plan.json\n\n\
                  Ends with 3 if a file is not valid, 4 on a conflict, 5 if a policy would refuse the apply."
)]
pub(super) struct Args {
    /// The folder; BOTS_DIR, else ./bots, if left out
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    limits: Limits,
    /// End with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Save the plan, with the files in it: `apply FILE` does exactly that or nothing
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) output: CiOutput,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let dir = folder(here, args.dir.clone());
    let found = read(&dir).map_err(Failure::of_config)?;
    if found.project.is_none() {
        found.write(&here.terminal, args.output.format)?;
        return Ok(Exit::InvalidConfig);
    }
    found.warn(&here.terminal, args.output.format)?;
    let site = Site::open(here, &args.place).await?;
    let done = planned(&site, &dir, found.bundle, &args.limits, "plan").await;
    site.close().await?;
    let planned = done.map_err(Failure::of_config)?;
    write(here, &planned.plan, &dir, args.output.format)?;
    let exit = exit(&planned.plan, args.detailed_exitcode);
    if let Some(out) = &args.out {
        save(here, planned, out)?;
    }
    Ok(exit)
}

fn save(here: &Here, planned: Planned, out: &Path) -> Result<(), Failure> {
    Saved::of(planned).write(out)?;
    here.terminal.talk(format!("saved: `botwright apply {}` does exactly this", out.display()));
    Ok(())
}

fn write(here: &Here, plan: &Plan, dir: &Path, format: CiFormat) -> std::io::Result<()> {
    match format {
        CiFormat::Json => here.terminal.json(&json!(plan)),
        CiFormat::Human => here.terminal.write(&changes::shown(here.terminal.style(), plan)),
        CiFormat::Github => changes::annotate(&here.terminal, plan, dir),
    }
}
