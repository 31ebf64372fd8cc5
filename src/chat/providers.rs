//! Which providers an account's bots can ask now, and which of them are in trouble.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::error::Result;
use crate::providers::{BUILT_IN, Keys, Origin};

/// How one provider stands.
#[derive(Debug, Clone)]
pub struct ProviderState {
    /// As bot files write it.
    pub name: String,
    /// Who chose it.
    pub origin: Origin,
    /// What its name alone means; none for a project's own provider.
    pub model: Option<&'static str>,
    /// Whether there is a key for it. Some need none.
    pub has_key: bool,
    /// Failures in a row, as far as this process knows.
    pub failures: u32,
    /// For how long this process still leaves it alone.
    pub resting: Option<Duration>,
}

impl Chat {
    /// The providers that the account can use, or would if they had a key that a bot file names. No key is
    /// opened for that.
    pub async fn providers(&self, actor: &Actor) -> Result<Vec<ProviderState>> {
        actor.require(Scope::Read)?;
        let engine = &self.engine;
        let names = engine.secrets.names(actor.account).await?;
        let keys = if actor.account == engine.operator { Keys::of_operator() } else { Keys::none() };
        let mut found: BTreeMap<String, ProviderState> = BTreeMap::new();
        let state = |name: &str, origin, has_key| {
            let (failures, resting) = engine.providers.trouble(actor.account, name);
            let model = BUILT_IN.iter().find(|known| known.name == name).map(|known| known.model);
            ProviderState { name: name.to_owned(), origin, model, has_key, failures, resting }
        };
        for configured in engine.providers.configured(&keys) {
            let shared = state(&configured.provider, configured.origin, configured.has_key);
            found.insert(configured.provider, shared);
        }
        for known in &BUILT_IN {
            if names.contains(&format!("{}_API_KEY", known.name.to_uppercase())) {
                found.insert(known.name.to_owned(), state(known.name, Origin::Account, true));
            }
        }
        for live in self.bots().list(actor.account).await? {
            for (name, provider) in &live.spec.providers {
                let has_key = provider.secret.as_ref().is_some_and(|secret| names.contains(secret));
                found.insert(name.clone(), state(name, Origin::Account, has_key));
            }
        }
        Ok(found.into_values().collect())
    }
}
