//! A saved plan happens exactly as it was shown, or not at all; whoever is refused hears what intervened.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::store::{Generation, Tenant};
use crate::sync::plan::{Change, Plan, short};

/// How many generations are named.
const NAMED: i64 = 5;

/// Whether what was `planned` is what would happen `now`. Other bots of the source may have changed meanwhile.
pub(super) async fn check(tx: &mut Tenant, planned: &Plan, now: &Plan, allow_rewind: bool) -> Result<()> {
    if planned.source != now.source {
        return Err(Error::conflict(format!(
            "the plan is for `{}`, and these bots belong to `{}`",
            planned.source, now.source
        )));
    }
    // Somebody did it already: what was wanted is so.
    if now.changes.is_empty() && now.settings.is_empty() && planned.desired == now.desired {
        return Ok(());
    }
    let mut reasons = Vec::new();
    let by_address = |plan: &'_ Plan| -> BTreeMap<String, Change> {
        plan.changes.iter().map(|change| (change.address.clone(), change.clone())).collect()
    };
    let (then, would) = (by_address(planned), by_address(now));
    for (address, change) in &then {
        match would.get(address) {
            Some(now) if now == change => {}
            None => reasons.push(format!("{address} is as planned already, or is gone")),
            Some(now) if now.base != change.base => {
                let revision = |change: &Change| change.base.as_ref().map_or(0, |base| base.revision);
                let (then, now) = (revision(change), revision(now));
                reasons.push(format!("{address} was planned on revision {then} and is at revision {now}"));
            }
            Some(_) => reasons.push(format!("{address} would change otherwise than planned")),
        }
    }
    for address in would.keys().filter(|address| !then.contains_key(*address)) {
        reasons.push(format!("{address} would change, and the plan does not say so"));
    }
    if planned.settings != now.settings {
        reasons.push("the project's settings would change otherwise than planned".to_owned());
    }
    if reasons.is_empty() && planned.base.commit != now.base.commit && !allow_rewind {
        let commit = |plan: &Plan| plan.base.commit.as_deref().map_or("none", short).to_owned();
        reasons.push(format!("it was made on commit {}, and {} is active", commit(planned), commit(now)));
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let since = Generation::list_after(tx, &now.source, planned.base.generation, NAMED).await?;
    let since: Vec<String> = since.iter().map(named).collect();
    let since = if since.is_empty() { String::new() } else { format!("; since then: {}", since.join(", ")) };
    Err(Error::conflict(format!("the plan is stale: {}{since}: plan again", reasons.join("; "))))
}

/// `generation 42 (c0ffee123, by token:ci)`
fn named(generation: &Generation) -> String {
    let text = |pointer: &str| generation.provenance.pointer(pointer).and_then(Value::as_str);
    let commit = text("/git/commit").map(|commit| format!("{}, ", short(commit))).unwrap_or_default();
    format!("generation {} ({commit}by {})", generation.number, text("/actor").unwrap_or("somebody"))
}
