//! A plan in a file, with the bot files in it: it is applied without a checkout, exactly as it was shown.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::planned::Planned;
use crate::error::{Error, Result};
use crate::spec::Bundle;
use crate::sync::{FORMAT_VERSION, Missing, Plan, Policy};

/// The plan as it is saved. `docs/plan-format.md` describes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Saved {
    #[serde(flatten)]
    plan: Plan,
    options: Allowed,
    bundle: Bundle,
}

/// What the apply was allowed when it was planned.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Allowed {
    prune: bool,
    prune_limit: Option<usize>,
    past_hold: bool,
}

impl Saved {
    pub(super) fn of(planned: Planned) -> Self {
        let Planned { bundle, policy, provenance: _, plan } = planned;
        let options = Allowed {
            prune: policy.missing == Missing::Prune,
            prune_limit: policy.prune_limit,
            past_hold: policy.past_hold,
        };
        Self { plan, options, bundle }
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(Error::internal)?;
        fs::write(path, text)
            .map_err(|error| Error::unavailable(format!("`{}` cannot be written: {error}", path.display())))
    }

    /// Reads a saved plan back.
    pub(super) fn read(path: &Path) -> Result<Planned> {
        let shown = path.display();
        let text = fs::read(path)
            .map_err(|error| Error::unavailable(format!("`{shown}` cannot be read: {error}")))?;
        let value: Value = serde_json::from_slice(&text)
            .map_err(|error| Error::invalid(format!("`{shown}` is no JSON: {error}")))?;
        let version = value.get("formatVersion").and_then(Value::as_str).unwrap_or_default();
        if version.split('.').next() != FORMAT_VERSION.split('.').next() {
            return Err(Error::invalid(format!(
                "`{shown}` is no plan that this version can apply: its format is `{version}`, and `{FORMAT_VERSION}` is known"
            )));
        }
        let Self { plan, options, bundle } = serde_json::from_value(value).map_err(|error| {
            Error::invalid(format!("`{shown}` is no saved plan ({error}): `botwright plan --out` makes one"))
        })?;
        let Allowed { prune, prune_limit, past_hold } = options;
        let missing = if prune { Missing::Prune } else { Missing::Refuse };
        let policy = Policy { missing, prune_limit, past_hold, rewinds: false };
        Ok(Planned { bundle, policy, provenance: plan.provenance.clone(), plan })
    }
}
