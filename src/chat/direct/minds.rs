//! Which models a bot is answered by, kept for a moment: to find that out takes several questions to the
//! database, and the same bot is asked again and again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::chat::bots::LiveBot;
use crate::chat::engine::Engine;
use crate::error::Result;
use crate::id::{AccountId, RevisionId};
use crate::providers::Route;

/// For how long. A key that was changed takes as long to be felt, and is forgotten here after it.
const KEPT: Duration = Duration::from_secs(2);

/// The routes of bots that were asked a moment ago. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::chat) struct Minds(Arc<Mutex<HashMap<RevisionId, Vec<Route>>>>);

impl Minds {
    pub(in crate::chat) async fn routes(
        &self,
        engine: &Engine,
        account: AccountId,
        live: &LiveBot,
    ) -> Result<Vec<Route>> {
        if let Some(routes) = self.lock().get(&live.revision) {
            return Ok(routes.clone());
        }
        let (routes, _) = engine.mind_of(account, &live.spec).await?;
        self.lock().insert(live.revision, routes.clone());
        // Forgotten by a timer and not when somebody looks: the routes hold keys.
        let (minds, revision) = (self.clone(), live.revision);
        tokio::spawn(async move {
            sleep(KEPT).await;
            minds.lock().remove(&revision);
        });
        Ok(routes)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RevisionId, Vec<Route>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
