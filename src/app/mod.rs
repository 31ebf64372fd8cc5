//! The roof: builds every part once and hands each door only what it needs.
//!
//! Knows: everything. Never: how a command is written, or how its answer looks; that is `cli`.

mod base;
mod bots;
mod database;
mod follow;
mod provenance;
mod readiness;
mod replica;
mod running;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, Actor};
use crate::channels::openai;
use crate::channels::telegram::{self, Telegram};
use crate::chat::{self, Chat, Keyring};
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::dialog::{Budget, NoLimits};
use crate::error::Result;
use crate::graphql;
use crate::http::{self, Drain};
use crate::memory::{Memory, Summarizer};
use crate::providers::{self, Endpoint, Providers};
use crate::search::Index;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::worker::{Worker, expire, keep_memories};
use bots::{First, Keeper};
use follow::Follower;
use readiness::readiness;
use replica::Replica;
use running::Running;

pub use base::{Base, key_file};
pub use bots::{Folder, News};
pub use database::Database;
pub use provenance::provenance;

/// Is told in a line whatever takes time.
pub type Tell = Arc<dyn Fn(Told<'_>) + Send + Sync>;

/// What is under way.
#[derive(Debug, Clone, Copy)]
pub enum Told<'t> {
    /// The next step begins.
    Step(&'t str),
    /// Something to know about it.
    Note(&'t str),
}

/// Connections to the database of a process that serves: enough to keep it busy, and few enough that each is warm.
const CONNECTIONS: usize = 16;
/// How long a database may take to come up beside us, as in a compose file that starts both.
const PATIENCE: Duration = Duration::from_secs(30);
/// Turns that one process runs at once: nearly all of the time they wait for a model.
const PARALLEL: usize = 256;

/// What a process does. Any number of processes share the work of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Answers clients. A process without it still tells how it is.
    pub web: bool,
    /// Runs turns and jobs.
    pub worker: bool,
    /// Looks after what people write to on Telegram. Replies are sent by workers.
    pub telegram: bool,
    /// Turns schedules into jobs, and clears away what has had its day. A worker does so too.
    pub scheduler: bool,
}

impl Roles {
    pub const ALL: Self = Self { web: true, telegram: true, worker: true, scheduler: true };
    /// Everything is there to be asked, nothing runs.
    pub const NONE: Self = Self { web: false, telegram: false, worker: false, scheduler: false };
}

/// Whether this process must be the only one of its data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// `Conflict` if another process holds the folder.
    Alone,
    /// Hold it if nobody does: several replicas on one machine may share a folder.
    IfFree,
    /// Leave it to others.
    Beside,
}

/// How to start.
pub struct Options {
    pub clock: SharedClock,
    pub roles: Roles,
    pub hold: Hold,
    /// Where to listen, if anywhere; port 0 takes a free one.
    pub listen: Option<(IpAddr, u16)>,
    /// Which bots to apply, if any.
    pub bots: Option<Folder>,
    pub tell: Tell,
}

impl Options {
    /// For a command that asks for something and ends.
    pub fn quiet(tell: Tell) -> Self {
        Self {
            clock: Arc::new(SystemClock),
            roles: Roles::NONE,
            hold: Hold::Beside,
            listen: None,
            bots: None,
            tell,
        }
    }
}

/// A process of Botwright, built and running. End it with [`App::run`].
pub struct App {
    base: Base,
    parts: Parts,
    running: Running,
    /// Where it listens.
    address: Option<SocketAddr>,
    /// Holds the data folder until the very end.
    _replica: Replica,
}

/// What stands on the base.
struct Parts {
    secrets: Secrets,
    providers: Providers,
    memory: Memory,
    summarizer: Summarizer,
    chat: Chat,
    telegram: Telegram,
}

