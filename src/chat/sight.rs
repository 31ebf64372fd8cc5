//! Seeing: whether a bot's models are shown pictures, and loading those that they are shown.

use std::collections::HashMap;

use crate::chat::bots::LiveBot;
use crate::chat::context::EARLIER;
use crate::chat::engine::Engine;
use crate::chat::load::Loaded;
use crate::chat::{Chat, Picture};
use crate::dialog::{self, PictureKind};
use crate::error::Result;
use crate::id::{AccountId, UploadId};
use crate::providers::Route;
use crate::store::Upload;

/// So much of pictures stands in one request, in bytes: with base64 and words it stays below the 20 MB that Gemini takes
/// (<https://ai.google.dev/gemini-api/docs/image-understanding>).
const MOST_BYTES: usize = 14 << 20;

impl Chat {
    /// Whether the model that most likely answers for a bot is shown pictures.
    pub async fn sees(&self, account: AccountId, live: &LiveBot) -> Result<bool> {
        let engine = &self.engine;
        let routes = engine.minds.routes(engine, account, live).await?;
        Ok(routes.iter().find(|route| route.is_usable()).is_some_and(Route::sees))
    }
}

impl Engine {
    /// Loads the pictures that one of `routes` may be shown: those of the new messages, and the last few of the window.
    /// The transaction ends before anybody looks.
    pub(super) async fn look_at(&self, loaded: &mut Loaded, routes: &[Route]) -> Result<()> {
        loaded.sees = routes.iter().any(|route| route.is_usable() && route.sees());
        if !loaded.sees || loaded.pictures.is_empty() {
            return Ok(());
        }
        let ids = worth_showing(loaded);
        let mut tx = self.store.reading(loaded.conversation.account_id).await?;
        let mut contents: HashMap<UploadId, Vec<u8>> =
            Upload::list_contents(&mut tx, &ids).await?.into_iter().collect();
        tx.commit().await?;
        for picture in &mut loaded.pictures {
            let Some(content) = contents.remove(&picture.id) else { continue };
            let kind = PictureKind::of_content(&content);
            picture.content = kind.map(|kind| dialog::Picture { kind, content: content.into() });
        }
        Ok(())
    }
}

/// The new ones in their order, then the newest of the others, as far as a request holds them.
fn worth_showing(loaded: &Loaded) -> Vec<UploadId> {
    let of = |id| loaded.pictures.iter().filter(move |picture| picture.message == id);
    let new = loaded.inbound.iter().flat_map(|message| of(message.id));
    let earlier: Vec<&Picture> = loaded.window.iter().flat_map(|message| of(message.id)).collect();
    let mut left = MOST_BYTES;
    let mut ids = Vec::new();
    for picture in new.chain(earlier.into_iter().rev().take(EARLIER)) {
        if let Some(rest) = left.checked_sub(picture.size) {
            left = rest;
            ids.push(picture.id);
        }
    }
    ids
}
