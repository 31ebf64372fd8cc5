//! What commands show: the tiers of a memory, as they are now.

use chrono::TimeDelta;

use crate::chat::Chat;
use crate::chat::commands::{Asker, COMMANDS};
use crate::chat::sessions::Session;
use crate::error::Result;
use crate::memory::retell;
use crate::phrases::{self, Language, commands as say};
use crate::store::{Message, MessageRole};

/// So many messages are shown at once.
const SHOWN: usize = 20;
/// So much of each, in characters.
const EXCERPT: usize = 200;
/// What looking through the whole history may bring, in tokens.
const FOUND_TOKENS: u32 = 1_000;

pub(super) fn help(language: Language) -> String {
    let line = |command: &super::Command| format!("{} — {}", command.usage(), command.about(language));
    COMMANDS.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One message on a line: `12 May 2026, 14:03, Olena: My sister lives in Lviv.`
pub(super) fn line(language: Language, message: &Message) -> String {
    let day = phrases::day(language, message.sent_at);
    format!("{day}, {}, {}: {}", message.sent_at.format("%H:%M"), message.author, excerpt(&message.text))
}

fn excerpt(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// How many there are, and the last of them.
fn list(language: Language, messages: &[Message]) -> String {
    let Some(first) = messages.len().checked_sub(1).map(|last| (last + 1).saturating_sub(SHOWN)) else {
        return say::nothing(language).to_owned();
    };
    let mut lines = vec![say::messages(language, messages.len())];
    if first > 0 {
        lines.push(say::the_last(language, SHOWN));
    }
    lines.extend(messages[first..].iter().map(|message| line(language, message)));
    lines.join("\n")
}

impl Chat {
    pub(super) async fn show_context(&self, asker: &Asker<'_>) -> Result<String> {
        let report = self.report_of_nothing(asker.actor, &asker.conversation).await?;
        let mut lines = vec![say::context_size(asker.language, report.total, report.budget)];
        for section in &report.sections {
            let items = section.items.iter().filter(|item| item.included).count();
            lines.push(format!("{}: {} ({items})", section.name, section.tokens));
        }
        Ok(lines.join("\n"))
    }

    pub(super) async fn show_short_term(&self, asker: &Asker<'_>) -> Result<String> {
        Ok(list(asker.language, &self.tiers(asker).await?.1))
    }

    pub(super) async fn show_mid_term(&self, asker: &Asker<'_>) -> Result<String> {
        Ok(list(asker.language, &self.tiers(asker).await?.0))
    }

    /// The mid term and the short term of a conversation, each oldest first.
    async fn tiers(&self, asker: &Asker<'_>) -> Result<(Vec<Message>, Vec<Message>)> {
        let conversation = &asker.conversation;
        let mut tx = self.engine.store.reading(asker.actor.account).await?;
        let live = self.bots().find_by_id(&mut tx, conversation.bot_id).await?;
        let memory = live.map(|live| live.spec.memory.clone()).unwrap_or_default();
        let most = i64::from(memory.mid_term) + i64::from(memory.window.messages);
        let mut newest = Message::list_newest(&tx, conversation.id, 1, i32::MAX, most).await?;
        let summary = self.engine.memory.latest_summary(&tx, conversation.id, i32::MAX).await?;
        retell(&mut tx, &mut newest).await?;
        tx.commit().await?;
        newest.retain(|message| message.role != MessageRole::System && message.erased_at.is_none());
        let hours = conversation.window_hours(memory.window.hours);
        let since = self.engine.clock.now() - TimeDelta::hours(i64::from(hours));
        let most = usize::try_from(memory.window.messages).unwrap_or(usize::MAX);
        let told = summary.map_or(0, |summary| summary.to_ordinal);
        let is_out = |message: &Message| {
            message.ordinal < conversation.window_from.max(told + 1) || message.sent_at < since
        };
        let first = newest.iter().rposition(is_out).map_or(0, |last| last + 1);
        let first = first.max(newest.len().saturating_sub(most));
        // However old they are, the last few stay; but not from before a fresh start.
        let fresh = newest.iter().position(|message| message.ordinal >= conversation.window_from);
        let always = newest.len().saturating_sub(crate::chat::load::WINDOW_ALWAYS);
        let first = first.min(always.max(fresh.unwrap_or(newest.len())));
        let window = newest.split_off(first);
        Ok((newest, window))
    }

    pub(super) async fn show_history(&self, asker: &Asker<'_>, words: &str) -> Result<String> {
        let (language, conversation) = (asker.language, &asker.conversation);
        if words.is_empty() {
            let mut tx = self.engine.store.reading(asker.actor.account).await?;
            let (count, first, last) = Message::extent(&mut tx, conversation.id).await?;
            tx.commit().await?;
            let count = say::messages(language, usize::try_from(count).unwrap_or_default());
            return Ok(match first.zip(last) {
                Some((first, last)) => {
                    let span =
                        say::span(language, &phrases::day(language, first), &phrases::day(language, last));
                    format!("{count}. {span}")
                }
                None => say::nothing(language).to_owned(),
            });
        }
        let found = self.recall_in(asker.actor, conversation, words, FOUND_TOKENS).await?;
        let mut found: Vec<_> = found.into_iter().map(|(found, _)| found).collect();
        if found.is_empty() {
            return Ok(phrases::nothing_found(language).to_owned());
        }
        found.sort_by_key(|found| found.at);
        let shown = found.iter().map(|found| {
            let who = if found.speaker.is_empty() { "—" } else { &found.speaker };
            format!("{}, {who}: {}", phrases::day(language, found.at), excerpt(&found.text))
        });
        Ok(shown.collect::<Vec<_>>().join("\n"))
    }

    pub(super) async fn show_history_context(&self, asker: &Asker<'_>) -> Result<String> {
        let language = asker.language;
        let tx = self.engine.store.reading(asker.actor.account).await?;
        let summary = self.engine.memory.latest_summary(&tx, asker.conversation.id, i32::MAX).await?;
        tx.commit().await?;
        let mut parts = match summary {
            Some(summary) => vec![say::summary(language).to_owned(), summary.text],
            None => vec![say::no_summary(language).to_owned()],
        };
        parts.push(String::new());
        parts.push(self.list_facts(asker).await?);
        Ok(parts.join("\n"))
    }

    /// `None` for a length that there is not.
    pub(super) async fn session(&self, asker: &Asker<'_>, wanted: &str) -> Result<Option<String>> {
        let session = match wanted.to_lowercase().as_str() {
            "" => {
                let mut tx = self.engine.store.reading(asker.actor.account).await?;
                let live = self.bots().find_by_id(&mut tx, asker.conversation.bot_id).await?;
                tx.commit().await?;
                let hours = live.map_or(0, |live| live.spec.memory.window.hours);
                let hours = asker.conversation.window_hours(hours);
                let own = asker.conversation.session_hours.is_some();
                return Ok(Some(say::session(asker.language, hours, own)));
            }
            "short" | "3" | "коротка" | "короткая" => Session::Short,
            "medium" | "6" | "середня" | "средняя" => Session::Medium,
            "long" | "12" | "довга" | "длинная" | "долгая" => Session::Long,
            _ => return Ok(None),
        };
        self.set_session(asker.actor, asker.conversation.id, Some(session)).await?;
        Ok(Some(say::session(asker.language, session.hours(), true)))
    }

    pub(super) async fn show_export(&self, asker: &Asker<'_>) -> Result<String> {
        let lines = self.export_own(asker.actor, asker.conversation.id).await?;
        Ok(say::exported(asker.language, lines.lines().count()))
    }
}
