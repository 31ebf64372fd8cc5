//! Which keys a bot's models are asked with: the account's own sealed ones, and the environment's for the
//! operator's account.

use async_trait::async_trait;

use crate::error::Result;
use crate::id::AccountId;
use crate::memory;
use crate::providers::{BUILT_IN, Endpoint, Keys};
use crate::secrets::Secrets;
use crate::spec;

/// The keys that `model_uses` (`provider/model`, `auto`, …) of this bot may need. A secret that is not set
/// leaves its provider without a key, which the route then says.
pub(super) async fn keys_for(
    secrets: &Secrets,
    account: AccountId,
    is_operator: bool,
    bot: &spec::Bot,
    model_uses: &[&str],
) -> Result<Keys> {
    let mut keys = if is_operator { Keys::of_operator() } else { Keys::none() };
    let needs_none = |name: &&str| matches!(name.split('/').next(), Some("offline" | "scripted"));
    if model_uses.iter().all(needs_none) {
        return Ok(keys);
    }
    for (name, provider) in &bot.providers {
        let key = match &provider.secret {
            Some(secret) => secrets.reveal(account, secret).await?,
            None => None,
        };
        keys.insert(Endpoint { provider: name.clone(), key, base_url: Some(provider.url.clone()) });
    }
    let names = secrets.names(account).await?;
    for built_in in &BUILT_IN {
        let secret = format!("{}_API_KEY", built_in.name.to_uppercase());
        if names.contains(&secret) {
            let key = secrets.reveal(account, &secret).await?;
            keys.insert(Endpoint { provider: built_in.name.into(), key, base_url: None });
        }
    }
    Ok(keys)
}

/// The same keys for the background work of a memory.
#[derive(Clone)]
pub struct Keyring {
    pub secrets: Secrets,
    /// The account that may use the keys of the environment.
    pub operator: AccountId,
}

#[async_trait]
impl memory::Keyring for Keyring {
    async fn keys(&self, account: AccountId, bot: &spec::Bot, model_uses: &[&str]) -> Result<Keys> {
        keys_for(&self.secrets, account, account == self.operator, bot, model_uses).await
    }
}
