//! A server whose bot stands on the emulator, and somebody who talks to it.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use botwright::clock::SystemClock;
use botwright::secrets::{MasterKey, Secrets};
use botwright::store::{Account, Store};

use crate::harness::telegram::{Bot, Chat, Person, Telegram};
use crate::harness::world::{Bots, Plan, World};

const PARROT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n\
    memory: {facts: {extract: false}}\n";
/// How long the server may take to see what was written to it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How what people write reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Polling,
    Webhook,
}

pub(super) struct Stage {
    pub(super) telegram: Telegram,
    pub(super) world: World,
    pub(super) bot: Bot,
    pub(super) ann: Person,
    /// Ann's with the bot.
    pub(super) chat: Chat,
}

impl Stage {
    /// `keys` stand below `channels.telegram` in the bot's file: `access: {default: open}`, say.
    pub(super) async fn begin(keys: &str) -> Self {
        Self::with(Mode::Polling, keys, "").await
    }

    /// The same; `more` stands below everything in the bot's file.
    pub(super) async fn with(mode: Mode, keys: &str, more: &str) -> Self {
        Self::on(Telegram::start().await, mode, keys, more).await
    }

    /// The same, on a service that some are on already.
    pub(super) async fn on(telegram: Telegram, mode: Mode, keys: &str, more: &str) -> Self {
        Self::of((telegram, mode), PARROT, (keys, more), Vec::new()).await
    }

    /// The same with another model, and more in the environment.
    pub(super) async fn thinking(
        mode: Mode,
        model: &str,
        keys: &str,
        variables: Vec<(String, String)>,
    ) -> Self {
        let parrot = PARROT.replace("{use: scripted}", model);
        Self::of((Telegram::start().await, mode), &parrot, (keys, ""), variables).await
    }

    async fn of(
        (telegram, mode): (Telegram, Mode),
        parrot: &str,
        (keys, more): (&str, &str),
        variables: Vec<(String, String)>,
    ) -> Self {
        telegram.without_limits();
        let bot = telegram.bot("7:secret", "parrot_bot");
        let ann = telegram.person("Ann");
        let chat = telegram.private(&ann, &bot);
        let way = if mode == Mode::Webhook { "webhook" } else { "polling" };
        let file = format!(
            "{parrot}channels: {{telegram: {{token: {{secret: PARROT_TOKEN}}, mode: {way}, {keys}}}}}\n{more}"
        );
        let mut plan = Plan {
            bots: Bots::Written(vec![("parrot".into(), file)]),
            variables: vec![
                ("TELEGRAM_API_URL".into(), telegram.url()),
                ("TELEGRAM_LIMITS".into(), "false".into()),
            ],
            ..Plan::default()
        };
        plan.variables.extend(variables);
        if mode == Mode::Webhook {
            plan.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            plan.variables.push(("PUBLIC_URL".into(), format!("http://127.0.0.1:{}", plan.port)));
        }
        let world = World::with(plan).await;
        set_token(&world, "PARROT_TOKEN", &bot.token).await;
        let stage = Self { telegram, world, bot, ann, chat };
        // The way that was asked for, and no other.
        let (used, unused) = match mode {
            Mode::Polling => ("getupdates", "setwebhook"),
            Mode::Webhook => ("setwebhook", "getupdates"),
        };
        stage.until("it listens", |stage| stage.asked(used) > 0).await;
        assert_eq!(stage.asked(unused), 0);
        stage
    }

    /// How often a method was called: `sendmessage`, say.
    pub(super) fn asked(&self, method: &str) -> usize {
        self.telegram.calls().iter().filter(|call| call.method == method).count()
    }

    pub(super) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !is_so(self) {
            assert!(since.elapsed() < PATIENCE, "{what}: not yet");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until everything that was written so far was taken in.
    pub(super) async fn heard(&self) {
        self.until("everything is taken in", |stage| stage.bot.waiting() == 0).await;
    }

    /// What the model heard last, with all that stood before it.
    pub(super) fn prompt(&self) -> String {
        format!("{:?}", self.world.model_heard().last().unwrap())
    }

    /// The model will say it, a word every `delay_ms`.
    pub(super) fn model_will_say_slowly(&self, text: &str, delay_ms: u64) {
        use botwright::providers::scripted::Line;
        self.world.model_will(Line { delay_ms, ..Line::say(text.to_owned()) });
    }
}

/// Sets a secret of the operator's account, as another process would.
async fn set_token(world: &World, name: &str, token: &str) {
    let store = Store::connect(world.database.url(), 4).await.unwrap();
    let key = MasterKey::parse(&"11".repeat(32).into()).unwrap();
    let mut tx = store.system().await.unwrap();
    let account = Account::find_by_name(&mut tx, "default").await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let secrets = Secrets::new(store, Arc::new(SystemClock), key);
    secrets.put(account.id, "test", name, token.into()).await.unwrap();
}