impl App {
    /// Builds every part and sets it to work. What was begun is undone if a later part fails.
    pub async fn start(config: &Config, options: Options) -> Result<Self> {
        let Options { clock, roles, hold, listen, bots, tell } = options;
        let replica = match hold {
            Hold::Alone => Replica::succeeding(&config.data_dir).await?,
            Hold::IfFree => Replica::of(&config.data_dir).unwrap_or_else(|_| Replica::passing()),
            Hold::Beside => Replica::passing(),
        };
        // Before the database is woken for a server that could not be reached.
        let listener = match listen {
            Some((address, port)) => Some(http::bind(address, port).await?),
            None => None,
        };
        let base = Base::open_with(config, CONNECTIONS, PATIENCE, clock, &tell).await?;
        tell(Told::Step("Opening the index"));
        let built = async {
            let parts = Parts::build(config, &base, &replica, roles)?;
            replica.succeed(&base.store).await?;
            Ok(parts)
        };
        match built.await {
            Ok(parts) => {
                let running = Running::default();
                let mut app = Self { base, parts, running, address: None, _replica: replica };
                app.set_to_work(config, roles, listener, bots);
                Ok(app)
            }
            Err(error) => {
                base.close().await?;
                Err(error)
            }
        }
    }

    fn set_to_work(
        &mut self,
        config: &Config,
        roles: Roles,
        listener: Option<TcpListener>,
        bots: Option<Folder>,
    ) {
        let Self { base, parts, running, address: _, _replica: replica } = self;
        let store = base.store.clone();
        running.ground("wake-ups", |stop| async move { store.listen(stop).await });
        running.ground("database", |stop| base.database.look_after(stop));
        running.ground("metrics", |stop| async move { Metrics::of_process().keep_small(stop).await });
        if roles != Roles::NONE {
            let indexer = parts.memory.indexer();
            running.ground("index", |stop| indexer.run(stop));
            let (store, id) = (base.store.clone(), replica.id);
            running.ground("sign of life", |stop| async move { store.live(id, stop).await });
            let (store, clock, bots) = (base.store.clone(), base.clock.clone(), parts.chat.bots().clone());
            let follower = Follower { store, clock, bots, replica: id };
            running.ground("config", |stop| follower.run(stop));
        }
        if roles.web {
            let chat = parts.chat.clone();
            running.ground("usage", |stop| async move { chat.keep_books(stop).await });
        }
        if roles.telegram {
            let telegram = parts.telegram.clone();
            running.door("telegram", |stop| telegram.run(stop));
        }
        if roles.worker {
            let chat = parts.chat.clone();
            running.door("turns", |stop| async move { chat.run(stop).await });
        }
        let mut worker = Worker::new(base.store.clone(), base.clock.clone());
        if roles.worker {
            worker = keep_memories(worker, &parts.summarizer);
            let chat = parts.chat.clone();
            worker = worker.on(move |task| expire(chat.clone(), task));
        }
        if roles.worker || roles.scheduler {
            running.door("jobs", |stop| worker.run(stop));
        }
        let first = bots.is_some().then(First::default);
        if let Some((folder, first)) = bots.zip(first.clone()) {
            let (store, clock) = (base.store.clone(), base.clock.clone());
            let keeper = Keeper { store, clock, account: base.operator.account, folder, first };
            running.door("bots", |stop| keeper.run(stop));
        }
        if let Some(listener) = listener {
            self.address = listener.local_addr().ok();
            self.open_doors(config, listener, roles, first);
        }
    }

    /// Serves what the roles offer; how it is, in any case.
    fn open_doors(&mut self, config: &Config, listener: TcpListener, roles: Roles, first: Option<First>) {
        let Self { base, parts, running, .. } = self;
        let drain = Drain::new(running.doors_stop());
        // Beside those of the address that they call.
        let origins: Vec<String> = config.public_url.iter().chain(&config.allowed_origins).cloned().collect();
        let mut doors = Vec::new();
        if roles.web {
            doors.push(graphql::router(graphql::Parts {
                store: base.store.clone(),
                accounts: base.accounts.clone(),
                chat: parts.chat.clone(),
                memory: parts.memory.clone(),
                clock: base.clock.clone(),
                settings: graphql::Settings {
                    origins: origins.clone(),
                    introspection: config.introspection,
                    public_url: config.public_url.clone(),
                    ..graphql::Settings::default()
                },
                drain: drain.clone(),
            }));
            doors.push(openai::router(openai::Parts {
                accounts: base.accounts.clone(),
                chat: parts.chat.clone(),
                clock: base.clock.clone(),
                drain: drain.clone(),
            }));
            doors.push(parts.telegram.router());
        }
        let metrics = Metrics::of_process();
        let router = http::router(http::Parts {
            readiness: readiness(base.store.clone(), parts.memory.clone(), first),
            metrics: Box::new(move || metrics.render()),
            strangers: http::Strangers::new(config.rate_per_address, config.trusted_proxies),
            origins,
            doors,
        });
        running.door("http", |_| async move { http::serve(listener, router, &drain).await });
    }

