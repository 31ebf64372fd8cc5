//! The index as its callers see it, on a real disk.

mod disk;
mod finding;
mod languages;
mod recalling;
mod scoring;
mod walls;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::id::{AccountId, BotId, ConversationId, MessageId, PersonId};
use crate::search::{Change, Document, Group, Hit, Index, Kind, Query, Scope, Writer};

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("botwright-search-{}", MessageId::new()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An index with one chat in it.
struct Chat {
    index: Index,
    writer: Writer,
    scope: Scope,
    _folder: Folder,
}

/// Where a chat is held.
fn somewhere() -> Scope {
    Scope {
        account: AccountId::new(),
        bot: Some(BotId::new()),
        conversation: Some(ConversationId::new()),
        person: Some(PersonId::new()),
    }
}

fn day(text: &str) -> DateTime<Utc> {
    format!("{text}T12:00:00Z").parse().unwrap()
}

/// The documents of a chat: one line each, `speaker: text`, a minute apart; `# 2026-05-07` starts a new day.
fn lines(scope: &Scope, chat: &str) -> Vec<Document> {
    let mut at = day("2026-01-01");
    let mut said: Vec<(DateTime<Utc>, &str, &str)> = Vec::new();
    for line in chat.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match (line.strip_prefix("# "), line.split_once(": ")) {
            (Some(date), _) => at = day(date),
            (None, Some((speaker, text))) => {
                said.push((at, speaker, text));
                at += TimeDelta::minutes(1);
            }
            (None, None) => panic!("`{line}` is no line of a chat"),
        }
    }
    let around = |at: usize, width: usize| {
        let near = &said[at.saturating_sub(width)..(at + width + 1).min(said.len())];
        let same_day = near.iter().filter(|(when, ..)| (*when - said[at].0).abs() < TimeDelta::hours(6));
        same_day.map(|(.., text)| *text).collect::<Vec<_>>().join("\n")
    };
    let document = |(number, (at, speaker, text)): (usize, &(DateTime<Utc>, &str, &str))| Document {
        account: scope.account,
        bot: scope.bot.unwrap(),
        conversation: scope.conversation.unwrap(),
        person: scope.person,
        kind: Kind::Message,
        id: MessageId::new().0,
        ordinal: number as i64 + 1,
        at: *at,
        role_is_bot: *speaker == "Bot",
        speaker: (*speaker).to_owned(),
        text: (*text).to_owned(),
        context_2: around(number, 2),
        context_5: around(number, 5),
    };
    said.iter().enumerate().map(document).collect()
}

fn puts(documents: &[Document]) -> Vec<Change> {
    documents.iter().cloned().map(Change::Put).collect()
}

fn query(scope: &Scope, text: &str) -> Query {
    Query {
        scope: *scope,
        text: text.to_owned(),
        asker: None,
        participants: vec!["Olena".into(), "Bot".into()],
        before: None,
        groups: vec![Group { kinds: &[Kind::Message, Kind::Summary], limit: 10 }],
    }
}

fn ids(hits: &[Hit]) -> Vec<Uuid> {
    hits.iter().map(|hit| hit.id).collect()
}

impl Chat {
    fn new(chat: &str) -> Self {
        let folder = Folder::new();
        let (index, _) = Index::open(folder.path()).unwrap();
        let mut writer = index.writer().unwrap().unwrap();
        let scope = somewhere();
        writer.apply(puts(&lines(&scope, chat))).unwrap();
        writer.commit("1").unwrap();
        Self { index, writer, scope, _folder: folder }
    }

    fn ask(&self, text: &str) -> Vec<Hit> {
        self.index.recall(&query(&self.scope, text)).unwrap()
    }

    /// The ordinal of the best hit.
    fn best(&self, text: &str) -> Option<i64> {
        self.ask(text).first().map(|hit| hit.ordinal)
    }
}
