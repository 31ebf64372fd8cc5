//! A chat over a real database with a scripted model: everything below the doors.

use std::sync::Arc;
use std::time::Duration;

use botwright::accounts::{Accounts, Actor, NewToken, Scope};
use botwright::chat::{Accepted, Channels, Chat, Inbound, Parts, Target, TurnUpdate, Update, UploadLimits};
use botwright::clock::{SharedClock, SystemClock};
use botwright::dialog::{NoLimits, Tool};
use botwright::id::{ConversationId, ReplicaId, TurnId};
use botwright::providers::scripted::Line;
use botwright::providers::{Providers, Settings};
use botwright::secrets::{MasterKey, Secrets};
use botwright::spec::{Bundle, parse};
use botwright::store::{Message, MessageRole, Store};
use botwright::sync;
use futures_util::StreamExt;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::cluster::Database;
use crate::harness::memory;

/// The project that most stories are told with: one bot, answered by the scripted model.
const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n";
const BOT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";

/// One process's worth of chat.
pub(crate) struct Talk {
    pub(crate) store: Store,
    pub(crate) chat: Chat,
    pub(crate) actor: Actor,
    pub(crate) providers: Providers,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl Talk {
    /// A chat with the bot `parrot`, running.
    pub(crate) async fn begin(database: &Database) -> Self {
        Self::with(database, Channels::new(), Vec::new(), BOT).await
    }

    async fn build(database: &Database, channels: Channels, tools: Vec<Arc<dyn Tool>>, bot: &str) -> Self {
        let store = Store::connect(database.url(), 16).await.unwrap();
        let clock: SharedClock = Arc::new(SystemClock);
        let accounts = Accounts::new(store.clone(), clock.clone());
        let actor = accounts.operator("default").await.unwrap();
        let mut bundle = Bundle::default();
        bundle.files.insert("botwright.yaml".into(), PROJECT.into());
        bundle.files.insert("parrot/bot.yaml".into(), bot.into());
        let parsed = parse(&bundle);
        let project = parsed.project.unwrap_or_else(|| panic!("{:?}", parsed.problems));
        let options = sync::Options { actor: "test".into(), ..sync::Options::default() };
        let desired = sync::Desired::of(&project, None);
        sync::apply(&store, &clock, actor.account, &desired, &options).await.unwrap();
        let providers = Providers::new(Settings::default()).unwrap();
        let key = MasterKey::parse(&"11".repeat(32).into()).unwrap();
        let chat = Chat::new(Parts {
            store: store.clone(),
            clock: clock.clone(),
            providers: providers.clone(),
            secrets: Secrets::new(store.clone(), clock.clone(), key),
            memory: memory(&store, &clock),
            budget: Arc::new(NoLimits),
            tools,
            channels,
            replica: ReplicaId::new(),
            operator: actor.account,
            parallel: 32,
            uploads: UploadLimits::default(),
        });
        Self { store, chat, actor, providers, stop: CancellationToken::new(), running: None }
    }

    /// The same, taking in messages and running none.
    pub(crate) async fn without_engine(database: &Database) -> Self {
        let mut talk = Self::build(database, Channels::new(), Vec::new(), BOT).await;
        let (store, stop) = (talk.store.clone(), talk.stop.clone());
        talk.running = Some(tokio::spawn(async move { store.listen(stop).await }));
        talk
    }

    pub(crate) async fn with(
        database: &Database,
        channels: Channels,
        tools: Vec<Arc<dyn Tool>>,
        bot: &str,
    ) -> Self {
        let mut talk = Self::build(database, channels, tools, bot).await;
        let (chat, store, stop) = (talk.chat.clone(), talk.store.clone(), talk.stop.clone());
        talk.running = Some(tokio::spawn(async move {
            let listening = store.clone();
            let stopping = stop.clone();
            tokio::join!(chat.run(stop), listening.listen(stopping));
        }));
        // The engine is open once it has run for a moment.
        tokio::time::sleep(Duration::from_millis(20)).await;
        talk
    }

    /// A token that may talk, and nothing else.
    pub(crate) async fn token(&self) -> String {
        let accounts = Accounts::new(self.store.clone(), Arc::new(SystemClock));
        let new = NewToken {
            name: "test".into(),
            scopes: [Scope::Chat, Scope::Read].into_iter().collect(),
            person: None,
            expires_in: None,
        };
        accounts.create_token(&self.actor, new).await.unwrap().expose_secret().to_owned()
    }

    /// Somebody else of the same account, who may talk and nothing else.
    pub(crate) async fn stranger(&self, name: &str) -> Actor {
        let accounts = Accounts::new(self.store.clone(), Arc::new(SystemClock));
        let new = NewToken {
            name: name.into(),
            scopes: [Scope::Chat, Scope::Read].into_iter().collect(),
            person: Some(name.into()),
            expires_in: None,
        };
        let token = accounts.create_token(&self.actor, new).await.unwrap();
        accounts.authenticate(&token).await.unwrap()
    }

    /// Makes a second bot live, of a source of its own.
    pub(crate) async fn apply_bot(&self, name: &str, file: &str) {
        let mut bundle = Bundle::default();
        bundle
            .files
            .insert("botwright.yaml".into(), PROJECT.replace("test/bots", &format!("test/{name}")).into());
        bundle.files.insert(format!("{name}/bot.yaml"), file.into());
        let project = parse(&bundle).project.unwrap();
        let clock: SharedClock = Arc::new(SystemClock);
        let options = sync::Options { actor: "test".into(), ..sync::Options::default() };
        let desired = sync::Desired::of(&project, None);
        sync::apply(&self.store, &clock, self.actor.account, &desired, &options).await.unwrap();
    }

    /// Changes the bot `parrot`.
    pub(crate) async fn change_bot(&self, file: &str) {
        let mut bundle = Bundle::default();
        bundle.files.insert("botwright.yaml".into(), PROJECT.into());
        bundle.files.insert("parrot/bot.yaml".into(), file.into());
        let project = parse(&bundle).project.unwrap();
        let clock: SharedClock = Arc::new(SystemClock);
        let options = sync::Options { actor: "test".into(), ..sync::Options::default() };
        let desired = sync::Desired::of(&project, None);
        sync::apply(&self.store, &clock, self.actor.account, &desired, &options).await.unwrap();
    }

    /// Stops in good order.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }

    /// The scripted model's next replies.
    pub(crate) fn model_will(&self, lines: impl IntoIterator<Item = Line>) {
        for line in lines {
            self.providers.scripted().push(line);
        }
    }

    pub(crate) async fn say(&self, text: &str) -> Accepted {
        self.say_in(Target::Bot("parrot".into()), text).await
    }

    pub(crate) async fn say_in(&self, target: Target, text: &str) -> Accepted {
        let inbound = Inbound {
            target,
            text: text.into(),
            idempotency_key: None,
            channel: "graphql",
            wishes: None,
            uploads: Vec::new(),
        };
        self.chat.send(&self.actor, inbound).await.unwrap()
    }

    /// Everything that happens in a turn, to its end.
    pub(crate) async fn follow(&self, turn: TurnId) -> Vec<TurnUpdate> {
        let events = self.chat.turn_events(&self.actor, turn, 0).await.unwrap().map(Result::unwrap);
        let all = tokio::time::timeout(Duration::from_secs(60), events.collect::<Vec<_>>()).await;
        let all = all.unwrap_or_else(|_| panic!("the turn does not end within a minute"));
        let mut next = 1;
        for update in &all {
            assert_eq!(update.from_seq, next, "event numbers are contiguous: {all:?}");
            next = update.seq + 1;
        }
        let ends = all.iter().filter(|update| update.what.is_terminal()).count();
        assert!(ends == 1 && all.last().is_some_and(|last| last.what.is_terminal()), "one end: {all:?}");
        all
    }

    /// What a subscriber's screen shows at the end.
    pub(crate) fn shown(updates: &[TurnUpdate]) -> String {
        updates.iter().fold(String::new(), |text, update| match &update.what {
            Update::Text(more) => text + more,
            Update::Restarted { .. } => String::new(),
            _ => text,
        })
    }

    /// The conversation as `who: text` lines.
    pub(crate) async fn transcript(&self, conversation: ConversationId) -> Vec<String> {
        let mut tx = self.store.tenant(self.actor.account).await.unwrap();
        let messages = Message::list_oldest(&mut tx, conversation, 1, i32::MAX, 100_000).await.unwrap();
        tx.commit().await.unwrap();
        let ordinals: Vec<i32> = messages.iter().map(|message| message.ordinal).collect();
        assert_eq!(
            ordinals,
            (1..=i32::try_from(messages.len()).unwrap()).collect::<Vec<_>>(),
            "no gap in the order"
        );
        let who = |role| match role {
            MessageRole::Person => "person",
            MessageRole::Bot => "bot",
            MessageRole::System => "system",
        };
        messages.iter().map(|message| format!("{}: {}", who(message.role), message.text)).collect()
    }
}
