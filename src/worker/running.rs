//! One job, from its claim to how it ended.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::jobs::Failure;
use crate::store::{Job, JobState};
use crate::worker::Worker;

/// After so many attempts a job has failed for good: some three quarters of an hour after the first.
const ATTEMPTS: i32 = 8;
/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE_SECONDS: i64 = 20;
/// Errors are for people; nobody reads more than this.
const ERROR_CHARACTERS: usize = 2_000;

/// Why a runner was dropped or came back.
enum Ended {
    Done,
    Failed(Failure),
    /// Another worker took the job over.
    Lost,
    /// The worker stops.
    GiveBack,
}

impl Worker {
    pub(super) async fn run_job(&self, job: Job, stop: CancellationToken, give_back: CancellationToken) {
        let ended = if job.attempts > ATTEMPTS {
            // It was claimed again because its runner died, and so did the one before.
            Ended::Failed(Failure::Fail(Error::internal("its runners died, again and again")))
        } else {
            tokio::select! {
                ended = self.attempt(&job, stop) => ended,
                () = self.keep_lease(&job) => Ended::Lost,
                () = give_back.cancelled() => Ended::GiveBack,
            }
        };
        self.settle(&job, ended).await;
    }

    async fn attempt(&self, job: &Job, stop: CancellationToken) -> Ended {
        let Some(runner) = self.runners.get(job.kind.as_str()) else { return Ended::GiveBack };
        match AssertUnwindSafe(runner(job, stop)).catch_unwind().await {
            Ok(Ok(())) => Ended::Done,
            Ok(Err(failure)) => Ended::Failed(failure),
            // The panic itself was printed where it happened.
            Err(_) => Ended::Failed(Failure::Retry(Error::internal("its runner panicked"))),
        }
    }

    /// Renews the lease for as long as it is ours.
    async fn keep_lease(&self, job: &Job) {
        let mut renewed = Instant::now();
        loop {
            sleep(Job::LEASE / 3).await;
            match self.renew(job).await {
                Ok(true) => renewed = Instant::now(),
                Ok(false) => return,
                Err(_) if renewed.elapsed() > Job::LEASE => return,
                Err(error) => tracing::warn!(error = error.chain(), "a job's lease could not be renewed"),
            }
        }
    }

    async fn renew(&self, job: &Job) -> Result<bool> {
        let mut tx = self.store.system().await?;
        let ours = Job::renew(&mut tx, job).await?;
        tx.commit().await?;
        Ok(ours)
    }

    async fn settle(&self, job: &Job, ended: Ended) {
        let outcome = self.report(job, &ended);
        metrics::counter!("botwright_jobs_total", "kind" => job.kind.clone(), "outcome" => outcome)
            .increment(1);
        let mut pause = Duration::from_millis(200);
        // Somebody else takes the job over if even the last of these fails: it runs at least once.
        for _ in 0..5 {
            match self.write_down(job, &ended).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(error = error.chain(), "how a job ended could not be noted"),
            }
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// Tells the log; returns the word for the metrics.
    fn report(&self, job: &Job, ended: &Ended) -> &'static str {
        let Job { account_id: account, kind, key, attempts, .. } = job;
        match ended {
            Ended::Done => {
                tracing::debug!(%account, kind, key, attempts, "a job is done");
                "done"
            }
            Ended::Failed(Failure::Retry(error)) if job.attempts < ATTEMPTS => {
                tracing::warn!(%account, kind, key, attempts, error = error.chain(), "a job failed and will be tried again");
                "retried"
            }
            Ended::Failed(Failure::Retry(error) | Failure::Fail(error)) => {
                tracing::error!(%account, kind, key, attempts, error = error.chain(), "a job failed for good");
                "failed"
            }
            Ended::Lost => {
                tracing::warn!(%account, kind, key, attempts, "a job was taken over by another worker");
                "lost"
            }
            Ended::GiveBack => {
                tracing::info!(%account, kind, key, attempts, "a job was given back");
                "given back"
            }
        }
    }

    async fn write_down(&self, job: &Job, ended: &Ended) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.store.system().await?;
        match ended {
            Ended::Done => Job::settle(&mut tx, job, JobState::Done, None, None, now).await?,
            Ended::Failed(Failure::Retry(error)) if job.attempts < ATTEMPTS => {
                let again = Some(retry_at(job, now));
                Job::settle(&mut tx, job, JobState::Waiting, Some(shortened(error)), again, now).await?;
            }
            Ended::Failed(Failure::Retry(error) | Failure::Fail(error)) => {
                Job::settle(&mut tx, job, JobState::Failed, Some(shortened(error)), None, now).await?;
            }
            Ended::Lost => {}
            Ended::GiveBack => Job::give_back(&mut tx, job).await?,
        }
        tx.commit().await
    }
}

/// Later and later, and not for all at the same moment: up to a quarter later, by the job's own id.
fn retry_at(job: &Job, now: DateTime<Utc>) -> DateTime<Utc> {
    let doublings = (job.attempts - 1).clamp(0, ATTEMPTS).unsigned_abs();
    let pause = (FIRST_PAUSE_SECONDS * 1000) << doublings;
    let spread = i64::from(job.id.0.as_bytes()[15]) * pause / 4 / 255;
    now + TimeDelta::milliseconds(pause + spread)
}

fn shortened(error: &Error) -> String {
    error
        .chain()
        .chars()
        .take(ERROR_CHARACTERS)
        .map(|char| if char == '\0' { '\u{fffd}' } else { char })
        .collect()
}
