//! The queue: shared, survived, tried again, never run twice at once.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use botwright::accounts::Accounts;
use botwright::clock::ManualClock;
use botwright::error::Error;
use botwright::id::AccountId;
use botwright::jobs::{Cron, Failure, Payload, enqueue, schedule, unschedule};
use botwright::store::{Hint, Idempotency, Remembered, Store};
use botwright::worker::{Worker, prune};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{Integer, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::cluster::Database;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Greet {
    whom: String,
    #[serde(default)]
    words: String,
}

impl Payload for Greet {
    const KIND: &'static str = "test.greet";
    fn key(&self) -> String {
        self.whom.clone()
    }
}

fn greet(whom: impl ToString) -> Greet {
    Greet { whom: whom.to_string(), words: String::new() }
}

/// One line of the queue, as the database has it.
#[derive(Debug, QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
    #[diesel(sql_type = Text)]
    words: String,
}

struct Queue {
    database: Database,
    store: Store,
    clock: Arc<ManualClock>,
    account: AccountId,
}

impl Queue {
    async fn open() -> Self {
        let database = Database::new();
        let store = connect(&database).await;
        let clock = ManualClock::at(at("2026-11-20T10:00:00Z"));
        let account = Accounts::new(store.clone(), clock.clone()).operator("default").await.unwrap().account;
        Self { database, store, clock, account }
    }

    /// Another process on the same database.
    async fn replica(&self) -> Store {
        connect(&self.database).await
    }

    async fn put(&self, payload: &Greet, run_at: DateTime<Utc>) -> bool {
        let mut tx = self.store.tenant(self.account).await.unwrap();
        let added = enqueue(&mut tx, payload, run_at, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        added
    }

    fn now(&self) -> DateTime<Utc> {
        use botwright::clock::Clock as _;
        self.clock.now()
    }

    /// Moves the clock and lets every worker look.
    fn advance(&self, delta: TimeDelta) {
        self.clock.advance(delta);
        self.store.wake().send(vec![Hint::Jobs]);
    }

    async fn sql(&self) -> AsyncPgConnection {
        let mut conn = AsyncPgConnection::establish(self.database.url()).await.unwrap();
        conn.batch_execute("set role botwright_system").await.unwrap();
        conn
    }

    async fn lines(&self) -> Vec<Line> {
        use diesel_async::RunQueryDsl as _;
        let query = "select key, state, attempts, error, coalesce(payload ->> 'words', '') as words
                     from jobs order by created_at, id";
        sql_query(query).load(&mut self.sql().await).await.unwrap()
    }

    /// How long the change feed is.
    async fn changes(&self) -> i32 {
        use diesel_async::RunQueryDsl as _;
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = Integer)]
            count: i32,
        }
        let query = sql_query("select count(*)::int as count from changes");
        query.get_result::<Count>(&mut self.sql().await).await.unwrap().count
    }

    /// Waits until the only job stands like that.
    async fn until(&self, state: &str, attempts: i32) -> Line {
        let mut lines = Vec::new();
        for _ in 0..400 {
            lines = self.lines().await;
            if lines.len() == 1 && lines[0].state == state && lines[0].attempts == attempts {
                return lines.remove(0);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no job came to be {state} after {attempts} attempts: {lines:?}");
    }

    fn start(&self, worker: Worker) -> Running {
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(worker.run(stop.clone())), stop }
    }
}

/// A store that exchanges wake-ups with the others.
async fn connect(database: &Database) -> Store {
    let store = Store::connect(database.url(), 8).await.unwrap();
    let listening = store.clone();
    tokio::spawn(async move { listening.listen(CancellationToken::new()).await });
    store
}

