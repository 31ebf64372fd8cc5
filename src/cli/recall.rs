//! `botwright recall`: what a bot's memory brings to questions, as a program asks it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::accounts::Actor;
use crate::app::{App, Options, Roles};
use crate::chat::Evoked;
use crate::cli::Here;
use crate::cli::bots::known;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::import::destination;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::error::{Error, Result};
use crate::store::embedded::Claim;

/// How long it may take until everything that was said is in the index.
const PATIENCE: Duration = Duration::from_secs(600);

/// Ask a bot's memory many questions, and write down which messages it brings to each
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright recall --bot companion --conversation club --budget 1000 \
                        --questions q.jsonl --out r.jsonl\n\n\
                        A question is a line {\"id\", \"question\"}; an answer is a line {\"id\", \"ranked\", \
                        \"tokens\", \"ms\"}: ids of messages, best first, as they were given at the import, or else \
                        our own. With --conversation only that conversation is asked, whatever `memory.scope` says.")]
pub(super) struct Args {
    /// Whose memory is asked
    #[arg(long)]
    bot: String,
    /// The conversation that is asked, by the name it was imported under or by its id; your own, if left out
    #[arg(long, value_name = "NAME|ID")]
    conversation: Option<String>,
    /// What the evidence of one question may take, in tokens; as the bot's file says, if left out
    #[arg(long, value_name = "TOKENS")]
    budget: Option<u32>,
    /// The questions
    #[arg(long, value_name = "FILE")]
    questions: PathBuf,
    /// Where the answers go; standard output, if left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The account that the bot belongs to
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    id: Value,
    #[serde(alias = "text")]
    question: String,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let questions = questions(&args)?;
    // Beside a running server its index is asked; alone, this process brings the index up to date.
    let alone = Claim::take(&here.config.data_dir).is_ok();
    let roles = Roles { scheduler: alone, ..Roles::NONE };
    let app = App::start(&here.config, Options { roles, ..here.options() }).await?;
    let progress = Progress::new(&here.terminal);
    let answers = answers(&app, &args, &questions, &progress).await;
    if answers.is_err() {
        progress.stop();
    }
    app.end().await?;
    let answers = answers?;
    progress.done();
    write(here, &args, &answers)
}

fn questions(args: &Args) -> Result<Vec<Question>> {
    let path = args.questions.display();
    let text = fs::read_to_string(&args.questions)
        .map_err(|error| Error::invalid(format!("{path}: {error}")).with_source(error))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line): (usize, _)| {
            serde_json::from_str(line).map_err(|error| Error::invalid(format!("{path}:{number}: {error}")))
        })
        .collect()
}

async fn answers(
    app: &App,
    args: &Args,
    questions: &[Question],
    progress: &Progress,
) -> Result<Vec<Value>, Failure> {
    let actor = app.accounts().operator(&args.account).await?;
    known(app.chat(), &actor, &args.bot).await?;
    progress.step("Waiting for the index");
    app.chat().indexed(PATIENCE).await?;
    progress.counted_step("Asking", questions.len());
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        answers.push(answer(app, args, &actor, question).await?);
        progress.reached(answers.len());
    }
    Ok(answers)
}

async fn answer(app: &App, args: &Args, actor: &Actor, question: &Question) -> Result<Value> {
    let place = destination(args.conversation.as_deref())?;
    let began = Instant::now();
    let Evoked { ids, tokens } =
        app.chat().evoke(actor, &args.bot, &place, &question.question, args.budget).await?;
    let ms = began.elapsed().as_secs_f64() * 1_000.0;
    Ok(json!({ "id": question.id, "ranked": ids, "tokens": tokens, "ms": (ms * 100.0).round() / 100.0 }))
}

fn write(here: &Here, args: &Args, answers: &[Value]) -> Outcome {
    let lines: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
    let Some(out) = &args.out else {
        if args.output.is_json() {
            here.terminal.json(&json!({ "answers": answers }))?;
        } else {
            here.terminal.write(&lines)?;
        }
        return Ok(Exit::Ok);
    };
    fs::write(out, lines).map_err(|error| {
        Error::unavailable(format!("{} cannot be written: {error}", out.display())).with_source(error)
    })?;
    if args.output.is_json() {
        here.terminal.json(&json!({ "questions": answers.len(), "out": out }))?;
    } else {
        here.terminal.line(format!("{} questions answered: {}", answers.len(), out.display()))?;
    }
    Ok(Exit::Ok)
}
