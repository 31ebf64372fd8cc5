//! The real app in this process, on a real port and a real database, with a scripted model and a clock that
//! can be moved. Stories are told through the front door.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use botwright::accounts::{Accounts, Actor, NewToken, Scopes};
use botwright::app::{App, Folder, Hold, News, Options, Roles};
use botwright::clock::{ManualClock, SharedClock, SystemClock};
use botwright::config::Config;
use botwright::dialog::Request;
use botwright::providers::scripted::Line;
use botwright::store::Job;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::api::{Api, shown};
use crate::harness::cluster::Database;
use crate::harness::scratch::Scratch;

/// The bot of a world that needs only one.
const PARROT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";
const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n";

/// How long what goes on in the background may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server and the people around it. Call [`World::end`] at the end of the story.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) home: Scratch,
    /// The operator's client.
    pub(crate) api: Api,
    /// There if the world was begun with one.
    pub(crate) clock: Option<Arc<ManualClock>>,
    /// What the environment says, beside the database.
    variables: Vec<(String, String)>,
    port: u16,
    app: Option<Running>,
    /// Turns whose end nobody has read.
    unread: AtomicUsize,
    ended: bool,
}

struct Running {
    accounts: Accounts,
    operator: Actor,
    model: botwright::providers::Scripted,
    store: botwright::store::Store,
    stop: CancellationToken,
    task: JoinHandle<botwright::error::Result<()>>,
}

impl World {
    /// A world with one bot, `parrot`, whom the scripted model answers for.
    pub(crate) async fn begin() -> Self {
        Self::with(Plan::default()).await
    }

