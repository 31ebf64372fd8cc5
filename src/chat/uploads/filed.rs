//! Files that are too long to be read at once become documents, as messages do.

use tokio::task::spawn_blocking;

use crate::accounts::Actor;
use crate::chat::bots::LiveBot;
use crate::chat::engine::Engine;
use crate::chat::words::MOST_BYTES;
use crate::error::{Error, Result};
use crate::id::UploadId;
use crate::memory::Cut;
use crate::store::{Conversation, Document, Message, Tenant, Upload};

/// Files of so many bytes fit into any prompt.
const SHORT_BYTES: i32 = 600;
/// The share of the room that a file may take to be read whole.
const SHARE: usize = 60;

/// A file that may be too long, cut.
pub(in crate::chat) struct LongFile {
    upload: Upload,
    cut: Cut,
}

impl LongFile {
    /// Those of the actor's files `ids` that may be too long, each cut on a thread where that may take its time. A file
    /// that is larger than the largest message is not cut: its beginning is read.
    pub(in crate::chat) async fn list(engine: &Engine, actor: &Actor, ids: &[UploadId]) -> Result<Vec<Self>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = engine.store.reading(actor.account).await?;
        let mut uploads = Upload::list_by_ids(&mut tx, ids).await?;
        let most = i32::try_from(MOST_BYTES).unwrap_or(i32::MAX);
        uploads.retain(|upload| {
            upload.person_id == actor.person
                && !upload.is_picture()
                && (SHORT_BYTES..=most).contains(&upload.size)
        });
        let mut texts = Vec::with_capacity(uploads.len());
        for upload in uploads {
            // What has not arrived is refused when it is attached.
            if let Some(content) = Upload::content(&mut tx, upload.id).await? {
                texts.push((upload, super::heard::text_of(&content).replace('\0', "\u{fffd}")));
            }
        }
        tx.commit().await?;
        let work = move || {
            let cut = |(upload, text): (Upload, String)| Self { cut: Cut::of(&text), upload };
            texts.into_iter().map(cut).collect()
        };
        spawn_blocking(work).await.map_err(Error::internal)
    }
}

impl Engine {
    /// Makes documents of those files of a message that are too long for the bot.
    pub(in crate::chat) async fn file_away_files(
        &self,
        tx: &mut Tenant,
        live: &LiveBot,
        (conversation, message): (&Conversation, &Message),
        files: Vec<LongFile>,
    ) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let most = self.room(&live.spec, 0) * SHARE / 100;
        for LongFile { upload, cut } in files.into_iter().filter(|file| file.cut.tokens > most) {
            let (document, passages) = cut.into_document_of(conversation, message, &upload);
            Document::put(tx, &document, &passages).await?;
        }
        Ok(())
    }
}
