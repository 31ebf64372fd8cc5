//! `botwright up`: everything on this machine, for whoever works on bots.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use tokio::sync::Notify;

use crate::app::{App, Hold, Options, Roles};
use crate::cli::Here;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::serving;
use crate::config;
use crate::error::Result;
use crate::providers::Keys;

/// Start everything on this machine: a database of its own, a folder of bots, the API
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright up\n  OPENAI_API_KEY=sk-… PORT=9000 botwright up --bots my-bots\n\n\
                        The folder is applied whenever a file in it is saved. A file that is not valid is reported, and \
                        what ran before runs on. Bots whose files are gone stay; `botwright apply --prune` archives them.",
          after_long_help = format!("Examples:\n  botwright up\n  OPENAI_API_KEY=sk-… PORT=9000 botwright up --bots my-bots\n\n{}", config::help()))]
pub(super) struct Args {
    /// The folder of bots; BOTS_DIR, else ./bots, if left out
    #[arg(long, value_name = "DIR")]
    bots: Option<PathBuf>,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let stop = serving::stop_on_signals(&here.terminal)?;
    let progress = Progress::new(&here.terminal);
    let first = Arc::new(Notify::new());
    let dir = args.bots.unwrap_or_else(|| here.config.bots_dir_or_default());
    let address = here.config.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let options = Options {
        roles: Roles::ALL,
        hold: Hold::Alone,
        listen: Some((address, here.config.port)),
        bots: Some(serving::folder(here, dir, true, &first)),
        ..Options::quiet(serving::steps(&progress))
    };
    let app = App::start(&here.config, options).await.map_err(|error| {
        progress.stop();
        Failure::from(error)
    })?;
    progress.step("Applying the bots");
    tokio::select! {
        () = first.notified() => progress.done(),
        () = stop.cancelled() => progress.stop(),
    }
    if !stop.is_cancelled() {
        here.terminal.write(&summary(&app, here).await?)?;
    }
    serving::run(app, here, stop).await
}

/// Everything that a person needs next.
async fn summary(app: &App, here: &Here) -> Result<String> {
    let style = here.terminal.style();
    let url = app.address().map_or_else(String::new, |address| format!("http://{}", reachable(address)));
    let program = program(here);
    let bots = app.chat().bots().list(app.operator().account).await?;
    let names: Vec<&str> = bots.iter().map(|live| live.bot.name.as_str()).collect();
    let live = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
    let first = names.iter().find(|name| **name == "companion").or(names.first()).unwrap_or(&"BOT");
    let rows = [
        ("API", format!("{url}/graphql")),
        ("token", format!("{program} token create --scopes chat,read")),
        ("talk", format!("{program} chat {first}")),
        ("providers", providers(app).await?),
        ("bots", live),
        ("data", here.config.data_dir.display().to_string()),
    ];
    let mut text = format!("\n{} {}\n\n", style.bold("Botwright is up at"), style.green(&url));
    for (name, value) in rows {
        text.push_str(&format!("  {}{value}\n", style.dim(&format!("{name:11}"))));
    }
    text.push_str("\nCtrl+C stops\n");
    Ok(text)
}

/// An address that a browser on this machine can open.
fn reachable(address: std::net::SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

/// How this program is called again in another terminal, with the data folder that it needs.
fn program(here: &Here) -> String {
    let name =
        std::env::args().next().filter(|name| name.contains('/')).unwrap_or_else(|| "botwright".into());
    let folder = here.config.data_dir.to_string_lossy();
    if folder == "data" { name } else { format!("DATA_DIR={folder} {name}") }
}

/// Which providers have keys, and whose.
async fn providers(app: &App) -> Result<String> {
    let mut names: Vec<String> = app
        .providers()
        .configured(&Keys::of_operator())
        .into_iter()
        .map(|configured| format!("{} (environment)", configured.provider))
        .collect();
    let secrets = app.secrets().names(app.operator().account).await?;
    let sealed = secrets.iter().filter_map(|name| name.strip_suffix("_API_KEY"));
    names.extend(sealed.map(|name| format!("{} (secret)", name.to_lowercase())));
    if names.is_empty() {
        let how = "set OPENAI_API_KEY or another to change that";
        return Ok(format!("none has a key: bots answer offline, from memory; {how}"));
    }
    Ok(names.join(", "))
}
