//! Going back: an older generation becomes the newest one, and its source waits until somebody looked.

use serde_json::{Value, json};

use crate::clock::SharedClock;
use crate::error::Result;
use crate::id::AccountId;
use crate::store::{Audit, Generation, Hold, Store};
use crate::sync::apply::{Applied, Options, apply_in, current};
use crate::sync::past::Past;
use crate::sync::plan::{Missing, Plan, Policy, plan};

/// What a rollback says of itself.
#[derive(Debug, Default)]
pub struct Back {
    pub source: String,
    /// The generation whose bots are to be active again.
    pub number: i32,
    pub reason: String,
    pub actor: String,
    /// Version of the program, say; the commit is the old generation's.
    pub provenance: Value,
}

/// A rollback goes as far as it has to.
const POLICY: Policy = Policy { missing: Missing::Prune, prune_limit: None, past_hold: false, rewinds: true };

/// What [`rollback`] would do now.
pub async fn plan_rollback(store: &Store, account: AccountId, source: &str, number: i32) -> Result<Plan> {
    let mut tx = store.reading(account).await?;
    let past = Past::load(&mut tx, source, number).await?;
    let desired = past.desired();
    let current = current(&mut tx, &desired).await?;
    tx.commit().await?;
    Ok(plan(&desired, &current, POLICY))
}

/// Makes the bots of an older generation active again, as a new generation, and holds the source: what was
/// turned away from is not applied again until [`resume`] or a newer commit.
pub async fn rollback(store: &Store, clock: &SharedClock, account: AccountId, back: Back) -> Result<Applied> {
    let Back { source, number, reason, actor, provenance } = back;
    let now = clock.now();
    let mut tx = store.tenant(account).await?;
    Generation::lock(&mut tx).await?;
    let past = Past::load(&mut tx, &source, number).await?;
    past.check()?;
    let mut provenance = provenance.as_object().cloned().unwrap_or_default();
    provenance.insert("how".into(), "rollback".into());
    provenance.insert("to".into(), number.into());
    provenance.insert("message".into(), reason.clone().into());
    provenance.insert("git".into(), past.generation.provenance.get("git").cloned().unwrap_or_default());
    let options = Options {
        policy: POLICY,
        planned: None,
        allow_rewind: true,
        keeps_commit: false,
        actor: actor.clone(),
        provenance: provenance.into(),
    };
    let earlier = Hold::find(&mut tx, &source).await?;
    let applied = apply_in(&mut tx, now, &past.desired(), &options).await?;
    if applied.plan.base.generation != applied.generation {
        let hold = Hold {
            account_id: account,
            source: source.clone(),
            generation: applied.generation,
            // What an earlier rollback turned away from stays away.
            commit: earlier.and_then(|hold| hold.commit).or_else(|| applied.plan.base.commit.clone()),
            reason,
            actor: actor.clone(),
            created_at: now,
        };
        Hold::put(&mut tx, &hold).await?;
        let detail = json!({ "to": number, "generation": applied.generation, "reason": hold.reason });
        Audit::record(&mut tx, now, &actor, "config.rollback", &source, detail).await?;
    }
    tx.commit().await?;
    Ok(applied)
}

/// Lets a source go on that was rolled back; `false` if it was not held.
pub async fn resume(
    store: &Store,
    clock: &SharedClock,
    account: AccountId,
    source: &str,
    actor: &str,
) -> Result<bool> {
    let mut tx = store.tenant(account).await?;
    Generation::lock(&mut tx).await?;
    let was_held = Hold::delete(&mut tx, source).await?;
    if was_held {
        Audit::record(&mut tx, clock.now(), actor, "config.resume", source, json!({})).await?;
    }
    tx.commit().await?;
    Ok(was_held)
}
