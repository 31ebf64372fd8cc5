//! What may not have arrived, as whoever runs the account sees it and sends it again.

use serde_json::json;

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::error::{Error, Result};
use crate::id::DeliveryId;
use crate::store::{Audit, Delivery};

/// The most that are listed.
const MOST: i64 = 200;

impl Chat {
    /// Deliveries that failed, and those of which nobody knows whether they arrived; the newest first.
    ///
    /// # Errors
    /// `Forbidden` without the scope `admin`.
    pub async fn undelivered(&self, actor: &Actor) -> Result<Vec<Delivery>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.engine.store.reading(actor.account).await?;
        let found = Delivery::list_unsettled(&mut tx, MOST).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Sends such a delivery once more.
    ///
    /// # Errors
    /// `NotFound` unless there is one; `Conflict` for one that arrived, is on its way or has nothing to send.
    pub async fn resend(&self, actor: &Actor, id: DeliveryId) -> Result<Delivery> {
        actor.require(Scope::Admin)?;
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let found = Delivery::find(&mut tx, id).await?;
        let found = found.ok_or_else(|| Error::not_found("there is no such delivery; list them anew"))?;
        // Another may have sent it since: the statement looks again.
        if !found.is_resendable() || !Delivery::resend(&mut tx, id).await? {
            return Err(Error::conflict(if found.text.is_empty() {
                "the beginning of a reply is not sent again: the whole reply is a delivery of its own"
            } else {
                "it arrived, or is on its way"
            }));
        }
        let (now, detail) = (self.engine.clock.now(), json!({ "was": found.state.as_str() }));
        Audit::record(&mut tx, now, &actor.principal, "delivery.resend", &id.to_string(), detail).await?;
        let queued = Delivery::find(&mut tx, id).await?;
        tx.commit().await?;
        queued.ok_or_else(|| Error::not_found("it was erased meanwhile"))
    }
}
