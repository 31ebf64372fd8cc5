//! `botwright apply`: makes a folder of bots, or a saved plan, live, all of it or nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};

use crate::cli::Here;
use crate::cli::changes;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::{CiFormat, CiOutput};
use crate::cli::planned::{Limits, Planned, folder, planned, refused};
use crate::cli::problems::read;
use crate::cli::saved::Saved;
use crate::cli::site::{Done, Place, Site};
use crate::error::{Error, Result};
use crate::sync::Readiness;

/// Make a folder of bots live, all of it or nothing; the same twice changes nothing
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright apply\n  botwright apply bots --prune --wait\n  \
                  botwright apply plan.json --output json\n\n\
                  Ends with 3 if a file is not valid, 4 on a conflict or a stale plan, 5 if a policy refuses it,\n\
                  6 if it is applied and a replica does not run it in time (--wait).")]
pub(super) struct Args {
    /// The folder, or a plan that `plan --out` saved; BOTS_DIR, else ./bots, if left out
    #[arg(value_name = "DIR|PLAN")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    limits: Limits,
    /// Wait until every replica runs it, for at most so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "30", require_equals = true)]
    wait: Option<u64>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) output: CiOutput,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let dir = folder(here, args.dir.clone());
    let saved = if dir.is_file() { Some(Saved::read(&dir).map_err(Failure::of_config)?) } else { None };
    if saved.is_some() && args.limits.prune {
        return Err(
            Error::invalid("a saved plan says itself what it archives: plan again with --prune").into()
        );
    }
    if saved.is_none() && !dir.exists() && dir.extension().is_some_and(|extension| extension == "json") {
        return Err(Error::not_found(format!("there is no plan `{}`", dir.display())).into());
    }
    let found = match &saved {
        Some(_) => None,
        None => Some(read(&dir).map_err(Failure::of_config)?),
    };
    if let Some(found) = &found {
        if found.project.is_none() {
            found.write(&here.terminal, args.output.format)?;
            return Ok(Exit::InvalidConfig);
        }
        found.warn(&here.terminal, args.output.format)?;
    }
    let site = Site::open(here, &args.place).await?;
    let done = act(&site, &dir, saved, found.map(|found| found.bundle), &args).await;
    site.close().await?;
    let (done, readiness) = done?;
    write(here, &done, readiness.as_ref(), &dir, args.output.format)?;
    Ok(match readiness {
        Some(readiness) if !readiness.is_ready() => Exit::NotReady,
        _ => Exit::Ok,
    })
}

async fn act(
    site: &Site,
    dir: &Path,
    saved: Option<Planned>,
    bundle: Option<crate::spec::Bundle>,
    args: &Args,
) -> Result<(Done, Option<Readiness>), Failure> {
    let mut planned = match (saved, bundle) {
        (Some(saved), _) => saved,
        (None, bundle) => planned(site, dir, bundle.unwrap_or_default(), &args.limits, "apply")
            .await
            .map_err(Failure::of_config)?,
    };
    if let Some(failure) = refused(&planned.plan) {
        return Err(failure);
    }
    if let (Some(message), Some(provenance)) = (&args.message, planned.provenance.as_object_mut()) {
        provenance.insert("message".into(), Value::from(message.as_str()));
    }
    let done = site.apply(&planned.wish(), &planned.plan, args.limits.allow_rewind).await;
    let done = done.map_err(Failure::of_config)?;
    let readiness = match args.wait {
        Some(seconds) => Some(site.wait(done.version, Duration::from_secs(seconds)).await?),
        None => None,
    };
    Ok((done, readiness))
}

fn write(
    here: &Here,
    done: &Done,
    readiness: Option<&Readiness>,
    dir: &Path,
    format: CiFormat,
) -> std::io::Result<()> {
    let Done { plan, generation, version: _ } = done;
    match format {
        CiFormat::Json => {
            let mut answer = json!({ "generation": generation, "plan": plan });
            if let (Some(readiness), Some(members)) = (readiness, answer.as_object_mut()) {
                members.insert("readiness".into(), json!(readiness));
            }
            here.terminal.json(&answer)?;
        }
        CiFormat::Human => {
            here.terminal.write(&changes::shown(here.terminal.style(), plan))?;
            here.terminal.talk(format!("generation {generation} of {} is live", plan.source));
        }
        CiFormat::Github => {
            changes::annotate(&here.terminal, plan, dir)?;
            here.terminal
                .line(format!("::notice title=apply::generation {generation}: {}", changes::sum(plan)))?;
        }
    }
    if let Some(readiness) = readiness {
        here.terminal.talk(told(readiness));
    }
    Ok(())
}

/// `2 replicas run it`, or who does not.
fn told(readiness: &Readiness) -> String {
    let replicas = |count: usize| if count == 1 { "1 replica".into() } else { format!("{count} replicas") };
    let mut lines = match readiness.ready {
        0 if readiness.waiting.is_empty() => vec!["no replica runs now; the next one will run it".to_owned()],
        ready => vec![format!("run by {}", replicas(ready))],
    };
    if !readiness.waiting.is_empty() {
        let names: Vec<String> = readiness.waiting.iter().flatten().map(ToString::to_string).collect();
        let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        lines.push(format!("not ready: not run by {} yet{names}", replicas(readiness.waiting.len())));
    }
    lines.extend(readiness.problems.iter().map(|problem| format!("not ready: {problem}")));
    lines.join("\n")
}
