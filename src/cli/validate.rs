//! `botwright validate`: whether a folder of bots is right, without any server.

use std::path::PathBuf;

use clap::Parser;

use crate::cli::Here;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::CiOutput;
use crate::cli::problems::{Project, read};

/// Check a folder of bots: every problem of every file in one run; needs no server
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright validate\n  botwright validate bots --output github\n\n\
                        Ends with 3 if a file is not valid.")]
pub(super) struct Args {
    /// The folder; BOTS_DIR, else ./bots, if left out
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: CiOutput,
}

pub(super) fn run(args: Args, here: &Here) -> Outcome {
    let dir = args.dir.unwrap_or_else(|| here.config.bots_dir_or_default());
    let found = read(&dir).map_err(Failure::of_config)?;
    found.write(&here.terminal, args.output.format)?;
    let Some(Project { bots, .. }) = &found.project else { return Ok(Exit::InvalidConfig) };
    let bots = if bots.len() == 1 { "1 bot".into() } else { format!("{} bots", bots.len()) };
    here.terminal.talk(format!("{bots} in `{}`: valid", dir.display()));
    Ok(Exit::Ok)
}
