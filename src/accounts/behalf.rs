//! Speaking for others: an app with one token, and the people who use it.

use crate::accounts::{Accounts, Actor, Scope, Scopes, tokens};
use crate::error::Result;
use crate::store::Person;

/// The longest name that is shown, in characters.
const SHOWN_CHARACTERS: usize = 64;

impl Accounts {
    /// Somebody by a handle such as `telegram:12345`, or by a name, as tokens know them; made if there is none.
    ///
    /// # Errors
    /// `Forbidden` without [`Scope::Admin`]; `Invalid` for a name that is empty or overlong.
    pub async fn find_or_make_person(&self, actor: &Actor, handle: &str) -> Result<Person> {
        actor.require(Scope::Admin)?;
        let (channel, external_id) = handle.split_once(':').unwrap_or((tokens::CHANNEL, handle));
        let name = tokens::checked_name(external_id, "a person")?;
        let mut tx = self.store.tenant(actor.account).await?;
        let person = Person::find_or_create(&mut tx, channel, &name, &name, self.clock.now()).await?;
        tx.commit().await?;
        Ok(person)
    }

    /// The person whom the caller calls `name` on `channel`, who is made if there is none. They can talk and
    /// nothing else, whatever the caller may do.
    ///
    /// Names are the caller's own: callers who act as different people never mean the same person by them.
    pub async fn on_behalf(&self, actor: &Actor, channel: &str, name: &str) -> Result<Actor> {
        actor.require(Scope::Chat)?;
        let handle = format!("{}:{name}", actor.person);
        let shown: String = name.trim().chars().take(SHOWN_CHARACTERS).collect();
        let mut tx = self.store.tenant(actor.account).await?;
        let person = Person::find_or_create(&mut tx, channel, &handle, &shown, self.clock.now()).await?;
        tx.commit().await?;
        let scopes: Scopes = [Scope::Chat].into_iter().collect();
        Ok(actor.speaking_for(person, scopes))
    }
}
