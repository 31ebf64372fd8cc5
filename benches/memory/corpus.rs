//! Conversations with questions, as they are handed in.

use std::fs;
use std::path::Path;

use botwright::tokens;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) sessions: Vec<Session>,
    pub(crate) questions: Vec<Question>,
}

#[derive(Deserialize)]
pub(crate) struct Session {
    pub(crate) timestamp: String,
    /// The line with its date, and what that takes.
    #[serde(default)]
    header: Option<String>,
    #[serde(default)]
    header_tokens: Option<usize>,
    pub(crate) turns: Vec<Turn>,
}

#[derive(Deserialize)]
pub(crate) struct Turn {
    pub(crate) id: String,
    pub(crate) speaker: String,
    pub(crate) timestamp: String,
    pub(crate) text: String,
}

#[derive(Deserialize)]
pub(crate) struct Question {
    pub(crate) id: String,
    pub(crate) category: String,
    pub(crate) question: String,
    pub(crate) evidence: Vec<String>,
}

/// Every `.json` file of the folder, by name.
pub(crate) fn load(folder: &Path) -> Vec<Conversation> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    files.iter().map(read).collect()
}

impl Conversation {
    pub(crate) fn turns(&self) -> impl Iterator<Item = &Turn> {
        self.sessions.iter().flat_map(|session| &session.turns)
    }

    /// As `botwright import` takes it.
    pub(crate) fn lines(&self) -> String {
        let line = |turn: &Turn| {
            let Turn { id, speaker, timestamp, text } = turn;
            format!("{}\n", json!({ "id": id, "at": timestamp, "speaker": speaker, "text": text }))
        };
        self.turns().map(line).collect()
    }
}

impl Session {
    pub(crate) fn header_tokens(&self) -> usize {
        let line = || tokens::count(self.header.as_deref().unwrap_or(&self.timestamp)) + 1;
        self.header_tokens.unwrap_or_else(line)
    }
}

impl Turn {
    pub(crate) fn tokens(&self) -> usize {
        tokens::count(&format!("{}: {}\n", self.speaker, self.text))
    }
}
