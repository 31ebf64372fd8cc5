//! `botwright context`: what a bot would hear, without sending anything.

use std::fmt::Write as _;

use clap::Parser;
use serde_json::json;

use crate::app::App;
use crate::chat::{Item, Preview, Report, Section};
use crate::cli::Here;
use crate::cli::bots::known;
use crate::cli::chat::harmless;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::table::table;
use crate::cli::terminal::Style;
use crate::dialog::{Part, Request, Role};
use crate::error::Error;

/// Show the prompt that a message would make, and why each part is in it or not; sends nothing
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright context companion \"Where does Anna live?\"")]
pub(super) struct Args {
    /// The bot's name, as its folder is called
    bot: String,
    /// The message
    text: String,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let app = App::start(&here.config, here.options()).await?;
    let preview = preview(&app, &args).await;
    app.end().await?;
    let Preview { request, report, routes } = preview?;
    if args.output.is_json() {
        let routes: Vec<_> =
            routes.iter().map(|(model, missing)| json!({ "model": model, "missing": missing })).collect();
        here.terminal.json(&json!({ "request": request, "report": report, "routes": routes }))?;
        return Ok(Exit::Ok);
    }
    let style = here.terminal.style();
    here.terminal.write(&prompt(style, &request))?;
    here.terminal.write(&account(style, &report))?;
    for (model, missing) in &routes {
        let state = missing
            .as_ref()
            .map_or(String::new(), |why| format!("  {}", style.yellow(&format!("the provider {why}"))));
        here.terminal.line(format!("{} {model}{state}", style.bold("model:")))?;
    }
    Ok(Exit::Ok)
}

async fn preview(app: &App, args: &Args) -> Result<Preview, Failure> {
    if args.text.trim().is_empty() {
        return Err(Error::invalid("the message is empty").into());
    }
    known(app.chat(), app.operator(), &args.bot).await?;
    Ok(app.chat().preview(app.operator(), &args.bot, &args.text, "terminal").await?)
}

/// What the model would hear, verbatim.
fn prompt(style: Style, request: &Request) -> String {
    let mut text = format!("{}\n{}\n\n", style.bold("system"), harmless(request.system.trim_end()));
    for message in &request.messages {
        let who = match message.role {
            Role::Person => "person",
            Role::Bot => "bot",
            Role::Tool => "tool",
        };
        let _ = writeln!(text, "{}", style.bold(who));
        for part in &message.parts {
            let _ = match part {
                Part::Text(said) => writeln!(text, "{}", harmless(said)),
                Part::Picture(picture) => {
                    let (kind, bytes) = (picture.kind.media_type(), picture.content.len());
                    writeln!(text, "[a picture: {kind}, {bytes} bytes]")
                }
                Part::Call(call) => writeln!(text, "[calls {} {}]", call.name, call.arguments),
                Part::Returned(returned) => writeln!(text, "{}", harmless(&returned.content)),
            };
        }
        text.push('\n');
    }
    if !request.tools.is_empty() {
        let names: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
        let _ = writeln!(text, "{} {}\n", style.bold("tools"), names.join(", "));
    }
    text
}

/// What is in it, what is not, and why.
fn account(style: Style, report: &Report) -> String {
    let Report { budget, total, ratio, recall_complete, sections } = report;
    let rows = sections.iter().flat_map(|Section { name, tokens: _, items }| {
        items.iter().map(|Item { kind, id, tokens, included, reason, score }| {
            let in_or_out = if *included { "in" } else { "out" };
            let score = score.map_or(String::new(), |score| format!("{score:.2}"));
            let what = if id.is_empty() || id == kind { kind.clone() } else { format!("{kind} {id}") };
            [name.clone(), what, tokens.to_string(), in_or_out.into(), score, reason.clone()]
        })
    });
    let mut text = table(["SECTION", "WHAT", "TOKENS", "", "SCORE", "WHY"], rows);
    let _ = writeln!(text, "\n{} {total} of {budget} tokens", style.bold("budget:"));
    if (ratio - 1.0).abs() > 0.005 {
        let _ = writeln!(
            text,
            "{} {ratio:.2} of its tokens to one of ours, as learned",
            style.bold("model counts:")
        );
    }
    if !recall_complete {
        let _ = writeln!(text, "{}", style.yellow("recall is not complete yet: the index is behind"));
    }
    text
}
