//! What `up` and `serve` share: signals, and the words about an app that runs.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Folder, News, Tell, Told};
use crate::cli::Here;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::progress::Progress;
use crate::cli::terminal::Terminal;
use crate::cli::{changes, problems, report};
use crate::error::{Error, Result};

/// The end that a first signal asks for; a second one does not wait for it.
pub(super) fn stop_on_signals(terminal: &Terminal) -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let (asked, terminal) = (stop.clone(), terminal.clone());
    tokio::spawn(async move {
        for count in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if count == 0 {
                terminal.talk("stopping: finishing what is under way (again to stop at once)");
                asked.cancel();
            }
        }
        std::process::exit(130);
    });
    Ok(stop)
}

/// Runs an app to its end.
pub(super) async fn run(app: App, here: &Here, stop: CancellationToken) -> Outcome {
    app.run(stop).await?;
    here.terminal.talk("stopped");
    Ok(Exit::Ok)
}

/// A folder of bots whose applies are told as they happen; `first` hears of the first one.
pub(super) fn folder(here: &Here, dir: PathBuf, watch: bool, first: &Arc<Notify>) -> Folder {
    let (terminal, root, first) = (here.terminal.clone(), dir.display().to_string(), first.clone());
    let told = move |news: &News| {
        tell(&terminal, &root, news);
        first.notify_one();
    };
    Folder { dir, watch, told: Arc::new(told) }
}

/// Steps as they begin, notes as they come.
pub(super) fn steps(progress: &Progress) -> Tell {
    let progress = progress.clone();
    Arc::new(move |told| match told {
        Told::Step(text) => progress.step(text),
        Told::Note(line) => progress.note(line),
    })
}

/// Says what became of an apply.
fn tell(terminal: &Terminal, root: &str, news: &News) {
    let style = terminal.talk_style();
    match news {
        News::Applied { applied, warnings } => {
            problems::talk(terminal, warnings, root);
            let sum = changes::sum(&applied.plan);
            terminal.talk(format!(
                "{} {root}: {sum}; generation {}",
                style.green("applied"),
                applied.generation
            ));
            for name in &applied.plan.kept {
                let hint = "its files are gone; `botwright apply --prune` archives it";
                terminal.talk(format!("  {name} stays: {hint}"));
            }
        }
        News::Invalid(found) => {
            problems::talk(terminal, found, root);
            terminal.talk(format!("{} {root}: what ran before runs on", style.red("not applied")));
        }
        News::Failed(error) => {
            terminal.talk(report::error_lines(terminal, error));
            terminal.talk(format!("{} {root}: what ran before runs on", style.red("not applied")));
        }
    }
}
