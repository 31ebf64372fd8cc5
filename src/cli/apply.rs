//! `botwright apply`: makes a folder of bots live, all of it or nothing.

use std::path::PathBuf;

use clap::Parser;
use serde_json::json;

use crate::app::provenance;
use crate::cli::Here;
use crate::cli::changes;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::{CiFormat, CiOutput};
use crate::cli::problems::read;
use crate::sync::{self, Applied, Missing};

/// Make a folder of bots live, all of it or nothing; the same twice changes nothing
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright apply\n  botwright apply bots --prune --output json\n\n\
                        Ends with 3 if a file is not valid, 4 on a conflict, 5 if a policy refuses it.")]
pub(super) struct Args {
    /// The folder; BOTS_DIR, else ./bots, if left out
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Archive bots whose files are gone; their history stays
    #[arg(long)]
    prune: bool,
    /// Whose bots they become
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
    let applied = async {
        let actor = base.accounts.operator(&args.account).await?;
        let options = sync::Options {
            missing: if args.prune { Missing::Prune } else { Missing::Refuse },
            base_generation: None,
            actor: actor.principal,
            provenance: provenance(&dir, "apply").await,
        };
        sync::apply(&base.store, &base.clock, actor.account, project, &options).await
    };
    let applied = applied.await;
    base.close().await?;
    let Applied { plan, generation } = applied.map_err(Failure::of_config)?;
    match args.output.format {
        CiFormat::Json => here.terminal.json(&json!({ "generation": generation, "plan": plan }))?,
        CiFormat::Human => {
            here.terminal.write(&changes::shown(here.terminal.style(), &plan))?;
            here.terminal.talk(format!("generation {generation} of {} is live", plan.source));
        }
        CiFormat::Github => {
            here.terminal
                .line(format!("::notice title=apply::generation {generation}: {}", changes::sum(&plan)))?;
        }
    }
    Ok(Exit::Ok)
}
