//! Guests who have long been silent are forgotten, where a bot's file says after how long.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::chat::Chat;
use crate::chat::erase::Eraser;
use crate::error::Result;
use crate::id::AccountId;
use crate::jobs;
use crate::store::{Bot, Person};

/// Who the audit log says it was.
const NAME: &str = "retention";
/// So many guests of a bot in one run; the rest the next day.
const AT_ONCE: i64 = 1_000;

/// The daily job of an account.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Expire {}

impl jobs::Payload for Expire {
    const KIND: &'static str = "chat.expire";
    fn key(&self) -> String {
        String::new()
    }
}

impl Chat {
    /// Erases everything of each guest with each bot of the account whose file says that guests are forgotten,
    /// once they were silent for so long; how many guests that were. A guest is whoever came by a channel and
    /// was given no token: the operator, people with tokens and what was imported stay.
    pub async fn expire_guests(&self, account: AccountId) -> Result<usize> {
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(account).await?;
        let bots = Bot::list(&mut tx).await?;
        let mut due = Vec::new();
        for bot in &bots {
            let live = self.bots().find_by_id(&mut tx, bot.id).await?;
            let days = live.and_then(|live| live.spec.guests_after_days_of_silence);
            let Some(before) = days.and_then(|days| last_moment(now, days)) else { continue };
            let silent = Person::list_silent_guests(&mut tx, bot.id, before, AT_ONCE).await?;
            due.extend(silent.into_iter().map(|person| (bot.id, person)));
        }
        tx.commit().await?;
        for (bot, person) in &due {
            self.erase_all_of(Eraser { account, name: NAME }, *person, Some(*bot)).await?;
        }
        Ok(due.len())
    }
}

fn last_moment(now: DateTime<Utc>, days: u32) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(TimeDelta::days(i64::from(days)))
}
