//! `make bench`: the numbers of the README, measured through the front door of the real server on its own
//! Postgres with fsync on. Prints a report; judges nothing.

#![expect(clippy::unwrap_used, reason = "a measurement that meets the unexpected shall stop and say where")]
#![expect(clippy::print_stdout, reason = "the report is printed")]

#[path = "report/changes.rs"]
mod changes;
#[path = "report/remembering.rs"]
mod remembering;
#[path = "report/stateless.rs"]
mod stateless;
#[path = "report/telegram.rs"]
mod telegram;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use botwright::store::embedded::Embedded;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

/// Turns in the throughput measurement, and how many are under way at once.
const TURNS: usize = 2_000;
const PARALLEL: usize = 50;

#[path = "report/sockets.rs"]
mod sockets;

#[tokio::main]
async fn main() {
    let home = std::env::temp_dir().join(format!("botwright-bench-{}", std::process::id()));
    let bots = home.join("bots");
    write_bots(&bots, 100);
    telegram::begin().await;
    telegram::add_bot(&bots);
    stateless::add_bot(&bots, stateless::upstream().await);
    machine();
    wakes("at the beginning");
    let only = |part: &str| std::env::args().any(|argument| argument == part);
    if only("memory") {
        remembering::measure(&home).await;
        let _ = fs::remove_dir_all(&home);
        return;
    }
    if only("telegram") {
        let mut server = Server::start(&home, &bots).await;
        let _ = Door::open(&server, &home);
        telegram::measure(&server, &home).await;
        server.stop().await;
        let _ = fs::remove_dir_all(&home);
        return;
    }
    if !only("turns") {
        thousand_bots(&home);
    }

    let mut server = Server::start(&home, &bots).await;
    println!(
        "start to ready, first start (initdb, migrations, 100 bots) | {:.2} s",
        server.ready.as_secs_f64()
    );
    server.stop().await;
    server = Server::start(&home, &bots).await;
    println!("start to ready, initialised | {:.2} s | aim 2 s", server.ready.as_secs_f64());
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("resident memory, idle, 100 bots | {} MB | aim 160 MB", server.resident_mb());

    let door = Door::open(&server, &home);
    let data = home.join("data");
    // Shares the server's own Postgres.
    let postgres =
        tokio::task::spawn_blocking(move || Embedded::start(&data, |_| ()).unwrap()).await.unwrap();
    let mut db = AsyncPgConnection::establish(&postgres.url()).await.unwrap();
    let commit = commit_p50(&mut db).await;
    println!("one commit on this disk, p50 | {commit:.2} ms");
    throughput(&server, &door, &mut db).await;
    sockets::replied(&server, &door, commit).await;
    if only("turns") {
        server.stop().await;
        let _ = fs::remove_dir_all(&home);
        return;
    }
    sockets::accepted(&door, commit).await;
    sockets::subscriptions(&server, &door).await;
    stateless::measure(&server, &door).await;
    telegram::measure(&server, &home).await;
    changes::measure(&server, &door, &mut db).await;
    println!("resident memory after that | {} MB", server.resident_mb());
    server.stop().await;
    drop(db);
    tokio::task::spawn_blocking(move || postgres.stop().unwrap()).await.unwrap();
    remembering::measure(&home).await;
    let _ = fs::remove_dir_all(&home);
}

