//! Handing a memory over: every message with its versions, every summary and every fact with its sources and its
//! history, a line of JSON each.
//!
//! `botwright import` reads the same file. What it would say again, it takes: messages
//! (`{"id","at","speaker","role","text"}`) and the newest summary (`{"summary","at"}`). The rest has the role
//! `system`, which it passes over: facts, older summaries, replies whose place another took.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::accounts::{Actor, Scope};
use crate::chat::inbound::unknown_bot;
use crate::chat::{Chat, may_see};
use crate::error::{Error, Result};
use crate::id::{AccountId, ConversationId, FactId, MessageId};
use crate::store::{
    Conversation, Fact, FactSource, FactVersion, FormerText, Message, MessageRole, Summary, SummaryKind,
    Tenant,
};

/// So many messages are read at once.
const PAGE: i64 = 1_000;

/// How much was handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    pub conversations: usize,
    pub messages: usize,
    pub summaries: usize,
    pub facts: usize,
}

impl Chat {
    /// What the actor said to the bot of a conversation and it to them, in all their private conversations, and
    /// what it knows of them; of a conversation that is not their own, that one.
    ///
    /// # Errors
    /// `NotFound` unless there is such a conversation and the actor may see it.
    pub async fn export_own(&self, actor: &Actor, conversation: ConversationId) -> Result<String> {
        let mut tx = self.engine.store.reading(actor.account).await?;
        let found = Conversation::find(&tx, conversation).await?;
        let here = found
            .filter(|found| may_see(actor, found))
            .ok_or_else(|| Error::not_found("no such conversation"))?;
        let mut all = vec![here];
        if all[0].person_id == Some(actor.person) {
            all = Conversation::list_with(&mut tx, actor.person, Some(all[0].bot_id)).await?;
            all.retain(|conversation| conversation.person_id == Some(actor.person));
        }
        tx.commit().await?;
        let mut lines = String::new();
        let mut write = |line: Value| {
            lines.push_str(&line.to_string());
            lines.push('\n');
            Ok(())
        };
        for conversation in &all {
            self.export_one(actor.account, conversation, &mut write).await?;
        }
        Ok(lines)
    }

    /// Everything that a bot, or (`None`) every bot of the account, was told and said and keeps. `write` is given
    /// a line at a time, conversation by conversation.
    ///
    /// # Errors
    /// `Forbidden` without the scope `admin`; `NotFound` for a bot that does not exist; what `write` says.
    pub async fn export_memory(
        &self,
        actor: &Actor,
        bot: Option<&str>,
        mut write: impl FnMut(Value) -> Result<()> + Send,
    ) -> Result<Exported> {
        actor.require(Scope::Admin)?;
        let bot = match bot {
            Some(name) => {
                let live = self.bots().find(actor.account, name).await?;
                Some(live.ok_or_else(|| unknown_bot(name))?.bot.id)
            }
            None => None,
        };
        let mut sum = Exported::default();
        let mut after = None;
        loop {
            let mut tx = self.engine.store.reading(actor.account).await?;
            let page = Conversation::list_all_after(&mut tx, None, after, PAGE).await?;
            tx.commit().await?;
            let Some(last) = page.last() else { return Ok(sum) };
            after = Some(last.id);
            for conversation in page.iter().filter(|found| bot.is_none_or(|bot| found.bot_id == bot)) {
                let part = self.export_one(actor.account, conversation, &mut write).await?;
                sum.conversations += 1;
                sum.messages += part.messages;
                sum.summaries += part.summaries;
                sum.facts += part.facts;
            }
        }
    }

