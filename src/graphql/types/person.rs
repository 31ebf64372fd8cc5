//! Who is asking, and whom bots talk to.

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::accounts::{self, Actor};
use crate::graphql::ids;
use crate::graphql::scalars::DateTime;
use crate::id::{AccountId, PersonId};
use crate::store;

/// Somebody a bot talks to.
#[derive(Clone)]
pub(in crate::graphql) struct Person {
    pub(in crate::graphql) id: PersonId,
    pub(in crate::graphql) name: String,
    pub(in crate::graphql) language: Option<String>,
}

impl From<store::Person> for Person {
    fn from(row: store::Person) -> Self {
        let store::Person { account_id: _, id, name, language, created_at: _ } = row;
        Self { id, name, language }
    }
}

/// Somebody a bot talks to.
#[Object]
impl Person {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.id)
    }
    /// As they call themselves.
    async fn name(&self) -> &str {
        &self.name
    }
    /// Their language as their channel tells it, a BCP 47 tag such as `uk`.
    async fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }
}

/// The tenant: owns bots, conversations and memories.
#[derive(Clone)]
pub(in crate::graphql) struct Account {
    id: AccountId,
    name: String,
}

impl From<&Actor> for Account {
    fn from(actor: &Actor) -> Self {
        Self { id: actor.account, name: actor.account_name.clone() }
    }
}

/// The tenant: owns bots, conversations and memories.
#[Object]
impl Account {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.id)
    }
    /// Unique on this server.
    async fn name(&self) -> &str {
        &self.name
    }
}

/// What a token allows. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum Scope {
    /// Talk to bots, and read what was talked about.
    Chat,
    /// Read what the account holds and the caller may see.
    Read,
    /// See what a configuration would change.
    ConfigPlan,
    /// Change the configuration.
    ConfigApply,
    /// Everything.
    Admin,
}

impl From<accounts::Scope> for Scope {
    fn from(scope: accounts::Scope) -> Self {
        match scope {
            accounts::Scope::Chat => Self::Chat,
            accounts::Scope::Read => Self::Read,
            accounts::Scope::ConfigPlan => Self::ConfigPlan,
            accounts::Scope::ConfigApply => Self::ConfigApply,
            accounts::Scope::Admin => Self::Admin,
        }
    }
}

/// Whoever is asking: the person as whom the token speaks, and what it allows.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Viewer {
    /// The account that they act in.
    account: Account,
    /// As whom they speak.
    person: Person,
    /// What the token allows.
    scopes: Vec<Scope>,
    /// When the token ends; null if it does not.
    expires_at: Option<DateTime>,
}

impl From<&Actor> for Viewer {
    fn from(actor: &Actor) -> Self {
        Self {
            account: actor.into(),
            person: Person { id: actor.person, name: actor.person_name.clone(), language: None },
            scopes: actor.scopes.iter().map(Scope::from).collect(),
            expires_at: actor.expires_at.map(DateTime),
        }
    }
}
