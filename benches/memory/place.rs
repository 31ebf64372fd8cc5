//! A throw-away server: the real program with a Postgres of its own in a temporary folder.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use botwright::store::embedded::Embedded;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};

use crate::recall::BOT;
use crate::scenario;

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Place {
    home: PathBuf,
    server: Child,
    port: u16,
    postgres: Option<Embedded>,
    client: reqwest::Client,
}

#[derive(QueryableByName)]
struct Account {
    #[diesel(sql_type = Text)]
    id: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Place {
    /// Starts it, with a bot whose memory is asked and one that talks by the model on the port `model`.
    pub(crate) async fn start(model: u16) -> Self {
        let home = std::env::temp_dir().join(format!("botwright-bench-memory-{}", std::process::id()));
        let write = |name: &str, text: &str| {
            let path = home.join("bots").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let head = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Bench\n";
        write(
            "botwright.yaml",
            &format!(
                "apiVersion: botwright/v1\nkind: Project\nsource: bench/bots\nproviders:\n  \
                 fake: {{kind: openai, url: \"http://127.0.0.1:{model}/v1\"}}\n"
            ),
        );
        write(&format!("{BOT}/bot.yaml"), &format!("{head}model: {{use: scripted}}\n"));
        write(&format!("{}/bot.yaml", scenario::BOT), &format!("{head}model: {{use: fake/model}}\n"));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs::File::create(home.join("log")).unwrap();
        let mut up = command(&home);
        up.arg("up").env("BOTS_DIR", home.join("bots")).env("PORT", port.to_string());
        let server = up.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut place = Self { home, server, port, postgres: None, client };
        place.until("the server is ready", async || place.get_ready().await.is_some()).await;
        // Shares the server's own.
        let data = place.home.join("data");
        let postgres = tokio::task::spawn_blocking(move || Embedded::start(&data, |_| ()).unwrap()).await;
        place.postgres = Some(postgres.unwrap());
        place
    }

    pub(crate) async fn stop(mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.server.id().to_string()]).status();
        self.server.wait().unwrap();
        let postgres = self.postgres.take().unwrap();
        tokio::task::spawn_blocking(move || postgres.stop().unwrap()).await.unwrap();
        let _ = fs::remove_dir_all(&self.home);
    }

    /// The path of a file here.
    pub(crate) fn file(&self, name: &str) -> String {
        self.home.join(name).to_str().unwrap().to_owned()
    }

    /// Runs a command to its good end; what it wrote.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let done = command(&self.home).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Asks the API with a token.
    pub(crate) async fn ask(&self, token: &str, query: &str, variables: Value) -> Value {
        let url = format!("http://127.0.0.1:{}/graphql", self.port);
        let body = json!({ "query": query, "variables": variables });
        let answer = self.client.post(url).bearer_auth(token).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// Waits until nothing is left to be done: no job, and nothing that the index lacks.
    pub(crate) async fn idle(&self) {
        let mut db = AsyncPgConnection::establish(&self.database()).await.unwrap();
        for _ in 0..3_000 {
            db.batch_execute("begin; set local role botwright_system").await.unwrap();
            let open = "select count(*) from jobs where state in ('waiting', 'running') and run_at <= now()";
            let open: Count = sql_query(open).get_result(&mut db).await.unwrap();
            db.batch_execute("commit").await.unwrap();
            let is_indexed = self.get_ready().await.is_some_and(|text| text.contains(" 0 changes behind"));
            if open.count == 0 && is_indexed {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("there is always something left to be done: see {}", self.file("log"));
    }

    async fn get_ready(&self) -> Option<String> {
        let answer = self.client.get(format!("http://127.0.0.1:{}/readyz", self.port)).send().await.ok()?;
        if answer.status().is_success() { answer.text().await.ok() } else { None }
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !is_so().await {
            assert!(began.elapsed() < PATIENCE, "it never came about that {what}: see {}", self.file("log"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn database(&self) -> String {
        self.postgres.as_ref().unwrap().url()
    }

    /// Begins a transaction on the rows of the operator's account.
    pub(crate) async fn confine(&self, db: &mut AsyncPgConnection) {
        db.batch_execute("begin; set local role botwright_system").await.unwrap();
        let find = "select id::text as id from accounts where name = 'default'";
        let Account { id } = sql_query(find).get_result(db).await.unwrap();
        let confine = format!("set local role botwright_app; set local app.account_id = '{id}'");
        db.batch_execute(&confine).await.unwrap();
    }
}

fn command(home: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botwright"));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/local/bin")
        .env("DATA_DIR", home.join("data"))
        .env("RATE_PER_TOKEN", "0")
        .env("RATE_PER_ADDRESS", "0")
        // The model is on this machine.
        .env("ALLOW_PRIVATE_ADDRESSES", "true")
        .env("RUST_LOG", "warn");
    command
}