    async fn export_one(
        &self,
        account: AccountId,
        conversation: &Conversation,
        write: &mut (impl FnMut(Value) -> Result<()> + Send),
    ) -> Result<Exported> {
        let mut sum = Exported::default();
        let mut after = 0;
        loop {
            let mut tx = self.engine.store.reading(account).await?;
            let page = Message::list_standing(&mut tx, conversation.id, None, after, PAGE).await?;
            let ids: Vec<MessageId> = page.iter().map(|message| message.id).collect();
            let versions = FormerText::list(&mut tx, &ids).await?;
            tx.commit().await?;
            let Some(last) = page.last() else { break };
            after = last.ordinal;
            sum.messages += page.len();
            for message in &page {
                write(of_message(message, &versions))?;
            }
        }
        let mut tx = self.engine.store.reading(account).await?;
        let told = Summary::list_since(&mut tx, conversation.id, 0).await?;
        let mut told = Summary::list_by_ids(&mut tx, &told).await?;
        let (facts, sources, versions) = facts_of(&mut tx, conversation.id).await?;
        tx.commit().await?;
        told.sort_unstable_by_key(|summary| (summary.to_ordinal, summary.id));
        let newest =
            told.iter().rfind(|summary| summary.kind == SummaryKind::Rolling).map(|newest| newest.id);
        for summary in told.iter().filter(|summary| !summary.text.is_empty()) {
            write(of_summary(summary, Some(summary.id) == newest))?;
            sum.summaries += 1;
        }
        for fact in &facts {
            write(of_fact(fact, &sources, &versions))?;
            sum.facts += 1;
        }
        Ok(sum)
    }
}

async fn facts_of(
    tx: &mut Tenant,
    conversation: ConversationId,
) -> Result<(Vec<Fact>, Vec<FactSource>, Vec<FactVersion>)> {
    let ids: Vec<FactId> = Fact::list_learned_in(tx, conversation).await?;
    let mut facts = Fact::list_by_ids(tx, &ids).await?;
    facts.sort_unstable_by_key(|fact| fact.id);
    let sources = Fact::list_sources(tx, &ids).await?;
    let mut versions = Vec::new();
    for id in &ids {
        versions.extend(Fact::list_versions(tx, *id).await?);
    }
    Ok((facts, sources, versions))
}

fn of_message(message: &Message, versions: &[FormerText]) -> Value {
    let role = match message.role {
        MessageRole::Person => "person",
        MessageRole::Bot if message.superseded_by.is_none() => "bot",
        MessageRole::Bot | MessageRole::System => "system",
    };
    let mut line = json!({
        "id": message.id, "at": message.sent_at, "speaker": message.author, "role": role, "text": message.text,
        "conversation": message.conversation_id,
    });
    if let Some(by) = message.superseded_by {
        line["supersededBy"] = json!(by);
    }
    let former = versions.iter().filter(|version| version.message_id == message.id);
    let former: Vec<Value> =
        former.map(|version| of_version(version.version, &version.text, version.at)).collect();
    if !former.is_empty() {
        line["editedAt"] = json!(message.edited_at);
        line["versions"] = Value::Array(former);
    }
    line
}

fn of_version(version: i32, text: &str, at: DateTime<Utc>) -> Value {
    json!({ "version": version, "text": text, "at": at })
}

fn of_summary(summary: &Summary, is_newest: bool) -> Value {
    let mut line = json!({
        "id": summary.id, "at": summary.created_at, "conversation": summary.conversation_id,
        "kind": summary.kind.as_str(), "from": summary.from_ordinal, "to": summary.to_ordinal,
        "since": summary.since, "until": summary.until, "model": summary.model,
    });
    if is_newest {
        line["summary"] = json!(summary.text);
    } else {
        line["role"] = json!("system");
        line["text"] = json!(summary.text);
    }
    line
}

fn of_fact(fact: &Fact, sources: &[FactSource], versions: &[FactVersion]) -> Value {
    let sources = sources.iter().filter(|source| source.fact_id == fact.id);
    let sources: Vec<MessageId> = sources.map(|source| source.message_id).collect();
    let versions = versions.iter().filter(|version| version.fact_id == fact.id).map(|version| {
        let FactVersion { account_id: _, fact_id: _, version, action, by, text, importance, state, at } =
            version;
        json!({
            "version": version, "action": action.as_str(), "by": by.as_str(), "text": text,
            "importance": importance, "state": state.as_str(), "at": at,
        })
    });
    json!({
        "id": fact.id, "at": fact.said_at, "role": "system", "kind": "fact", "about": fact.about,
        "text": fact.text, "conversation": fact.conversation_id, "importance": fact.importance,
        "state": fact.state.as_str(), "supersededBy": fact.superseded_by, "sources": sources,
        "versions": versions.collect::<Vec<_>>(),
    })
}