/// What it takes to wake somebody who sleeps, and to be woken: every round trip in this report takes as much at least.
fn wakes(when: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let neighbour = std::thread::spawn(move || {
        let (mut line, _) = listener.accept().unwrap();
        line.set_nodelay(true).unwrap();
        let mut byte = [0];
        while line.read_exact(&mut byte).is_ok() {
            line.write_all(&byte).unwrap();
        }
    });
    let mut line = TcpStream::connect(address).unwrap();
    line.set_nodelay(true).unwrap();
    let mut times = Vec::new();
    for _ in 0..300 {
        std::thread::sleep(Duration::from_millis(2));
        let began = Instant::now();
        line.write_all(&[1]).unwrap();
        line.read_exact(&mut [0]).unwrap();
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    drop(line);
    neighbour.join().unwrap();
    times.sort_by(f64::total_cmp);
    println!(
        "a byte to a sleeping thread and back over loopback, {when}, p50 / p90 | {:.3} / {:.3} ms",
        times[times.len() / 2],
        times[times.len() * 9 / 10]
    );
}

fn machine() {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().ok();
    let commit = commit.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default();
    println!(
        "commit {commit} | {cores} cores,{} | load before {}",
        model.trim_start_matches(['\t', ':']),
        load.trim()
    );
}

fn write_bots(dir: &Path, count: usize) {
    for index in 0..count {
        let folder = dir.join(format!("bot-{index}"));
        fs::create_dir_all(&folder).unwrap();
        let bot = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Bench\nmodel: {use: scripted}\npersona: {file: persona.md}\n";
        fs::write(folder.join("bot.yaml"), bot).unwrap();
        fs::write(folder.join("persona.md"), "You are helpful and brief.\n".repeat(20)).unwrap();
    }
    let project = "apiVersion: botwright/v1\nkind: Project\nsource: bench/bots\n";
    fs::write(dir.join("botwright.yaml"), project).unwrap();
}

/// 1,000 bots as a team handles them: whole commands, from their start to their end, beside a running server.
fn thousand_bots(home: &Path) {
    let dir = home.join("thousand");
    write_bots(&dir, 1_000);
    let run = |arguments: &[&str]| {
        let mut done = command(home);
        done.args(arguments).args(["--account", "bench", "--output", "json"]);
        let began = Instant::now();
        let done = done.stdin(Stdio::null()).stderr(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stdout));
        began.elapsed().as_secs_f64()
    };
    let folder = dir.to_str().unwrap();
    println!("apply 1,000 new bots | {:.2} s | aim 5 s", run(&["apply", folder]));
    let plans = (0..5).map(|_| run(&["plan", folder]));
    println!("validate and plan 1,000 unchanged bots | {:.2} s | aim 1 s", median(plans.collect()));
    let out = home.join("exported");
    println!("export 1,000 bots | {:.2} s | aim 5 s", run(&["export", out.to_str().unwrap()]));
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Server {
    child: Child,
    port: u16,
    ready: Duration,
}

impl Server {
    async fn start(home: &Path, bots: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs::File::options().create(true).append(true).open(home.join("log")).unwrap();
        let began = Instant::now();
        let mut up = command(home);
        up.arg("up").env("BOTS_DIR", bots).env("PORT", port.to_string());
        up.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut server = Self { child: up.spawn().unwrap(), port, ready: Duration::ZERO };
        let client = client();
        loop {
            let ready = client.get(format!("http://127.0.0.1:{port}/readyz")).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                server.ready = began.elapsed();
                return server;
            }
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "the server does not become ready: see {}",
                home.join("log").display()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        for _ in 0..300 {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// CPU time that the process has used, in seconds.
    fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // utime and stime, in ticks; Linux has 100 of them a second.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }

    fn resident_mb(&self) -> u64 {
        self.resident_kb() / 1024
    }

    fn resident_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    }
}

fn command(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botwright"));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/local/bin")
        .env("DATA_DIR", home.join("data"))
        // One client asks as fast as it can.
        .env("RATE_PER_TOKEN", "0")
        // The upstream of the stateless requests is on this machine.
        .env("ALLOW_PRIVATE_ADDRESSES", "true")
        .env("TELEGRAM_LIMITS", "false")
        .env("RUST_LOG", "warn");
    if let Some(address) = telegram::ADDRESS.get() {
        command.env("TELEGRAM_API_URL", address);
    }
    command
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A client with a token.
struct Door {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Door {
    fn open(server: &Server, home: &Path) -> Self {
        let made = command(home).args(["token", "create", "--scopes", "chat,read"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        Self { client: client(), url: format!("http://127.0.0.1:{}/graphql", server.port), token }
    }

    async fn ask(&self, query: &str, input: Value) -> Value {
        let request = self.client.post(&self.url).bearer_auth(&self.token);
        let body = json!({ "query": query, "variables": { "input": input } });
        let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
        answer
    }

    async fn converse(&self, index: usize) -> String {
        let query = "mutation($input: CreateConversationInput!) { createConversation(input: $input) { conversation { id } } }";
        let made = self.ask(query, json!({ "idempotencyKey": format!("c{index}"), "bot": "bot-0" })).await;
        made["data"]["createConversation"]["conversation"]["id"].as_str().unwrap().to_owned()
    }

    async fn say(&self, conversation: &str, key: &str) {
        let query = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { turn { id } userErrors { ... on UserError { message } } } }";
        let input =
            json!({ "idempotencyKey": key, "conversationId": conversation, "text": "How are you today?" });
        let said = self.ask(query, input).await;
        assert_eq!(said["data"]["sendMessage"]["userErrors"], json!([]), "{said}");
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn completed(db: &mut AsyncPgConnection) -> i64 {
    db.batch_execute("begin; set local role botwright_system").await.unwrap();
    let count: Count =
        sql_query("select count(*) from turns where state = 'completed'").get_result(db).await.unwrap();
    db.batch_execute("commit").await.unwrap();
    count.count
}

async fn commit_p50(db: &mut AsyncPgConnection) -> f64 {
    db.batch_execute("create table if not exists bench_commits (n int)").await.unwrap();
    let mut times = Vec::new();
    for n in 0..200 {
        let began = Instant::now();
        db.batch_execute(&format!("insert into bench_commits values ({n})")).await.unwrap();
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    db.batch_execute("drop table bench_commits").await.unwrap();
    median(times)
}

async fn throughput(server: &Server, door: &Door, db: &mut AsyncPgConnection) {
    let conversations: Vec<String> =
        stream::iter(0..TURNS).map(|index| door.converse(index)).buffer_unordered(PARALLEL).collect().await;
    let before = completed(db).await;
    let (cpu, began) = (server.cpu(), Instant::now());
    stream::iter(conversations.iter().enumerate())
        .for_each_concurrent(PARALLEL, async |(index, conversation)| {
            door.say(conversation, &format!("m{index}")).await
        })
        .await;
    while completed(db).await - before < i64::try_from(TURNS).unwrap() {
        assert!(began.elapsed() < Duration::from_secs(300), "turns are missing");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    let turns = f64::from(u32::try_from(TURNS).unwrap());
    println!("durable turns a second, {PARALLEL} at once | {:.0} | aim 200", turns / seconds);
    println!(
        "CPU of our process per durable turn, HTTP and GraphQL included | {:.2} ms | aim 4 ms",
        (server.cpu() - cpu) * 1_000.0 / turns
    );
}
