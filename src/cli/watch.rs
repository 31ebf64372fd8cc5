//! `botwright watch`: what is saved is live, for whoever edits. It never archives, and leaves a source alone that
//! was rolled back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use tokio::time::sleep;

use crate::app::provenance;
use crate::cli::Here;
use crate::cli::changes;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::CiFormat;
use crate::cli::planned::{folder, refused};
use crate::cli::problems::{Found, read};
use crate::cli::site::{Place, Site, Wish};
use crate::error::Kind;
use crate::spec::Bundle;
use crate::sync::{Missing, Policy};

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// Apply a folder of bots whenever a file in it is saved, until Ctrl+C; never archives
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright watch bots")]
pub(super) struct Args {
    /// The folder; BOTS_DIR, else ./bots, if left out
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let dir = folder(here, args.dir);
    let site = Site::open(here, &args.place).await?;
    here.terminal.talk(format!("watching `{}`; Ctrl+C stops", dir.display()));
    tokio::select! {
        () = watch(here, &site, &dir) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    site.close().await?;
    Ok(Exit::Ok)
}

async fn watch(here: &Here, site: &Site, dir: &Path) {
    let mut seen: Option<Result<Bundle, String>> = None;
    let mut settling: Option<Bundle> = None;
    loop {
        let read = read(dir);
        let now = read.as_ref().map(|found| found.bundle.clone()).map_err(|error| error.message().to_owned());
        // A folder that still changes is let come to rest.
        let rests =
            now.as_ref().ok().is_none_or(|bundle| seen.is_none() || settling.as_ref() == Some(bundle));
        if rests && seen.as_ref() != Some(&now) {
            let again = match read {
                Ok(found) => apply(here, site, dir, found).await,
                Err(error) => {
                    here.terminal.talk(error.message());
                    false
                }
            };
            seen = if again { None } else { Some(now) };
        } else {
            settling = now.ok();
        }
        sleep(LOOK).await;
    }
}

/// True if that should be tried again.
async fn apply(here: &Here, site: &Site, dir: &Path, found: Found) -> bool {
    if found.write(&here.terminal, CiFormat::Human).is_err() || found.project.is_none() {
        return false;
    }
    let provenance = provenance(dir, "watch").await;
    let policy = Policy { missing: Missing::Keep, ..Policy::default() };
    let wish = Wish { bundle: &found.bundle, policy, provenance: &provenance };
    let done = async {
        let plan = site.plan(&wish).await.map_err(Failure::of_config)?;
        match refused(&plan) {
            Some(failure) => Err(failure),
            None => site.apply(&wish, &plan, true).await.map_err(Failure::of_config),
        }
    };
    match done.await {
        Ok(done) => {
            let _ = here.terminal.write(&changes::shown(here.terminal.style(), &done.plan));
            false
        }
        Err(failure) => {
            here.terminal.talk(format!("not applied: {}", failure.error.message()));
            failure.error.kind() == Kind::Unavailable
        }
    }
}
