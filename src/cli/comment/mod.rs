//! `botwright comment`: a plan as a comment on a pull request, one per project, written anew by every run.

mod escape;
mod github;
mod markdown;
mod plan;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::cli::Here;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::error::{Error, Kind, Result};
use github::{Conversation, Posted};
use markdown::Site;
use plan::Plan;

/// Show a saved plan as a comment on a pull request at GitHub; a second run writes the same comment anew
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright plan bots --out plan.json\n  botwright comment plan.json --print\n  \
                        botwright comment plan.json --dir bots\n\n\
                        In a workflow everything but the token is in the environment already. The job needs the \
                        permission `pull-requests: write`."
)]
pub(super) struct Args {
    /// The plan, as `botwright plan --out` wrote it
    #[arg(value_name = "PLAN.json")]
    plan: PathBuf,
    /// The project's folder in the repository, for links
    #[arg(long, default_value = "bots")]
    dir: String,
    /// Write the Markdown to stdout and call nobody
    #[arg(long)]
    print: bool,
    /// The token that writes the comment
    #[arg(long, env = "GITHUB_TOKEN", hide_env_values = true)]
    github_token: Option<String>,
    /// The repository, such as acme/bots
    #[arg(long, env = "GITHUB_REPOSITORY")]
    repository: Option<String>,
    /// The number of the pull request; taken from the event of the workflow, if left out
    #[arg(long)]
    pull_request: Option<u64>,
    /// The event of the workflow
    #[arg(long, env = "GITHUB_EVENT_PATH", value_name = "FILE")]
    event: Option<PathBuf>,
    /// Where GitHub's API is
    #[arg(long, env = "GITHUB_API_URL", value_name = "URL", default_value = "https://api.github.com")]
    api: String,
    /// Where GitHub's pages are
    #[arg(long, env = "GITHUB_SERVER_URL", value_name = "URL", default_value = "https://github.com")]
    pages: String,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let document = read(&args.plan)?;
    let plan: Plan = serde_json::from_value(document.clone()).map_err(|error| {
        Error::invalid(format!("`{}` is no plan of `botwright plan --out`", args.plan.display()))
            .with_source(error)
    })?;
    let event = match &args.event {
        Some(path) => read(path)?,
        None => Value::Null,
    };
    let site = site(&args, &plan, &event);
    let body = markdown::comment(&plan, &document, &site);
    if args.print {
        here.terminal.write(&body)?;
        return Ok(Exit::Ok);
    }
    let posted = conversation(&args, &event)?
        .post(&markdown::marker(&plan, &site), &body, plan.is_silent())
        .await
        .map_err(refused)?;
    let word = match posted {
        Posted::Created => "created",
        Posted::Updated => "updated",
        Posted::Unchanged => "unchanged",
        Posted::Skipped => "skipped",
    };
    if args.output.is_json() {
        here.terminal.json(&json!({ "formatVersion": "1.0", "comment": word }))?;
    } else {
        here.terminal.talk(format!("comment: {word}"));
    }
    Ok(Exit::Ok)
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).map_err(|error| {
        Error::not_found(format!("`{}` cannot be read", path.display())).with_source(error)
    })?;
    serde_json::from_str(&text)
        .map_err(|error| Error::invalid(format!("`{}` is no JSON", path.display())).with_source(error))
}

/// Links lead to the commit that was planned, else to the head of the pull request.
fn site(args: &Args, plan: &Plan, event: &Value) -> Site {
    let planned = plan.provenance.pointer("/git/commit").or_else(|| plan.provenance.get("commit"));
    let head = event.pointer("/pull_request/head/sha");
    let commit = planned.and_then(Value::as_str).or_else(|| head.and_then(Value::as_str)).map(str::to_owned);
    let repository =
        args.repository.as_ref().map(|name| format!("{}/{name}", args.pages.trim_end_matches('/')));
    Site { repository, commit, dir: args.dir.clone() }
}

fn conversation(args: &Args, event: &Value) -> Result<Conversation, Failure> {
    let missing =
        |what: &str, hint: &str| Failure::from(Error::invalid(what.to_owned())).hint(hint.to_owned());
    let number = args.pull_request.or_else(|| event.pointer("/pull_request/number").and_then(Value::as_u64));
    Ok(Conversation {
        api: args.api.clone(),
        repository: args.repository.clone().ok_or_else(|| {
            missing("no repository is named", "set GITHUB_REPOSITORY, or --repository acme/bots")
        })?,
        number: number.ok_or_else(|| {
            missing("no pull request is named", "run this on `pull_request`, or give --pull-request NUMBER")
        })?,
        token: args
            .github_token
            .clone()
            .filter(|token| !token.is_empty())
            .map(SecretString::from)
            .ok_or_else(|| {
                missing(
                    "no token for GitHub is given",
                    "set GITHUB_TOKEN: in a workflow it is `${{ github.token }}`",
                )
            })?,
    })
}

/// What to do about a refusal.
fn refused(error: Error) -> Failure {
    let hint = match error.kind() {
        Kind::Forbidden | Kind::Unauthenticated => Some(
            "give the job `permissions: {contents: read, pull-requests: write}`; a pull request from a fork gets no \
             such token, and its plan is in the job's summary",
        ),
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
