//! A chat, and what people do in it.

mod doing;
mod telling;

use std::time::Duration;

pub(crate) use doing::Letter;

use crate::harness::telegram::journal::Call;
use crate::harness::telegram::state::{Key, Message, State};
use crate::harness::telegram::transcript::Transcript;
use crate::harness::telegram::{PATIENCE, Telegram};

#[derive(Clone)]
pub(crate) struct Chat {
    pub(super) telegram: Telegram,
    pub(super) key: Key,
}

impl Chat {
    /// As bots call it: the person's id in private, less than zero in groups.
    pub(crate) fn id(&self) -> i64 {
        self.key.id()
    }

    pub(crate) fn transcript(&self) -> Transcript {
        Transcript::of(self.telegram.inner.lock().chat(self.key))
    }

    /// Waits until the chat is as it should be. Fails after half a minute, and says how it is.
    pub(crate) async fn wait_for(&self, so: impl Fn(&Transcript) -> bool) -> Transcript {
        let waited = self.within(PATIENCE, so).await;
        waited.unwrap_or_else(|| {
            panic!("the chat does not become what it should; it is\n{}", self.transcript())
        })
    }

    /// Waits until the chat is as it should be, but no longer than this.
    pub(crate) async fn within(
        &self,
        patience: Duration,
        so: impl Fn(&Transcript) -> bool,
    ) -> Option<Transcript> {
        let mut changed = self.telegram.inner.lock().chat(self.key).changed.subscribe();
        let end = tokio::time::Instant::now() + patience;
        loop {
            changed.mark_unchanged();
            let transcript = self.transcript();
            if so(&transcript) {
                return Some(transcript);
            }
            tokio::time::timeout_at(end, changed.changed()).await.ok()?.ok()?;
        }
    }

    /// The text of the document that hangs on a message.
    pub(crate) fn document_of(&self, message: i64) -> String {
        let mut state = self.telegram.inner.lock();
        let file = state.chat(self.key).message(message).unwrap().more["document"]["file_id"].clone();
        String::from_utf8(state.files[file.as_str().unwrap()].clone()).unwrap()
    }

    /// The latest calls that named this chat.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let state = self.telegram.inner.lock();
        state.journal.calls().filter(|call| call.chat == Some(self.key)).cloned().collect()
    }

    /// Lays something into the chat and tells the bots.
    fn put(&self, state: &mut State, message: Message, kind: &str) -> i64 {
        let id = state.chat(self.key).add(message);
        self.tell(state, id, kind);
        id
    }
}
