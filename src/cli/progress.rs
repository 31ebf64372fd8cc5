//! What is going on, in sight during every wait: a spinner where somebody watches, plain lines elsewhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::terminal::Terminal;

/// Tells about one step after another. Cheap to clone.
#[derive(Clone)]
pub(super) struct Progress {
    terminal: Terminal,
    step: Arc<Mutex<Option<Step>>>,
}

struct Step {
    text: String,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(terminal: &Terminal) -> Self {
        Self { terminal: terminal.clone(), step: Arc::default() }
    }

    /// A new step begins; the one before it is done.
    pub(super) fn step(&self, text: &str) {
        self.done();
        let bar = self.terminal.is_heard().then(|| {
            let bar = self.terminal.bars().add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
                bar.set_style(style);
            }
            bar.set_message(text.to_owned());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        if bar.is_none() {
            self.terminal.talk(format!("{text} ..."));
        }
        *self.lock() = Some(Step { text: text.to_owned(), since: Instant::now(), bar });
    }

    /// A new step begins that has `total` parts; see [`Progress::reached`].
    pub(super) fn counted_step(&self, text: &str, total: usize) {
        self.step(text);
        if let Some(Step { bar: Some(bar), .. }) = self.lock().as_ref()
            && let Ok(style) =
                ProgressStyle::with_template("{spinner} {msg} {bar:30} {human_pos}/{human_len} {eta:.dim}")
        {
            bar.set_style(style);
            bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
        }
    }

    /// So many parts of the step are done.
    pub(super) fn reached(&self, parts: usize) {
        if let Some(Step { bar: Some(bar), .. }) = self.lock().as_ref() {
            bar.set_position(u64::try_from(parts).unwrap_or(u64::MAX));
        }
    }

    /// Something to know about the step that is under way.
    pub(super) fn note(&self, text: &str) {
        self.terminal.talk(format!("  {}", self.terminal.talk_style().dim(text)));
    }

    /// The step is done.
    pub(super) fn done(&self) {
        let Some(Step { text, since, bar }) = self.lock().take() else { return };
        let Some(bar) = bar else { return };
        bar.finish_and_clear();
        let style = self.terminal.talk_style();
        let took = style.dim(&format!("{:.1} s", since.elapsed().as_secs_f32()));
        self.terminal.talk(format!("{} {text} {took}", style.green("✓")));
    }

    /// The step did not come to its end; whoever called says why.
    pub(super) fn stop(&self) {
        if let Some(Step { text, bar: Some(bar), .. }) = self.lock().take() {
            bar.finish_and_clear();
            self.terminal.talk(format!("{} {text}", self.terminal.talk_style().red("✗")));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Step>> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
