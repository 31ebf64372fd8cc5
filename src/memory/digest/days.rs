//! The days of a conversation.

use chrono::{DateTime, TimeDelta, Utc};

use crate::dialog::{Spend, Usage};
use crate::id::SummaryId;
use crate::jobs::{Cron, Failure};
use crate::memory::summarize::{Summarizer, count, cut, extract, line, stored, usage};
use crate::memory::told;
use crate::spec;
use crate::store::{Conversation, Message, Summary, SummaryKind, UsageEvent};
use crate::tokens;

const PROMPT: &str = include_str!("prompt.md");
/// Room for a model that thinks before it writes, in tokens, and what a word takes at most.
const THINKING: u32 = 1_500;
const TOKENS_PER_WORD: u32 = 4;
/// Days that lie further back are not made up for: who imports years does not pay for thousands of digests.
const CATCH_UP: TimeDelta = TimeDelta::days(31);
/// So many messages of a day are read at most: the first and the last halves of a longer one.
const MOST_MESSAGES: usize = 600;

/// A digest that was written and not stored yet.
pub(super) struct Draft {
    pub(super) kind: SummaryKind,
    pub(super) since: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    pub(super) from_ordinal: i32,
    pub(super) to_ordinal: i32,
    pub(super) text: String,
    /// `provider/model`.
    pub(super) model: String,
    pub(super) usage: Usage,
}

impl Summarizer {
    /// Writes a digest of every day that ended before `until` and has none yet.
    pub(super) async fn digest_days(
        &self,
        conversation: &Conversation,
        bot: &spec::Bot,
        cron: &Cron,
        until: DateTime<Utc>,
    ) -> Result<(), Failure> {
        loop {
            let mut tx = self.store.tenant(conversation.account_id).await?;
            let first = Message::first_undigested(&mut tx, conversation.id, until - CATCH_UP).await?;
            let Some(first) = first else { return Ok(tx.commit().await?) };
            // A day ends when the schedule comes round.
            let end = cron.next_after(first.sent_at).filter(|end| *end <= until);
            let Some(end) = end else { return Ok(tx.commit().await?) };
            let mut messages =
                Message::list_said_between(&mut tx, conversation.id, first.sent_at, end).await?;
            let long = told::retell(&mut tx, &mut messages).await?;
            tx.commit().await?;
            let (Some(oldest), Some(newest)) = (messages.first(), messages.last()) else { return Ok(()) };
            let (from_ordinal, to_ordinal) = (oldest.ordinal, newest.ordinal);
            if messages.len() > MOST_MESSAGES {
                messages.drain(MOST_MESSAGES / 2..messages.len() - MOST_MESSAGES / 2);
            }
            let words = digest_words(bot);
            let lines: Vec<String> = messages.iter().map(line).filter(|line| !line.is_empty()).collect();
            let (text, model, usage) = match self.tell(conversation, bot, "day", &lines, words).await? {
                Some(told) => told,
                None => {
                    messages.retain(|message| !long.contains(&message.id));
                    (extract("", &messages, words), "offline".into(), Usage::default())
                }
            };
            let kind = SummaryKind::Day;
            let since = first.sent_at;
            let draft = Draft { kind, since, until: end, from_ordinal, to_ordinal, text, model, usage };
            self.store_digest(conversation, draft).await?;
        }
    }

    /// Has a model tell `lines` in so many words: text, model and what it took. None where no model is at hand.
    pub(super) async fn tell(
        &self,
        conversation: &Conversation,
        bot: &spec::Bot,
        span: &str,
        lines: &[String],
        words: usize,
    ) -> Result<Option<(String, String, Usage)>, Failure> {
        let Conversation { account_id: account, bot_id, person_id: person, .. } = *conversation;
        let routes = self.scribe.routes(account, bot).await?;
        if routes.is_empty() || lines.is_empty() {
            return Ok(None);
        }
        let system = PROMPT
            .replace("{{bot}}", &bot.display_name)
            .replace("{{span}}", span)
            .replace("{{words}}", &words.to_string());
        let budget = usize::try_from(bot.model.context_budget).unwrap_or(usize::MAX);
        let room = budget.saturating_sub(tokens::count(&system) + 100);
        let body = format!("<messages>\n{}\n</messages>", fitting(lines, room).join("\n"));
        let most = u32::try_from(words).unwrap_or(u32::MAX).saturating_mul(TOKENS_PER_WORD) + THINKING;
        let written =
            self.scribe.ask(Spend { account, bot: bot_id, person }, routes, system, body, most).await?;
        Ok(Some((cut(&written.text, words), written.model, written.usage)))
    }

    pub(super) async fn store_digest(&self, of: &Conversation, draft: Draft) -> Result<(), Failure> {
        let now = self.clock.now();
        let Draft { kind, since, until, from_ordinal, to_ordinal, text, model, usage: used } = draft;
        let mut tx = self.store.tenant(of.account_id).await?;
        UsageEvent::insert(&tx, &usage(of, &model, &used, now)).await?;
        let summary = Summary {
            account_id: of.account_id,
            id: SummaryId::new(),
            conversation_id: of.id,
            from_ordinal,
            to_ordinal,
            tokens: stored(count(&text)),
            text,
            model,
            created_at: now,
            kind,
            since: Some(since),
            until: Some(until),
        };
        // Somebody else may have been faster: the span is taken once.
        Summary::insert(&mut tx, &summary).await?;
        Ok(tx.commit().await?)
    }
}

/// A day takes half the words of the rolling summary.
fn digest_words(bot: &spec::Bot) -> usize {
    usize::try_from(bot.memory.summarize.words / 2).unwrap_or(usize::MAX).max(40)
}

/// As many of the lines as fit in `room` tokens, from the first on; what is too much is left out in the middle.
fn fitting(lines: &[String], room: usize) -> Vec<&str> {
    let sizes: Vec<usize> = lines.iter().map(|line| tokens::count(line) + 1).collect();
    let (mut front, mut back, mut left) = (0, lines.len(), room);
    while front < back {
        let at = if front <= lines.len() - back { front } else { back - 1 };
        if sizes[at] > left {
            break;
        }
        left -= sizes[at];
        if at == front { front += 1 } else { back -= 1 }
    }
    lines[..front].iter().chain(&lines[back..]).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn a_day_that_is_too_long_keeps_its_morning_and_its_evening() {
        let lines: Vec<String> = (0..10).map(|n| format!("message number {n}")).collect();
        assert_eq!(fitting(&lines, 1_000).len(), 10);
        let kept = fitting(&lines, 22);
        assert_eq!(kept, ["message number 0", "message number 1", "message number 8", "message number 9"]);
        assert!(fitting(&lines, 0).is_empty());
    }
}
