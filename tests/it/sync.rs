//! Bots as code: an apply is one transaction, and the same apply twice is nothing.

use std::sync::Arc;

use botwright::clock::{SharedClock, SystemClock};
use botwright::error::Kind;
use botwright::spec::{Bundle, Project, parse};
use botwright::store::{Bot, Generation};
use botwright::sync::{self, Action, Missing, Options};

use crate::harness::cluster::Database;
use crate::harness::talk::Talk;

fn project(source: &str, bots: &[(&str, &str)]) -> Project {
    let mut bundle = Bundle::default();
    let root = format!("apiVersion: botwright/v1\nkind: Project\nsource: {source}\n");
    bundle.files.insert("botwright.yaml".into(), root.into());
    for (name, persona) in bots {
        let file = format!("apiVersion: botwright/v1\nkind: Bot\ndisplayName: {name}\npersona: {persona}\n");
        bundle.files.insert(format!("{name}/bot.yaml"), file.into());
    }
    let parsed = parse(&bundle);
    parsed.project.unwrap_or_else(|| panic!("{:?}", parsed.problems))
}

fn options(missing: Missing) -> Options {
    Options { missing, actor: "test".into(), ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_apply_twice_is_nothing() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let (store, account) = (&talk.store, talk.actor.account);
    let clock: SharedClock = Arc::new(SystemClock);
    let many: Vec<(String, String)> =
        (0..200).map(|n| (format!("bot-{n}"), format!("Persona {n}."))).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(name, persona)| (name.as_str(), persona.as_str())).collect();
    let wanted = project("acme/bots", &many);

    let planned = sync::plan_now(store, account, &wanted, Missing::Refuse).await.unwrap();
    let first = sync::apply(store, &clock, account, &wanted, &options(Missing::Refuse)).await.unwrap();
    assert_eq!(planned, first.plan, "what was planned is what was done");
    assert_eq!((first.generation, first.plan.count(Action::Create)), (1, 200));
    let again = sync::apply(store, &clock, account, &wanted, &options(Missing::Refuse)).await.unwrap();
    assert_eq!((again.generation, again.plan.changes.len(), again.plan.unchanged), (1, 0, 200));
    assert!(sync::plan_now(store, account, &wanted, Missing::Refuse).await.unwrap().is_empty());

    let changed = project("acme/bots", &[many.clone(), vec![("new", "Fresh.")]].concat());
    let second = sync::apply(store, &clock, account, &changed, &options(Missing::Refuse)).await.unwrap();
    assert_eq!((second.generation, second.plan.changes.len()), (2, 1));
    let stale = Options { base_generation: Some(1), ..options(Missing::Refuse) };
    let refused = sync::apply(store, &clock, account, &wanted, &stale).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Conflict);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_is_archiving_and_needs_a_word() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let (store, account) = (&talk.store, talk.actor.account);
    let clock: SharedClock = Arc::new(SystemClock);
    let both = project("acme/bots", &[("one", "First."), ("two", "Second.")]);
    let one = project("acme/bots", &[("one", "First.")]);
    sync::apply(store, &clock, account, &both, &options(Missing::Refuse)).await.unwrap();
    let kept = talk.chat.bots().find(account, "two").await.unwrap().unwrap();

    let refused = sync::apply(store, &clock, account, &one, &options(Missing::Refuse)).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    sync::apply(store, &clock, account, &one, &options(Missing::Prune)).await.unwrap();
    assert!(talk.chat.bots().find(account, "two").await.unwrap().is_none());
    let back = sync::apply(store, &clock, account, &both, &options(Missing::Refuse)).await.unwrap();
    assert_eq!(back.plan.count(Action::Restore), 1);
    let restored = talk.chat.bots().find(account, "two").await.unwrap().unwrap();
    assert_eq!(restored.bot.id, kept.bot.id, "the same bot, with its history");

    let other = project("other/bots", &[("one", "Mine now.")]);
    let refused = sync::apply(store, &clock, account, &other, &options(Missing::Refuse)).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Conflict);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_applies_at_once_each_is_whole() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let (store, account) = (talk.store.clone(), talk.actor.account);
    let applies = (0..10).map(|n| {
        let store = store.clone();
        async move {
            let clock: SharedClock = Arc::new(SystemClock);
            let persona = format!("Number {n}.");
            let wanted = project("acme/bots", &[("a", &persona), ("b", &persona), ("c", &persona)]);
            sync::apply(&store, &clock, account, &wanted, &options(Missing::Refuse)).await.unwrap();
        }
    });
    futures_util::future::join_all(applies).await;
    let mut tx = store.tenant(account).await.unwrap();
    let generation = Generation::find_active(&mut tx, "git:acme/bots").await.unwrap().unwrap();
    assert_eq!(generation.number, 10);
    let bots = Bot::list(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let mut personas = Vec::new();
    for bot in bots.iter().filter(|bot| bot.source == "git:acme/bots") {
        personas.push(talk.chat.bots().find(account, &bot.name).await.unwrap().unwrap().spec.persona.clone());
    }
    assert_eq!(personas.len(), 3);
    assert!(personas.iter().all(|persona| *persona == personas[0]), "never half of one: {personas:?}");
    talk.end().await;
}