    pub(crate) async fn with(plan: Plan) -> Self {
        let home = Scratch::new();
        let bots = home.join("bots");
        match &plan.bots {
            Bots::Written(files) => {
                write(&bots.join("botwright.yaml"), PROJECT);
                for (name, file) in files {
                    write(&bots.join(name).join("bot.yaml"), file);
                }
            }
            Bots::Ours => copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("bots"), &bots),
        }
        let mut world = Self {
            database: Database::new(),
            home,
            api: Api::new(String::new(), String::new()),
            clock: plan.clock,
            variables: plan.variables,
            port: plan.port,
            app: None,
            unread: AtomicUsize::new(0),
            ended: false,
        };
        world.start().await;
        world
    }

    async fn start(&mut self) {
        let config = self.config();
        let clock: SharedClock = match &self.clock {
            Some(clock) => clock.clone(),
            None => Arc::new(SystemClock),
        };
        let (told, news) = tokio::sync::oneshot::channel();
        let told = Mutex::new(Some(told));
        let folder = Folder {
            dir: self.home.join("bots"),
            watch: false,
            told: Arc::new(move |news: &News| {
                let outcome = match news {
                    News::Applied { .. } => Ok(()),
                    other => Err(format!("{other:?}")),
                };
                if let Some(told) = told.lock().unwrap().take() {
                    told.send(outcome).unwrap();
                }
            }),
        };
        let options = Options {
            clock,
            roles: Roles::ALL,
            hold: Hold::Alone,
            listen: Some((IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)),
            bots: Some(folder),
            ..Options::quiet(Arc::new(|_| ()))
        };
        let app = App::start(&config, options).await.unwrap();
        news.await.unwrap().unwrap();
        self.api = Api::new(
            format!("http://{}", app.address().unwrap()),
            token(app.accounts(), app.operator(), "chat,read", None).await,
        );
        let (model, store) = (app.providers().scripted().clone(), app.store().clone());
        let (accounts, operator) = (app.accounts().clone(), app.operator().clone());
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let task = tokio::spawn(async move { app.run(stopping).await });
        self.app = Some(Running { accounts, operator, model, store, stop, task });
    }

    fn config(&self) -> Config {
        Config::from_vars(|name| match name {
            "DATABASE_URL" => Some(self.database.url().to_owned()),
            "BOTWRIGHT_MASTER_KEY" => Some("11".repeat(32)),
            "DATA_DIR" => Some(self.home.join("data").to_string_lossy().into_owned()),
            name => self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
        })
        .unwrap()
    }

    fn running(&self) -> &Running {
        self.app.as_ref().unwrap()
    }

    /// A client with other scopes than the operator's, `admin,read` say; of somebody else, where a person is named.
    pub(crate) async fn client(&self, scopes: &str, person: Option<&str>) -> Api {
        let Running { accounts, operator, .. } = self.running();
        Api::new(self.api.url.clone(), token(accounts, operator, scopes, person).await)
    }

    /// Ends the server in good order and starts it again on the same data.
    pub(crate) async fn restart(&mut self) {
        self.stop_for(|| ()).await;
    }

    /// The same; `meanwhile` happens while nobody runs.
    pub(crate) async fn stop_for(&mut self, meanwhile: impl FnOnce()) {
        self.stop().await;
        meanwhile();
        self.start().await;
    }

    async fn stop(&mut self) {
        let Running { stop, task, .. } = self.app.take().unwrap();
        let since = Instant::now();
        stop.cancel();
        task.await.unwrap().unwrap();
        assert!(since.elapsed() < Duration::from_secs(20), "it ended after {:?}", since.elapsed());
    }

    /// The next thing that the model says.
    pub(crate) fn model_will_say(&self, text: &str) {
        self.model_will(Line::say(text));
    }

    pub(crate) fn model_will(&self, line: Line) {
        self.running().model.push(line);
    }

    /// Everything that the model was asked.
    pub(crate) fn model_heard(&self) -> Vec<Arc<Request>> {
        self.running().model.heard()
    }

    /// Says something and reads the reply.
    pub(crate) async fn say(&self, bot: &str, text: &str) -> String {
        let (turn, _) = self.send(bot, text).await;
        shown(&self.read(&turn).await)
    }

    /// Says something; the ids of the turn and of the conversation. Somebody must [`World::read`] it.
    pub(crate) async fn send(&self, bot: &str, text: &str) -> (String, String) {
        self.unread.fetch_add(1, Ordering::SeqCst);
        self.api.send(bot, text).await
    }

    /// All events of a turn, to its end.
    pub(crate) async fn read(&self, turn: &str) -> Vec<Value> {
        let events = self.api.follow(turn, 0).await;
        self.unread.fetch_sub(1, Ordering::SeqCst);
        events
    }

    /// The newest hundred messages of the latest conversation with a bot, as `PERSON: …` and `BOT: …`.
    pub(crate) async fn transcript(&self, bot: &str) -> Vec<String> {
        let query = "query($bot: String!) { conversations(bot: $bot, first: 1) {
            nodes { messages(last: 100) { nodes { role text } } } } }";
        let found = self.api.ask(query, json!({ "bot": bot })).await;
        let messages = found["conversations"]["nodes"][0]["messages"]["nodes"].as_array().unwrap().clone();
        let line = |message: &Value| {
            format!("{}: {}", message["role"].as_str().unwrap(), message["text"].as_str().unwrap())
        };
        messages.iter().map(line).collect()
    }

    /// Waits until everything that was said can be found.
    pub(crate) async fn indexed(&self) {
        let since = Instant::now();
        while !self.api.get("/readyz", "*/*").await.1.contains(" 0 changes behind") {
            assert!(since.elapsed() < PATIENCE, "the index does not catch up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until no job waits or runs.
    pub(crate) async fn idle(&self) {
        let store = &self.running().store;
        let since = Instant::now();
        while open_jobs(store).await > 0 {
            assert!(since.elapsed() < PATIENCE, "{} jobs still wait or run", open_jobs(store).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends the story: nothing may be left over. No job waits, no reply is unread, no line of the model unsaid.
    pub(crate) async fn end(mut self) {
        let model = self.running().model.clone();
        self.idle().await;
        self.stop().await;
        self.ended = true;
        assert_eq!(model.remaining(), 0, "the model has lines that it never said");
        assert_eq!(self.unread.load(Ordering::SeqCst), 0, "replies that nobody read");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.ended && !std::thread::panicking() {
            panic!("a story ends with `world.end().await`");
        }
    }
}

async fn open_jobs(store: &botwright::store::Store) -> i64 {
    let mut tx = store.system().await.unwrap();
    let count = Job::count_open(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    count
}

/// A fresh token of the operator's, or of somebody else.
async fn token(accounts: &Accounts, operator: &Actor, scopes: &str, person: Option<&str>) -> String {
    let scopes: Scopes = scopes.parse().unwrap();
    let new = NewToken { name: "test".into(), scopes, person: person.map(Into::into), expires_in: None };
    accounts.create_token(operator, new).await.unwrap().expose_secret().to_owned()
}

/// How a world begins.
pub(crate) struct Plan {
    pub(crate) bots: Bots,
    pub(crate) clock: Option<Arc<ManualClock>>,
    /// Of the environment: `OPENAI_API_KEY`, say.
    pub(crate) variables: Vec<(String, String)>,
    /// Where it listens; 0 takes any that is free.
    pub(crate) port: u16,
}

pub(crate) enum Bots {
    /// Names and files.
    Written(Vec<(String, String)>),
    /// Those of this repository.
    Ours,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            bots: Bots::Written(vec![("parrot".into(), PARROT.into())]),
            clock: None,
            variables: Vec::new(),
            port: 0,
        }
    }
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
