//! Who is asking: tokens from their making to their end, and the secrets of accounts.

use std::sync::Arc;
use std::time::Duration;

use botwright::accounts::{Accounts, Actor, NewToken, OPERATORS_ACCOUNT, Scope};
use botwright::clock::ManualClock;
use botwright::error::Kind;
use botwright::id::AccountId;
use botwright::secrets::{MasterKey, Secrets};
use botwright::store::{Person, Secret, Store};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use secrecy::{ExposeSecret as _, SecretString};

use crate::harness::cluster::Database;

struct Office {
    database: Database,
    store: Store,
    clock: Arc<ManualClock>,
    accounts: Accounts,
}

impl Office {
    async fn open() -> Self {
        let database = Database::new();
        let store = Store::connect(database.url(), 4).await.unwrap();
        let clock = ManualClock::at(opening());
        let accounts = Accounts::new(store.clone(), clock.clone());
        Self { database, store, clock, accounts }
    }

    /// Another process on the same database.
    fn elsewhere(&self) -> Accounts {
        Accounts::new(self.store.clone(), self.clock.clone())
    }

    async fn operator(&self) -> Actor {
        self.accounts.operator(OPERATORS_ACCOUNT).await.unwrap()
    }

    async fn token(&self, name: &str, scopes: &str) -> SecretString {
        self.accounts.create_token(&self.operator().await, new(name, scopes)).await.unwrap()
    }

    /// The audit log of an account, a line each.
    async fn audit(&self, account: AccountId) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = Text)]
            line: String,
        }
        let mut conn = AsyncPgConnection::establish(self.database.url()).await.unwrap();
        let confine = format!("set role botwright_app; set app.account_id = '{account}'");
        conn.batch_execute(&confine).await.unwrap();
        let query =
            sql_query("select actor || ' ' || action || ' ' || subject as line from audit_log order by id");
        query.load::<Line>(&mut conn).await.unwrap().into_iter().map(|row| row.line).collect()
    }
}

fn opening() -> DateTime<Utc> {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn new(name: &str, scopes: &str) -> NewToken {
    NewToken { name: name.into(), scopes: scopes.parse().unwrap(), person: None, expires_in: None }
}

async fn refusal(accounts: &Accounts, token: &SecretString) -> String {
    let error = accounts.authenticate(token).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthenticated);
    let told = !token.expose_secret().is_empty() && error.chain().contains(token.expose_secret());
    assert!(!told, "the token is told to nobody");
    error.message().to_owned()
}

