//! People who come by a channel: whoever the channel says that they are.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::{Accounts, Actor, Scope, Scopes};
use crate::error::Result;
use crate::id::AccountId;
use crate::store::{Account, Person};

/// For how long somebody counts as looked up.
const FRESH: Duration = Duration::from_secs(10);
/// More people than this are looked up every time.
const KEPT: usize = 20_000;
/// The longest name that is shown, in characters.
const NAME_CHARACTERS: usize = 64;

/// Somebody as their channel describes them.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// `telegram`.
    pub channel: &'a str,
    /// The channel's own name for them, which never changes.
    pub external_id: &'a str,
    /// How they are called there now.
    pub name: &'a str,
    /// The tag of a language, where the channel knows it.
    pub language: Option<&'a str>,
}

/// Somebody who came a moment ago.
pub(super) struct Known {
    actor: Actor,
    language: Option<String>,
    since: Instant,
}

impl Accounts {
    /// Somebody who came by a channel of the account; made if there is nobody of that handle, renamed if they go
    /// by another name now. They can talk and nothing else.
    pub async fn arrive(&self, account: AccountId, who: Newcomer<'_>) -> Result<Actor> {
        let key = (account, format!("{}:{}", who.channel, who.external_id));
        let name: String = shown(who.name);
        if let Some(actor) = self.known(&key, &name, who.language) {
            return Ok(actor);
        }
        let since = Instant::now();
        let mut tx = self.store.tenant(account).await?;
        let person =
            Person::arrive(&mut tx, who.channel, who.external_id, &name, who.language, self.clock.now())
                .await?;
        let account = Account::current(&mut tx).await?;
        tx.commit().await?;
        let scopes: Scopes = [Scope::Chat, Scope::Read].into_iter().collect();
        let actor = Actor::new(account, person, scopes, key.1.clone(), None);
        let known = Known { actor: actor.clone(), language: who.language.map(str::to_owned), since };
        let mut arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        if arriving.len() >= KEPT {
            arriving.retain(|_, known| known.since.elapsed() < FRESH);
        }
        if arriving.len() < KEPT {
            arriving.insert(key, known);
        }
        Ok(actor)
    }

    fn known(&self, key: &(AccountId, String), name: &str, language: Option<&str>) -> Option<Actor> {
        let arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        let known = arriving.get(key).filter(|known| known.since.elapsed() < FRESH)?;
        let same = known.actor.person_name == name && known.language.as_deref() == language;
        same.then(|| known.actor.clone())
    }
}

/// A name as it is kept: without what hides or breaks lines, never empty, not overlong.
fn shown(name: &str) -> String {
    let kept: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let kept = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept: String = kept.chars().take(NAME_CHARACTERS).collect();
    if kept.is_empty() { "somebody".into() } else { kept }
}
