//! Bots as code: an apply is one transaction, and the same apply twice is nothing.

use std::sync::Arc;

use botwright::clock::{SharedClock, SystemClock};
use botwright::error::Kind;
use botwright::spec::{Bundle, Project, parse};
use botwright::store::{Bot, Generation};
use botwright::sync::{self, Action, Applied, Desired, Missing, Options, Plan, Policy};

use crate::harness::cluster::Database;
use crate::harness::talk::Talk;

mod faults;
mod properties;
mod stories;

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

fn policy(missing: Missing) -> Policy {
    Policy { missing, ..Policy::default() }
}

fn options(missing: Missing) -> Options<'static> {
    Options { policy: policy(missing), actor: "test".into(), ..Options::default() }
}

async fn plan(talk: &Talk, project: &Project) -> Plan {
    let desired = Desired::of(project, None);
    let account = talk.actor.account;
    sync::plan_now(&talk.store, account, &desired, policy(Missing::Refuse), serde_json::Value::Null)
        .await
        .unwrap()
}

async fn apply(talk: &Talk, project: &Project, options: Options<'_>) -> botwright::error::Result<Applied> {
    let clock: SharedClock = Arc::new(SystemClock);
    sync::apply(&talk.store, &clock, talk.actor.account, &Desired::of(project, None), &options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_apply_twice_is_nothing() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let many: Vec<(String, String)> =
        (0..200).map(|n| (format!("bot-{n}"), format!("Persona {n}."))).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(name, persona)| (name.as_str(), persona.as_str())).collect();
    let wanted = project("acme/bots", &many);

    let planned = plan(&talk, &wanted).await;
    let first = apply(&talk, &wanted, options(Missing::Refuse)).await.unwrap();
    assert_eq!(planned, first.plan, "what was planned is what was done");
    assert_eq!((first.generation, first.plan.count(Action::Create)), (1, 200));
    let again = apply(&talk, &wanted, options(Missing::Refuse)).await.unwrap();
    assert_eq!((again.generation, again.plan.changes.len(), again.plan.summary.unchanged), (1, 0, 200));
    assert!(plan(&talk, &wanted).await.is_empty());

    let changed = project("acme/bots", &[many.clone(), vec![("new", "Fresh.")]].concat());
    let second = apply(&talk, &changed, options(Missing::Refuse)).await.unwrap();
    assert_eq!((second.generation, second.plan.changes.len()), (2, 1));
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_is_archiving_and_needs_a_word() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let account = talk.actor.account;
    let both = project("acme/bots", &[("one", "First."), ("two", "Second.")]);
    let one = project("acme/bots", &[("one", "First.")]);
    apply(&talk, &both, options(Missing::Refuse)).await.unwrap();
    let kept = talk.chat.bots().find(account, "two").await.unwrap().unwrap();

    let refused = apply(&talk, &one, options(Missing::Refuse)).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    apply(&talk, &one, options(Missing::Prune)).await.unwrap();
    assert!(talk.chat.bots().find(account, "two").await.unwrap().is_none());
    let back = apply(&talk, &both, options(Missing::Refuse)).await.unwrap();
    assert_eq!(back.plan.count(Action::Restore), 1);
    let restored = talk.chat.bots().find(account, "two").await.unwrap().unwrap();
    assert_eq!(restored.bot.id, kept.bot.id, "the same bot, with its history");

    let other = project("other/bots", &[("one", "Mine now.")]);
    let refused = apply(&talk, &other, options(Missing::Refuse)).await.unwrap_err();
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
            let desired = Desired::of(&wanted, None);
            sync::apply(&store, &clock, account, &desired, &options(Missing::Refuse)).await.unwrap();
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