#[tokio::test]
async fn a_token_opens_its_account_with_its_scopes_and_nothing_more() {
    let office = Office::open().await;
    let operator = office.operator().await;
    let token = office.token("phone", "chat,read").await;
    assert!(token.expose_secret().starts_with("bw_"));
    assert_eq!(token.expose_secret().len(), "bw_".len() + 43);

    let actor = office.accounts.authenticate(&token).await.unwrap();
    assert_eq!((actor.account, actor.person), (operator.account, operator.person));
    assert_eq!(actor.account_name, "default");
    assert!(actor.principal.starts_with("token:"));
    assert!(actor.require(Scope::Chat).is_ok() && actor.require(Scope::Read).is_ok());
    let error = actor.require(Scope::ConfigApply).unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
    assert!(error.message().contains("needs the scope `config:apply`, and the token has `chat,read`"));

    // A token is not for making tokens.
    let error = office.accounts.create_token(&actor, new("more", "admin")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
    assert_eq!(office.accounts.list_tokens(&actor).await.unwrap_err().kind(), Kind::Forbidden);
    assert_eq!(office.accounts.revoke_token(&actor, "phone").await.unwrap_err().kind(), Kind::Forbidden);
}

#[tokio::test]
async fn the_operator_is_the_same_every_time_and_another_in_every_account() {
    let office = Office::open().await;
    let many = (0..8).map(|_| office.accounts.operator("acme"));
    let actors = futures_util::future::try_join_all(many).await.unwrap();
    assert!(
        actors.iter().all(|actor| (actor.account, actor.person) == (actors[0].account, actors[0].person))
    );
    assert!(actors[0].require(Scope::Admin).is_ok());
    assert_eq!(actors[0].principal, "operator");
    let other = office.operator().await;
    assert!(other.account != actors[0].account && other.person != actors[0].person);
    let error = office.accounts.operator("No such name!").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
}

#[tokio::test]
async fn a_token_that_ended_says_how_to_go_on() {
    let office = Office::open().await;
    let operator = office.operator().await;
    let short = NewToken { expires_in: Some(TimeDelta::hours(1)), ..new("short", "chat") };
    let short = office.accounts.create_token(&operator, short).await.unwrap();
    office.clock.advance(TimeDelta::minutes(59));
    assert!(office.accounts.authenticate(&short).await.is_ok());
    // It is in the cache now, and ends there too.
    office.clock.advance(TimeDelta::minutes(1));
    let words = refusal(&office.accounts, &short).await;
    assert_eq!(
        words,
        "this token expired on 2026-11-20 at 11:00 UTC; make a new one with `botwright token create`"
    );
    assert_eq!(refusal(&office.elsewhere(), &short).await, words);

    let lost = office.token("lost", "chat").await;
    let elsewhere = office.elsewhere();
    assert!(office.accounts.authenticate(&lost).await.is_ok());
    assert!(elsewhere.authenticate(&lost).await.is_ok());
    assert_eq!(office.accounts.revoke_token(&operator, "lost").await.unwrap(), 1);
    let revoked = refusal(&office.accounts, &lost).await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(refusal(&elsewhere, &lost).await, revoked);
    let unknown = SecretString::from(format!("bw_{}", "A".repeat(43)));
    assert_eq!(refusal(&office.accounts, &unknown).await, revoked);
    for nonsense in ["", "sk-123", "Bearer bw_x"] {
        let words = refusal(&office.accounts, &SecretString::from(nonsense)).await;
        assert!(words.contains("they begin with `bw_`"), "{words}");
    }
}

#[tokio::test]
async fn tokens_are_listed_and_revoked_within_their_account_only() {
    let office = Office::open().await;
    let (ours, theirs) = (office.operator().await, office.accounts.operator("theirs").await.unwrap());
    let token = office.token("ci", "config:apply").await;
    office.token("ci", "config:plan").await;
    assert!(office.accounts.list_tokens(&theirs).await.unwrap().is_empty());
    let error = office.accounts.revoke_token(&theirs, "ci").await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    let id = office.accounts.list_tokens(&ours).await.unwrap()[0].id.to_string();
    assert_eq!(office.accounts.revoke_token(&theirs, &id).await.unwrap_err().kind(), Kind::NotFound);
    assert!(office.accounts.authenticate(&token).await.is_ok());

    assert_eq!(office.accounts.revoke_token(&ours, &id).await.unwrap(), 1);
    assert_eq!(office.accounts.revoke_token(&ours, "ci").await.unwrap(), 1);
    assert_eq!(office.accounts.revoke_token(&ours, "ci").await.unwrap_err().kind(), Kind::NotFound);
    let log = office.audit(ours.account).await;
    assert_eq!(log.iter().filter(|line| line.starts_with("operator token.create token:")).count(), 2);
    assert_eq!(log.iter().filter(|line| line.starts_with("operator token.revoke token:")).count(), 2);
}

#[tokio::test]
async fn a_token_may_act_as_somebody_else() {
    let office = Office::open().await;
    let operator = office.operator().await;
    let mut tx = office.store.tenant(operator.account).await.unwrap();
    let anna = Person::find_or_create(&mut tx, "telegram", "12345", "Anna", opening()).await.unwrap();
    tx.commit().await.unwrap();
    let as_whom = |person: &str| NewToken { person: Some(person.into()), ..new("for somebody", "chat") };

    let token = office.accounts.create_token(&operator, as_whom("telegram:12345")).await.unwrap();
    assert_eq!(office.accounts.authenticate(&token).await.unwrap().person, anna.id);
    let token = office.accounts.create_token(&operator, as_whom("Borys")).await.unwrap();
    let borys = office.accounts.authenticate(&token).await.unwrap();
    assert_eq!(borys.person_name, "Borys");
    let token = office.accounts.create_token(&operator, as_whom("Borys")).await.unwrap();
    assert_eq!(office.accounts.authenticate(&token).await.unwrap().person, borys.person);
    let error = office.accounts.create_token(&operator, as_whom("telegram:1")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_token_that_makes_no_sense_is_refused() {
    let office = Office::open().await;
    let operator = office.operator().await;
    let bad = [
        NewToken { name: " ".into(), ..new("x", "chat") },
        NewToken { name: "x".repeat(65), ..new("x", "chat") },
        NewToken { name: "a\0b".into(), ..new("x", "chat") },
        NewToken { scopes: Default::default(), ..new("x", "chat") },
        NewToken { expires_in: Some(TimeDelta::zero()), ..new("x", "chat") },
        NewToken { expires_in: Some(TimeDelta::MAX), ..new("x", "chat") },
        NewToken { person: Some(String::new()), ..new("x", "chat") },
    ];
    for new in bad {
        let what = format!("{new:?}");
        let error = office.accounts.create_token(&operator, new).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{what}");
    }
    assert!(office.accounts.list_tokens(&operator).await.unwrap().is_empty());
    assert!(office.audit(operator.account).await.is_empty());
}

#[tokio::test]
async fn a_secret_is_sealed_for_one_account_one_name_and_one_key() {
    let office = Office::open().await;
    let (ours, theirs) = (office.operator().await, office.accounts.operator("theirs").await.unwrap());
    let key = |byte: &str| MasterKey::parse(&SecretString::from(byte.repeat(32))).unwrap();
    let secrets = Secrets::new(office.store.clone(), office.clock.clone(), key("0a"));
    let put = async |name: &str, value: &str| {
        secrets.put(ours.account, &ours.principal, name, SecretString::from(value)).await
    };
    let reveal = async |account, name: &str| {
        let value = secrets.reveal(account, name).await?;
        Ok::<_, botwright::error::Error>(value.map(|value| value.expose_secret().to_owned()))
    };

    put("B_KEY", "first").await.unwrap();
    put("A_KEY", "second").await.unwrap();
    put("B_KEY", "third").await.unwrap();
    assert_eq!(secrets.names(ours.account).await.unwrap(), ["A_KEY", "B_KEY"]);
    assert_eq!(reveal(ours.account, "B_KEY").await.unwrap().unwrap(), "third");
    assert_eq!(reveal(ours.account, "C_KEY").await.unwrap(), None);
    assert_eq!(reveal(theirs.account, "B_KEY").await.unwrap(), None);
    assert_eq!(put("lower", "x").await.unwrap_err().kind(), Kind::Invalid);

    // Somebody who can write the table carries it into another account, or under another name.
    let mut tx = office.store.tenant(ours.account).await.unwrap();
    let sealed = Secret::find(&mut tx, "B_KEY").await.unwrap().unwrap().sealed;
    assert!(!sealed.windows(5).any(|window| window == b"third"));
    Secret::put(&mut tx, "A_KEY", sealed.clone(), opening()).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = office.store.tenant(theirs.account).await.unwrap();
    Secret::put(&mut tx, "B_KEY", sealed, opening()).await.unwrap();
    tx.commit().await.unwrap();
    let other_key = Secrets::new(office.store.clone(), office.clock.clone(), key("0b"));
    let refusals = [
        reveal(ours.account, "A_KEY").await.unwrap_err(),
        reveal(theirs.account, "B_KEY").await.unwrap_err(),
        other_key.reveal(ours.account, "B_KEY").await.unwrap_err(),
    ];
    for error in refusals {
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.message().contains("does not open with this master key"), "{error}");
        assert!(error.message().contains("botwright secret set"), "{error}");
    }

    assert!(secrets.delete(ours.account, &ours.principal, "B_KEY").await.unwrap());
    assert!(!secrets.delete(ours.account, &ours.principal, "B_KEY").await.unwrap());
    assert_eq!(reveal(ours.account, "B_KEY").await.unwrap(), None);
    let log = office.audit(ours.account).await;
    let expected = [
        "operator secret.set B_KEY",
        "operator secret.set A_KEY",
        "operator secret.set B_KEY",
        "operator secret.delete B_KEY",
    ];
    assert_eq!(log, expected);
}
