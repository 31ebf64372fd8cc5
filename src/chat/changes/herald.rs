//! Telling whoever waits that something changed: one reader of the feed in a process, however many wait, who are
//! then told only of what is theirs.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_stream::try_stream;
use futures_util::Stream;
use tokio::time::sleep;

use crate::accounts::Actor;
use crate::chat::Chat;
use crate::chat::changes::{SyncToken, sees_only, walk};
use crate::error::Result;
use crate::store::{Audience, Change, Cursor, Hint, Horizon, Store};

/// How often the feed is looked at without being woken: turns and titles wake nobody.
const POLL: Duration = Duration::from_secs(1);
/// Looks at the feed are at least so far apart.
const PACE: Duration = Duration::from_millis(200);
const BATCH: i64 = 1_000;
/// How often somebody who waits looks without being told, and how far their looks are apart at least.
const OWN_POLL: Duration = Duration::from_secs(60);
const OWN_PACE: Duration = Duration::from_secs(1);

/// What somebody who waits is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// There is something to be read.
    Something,
    /// The token leads nowhere any more; nothing follows.
    Reset,
}

/// Reads the feed while somebody waits. Cheap to clone.
#[derive(Clone)]
pub(in crate::chat) struct Herald {
    store: Store,
    desk: Arc<Mutex<Desk>>,
}

#[derive(Default)]
struct Desk {
    waiting: usize,
    /// Whether a reader is at work.
    is_read: bool,
}

/// Somebody who waits, until this is dropped.
struct Waiting(Arc<Mutex<Desk>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&self.0).waiting -= 1;
    }
}

impl Herald {
    pub(in crate::chat) fn new(store: Store) -> Self {
        Self { store, desk: Arc::default() }
    }

    /// Counts somebody who waits; the first one sets a reader to work.
    fn wait(&self) -> Waiting {
        let mut desk = lock(&self.desk);
        desk.waiting += 1;
        if !desk.is_read {
            desk.is_read = true;
            tokio::spawn(self.clone().read());
        }
        Waiting(self.desk.clone())
    }

    /// Reads on from now until nobody waits.
    async fn read(self) {
        let mut waiter = self.store.wake().waiter(Hint::Feed);
        let mut cursor = None;
        loop {
            {
                let mut desk = lock(&self.desk);
                if desk.waiting == 0 {
                    desk.is_read = false;
                    return;
                }
            }
            if let Err(error) = self.look(&mut cursor).await {
                tracing::warn!(error = error.chain(), "nobody is told of changes for a moment");
            }
            waiter.wait(POLL).await;
            sleep(PACE).await;
        }
    }

    async fn look(&self, cursor: &mut Option<Cursor>) -> Result<()> {
        let mut tx = self.store.system().await?;
        let head = Cursor::head(&mut tx).await?;
        let known = cursor.filter(|cursor| cursor.epoch == head.epoch);
        let mut place = known.unwrap_or(head);
        let mut told = HashSet::new();
        loop {
            let lines = Change::list_after(&mut tx, place, BATCH).await?;
            let Some(last) = lines.last() else { break };
            place = last.cursor();
            for line in lines {
                told.insert((line.account_id, line.audience()));
                // Who sees everything sees every line.
                told.insert((line.account_id, Audience::Overseers));
            }
        }
        tx.commit().await?;
        *cursor = Some(place);
        // What came between their first look and ours nobody has seen, so at first everybody looks again.
        let is_for = |account, audience| {
            known.is_none()
                || told.contains(&(account, audience))
                || told.contains(&(account, Audience::Everybody))
        };
        self.store.wake().tell_of_changes(is_for);
        Ok(())
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chat {
    /// Tells whenever there is something after `token` that was not told of yet; at most once a second. What it
    /// is, [`Chat::changes`] tells.
    pub fn changes_available(
        &self,
        actor: &Actor,
        token: SyncToken,
    ) -> impl Stream<Item = Result<News>> + Send + use<> {
        let (engine, actor) = (self.engine.clone(), actor.clone());
        try_stream! {
            let _waiting = engine.herald.wait();
            let person = sees_only(&actor);
            let audience = person.map_or(Audience::Overseers, Audience::Person);
            let mut waiter = engine.store.wake().waiter(Hint::Changes(actor.account, audience));
            let mut token = token;
            loop {
                let mut tx = engine.store.tenant(actor.account).await?;
                let horizon = Horizon::find(&mut tx).await?;
                let fresh = SyncToken::now(&actor, token.kinds, &horizon);
                let Some(known) = token.clone().renewed(&fresh, &horizon) else {
                    yield News::Reset;
                    return;
                };
                // Whoever has not come to the end of the beginning has something to read.
                let is_news = known.is_beginning()
                    || !walk(&mut tx, person, &known, &horizon, 1).await?.touched.is_empty();
                tx.commit().await?;
                token = fresh;
                if is_news {
                    yield News::Something;
                }
                sleep(OWN_PACE).await;
                waiter.wait(OWN_POLL).await;
            }
        }
    }
}
