//! Keeping the index in step with Postgres: one task that follows the change feed of all accounts.
//!
//! Every process may run it. The one that gets the index's lock writes; the others watch how it stands and
//! take over when the writer is gone. A failure (the disk is full, Postgres is away) costs time, never the
//! task: what is on disk is left as it is and the feed is read again from the last commit.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::memory::filling::Filling;
use crate::memory::gather::{self, Gathered};
use crate::memory::progress::{Checkpoint, Progress};
use crate::search::{Index, Writer};
use crate::store::{Account, Change, Cursor, Hint, Store};

/// So many lines of the feed are read at once.
const BATCH: i64 = 1_000;
/// Commits are at least so far apart. The first after a pause is not held back.
const PACE: Duration = Duration::from_millis(250);
/// How often the feed is looked at without being woken, and whether the files of the index are still there.
const POLL: Duration = Duration::from_secs(2);
/// How soon it is looked at again while something stands in it that cannot be read in order yet.
const SOON: Duration = Duration::from_millis(50);
/// How often an index that is being filled shows what it has.
const SHOW: Duration = Duration::from_secs(1);
/// How often all files are read through, in search of what a disk changed by itself.
const CHECK: Duration = Duration::from_secs(6 * 60 * 60);
/// The lag is not counted further than this.
const MOST_LAG: i64 = 10_000;
/// The pause after a failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Follows the change feed into the index.
pub struct Indexer {
    store: Store,
    index: Index,
    clock: SharedClock,
    progress: Arc<Progress>,
}

impl Indexer {
    pub(super) fn new(store: Store, index: Index, clock: SharedClock, progress: Arc<Progress>) -> Self {
        Self { store, index, clock, progress }
    }

