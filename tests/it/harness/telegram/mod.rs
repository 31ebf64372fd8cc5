//! Telegram without Telegram: the Bot API on a loopback port, and the people who use it.
//!
//! ```text
//! let telegram = Telegram::start().await;
//! let bot = telegram.bot("1001:secret", "polly_bot");      // its token goes to the product, with `telegram.url()`
//! let ann = telegram.person("Ann");
//! let chat = telegram.private(&ann, &bot);
//! chat.say(&ann, "/start");
//! let seen = chat.wait_for(|chat| chat.answers() == ["Hello, Ann."]).await;
//! telegram.fault(Fault::new(Trouble::CutAfter).on("sendMessage"));
//! ```
//!
//! It is as strict as the service where the service is strict: HTML, lengths, who may write where, how often
//! (`Telegram::without_limits` for load). Updates wait until they are acknowledged. Everything that was ever shown
//! is in [`Transcript`], every call in [`Telegram::calls`].
//!
//! Not emulated: channels, inline queries, business and guest modes, payments, Markdown as a `parse_mode`. Ids of
//! messages count from 1 in every chat, so that nobody takes them for unique.

mod arguments;
mod chat;
mod entities;
pub(crate) mod faults;
pub(crate) mod html;
pub(crate) mod journal;
pub(crate) mod limits;
mod methods;
mod people;
mod refusal;
mod server;
mod state;
pub(crate) mod text;
pub(crate) mod transcript;
mod updates;
mod webhook;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use botwright::clock::{SharedClock, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) use chat::{Chat, Letter};
use faults::Fault;
use journal::Call;
use limits::{Limits, Rate};
pub(crate) use people::{Bot, Person};
use state::{BotState, Key, Kind, State};
use updates::Queue;

/// How long a test waits for something to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// The service. Ends when the last handle is dropped: this, a chat, a bot.
#[derive(Clone)]
pub(crate) struct Telegram {
    inner: Arc<Inner>,
    address: std::net::SocketAddr,
    _stop: Arc<DropGuard>,
}

struct Inner {
    state: Mutex<State>,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Telegram {
    /// With the limits of the service.
    pub(crate) async fn start() -> Self {
        Self::with_clock(Arc::new(SystemClock)).await
    }

    /// With dates of another clock.
    pub(crate) async fn with_clock(clock: SharedClock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner { state: Mutex::new(State::new(clock)) });
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, inner.clone(), stop.clone()));
        Self { inner, address, _stop: Arc::new(stop.drop_guard()) }
    }

    /// Where the Bot API is: `http://127.0.0.1:…`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets bots show as much as they like.
    pub(crate) fn without_limits(&self) {
        self.inner.lock().limits = Limits::none();
    }

    /// Other limits: for a chat of one person, for a group, altogether.
    pub(crate) fn limit(&self, rates: [Rate; 3]) {
        self.inner.lock().limits = Limits::of(rates);
    }

    /// A bot with this token (`id:secret`). Privacy mode is on, as it is for new bots.
    pub(crate) fn bot(&self, token: &str, username: &str) -> Bot {
        let id = token.split_once(':').and_then(|(id, _)| id.parse().ok()).unwrap();
        let mut state = self.inner.lock();
        let first = 700_000_000 + state.number();
        let bot = BotState {
            id,
            username: username.to_owned(),
            hears_all: false,
            queue: Queue::new(first),
            commands: std::collections::HashMap::new(),
        };
        assert!(state.bots.insert(token.to_owned(), bot).is_none(), "the token has a bot already");
        Bot { telegram: self.clone(), id, token: token.to_owned(), username: username.to_owned() }
    }

    /// Somebody with a first name, who reads English.
    pub(crate) fn person(&self, name: &str) -> Person {
        self.person_with(json!({ "first_name": name, "language_code": "en" }))
    }

    /// Somebody as the service would describe them: `first_name`, `username`, `language_code`…; with an `id` of their
    /// own, if one is given.
    pub(crate) fn person_with(&self, mut user: Value) -> Person {
        let mut state = self.inner.lock();
        let id = user["id"].as_i64().unwrap_or_else(|| state.number());
        user["id"] = json!(id);
        user["is_bot"] = json!(false);
        state.people.insert(id, user.clone());
        Person { id, user }
    }

    /// The chat of a person with a bot. The bot may not write there before the person has.
    pub(crate) fn private(&self, person: &Person, bot: &Bot) -> Chat {
        let key = Key::Private { bot: bot.id, person: person.id };
        self.inner.lock().add_chat(key, Kind::Private, "");
        self.chat(key)
    }

    /// A group of people and bots.
    pub(crate) fn group(&self, title: &str, people: &[&Person], bots: &[&Bot]) -> Chat {
        self.grouped(Kind::Group, title, people, bots)
    }

    pub(crate) fn supergroup(&self, title: &str, people: &[&Person], bots: &[&Bot]) -> Chat {
        self.grouped(Kind::Supergroup, title, people, bots)
    }

    /// A supergroup with topics.
    pub(crate) fn forum(&self, title: &str, people: &[&Person], bots: &[&Bot]) -> Chat {
        self.grouped(Kind::Forum, title, people, bots)
    }

    fn grouped(&self, kind: Kind, title: &str, people: &[&Person], bots: &[&Bot]) -> Chat {
        let mut state = self.inner.lock();
        let base = if kind == Kind::Group { 0 } else { -1_000_000_000_000 };
        let key = Key::Group(base - state.number());
        let chat = state.add_chat(key, kind, title);
        chat.members.extend(people.iter().map(|person| (person.id, "member")));
        drop(state);
        let group = self.chat(key);
        for bot in bots {
            group.add(people[0], bot);
        }
        group
    }

    fn chat(&self, key: Key) -> Chat {
        Chat { telegram: self.clone(), key }
    }

    /// Adds trouble. Of several that mean a call the one that was added first strikes.
    pub(crate) fn fault(&self, fault: Fault) {
        self.inner.lock().faults.push(fault);
    }

    /// From now on nothing goes wrong that was asked for before.
    pub(crate) fn no_more_faults(&self) {
        self.inner.lock().faults.clear();
    }

    /// The latest calls, whatever became of them.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.inner.lock().journal.calls().cloned().collect()
    }

    /// Keeps no more than so many calls, instead of 20,000.
    pub(crate) fn keep_calls(&self, calls: usize) {
        self.inner.lock().journal.keep = calls;
    }

    /// Calls that went beyond the limits.
    pub(crate) fn violations(&self) -> Vec<Call> {
        self.inner.lock().journal.violations.clone()
    }
}
