//! A server whose bot stands on the emulator, and somebody who talks to it.

use super::stories::set_token;
use crate::harness::telegram::{Bot, Chat, Person, Telegram};
use crate::harness::world::{Bots, Plan, World};

const PARROT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n\
    memory: {facts: {extract: false}}\n";

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
        let telegram = Telegram::start().await;
        telegram.without_limits();
        let bot = telegram.bot("7:secret", "parrot_bot");
        let ann = telegram.person("Ann");
        let chat = telegram.private(&ann, &bot);
        let file = format!("{PARROT}channels: {{telegram: {{token: {{secret: PARROT_TOKEN}}, {keys}}}}}\n");
        let plan = Plan {
            bots: Bots::Written(vec![("parrot".into(), file)]),
            variables: vec![
                ("TELEGRAM_API_URL".into(), telegram.url()),
                ("TELEGRAM_LIMITS".into(), "false".into()),
            ],
            ..Plan::default()
        };
        let world = World::with(plan).await;
        set_token(&world, "PARROT_TOKEN", &bot.token).await;
        Self { telegram, world, bot, ann, chat }
    }
}
