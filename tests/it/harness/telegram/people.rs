//! Those who meet on Telegram.

use serde_json::Value;

use crate::harness::telegram::Telegram;
use crate::harness::telegram::state::BotState;

/// Somebody with an account.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(super) user: Value,
}

/// A bot as its owner sees it in BotFather.
#[derive(Clone)]
pub(crate) struct Bot {
    pub(super) telegram: Telegram,
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) username: String,
}

impl Bot {
    /// Turns privacy mode off: it hears everything in its groups.
    pub(crate) fn hear_all(&self) {
        self.change(|bot| bot.hears_all = true);
    }

    /// The token is no good any more.
    pub(crate) fn revoke(&self) {
        self.telegram.inner.lock().bots.remove(&self.token);
    }

    /// Updates that were not acknowledged yet.
    pub(crate) fn waiting(&self) -> usize {
        self.change(|bot| bot.queue.waiting.len())
    }

    /// Whether somebody asks for its updates just now.
    pub(crate) fn is_polled(&self) -> bool {
        self.change(|bot| bot.queue.polls > 0)
    }

    /// How often two programs polled at once.
    pub(crate) fn conflicts(&self) -> usize {
        self.change(|bot| bot.queue.conflicts)
    }

    /// Ids of updates go on from elsewhere, as they do after a quiet week.
    pub(crate) fn restart_update_ids(&self, next: i64) {
        self.change(|bot| bot.queue.restart_ids(next));
    }

    /// An update of any kind, whatever it holds.
    pub(crate) fn update(&self, kind: &str, content: Value) {
        self.change(|bot| bot.queue.push(None, kind, content));
    }

    /// What the bot calls its commands, for the default scope in a language (`""`: any).
    pub(crate) fn commands(&self, language: &str) -> Vec<String> {
        let whose = format!("{{\"type\":\"default\"}} {language}");
        let commands = self.change(|bot| bot.commands.get(&whose).cloned().unwrap_or_default());
        let names = commands.as_array().into_iter().flatten();
        names.filter_map(|command| command["command"].as_str().map(str::to_owned)).collect()
    }

    fn change<T>(&self, change: impl FnOnce(&mut BotState) -> T) -> T {
        change(self.telegram.inner.lock().bots.get_mut(&self.token).unwrap())
    }
}
