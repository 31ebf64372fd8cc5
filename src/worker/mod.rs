//! What the queue runs: a registry of runners, one thin file per job, and the loop that feeds them.
//!
//! Any number of workers share one queue. A job is leased while it runs; a worker that dies loses its leases
//! and others take over. Failures are tried again, later and later; a worker that stops finishes what it can
//! and gives back the rest.
//!
//! Adding a job is a line where the worker is built: `worker.on(move |task| summarise::run(…, task))`.

mod expire;
mod prune;
mod running;
mod summarize;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::id::{AccountId, ReplicaId};
use crate::jobs::{Cron, Failure, Payload};
use crate::store::{Hint, Job, Schedule, Store, System};
pub use expire::expire;
pub use prune::prune;
pub use summarize::keep_memories;

/// How many jobs one worker runs at once, unless it is told otherwise.
const SLOTS: usize = 8;
/// How often the tables are looked at when nobody says that something is new.
const POLL: Duration = Duration::from_secs(10);
/// How long to wait at least before looking again for what is due but held by somebody else.
const HELD: Duration = Duration::from_millis(250);
/// How long to leave a database alone that did not answer.
const AWAY: Duration = Duration::from_secs(1);
/// How long a look at the tables may still take after the worker was told to stop.
const LAST_ROUND: Duration = Duration::from_secs(2);
/// How long running jobs may go on after the worker was told to stop, and how long giving them back may take.
const GRACE: Duration = Duration::from_secs(8);
const GIVING_BACK: Duration = Duration::from_secs(4);
/// How many schedules fire in one transaction.
const FIRED_AT_ONCE: i64 = 100;

/// One run of a job.
#[derive(Debug, Clone)]
pub struct Task<P> {
    pub account: AccountId,
    pub payload: P,
    /// 1 the first time.
    pub attempt: i32,
    /// Cancelled when the worker stops: whoever returns soon has its work counted, the others start over.
    pub stop: CancellationToken,
}

type Runner = Arc<dyn Fn(&Job, CancellationToken) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// Runs jobs and fires schedules.
pub struct Worker {
    store: Store,
    clock: SharedClock,
    replica: ReplicaId,
    runners: HashMap<&'static str, Runner>,
    slots: usize,
}

impl Worker {
    /// A worker that knows no jobs yet.
    pub fn new(store: Store, clock: SharedClock) -> Self {
        Self { store, clock, replica: ReplicaId::new(), runners: HashMap::new(), slots: SLOTS }
    }

    /// Lets `run` take the jobs of the kind `P`. Jobs that no runner takes wait for a worker that has one.
    #[must_use]
    pub fn on<P, R>(mut self, run: impl Fn(Task<P>) -> R + Send + Sync + 'static) -> Self
    where
        P: Payload,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let runner = move |job: &Job, stop| match serde_json::from_value(job.payload.clone()) {
            Ok(payload) => {
                run(Task { account: job.account_id, payload, attempt: job.attempts, stop }).boxed()
            }
            // A newer version of us may have written it, and may yet run it.
            Err(error) => std::future::ready(Err(Failure::Retry(Error::internal(error)))).boxed(),
        };
        self.runners.insert(P::KIND, Arc::new(runner));
        self
    }

    /// How many jobs run at once, at least one.
    #[must_use]
    pub fn slots(mut self, slots: usize) -> Self {
        self.slots = slots.max(1);
        self
    }

    /// Works until `stop`, then finishes or gives back what it has. Returns within 15 seconds of it.
    pub async fn run(self, stop: CancellationToken) {
        let worker = Arc::new(self);
        tokio::join!(worker.clone().work(&stop), prune::keep(&worker.store, &worker.clock, &stop));
    }

    async fn work(self: Arc<Self>, stop: &CancellationToken) {
        let mut news = self.store.wake().waiter(Hint::Jobs);
        let mut running = JoinSet::new();
        let give_back = CancellationToken::new();
        while !stop.is_cancelled() {
            let patience = async {
                stop.cancelled().await;
                sleep(LAST_ROUND).await;
            };
            let round = tokio::select! {
                round = self.round(&mut running, stop, &give_back) => round,
                () = patience => break,
            };
            let pause = match round {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(error = error.chain(), "the queue could not be read; trying again");
                    sleep(AWAY).await;
                    Duration::ZERO
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = news.wait(pause) => {}
                Some(_) = running.join_next() => {}
            }
        }
        let finished = async { while running.join_next().await.is_some() {} };
        if timeout(GRACE, finished).await.is_err() {
            give_back.cancel();
            let given_back = async { while running.join_next().await.is_some() {} };
            // What is still not given back is taken over when its lease ends.
            timeout(GIVING_BACK, given_back).await.ok();
        }
    }

    /// Fires what is due, starts what is due, and says for how long there is nothing else to do.
    async fn round(
        self: &Arc<Self>,
        running: &mut JoinSet<()>,
        stop: &CancellationToken,
        give_back: &CancellationToken,
    ) -> Result<Duration> {
        while running.try_join_next().is_some() {}
        let free = self.slots - running.len().min(self.slots);
        let kinds: Vec<&'static str> = self.runners.keys().copied().collect();
        let now = self.clock.now();

        let mut tx = self.store.system().await?;
        let fired = self.fire(&mut tx).await?;
        let claimed = match free {
            0 => Vec::new(),
            _ => Job::claim(&mut tx, self.replica, &kinds, free as i64, now).await?,
        };
        let due = Job::next_due(&mut tx, &kinds).await?;
        tx.commit().await?;

        let full = claimed.len() == free;
        let progress = fired || !claimed.is_empty();
        for job in claimed {
            let (worker, stop, give_back) = (self.clone(), stop.clone(), give_back.clone());
            running.spawn(async move { worker.run_job(job, stop, give_back).await });
        }
        let wait = due.map(|due| (due - now).to_std().unwrap_or(Duration::ZERO)).unwrap_or(POLL);
        let least = match (full, progress) {
            // The end of a running job wakes us.
            (true, _) => POLL,
            (false, true) => Duration::ZERO,
            (false, false) => HELD,
        };
        Ok(wait.min(POLL).max(least))
    }

    /// Enqueues the jobs of due schedules; whether there were any.
    async fn fire(&self, tx: &mut System) -> Result<bool> {
        let now = self.clock.now();
        let due = Schedule::list_due_locked(tx, now, FIRED_AT_ONCE).await?;
        for schedule in &due {
            let next = Cron::parse(&schedule.cron, &schedule.timezone)
                .and_then(|cron| cron.next_after(now).ok_or_else(|| "it never comes again".into()));
            let next = next.unwrap_or_else(|why| {
                tracing::error!(kind = schedule.kind, key = schedule.key, why, "a schedule makes no sense");
                now + TimeDelta::days(1)
            });
            Schedule::fire(tx, schedule, next, now).await?;
        }
        Ok(!due.is_empty())
    }
}