struct Running {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
    /// As SIGKILL would.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Waits until it is so, or long enough to say that it never will be.
async fn eventually(is_so: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_queue_and_each_job_runs_once() {
    let queue = Queue::open().await;
    let runs: Arc<Mutex<Vec<(usize, String)>>> = Arc::default();
    let mut workers = Vec::new();
    for number in 0..2 {
        let runs = runs.clone();
        let worker = Worker::new(queue.replica().await, queue.clock.clone()).slots(3).on(move |task| {
            let (runs, payload): (_, Greet) = (runs.clone(), task.payload);
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                runs.lock().unwrap().push((number, payload.whom));
                Ok(())
            }
        });
        workers.push(queue.start(worker));
    }
    let mut tx = queue.store.tenant(queue.account).await.unwrap();
    for number in 0..200 {
        assert!(enqueue(&mut tx, &greet(number), queue.now(), queue.now()).await.unwrap());
    }
    tx.commit().await.unwrap();
    eventually(|| runs.lock().unwrap().len() >= 200).await;
    for worker in workers {
        worker.stop().await;
    }
    let runs = runs.lock().unwrap().clone();
    assert_eq!(runs.len(), 200);
    assert_eq!(runs.iter().map(|run| &run.1).collect::<HashSet<_>>().len(), 200);
    let mut shares: HashMap<usize, usize> = HashMap::new();
    for (number, _) in &runs {
        *shares.entry(*number).or_default() += 1;
    }
    assert!(shares.len() == 2 && shares.values().all(|share| *share > 30), "{shares:?}");
    assert!(queue.lines().await.iter().all(|line| line.state == "done" && line.attempts == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_job_is_taken_over() {
    let queue = Queue::open().await;
    let hanging = Worker::new(queue.store.clone(), queue.clock.clone())
        .on(|_: botwright::worker::Task<Greet>| std::future::pending());
    let hanging = queue.start(hanging);
    queue.put(&greet("Anna"), queue.now()).await;
    queue.until("running", 1).await;
    hanging.kill().await;

    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = attempts.clone();
    let second = Worker::new(queue.store.clone(), queue.clock.clone()).on(move |task| {
        let _: &Greet = &task.payload;
        seen.lock().unwrap().push(task.attempt);
        async { Ok(()) }
    });
    let second = queue.start(second);
    // While the lease holds nobody touches it.
    queue.store.wake().send(vec![Hint::Jobs]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(attempts.lock().unwrap().is_empty());
    let expire = "update jobs set lease_until = now() - interval '1 second'";
    queue.sql().await.batch_execute(expire).await.unwrap();
    queue.store.wake().send(vec![Hint::Jobs]);
    queue.until("done", 2).await;
    second.stop().await;
    assert_eq!(*attempts.lock().unwrap(), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_runners_keep_dying_fails_for_good() {
    let queue = Queue::open().await;
    queue.put(&greet("Anna"), queue.now()).await;
    let dead = "update jobs set state = 'running', attempts = 8, lease_until = now() - interval '1 second'";
    queue.sql().await.batch_execute(dead).await.unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let worker = queue.start(failing(&queue, &runs));
    let line = queue.until("failed", 9).await;
    worker.stop().await;
    assert!(line.error.unwrap().contains("again and again"));
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

/// A worker whose runner always asks for another try.
fn failing(queue: &Queue, runs: &Arc<AtomicUsize>) -> Worker {
    let runs = runs.clone();
    Worker::new(queue.store.clone(), queue.clock.clone()).on(move |task| {
        let _: &Greet = &task.payload;
        runs.fetch_add(1, Ordering::SeqCst);
        async { Err(Failure::from(Error::unavailable("nobody is at home"))) }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_job_is_tried_again_later_and_later_and_then_given_up() {
    let queue = Queue::open().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let worker = queue.start(failing(&queue, &runs));
    queue.put(&greet("Anna"), queue.now()).await;
    for (attempt, pause) in [(1, 20), (2, 40), (3, 80), (4, 160), (5, 320), (6, 640), (7, 1280)] {
        let line = queue.until("waiting", attempt).await;
        assert!(line.error.unwrap().contains("nobody is at home"));
        queue.advance(TimeDelta::seconds(pause - 1));
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(runs.load(Ordering::SeqCst), attempt as usize, "not before its time");
        // Up to a quarter is added, so that not all come back at the same moment.
        queue.advance(TimeDelta::seconds(1 + pause / 4));
    }
    let line = queue.until("failed", 8).await;
    worker.stop().await;
    assert_eq!(line.error.unwrap(), "nobody is at home");
    assert_eq!(runs.load(Ordering::SeqCst), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_not_tried_again_and_a_panic_is() {
    let queue = Queue::open().await;
    let worker = Worker::new(queue.store.clone(), queue.clock.clone()).on(|task| async move {
        let payload: Greet = task.payload;
        match (payload.whom.as_str(), task.attempt) {
            ("nobody", _) => Err(Error::not_found("there is no nobody").into()),
            ("panic", 1) => panic!("as the test wants it"),
            _ => Ok(()),
        }
    });
    let worker = queue.start(worker);
    queue.put(&greet("nobody"), queue.now()).await;
    let line = queue.until("failed", 1).await;
    assert_eq!(line.error.unwrap(), "there is no nobody");
    queue.sql().await.batch_execute("delete from jobs").await.unwrap();
    queue.put(&greet("panic"), queue.now()).await;
    let line = queue.until("waiting", 1).await;
    assert!(line.error.unwrap().contains("panicked"));
    queue.advance(TimeDelta::seconds(25));
    queue.until("done", 2).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_this_version_does_not_know_waits_for_one_that_does() {
    let queue = Queue::open().await;
    let stranger = queue.start(Worker::new(queue.store.clone(), queue.clock.clone()));
    queue.put(&greet("Anna"), queue.now()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    queue.until("waiting", 0).await;
    stranger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_one_key_that_wait_are_one_job() {
    let queue = Queue::open().await;
    let later = queue.now() + TimeDelta::hours(1);
    assert!(queue.put(&greet("Anna"), later).await);
    let newer = Greet { words: "good morning".into(), ..greet("Anna") };
    assert!(!queue.put(&newer, queue.now()).await);
    assert!(!queue.put(&newer, later).await);
    assert!(queue.put(&greet("Borys"), later).await);

    let runs = Arc::new(Mutex::new(Vec::new()));
    let seen = runs.clone();
    let worker = Worker::new(queue.store.clone(), queue.clock.clone()).on(move |task| {
        let payload: Greet = task.payload;
        seen.lock().unwrap().push((payload.whom, payload.words));
        async { Ok(()) }
    });
    let worker = queue.start(worker);
    eventually(|| !runs.lock().unwrap().is_empty()).await;
    for _ in 0..200 {
        if queue.lines().await.iter().any(|line| line.state == "done") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(*runs.lock().unwrap(), [("Anna".to_owned(), "good morning".to_owned())]);
    let lines = queue.lines().await;
    let states: Vec<_> = lines.iter().map(|line| (line.key.as_str(), line.state.as_str())).collect();
    assert_eq!(states, [("Anna", "done"), ("Borys", "waiting")]);
    assert_eq!(lines[0].words, "good morning");
    // One that ended is no obstacle.
    assert!(queue.put(&greet("Anna"), later).await);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_joins_a_waiting_job_is_seen_by_its_run() {
    let queue = Queue::open().await;
    queue.put(&greet("Anna"), queue.now()).await;
    // The second has not committed yet: were the job run now, it would miss what the second writes.
    let mut tx = queue.store.tenant(queue.account).await.unwrap();
    assert!(!enqueue(&mut tx, &greet("Anna"), queue.now(), queue.now()).await.unwrap());
    let runs = Arc::new(AtomicUsize::new(0));
    let worker = queue.start(failing(&queue, &runs));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    tx.commit().await.unwrap();
    queue.until("waiting", 1).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_fires_once_whoever_looks() {
    let queue = Queue::open().await;
    let cron = Cron::parse("0 12 * * *", "Europe/Kyiv").unwrap();
    let put = async |cron: &Cron| {
        let mut tx = queue.store.tenant(queue.account).await.unwrap();
        schedule(&mut tx, &greet("Anna"), cron, queue.now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    put(&cron).await;
    let runs = Arc::new(Mutex::new(Vec::new()));
    let mut workers = Vec::new();
    for _ in 0..2 {
        let (runs, clock) = (runs.clone(), queue.clock.clone());
        let worker = Worker::new(queue.store.clone(), queue.clock.clone()).on(move |task| {
            use botwright::clock::Clock as _;
            let _: &Greet = &task.payload;
            runs.lock().unwrap().push(clock.now().to_rfc3339());
            async { Ok(()) }
        });
        workers.push(queue.start(worker));
    }
    // Waits for so many runs, and a moment longer for one too many.
    let seen = async |count: usize| {
        eventually(|| runs.lock().unwrap().len() >= count).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        std::mem::take(&mut *runs.lock().unwrap())
    };
    // 12:00 in Kyiv is 10:00 in UTC, and that is now: the next time is tomorrow.
    assert!(seen(0).await.is_empty());
    queue.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    assert!(seen(0).await.is_empty());
    // Putting it again, unchanged, does not push it on.
    put(&cron).await;
    queue.advance(TimeDelta::seconds(1));
    assert_eq!(seen(1).await, ["2026-11-21T10:00:00+00:00"]);
    // What passed while nobody looked is made up for once.
    queue.advance(TimeDelta::days(5));
    assert_eq!(seen(1).await, ["2026-11-26T10:00:00+00:00"]);
    assert!(seen(0).await.is_empty());
    // Another line counts from now.
    put(&Cron::parse("30 12 * * *", "Europe/Kyiv").unwrap()).await;
    queue.advance(TimeDelta::minutes(30));
    assert_eq!(seen(1).await, ["2026-11-26T10:30:00+00:00"]);
    let mut tx = queue.store.tenant(queue.account).await.unwrap();
    assert!(unschedule::<Greet>(&mut tx, "Anna").await.unwrap());
    assert!(!unschedule::<Greet>(&mut tx, "Anna").await.unwrap());
    tx.commit().await.unwrap();
    queue.advance(TimeDelta::days(2));
    assert!(seen(0).await.is_empty());
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_finishes_what_it_can_and_gives_back_the_rest() {
    let queue = Queue::open().await;
    let worker = Worker::new(queue.store.clone(), queue.clock.clone()).on(|task| async move {
        let payload: Greet = task.payload;
        if payload.whom == "stubborn" {
            return std::future::pending().await;
        }
        task.stop.cancelled().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(())
    });
    let worker = queue.start(worker);
    queue.put(&greet("polite"), queue.now()).await;
    queue.until("running", 1).await;
    queue.put(&greet("stubborn"), queue.now()).await;
    for _ in 0..200 {
        if queue.lines().await.iter().all(|line| line.state == "running") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let before = std::time::Instant::now();
    worker.stop().await;
    assert!(before.elapsed() < Duration::from_secs(12), "{:?}", before.elapsed());
    let lines = queue.lines().await;
    let ended: Vec<_> =
        lines.iter().map(|line| (line.key.as_str(), line.state.as_str(), line.attempts)).collect();
    assert_eq!(ended, [("polite", "done", 1), ("stubborn", "waiting", 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn housekeeping_forgets_what_has_had_its_day() {
    let queue = Queue::open().await;
    let worker = queue.start(Worker::new(queue.store.clone(), queue.clock.clone()).on(
        |task: botwright::worker::Task<Greet>| async move {
            drop(task);
            Ok(())
        },
    ));
    queue.put(&greet("old"), queue.now()).await;
    queue.until("done", 1).await;
    worker.stop().await;
    let key = Idempotency {
        account_id: queue.account,
        principal: "operator".into(),
        operation: "sendMessage".into(),
        key: "k".into(),
        fingerprint: "f".into(),
        result: json!({}),
        created_at: queue.now(),
    };
    let claim = async || {
        let tx = queue.store.tenant(queue.account).await.unwrap();
        let remembered = Idempotency::claim(&tx, &key).await.unwrap();
        tx.commit().await.unwrap();
        matches!(remembered, Remembered::New)
    };
    assert!(claim().await);
    let old_change = "insert into changes (account_id, epoch, xid, kind, entity_id, operation, at)
        select id, 1, 1, 'message', id, 'upsert', now() - make_interval(days => age) from accounts, unnest(array[89, 91]) as age";
    queue.sql().await.batch_execute(old_change).await.unwrap();

    prune(&queue.store, queue.now() + TimeDelta::hours(23)).await.unwrap();
    assert!(!claim().await);
    prune(&queue.store, queue.now() + TimeDelta::hours(25)).await.unwrap();
    assert!(claim().await);
    prune(&queue.store, queue.now() + TimeDelta::days(6)).await.unwrap();
    assert_eq!(queue.lines().await.len(), 1);
    queue.put(&greet("waiting"), queue.now()).await;
    prune(&queue.store, queue.now() + TimeDelta::days(8)).await.unwrap();
    assert_eq!(queue.until("waiting", 0).await.key, "waiting");
    assert_eq!(queue.changes().await, 1);
}
