//! Whoever is asking.

use chrono::{DateTime, Utc};

use crate::accounts::scopes::{Scope, Scopes};
use crate::error::{Error, Result};
use crate::id::{AccountId, ConversationId, PersonId};
use crate::store::{Account, Person};

/// Somebody who was recognised, the account that they act in, and what they may do there.
///
/// Only this room makes one, so whoever holds an `Actor` knows that its account may be entered.
#[derive(Debug, Clone)]
#[expect(clippy::manual_non_exhaustive, reason = "the other rooms of this crate must not make one either")]
pub struct Actor {
    pub account: AccountId,
    pub account_name: String,
    /// As whom they speak.
    pub person: PersonId,
    pub person_name: String,
    pub scopes: Scopes,
    /// What the audit log calls them, `operator` or `token:<id>`; idempotency keys are theirs by it.
    pub principal: String,
    /// When their token ends. Whoever serves them for long must stop then.
    pub expires_at: Option<DateTime<Utc>>,
    /// A conversation of several in which they speak just now: they may know of it.
    pub present_in: Option<ConversationId>,
    _made_here: (),
}

impl Actor {
    pub(super) fn new(
        account: Account,
        person: Person,
        scopes: Scopes,
        principal: String,
        expires_at: Option<DateTime<Utc>>,
    ) -> Self {
        let Account { id: account, name: account_name, created_at: _ } = account;
        let Person { account_id: _, id: person, name: person_name, language: _, created_at: _ } = person;
        Self {
            account,
            account_name,
            person,
            person_name,
            scopes,
            principal,
            expires_at,
            present_in: None,
            _made_here: (),
        }
    }

    /// Somebody else of the same account, with these scopes, by the same token.
    pub(super) fn speaking_for(&self, person: Person, scopes: Scopes) -> Self {
        let Person { account_id: _, id, name, language: _, created_at: _ } = person;
        Self { person: id, person_name: name, scopes, ..self.clone() }
    }

    /// The same, speaking in a conversation of several: their words came from there.
    #[must_use]
    pub fn present_in(self, conversation: ConversationId) -> Self {
        Self { present_in: Some(conversation), ..self }
    }

    /// `Forbidden`, naming what is missing, unless they may do what `scope` says.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.scopes.allow(scope) {
            return Ok(());
        }
        Err(Error::forbidden(format!(
            "this needs the scope `{scope}`, and the token has {}; make one with `botwright token create --scopes {scope}`",
            self.scopes.in_words()
        )))
    }
}
