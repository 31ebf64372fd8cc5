//! `botwright plan`: what an apply would do.

use std::path::PathBuf;

use clap::Parser;
use serde_json::json;

use crate::cli::Here;
use crate::cli::changes;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::{CiFormat, CiOutput};
use crate::cli::problems::read;
use crate::sync::{Missing, Plan, plan_now};

/// Show what an apply of a folder of bots would change; changes nothing
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright plan\n  botwright plan bots --detailed-exitcode --output json\n\n\
                        Ends with 3 if a file is not valid, 4 on a conflict, 5 if a policy would refuse the apply."
)]
pub(super) struct Args {
    /// The folder; BOTS_DIR, else ./bots, if left out
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Plan to archive bots whose files are gone
    #[arg(long)]
    prune: bool,
    /// End with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Whose bots
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
    #[command(flatten)]
    pub(super) output: CiOutput,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let dir = args.dir.clone().unwrap_or_else(|| here.config.bots_dir_or_default());
    let found = read(&dir).map_err(Failure::of_config)?;
    let Some(project) = &found.project else {
        found.write(&here.terminal, args.output.format)?;
        return Ok(Exit::InvalidConfig);
    };
    found.warn(&here.terminal, args.output.format)?;
    let base = here.base().await?;
    let planned = async {
        let actor = base.accounts.operator(&args.account).await?;
        let missing = if args.prune { Missing::Prune } else { Missing::Refuse };
        plan_now(&base.store, actor.account, project, missing).await
    };
    let planned = planned.await;
    base.close().await?;
    let plan = planned.map_err(Failure::of_config)?;
    write(here, &plan, args.output.format)?;
    Ok(exit(&plan, args.detailed_exitcode))
}

fn write(here: &Here, plan: &Plan, format: CiFormat) -> std::io::Result<()> {
    match format {
        CiFormat::Json => here.terminal.json(&json!(plan)),
        CiFormat::Human => here.terminal.write(&changes::shown(here.terminal.style(), plan)),
        CiFormat::Github => {
            for trouble in plan.conflicts.iter().chain(&plan.blocked) {
                here.terminal.line(format!("::error title=plan::{}", trouble.replace('\n', "%0A")))?;
            }
            here.terminal.line(format!("::notice title=plan::{}", changes::sum(plan)))
        }
    }
}

fn exit(plan: &Plan, detailed: bool) -> Exit {
    if !plan.conflicts.is_empty() {
        Exit::Conflict
    } else if !plan.blocked.is_empty() {
        Exit::Blocked
    } else if detailed && !plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Ok
    }
}
