//! The folder of bots: applied when the process starts, and watched where somebody edits it.
//!
//! A folder that does not parse changes nothing: what runs goes on running, and whoever edits is told. What
//! was refused is not tried again until a file changes; a database that is away is.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::app::provenance::provenance;
use crate::clock::SharedClock;
use crate::error::{Error, Kind, Result};
use crate::id::AccountId;
use crate::spec::{self, Bundle, Problem};
use crate::store::Store;
use crate::sync::{self, Applied, Desired, Missing, Policy, folder};

/// Editors save in bursts; so long after the last sign of one, the folder is read.
const QUIET: Duration = Duration::from_millis(300);
/// A folder that never comes to rest is read all the same.
const LONGEST: Duration = Duration::from_secs(2);
/// How often the folder is looked at without a sign: with a watcher, and where the system offers none.
const SLOW_POLL: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_secs(1);
/// How soon a database that was away is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// Which folder, and who wants to know.
#[derive(Clone)]
pub struct Folder {
    pub dir: PathBuf,
    /// Apply it again whenever it changes, until the process ends.
    pub watch: bool,
    /// Is told what became of each apply.
    pub told: Arc<dyn Fn(&News) + Send + Sync>,
}

/// What became of an apply.
#[derive(Debug)]
pub enum News {
    /// It is active: what was changed, the active generation, and warnings.
    Applied { applied: Box<Applied>, warnings: Vec<Problem> },
    /// The files are not valid; what ran before runs on.
    Invalid(Vec<Problem>),
    /// It was refused or could not be done; what ran before runs on.
    Failed(Error),
}

/// How the first apply stands, for `/readyz`.
#[derive(Debug, Clone, Default)]
pub(super) struct First(Arc<Mutex<Option<String>>>);

impl First {
    /// What came of it, once something did.
    pub(super) fn outcome(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn settle(&self, outcome: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(outcome);
    }
}

/// Whose bots they become.
pub(super) struct Keeper {
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) account: AccountId,
    pub(super) folder: Folder,
    pub(super) first: First,
}

impl Keeper {
    /// Applies the folder, watches it where that is wanted, and returns at `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut signs = Signs::of(&self.folder);
        let mut last = None;
        let mut how = "start";
        while !stop.is_cancelled() {
            let again = self.look(&mut last, how).await;
            how = "watch";
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(AGAIN), if again => {}
                () = signs.next(), if self.folder.watch && !again => {}
            }
        }
    }

    /// Reads the folder and applies it if it differs from `last`. True if that should be tried again soon.
    async fn look(&self, last: &mut Option<Result<Bundle, String>>, how: &'static str) -> bool {
        let dir = self.folder.dir.clone();
        let read =
            spawn_blocking(move || folder::read(&dir)).await.map_err(Error::internal).and_then(|read| read);
        let seen = read.as_ref().map(Clone::clone).map_err(Error::chain);
        if last.as_ref() == Some(&seen) {
            return false;
        }
        *last = Some(seen);
        let news = match read {
            Ok(bundle) => self.apply(bundle, how).await,
            Err(error) => News::Failed(error),
        };
        let passing = matches!(&news, News::Failed(error) if error.kind() == Kind::Unavailable);
        if passing {
            *last = None;
        } else {
            self.first.settle(outcome(&news));
        }
        (self.folder.told)(&news);
        passing
    }

    async fn apply(&self, bundle: Bundle, how: &'static str) -> News {
        let parse = spawn_blocking(move || {
            let parsed = spec::parse(&bundle);
            (parsed, bundle)
        });
        let (parsed, bundle) = match parse.await {
            Ok(parsed) => parsed,
            Err(error) => return News::Failed(Error::internal(error)),
        };
        let Some(project) = parsed.project else { return News::Invalid(parsed.problems) };
        let options = sync::Options {
            policy: Policy { missing: Missing::Keep, ..Policy::default() },
            planned: None,
            allow_rewind: false,
            keeps_commit: false,
            actor: "operator".into(),
            provenance: provenance(&self.folder.dir, how).await,
        };
        let desired = Desired::of(&project, Some(&bundle));
        match sync::apply(&self.store, &self.clock, self.account, &desired, &options).await {
            Ok(applied) => News::Applied { applied: Box::new(applied), warnings: parsed.problems },
            Err(error) => News::Failed(error),
        }
    }
}

fn outcome(news: &News) -> String {
    match news {
        News::Applied { applied, .. } => {
            format!("generation {} of {}", applied.generation, applied.plan.source)
        }
        News::Invalid(problems) => format!("refused, the last good one runs: {}", spec::summary(problems)),
        News::Failed(error) => format!("refused, the last good one runs: {}", error.message()),
    }
}

/// Signs that something in the folder changed.
struct Signs {
    dir: PathBuf,
    watcher: Option<RecommendedWatcher>,
    sender: mpsc::Sender<()>,
    receiver: mpsc::Receiver<()>,
}

impl Signs {
    fn of(folder: &Folder) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let watcher = if folder.watch { watcher(&folder.dir, sender.clone()) } else { None };
        Self { dir: folder.dir.clone(), watcher, sender, receiver }
    }

    /// Returns when the folder came to rest after a change, and now and then without one.
    async fn next(&mut self) {
        if self.watcher.is_none() {
            // The folder may not have been there before.
            self.watcher = watcher(&self.dir, self.sender.clone());
        }
        let poll = if self.watcher.is_some() { SLOW_POLL } else { POLL };
        if timeout(poll, self.receiver.recv()).await.is_err() {
            return;
        }
        let rest = async { while timeout(QUIET, self.receiver.recv()).await.is_ok() {} };
        let _ = timeout(LONGEST, rest).await;
        if !self.dir.is_dir() {
            // What was watched is gone; what takes its place must be watched anew.
            self.watcher = None;
        }
    }
}

fn watcher(dir: &Path, sender: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let sign = move |event: notify::Result<Event>| {
        // Our own reading is no change.
        let read = matches!(&event, Ok(Event { kind: EventKind::Access(access), .. })
            if !matches!(access, AccessKind::Close(AccessMode::Write)));
        if !read {
            // One sign that waits stands for all that follow it.
            let _ = sender.try_send(());
        }
    };
    let mut watcher = notify::recommended_watcher(sign).ok()?;
    watcher.watch(dir, RecursiveMode::Recursive).ok()?;
    Some(watcher)
}