    /// Keeps the index in step until `stop`. What was taken in and not committed by then is taken in again at
    /// the next start.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let Err(error) = self.work(&stop).await else { continue };
            self.progress.behind(self.progress.lag());
            if begun.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            tracing::warn!(
                error = error.chain(),
                seconds = pause.as_secs_f32(),
                "indexing failed; trying again"
            );
            rest(&stop, pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Writes for as long as that goes well and the index is sound; watches for a while if another writes.
    async fn work(&self, stop: &CancellationToken) -> Result<()> {
        let index = self.index.clone();
        let Some(writer) = blocking(move || index.writer()).await? else {
            self.watch().await?;
            rest(stop, POLL).await;
            return Ok(());
        };
        let mut desk = Desk::new(writer);
        let checkpoint = match self.resume(&desk).await? {
            Some(checkpoint) => checkpoint,
            None => match self.fill(&mut desk, stop).await? {
                Some(checkpoint) => checkpoint,
                None => return Ok(()),
            },
        };
        self.follow(desk, checkpoint, stop).await
    }

    /// Where to go on from; `None` if the index must be filled.
    async fn resume(&self, desk: &Desk) -> Result<Option<Checkpoint>> {
        let head = self.head().await?;
        let checkpoint = desk.checkpoint().filter(|checkpoint| checkpoint.is_good(head, self.clock.now()));
        Ok(checkpoint)
    }

    async fn head(&self) -> Result<Cursor> {
        let mut tx = self.store.system().await?;
        let head = Cursor::head(&mut tx).await?;
        tx.commit().await?;
        Ok(head)
    }

    /// Builds the index from nothing, newest messages first, each account in its turn. An empty index shows
    /// what it has on the way; an old one serves until the new one is complete. `None` if it was stopped.
    async fn fill(&self, desk: &mut Desk, stop: &CancellationToken) -> Result<Option<Checkpoint>> {
        self.progress.filling();
        let begun = Instant::now();
        // Taken first: what changes from now on is read from the feed afterwards, twice rather than never.
        let checkpoint = Checkpoint::at(self.head().await?, self.clock.now());
        let on_the_way = Checkpoint { is_filling: true, ..checkpoint };
        desk.clear().await?;
        let is_empty = self.index.documents() == 0;
        let mut tx = self.store.system().await?;
        let accounts = Account::list(&mut tx).await?;
        tx.commit().await?;
        let mut waiting: VecDeque<_> = accounts.into_iter().map(|account| Filling::of(account.id)).collect();
        let mut shown = Instant::now();
        let mut loaded = Gathered::default();
        while let Some(mut filling) = waiting.pop_front() {
            if stop.is_cancelled() {
                return Ok(None);
            }
            // The next part is loaded while the last one is taken in.
            let (next, taken) = tokio::join!(filling.next(&self.store), desk.apply(loaded));
            taken?;
            let next = next?;
            if next.is_some() {
                waiting.push_back(filling);
            }
            loaded = next.unwrap_or_default();
            if is_empty && shown.elapsed() > SHOW {
                desk.commit(on_the_way).await?;
                shown = Instant::now();
            }
        }
        desk.apply(loaded).await?;
        desk.commit(checkpoint).await?;
        tracing::info!(
            documents = self.index.documents(),
            seconds = begun.elapsed().as_secs_f32(),
            "the search index was built anew"
        );
        Ok(Some(checkpoint))
    }

    /// Reads the feed from `checkpoint` on. Returns when it is stopped, when the index turns out to be broken
    /// and when the feed has a new epoch.
    async fn follow(
        &self,
        mut desk: Desk,
        mut checkpoint: Checkpoint,
        stop: &CancellationToken,
    ) -> Result<()> {
        let mut waiter = self.store.wake().waiter(Hint::Feed);
        let mut soon = SOON;
        let (mut watched, mut checked) = (Instant::now(), Instant::now());
        self.progress.behind(self.progress.lag());
        while !stop.is_cancelled() && !desk.is_broken() {
            if checked.elapsed() > CHECK {
                let index = self.index.clone();
                blocking(move || Ok(index.verify())).await?;
                checked = Instant::now();
                continue;
            }
            if watched.elapsed() > POLL {
                let index = self.index.clone();
                blocking(move || Ok(index.watch())).await?;
                watched = Instant::now();
                continue;
            }
            let look = self.look(checkpoint.cursor).await?;
            if look.epoch != checkpoint.cursor.epoch {
                return Ok(());
            }
            if let Some(last) = look.lines.last() {
                let before = checkpoint;
                checkpoint = Checkpoint::at(last.cursor(), self.clock.now());
                soon = SOON;
                self.take_in(&mut desk, &look, (before, checkpoint), stop).await?;
                continue;
            }
            if desk.may_purge() {
                desk.purge(checkpoint).await?;
            }
            if desk.is_dirty || checkpoint.wants_renewal(self.clock.now()) {
                checkpoint = Checkpoint::at(checkpoint.cursor, self.clock.now());
                desk.commit(checkpoint).await?;
            }
            desk.with(Writer::renew).await?;
            self.progress.caught_up(look.lag);
            // What cannot be read in order yet will be, as soon as the oldest transaction ends; nobody tells us.
            let pause = if look.lag > 0 { soon } else { POLL };
            soon = if look.lag > 0 { (soon * 2).min(PACE) } else { SOON };
            tokio::select! {
                () = waiter.wait(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    async fn look(&self, cursor: Cursor) -> Result<Look> {
        let mut tx = self.store.system().await?;
        let lines = Change::list_after(&mut tx, cursor, BATCH).await?;
        let is_last = i64::try_from(lines.len()).is_ok_and(|count| count < BATCH);
        let (lag, epoch) = if lines.is_empty() {
            let lag = Change::count_after(&mut tx, cursor, MOST_LAG).await?;
            (lag, Cursor::head(&mut tx).await?.epoch)
        } else if is_last {
            (0, cursor.epoch)
        } else {
            (Change::count_after(&mut tx, cursor, MOST_LAG).await? - BATCH, cursor.epoch)
        };
        tx.commit().await?;
        Ok(Look { lines, lag: lag.unsigned_abs(), is_last, epoch })
    }

    /// Takes in what was read between two places of the feed, commits it unless there is more and the last
    /// commit was just now, and keeps the pace.
    async fn take_in(
        &self,
        desk: &mut Desk,
        look: &Look,
        (before, checkpoint): (Checkpoint, Checkpoint),
        stop: &CancellationToken,
    ) -> Result<()> {
        if !look.is_last {
            self.progress.behind(look.lag);
        }
        let gathered = gather::changed(&self.store, &look.lines).await?;
        // Many lines are about things that are not indexed: a commit for them alone can wait until nothing comes.
        let has_news = !gathered.is_empty();
        desk.owe(gathered.erased(), before);
        desk.apply(gathered).await?;
        if has_news && (look.is_last || desk.may_commit()) {
            desk.commit(checkpoint).await?;
        }
        if look.is_last {
            self.progress.caught_up(0);
            if desk.may_purge() {
                desk.purge(checkpoint).await?;
            }
            rest(stop, PACE).await;
        }
        Ok(())
    }

    /// Another process writes: says how its index stands.
    async fn watch(&self) -> Result<()> {
        let index = self.index.clone();
        let checkpoint = blocking(move || Ok(index.checkpoint())).await?;
        match checkpoint.as_deref().and_then(Checkpoint::read) {
            Some(checkpoint) if checkpoint.is_filling => self.progress.filling(),
            Some(checkpoint) => {
                let mut tx = self.store.system().await?;
                let lag = Change::count_after(&mut tx, checkpoint.cursor, MOST_LAG).await?;
                tx.commit().await?;
                let is_behind = lag >= BATCH;
                let lag = lag.unsigned_abs();
                if is_behind { self.progress.behind(lag) } else { self.progress.caught_up(lag) }
            }
            None => self.progress.behind(0),
        }
        Ok(())
    }
}

/// What a look at the feed found.
struct Look {
    lines: Vec<Change>,
    /// How many more there are.
    lag: u64,
    /// Whether these are all that can be read now.
    is_last: bool,
    epoch: i32,
}

async fn rest(stop: &CancellationToken, pause: Duration) {
    tokio::select! {
        () = sleep(pause) => {}
        () = stop.cancelled() => {}
    }
}

/// The writer, which blocks, and its way to a thread where it may.
struct Desk {
    /// Away while a thread has it; gone for good if that thread panicked.
    writer: Option<Writer>,
    committed: Option<Instant>,
    is_dirty: bool,
    debt: Option<Debt>,
    /// The next rewriting of files is not before.
    next_purge: Instant,
}

/// What was erased and still stands in files of the index, as if it had never been taken out.
struct Debt {
    documents: HashSet<Uuid>,
    /// Commits name this place of the feed until the debt is paid: whoever starts from there owes it again.
    since: Checkpoint,
}

/// Rewriting files shall not take more than one part of so many of the time.
const PURGE_SHARE: u32 = 10;

impl Desk {
    fn new(writer: Writer) -> Self {
        let next_purge = Instant::now();
        Self { writer: Some(writer), committed: None, is_dirty: false, debt: None, next_purge }
    }

    /// What the last commit left. `None` also for an index that is broken or was left by somebody else.
    fn checkpoint(&self) -> Option<Checkpoint> {
        Checkpoint::read(&self.writer.as_ref()?.checkpoint()?)
    }

    fn is_broken(&self) -> bool {
        self.writer.as_ref().is_none_or(|writer| writer.checkpoint().is_none())
    }

    async fn clear(&mut self) -> Result<()> {
        self.with(Writer::clear).await
    }

    async fn apply(&mut self, gathered: Gathered) -> Result<()> {
        self.is_dirty = true;
        self.with(move |writer| writer.apply(gathered.into_changes())).await
    }

    async fn commit(&mut self, checkpoint: Checkpoint) -> Result<()> {
        let checkpoint = self.debt.as_ref().map_or(checkpoint, |debt| debt.since);
        self.with(move |writer| writer.commit(&checkpoint.write())).await?;
        self.is_dirty = false;
        self.committed = Some(Instant::now());
        Ok(())
    }

    /// Notes that `documents` must leave the files; `before` is the place of the feed from which that is known.
    fn owe(&mut self, documents: &[Uuid], before: Checkpoint) {
        if documents.is_empty() {
            return;
        }
        let debt = self.debt.get_or_insert_with(|| Debt { documents: HashSet::new(), since: before });
        debt.documents.extend(documents);
    }

    /// Whether something is owed, and the last time is long enough ago.
    fn may_purge(&self) -> bool {
        self.debt.is_some() && self.next_purge <= Instant::now()
    }

    /// Lets what was erased leave the files, and goes on from `checkpoint`.
    async fn purge(&mut self, checkpoint: Checkpoint) -> Result<()> {
        let Some(debt) = &self.debt else { return Ok(()) };
        let documents = debt.documents.clone();
        self.commit(checkpoint).await?;
        let begun = Instant::now();
        self.with(move |writer| writer.purge(&documents)).await?;
        self.next_purge = Instant::now() + begun.elapsed() * PURGE_SHARE;
        self.debt = None;
        self.commit(checkpoint).await
    }

    /// Whether the last commit is long enough ago.
    fn may_commit(&self) -> bool {
        self.committed.is_none_or(|committed| committed.elapsed() >= PACE)
    }

    async fn with(&mut self, work: impl FnOnce(&mut Writer) -> Result<()> + Send + 'static) -> Result<()> {
        let mut writer =
            self.writer.take().ok_or_else(|| Error::internal("the writer of the index is gone"))?;
        let (writer, result) = blocking(move || {
            let result = work(&mut writer);
            Ok((writer, result))
        })
        .await?;
        self.writer = Some(writer);
        result
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