    /// Runs until `stop`, then ends in good order within 20 seconds: takes nothing in any more, hands back what
    /// is unfinished, lets go of the database. An error if a part ended that must not.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let Self { base, parts, mut running, address: _, _replica } = self;
        let outcome = running.until(&stop).await;
        running.end().await;
        drop(parts);
        base.close().await?;
        outcome
    }

    /// Ends it at once, in good order.
    pub async fn end(self) -> Result<()> {
        let stop = CancellationToken::new();
        stop.cancel();
        self.run(stop).await
    }

    /// Where it listens, if it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
    pub fn store(&self) -> &Store {
        &self.base.store
    }
    pub fn accounts(&self) -> &Accounts {
        &self.base.accounts
    }
    /// The operator, in the operator's own account.
    pub fn operator(&self) -> &Actor {
        &self.base.operator
    }
    pub fn secrets(&self) -> &Secrets {
        &self.parts.secrets
    }
    pub fn providers(&self) -> &Providers {
        &self.parts.providers
    }
    pub fn chat(&self) -> &Chat {
        &self.parts.chat
    }

    pub fn memory(&self) -> &Memory {
        &self.parts.memory
    }
}

impl Parts {
    fn build(config: &Config, base: &Base, replica: &Replica, roles: Roles) -> Result<Self> {
        let dir = config.data_dir.join("index");
        // Whoever only asks leaves the writing to those who serve.
        let index = if roles == Roles::NONE { Index::open_reader(&dir) } else { Index::open(&dir)?.0 };
        let secrets = base.secrets(config)?;
        let providers = Providers::new(provider_settings(config))?;
        let memory = Memory::new(base.store.clone(), index, base.clock.clone());
        let budget: Arc<dyn Budget> = Arc::new(NoLimits);
        let settings = telegram_settings(config);
        let sender =
            telegram::Sender::new(base.store.clone(), base.clock.clone(), secrets.clone(), &settings)?;
        let mut channels = chat::Channels::new();
        channels.insert(telegram::CHANNEL, Arc::new(sender.clone()));
        let keyring = Keyring { secrets: secrets.clone(), operator: base.operator.account };
        let (store, clock) = (base.store.clone(), base.clock.clone());
        let keyring = Arc::new(keyring);
        let summarizer = Summarizer::new(store, clock, providers.clone(), keyring, budget.clone());
        let chat = Chat::new(chat::Parts {
            store: base.store.clone(),
            clock: base.clock.clone(),
            providers: providers.clone(),
            secrets: secrets.clone(),
            memory: memory.clone(),
            budget: budget.clone(),
            tools: Vec::new(),
            channels,
            replica: replica.id,
            operator: base.operator.account,
            parallel: PARALLEL,
            uploads: upload_limits(config),
        });
        let telegram = Telegram::new(telegram::Parts {
            sender,
            accounts: base.accounts.clone(),
            chat: chat.clone(),
            settings,
            replica: replica.id,
        });
        Ok(Self { secrets, providers, memory, summarizer, chat, telegram })
    }
}

fn telegram_settings(config: &Config) -> telegram::Settings {
    telegram::Settings {
        api_url: config.telegram_api_url.clone(),
        public_url: config.public_url.clone(),
        limited: config.telegram_limits,
    }
}

fn upload_limits(config: &Config) -> chat::UploadLimits {
    let default = chat::UploadLimits::default();
    let file_bytes = i32::from(config.upload_mebibytes) << 20;
    chat::UploadLimits {
        file_bytes,
        daily_bytes: default.daily_bytes.max(5 * i64::from(file_bytes)),
        ..default
    }
}

fn provider_settings(config: &Config) -> providers::Settings {
    let mut env: Vec<Endpoint> = config
        .providers
        .iter()
        .map(|provider| Endpoint {
            provider: provider.name.into(),
            key: provider.key.clone(),
            base_url: provider.base_url.clone(),
        })
        .collect();
    env.push(Endpoint { provider: "ollama".into(), key: None, base_url: config.ollama_host.clone() });
    providers::Settings {
        env,
        scripted_file: config.scripted_file.clone(),
        allow_private: config.allow_private_addresses,
        ..providers::Settings::default()
    }
}
