//! The rolling summary.

use std::sync::Arc;

use async_trait::async_trait;
use botwright::dialog::{Budget, Denied, NoLimits, Reservation, Spend, Usage};
use botwright::error::Result;
use botwright::id::{AccountId, ReplicaId};
use botwright::jobs::{Failure, Payload as _};
use botwright::memory::{FoundKind, Keyring, Memory, Summarize, Summarizer};
use botwright::providers::scripted::Line;
use botwright::providers::{Keys, Providers, Settings};
use botwright::spec;
use botwright::store::{Bot, BotRevision, Conversation, Job, MessageRole, Summary};
use serde_json::json;

use super::{Chat, Mind, World};

/// Nobody has a key.
struct NoKeys;

#[async_trait]
impl Keyring for NoKeys {
    async fn keys(&self, _account: AccountId, _bot: &spec::Bot, _model_uses: &[&str]) -> Result<Keys> {
        Ok(Keys::none())
    }
}

/// The limit is reached.
struct Broke;

#[async_trait]
impl Budget for Broke {
    async fn reserve(&self, _spend: Spend, _tokens: u32) -> Result<Reservation, Denied> {
        Err(Denied { message: "no tokens left today".into() })
    }
    async fn settle(&self, _reservation: Reservation, _used: &Usage) {}
}

pub(super) fn summarizer(world: &World, providers: &Providers, budget: impl Budget + 'static) -> Summarizer {
    let (store, clock) = (world.store.clone(), world.clock.clone());
    Summarizer::new(store, clock, providers.clone(), Arc::new(NoKeys), Arc::new(budget))
}

pub(super) fn providers() -> Providers {
    Providers::new(Settings::default()).unwrap()
}

/// One turn: a person says something, the bot answers, and the turn ends.
async fn turn(world: &World, memory: &Memory, chat: &Chat, text: &str) {
    let mut tx = world.tenant(chat.account).await;
    world.say_in(&mut tx, chat, MessageRole::Person, text).await;
    let conversation = Conversation::find_locked(&tx, chat.id).await.unwrap().unwrap();
    world.say_in(&mut tx, chat, MessageRole::Bot, "I see.").await;
    let bot = Bot::find(&mut tx, chat.bot).await.unwrap().unwrap();
    let revision = BotRevision::find(&mut tx, bot.revision_id).await.unwrap().unwrap();
    let bot = spec::Bot::from_authored(&revision.content).unwrap();
    memory.after_turn(&mut tx, &bot, &conversation, false, world.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Takes what waits in the queue.
pub(super) async fn jobs(world: &World) -> Vec<Summarize> {
    let mut tx = world.store.system().await.unwrap();
    let kinds = [Summarize::KIND];
    let jobs = Job::claim(&mut tx, ReplicaId::new(), &kinds, 100, world.now()).await.unwrap();
    tx.commit().await.unwrap();
    jobs.into_iter().map(|job| serde_json::from_value(job.payload).unwrap()).collect()
}

async fn latest(world: &World, chat: &Chat) -> Option<Summary> {
    let mut tx = world.tenant(chat.account).await;
    let latest = Summary::find_latest(&mut tx, chat.id).await.unwrap();
    tx.commit().await.unwrap();
    latest
}

pub(super) async fn begin(memory: serde_json::Value) -> (World, Mind, Chat) {
    let world = World::new().await;
    let account = world.account("acme").await;
    let bot = world.bot(account, "companion", memory).await;
    let chat = world.chat(account, bot, "Olena", "1").await;
    let mind = world.mind();
    (world, mind, chat)
}

const STORY: [&str; 4] = [
    "My sister Anna lives in Lviv.",
    "I work as a teacher in Kharkiv.",
    "Our dog Rex is seven years old.",
    "In March we move to Poltava.",
];

#[tokio::test(flavor = "multi_thread")]
async fn after_so_many_turns_the_conversation_is_summed_up_without_any_model() {
    let (world, mind, chat) = begin(json!({"summarize": {"everyTurns": 2, "words": 60}})).await;
    let summarizer = summarizer(&world, &providers(), NoLimits);
    turn(&world, &mind.memory, &chat, STORY[0]).await;
    assert!(jobs(&world).await.is_empty());
    turn(&world, &mind.memory, &chat, STORY[1]).await;
    let due = jobs(&world).await;
    assert_eq!(due.len(), 1);
    summarizer.run(chat.account, &due[0]).await.unwrap();
    let first = latest(&world, &chat).await.unwrap();
    assert_eq!((first.from_ordinal, first.to_ordinal, first.model.as_str()), (1, 4, "offline"));
    assert!(first.text.contains("Anna lives in Lviv") && first.text.contains("teacher"), "{}", first.text);
    assert!(!first.text.contains("I see"));

    // Again, as after a crash before the job was settled: nothing is due, nothing happens.
    summarizer.run(chat.account, &due[0]).await.unwrap();
    assert_eq!(latest(&world, &chat).await.unwrap().id, first.id);

    turn(&world, &mind.memory, &chat, STORY[2]).await;
    assert!(jobs(&world).await.is_empty());
    turn(&world, &mind.memory, &chat, STORY[3]).await;
    let due = jobs(&world).await;
    // Two at once: one summary.
    let (a, b) = tokio::join!(summarizer.run(chat.account, &due[0]), summarizer.run(chat.account, &due[0]));
    a.unwrap();
    b.unwrap();
    let second = latest(&world, &chat).await.unwrap();
    assert_eq!((second.from_ordinal, second.to_ordinal), (5, 8));
    assert!(second.text.contains("Anna lives in Lviv") && second.text.contains("Rex"), "{}", second.text);

    // Another conversation of hers recalls it; this one has it in its prompt. The older one gave way.
    let elsewhere = world.chat(chat.account, chat.bot, "Olena", "2").await;
    let found = mind.finds(&elsewhere, "How old is the dog Rex?", &second.text).await;
    assert_eq!((found.kind, found.ordinal), (FoundKind::Summary, 8));
    mind.holds(9).await;
    let here = mind.recall(&chat, "How old is the dog Rex?").await;
    assert!(here.found.iter().all(|found| found.kind == FoundKind::Message));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memorys_own_model_writes_and_its_usage_is_noted() {
    let memory = json!({"model": "scripted", "summarize": {"everyTurns": 1, "words": 20}});
    let (world, mind, chat) = begin(memory).await;
    let providers = providers();
    let summarizer = summarizer(&world, &providers, NoLimits);
    turn(&world, &mind.memory, &chat, STORY[0]).await;
    let due = jobs(&world).await;

    // The provider is away: the job is to be tried again, and nothing is stored.
    providers.scripted().push(Line::fail(400));
    let away = summarizer.run(chat.account, &due[0]).await;
    assert!(matches!(away, Err(Failure::Retry(_))), "{away:?}");
    assert!(latest(&world, &chat).await.is_none());

    let long = format!("Olena has a sister Anna in Lviv. {}", "More and more words follow here. ".repeat(9));
    providers.scripted().push(Line::say(long));
    summarizer.run(chat.account, &due[0]).await.unwrap();
    let summary = latest(&world, &chat).await.unwrap();
    assert_eq!(summary.model, "scripted");
    assert!(summary.text.starts_with("Olena has a sister Anna in Lviv."), "{}", summary.text);
    assert!(summary.text.split_whitespace().count() <= 20, "{}", summary.text);
    let heard = providers.scripted().heard();
    assert!(heard.last().unwrap().system.contains("At most 20 words"));

    turn(&world, &mind.memory, &chat, STORY[1]).await;
    providers.scripted().push(Line::say("Olena teaches in Kharkiv; Anna lives in Lviv."));
    summarizer.run(chat.account, &jobs(&world).await[0]).await.unwrap();
    let heard = providers.scripted().heard();
    let prompt = format!("{:?}", heard.last().unwrap().messages);
    assert!(prompt.contains("Olena has a sister Anna") && prompt.contains("teacher in Kharkiv"), "{prompt}");
    let count = "do $$ begin assert (select count(*) from usage_events
        where purpose = 'summary' and model = 'scripted' and output_tokens > 0) = 2; end $$";
    world.meddle_as(chat.account, count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_budget_puts_the_summary_off() {
    let memory = json!({"model": "scripted", "summarize": {"everyTurns": 1}});
    let (world, mind, chat) = begin(memory).await;
    let providers = providers();
    turn(&world, &mind.memory, &chat, STORY[0]).await;
    let due = jobs(&world).await;
    let refused = summarizer(&world, &providers, Broke).run(chat.account, &due[0]).await;
    assert!(matches!(refused, Err(Failure::Retry(_))));
    assert!(providers.scripted().heard().is_empty());
    assert!(latest(&world, &chat).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_summed_up_by_further_jobs() {
    let (world, mind, chat) = begin(json!({"summarize": {"everyTurns": 1}})).await;
    let summarizer = summarizer(&world, &providers(), NoLimits);
    world.say_all(&chat, (0..500).map(|n| format!("Fact {n}: shelf {n} holds {} books.", n * 7))).await;
    turn(&world, &mind.memory, &chat, STORY[0]).await;
    let (mut runs, mut to) = (0, 0);
    loop {
        let due = jobs(&world).await;
        let Some(job) = due.first() else { break };
        summarizer.run(chat.account, job).await.unwrap();
        let summary = latest(&world, &chat).await.unwrap();
        assert_eq!(summary.from_ordinal, to + 1);
        (runs, to) = (runs + 1, summary.to_ordinal);
    }
    assert_eq!(to, 502);
    assert!(runs >= 2, "{runs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_while_the_model_writes_does_not_live_on_in_the_summary() {
    let memory = json!({"model": "scripted", "summarize": {"everyTurns": 1}});
    let (world, mind, chat) = begin(memory).await;
    let providers = providers();
    let summarizer = summarizer(&world, &providers, NoLimits);
    turn(&world, &mind.memory, &chat, STORY[0]).await;
    let due = jobs(&world).await;
    let slow = "Olena has a sister Anna in Lviv.";
    providers.scripted().push(Line { first_ms: 1_000, ..Line::say(slow) });
    let erase = async {
        while providers.scripted().heard().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let erase = "update messages set text = '', erased_at = now() where ordinal = 1";
        world.meddle_as(chat.account, erase).await;
    };
    let (ended, ()) = tokio::join!(summarizer.run(chat.account, &due[0]), erase);
    assert!(matches!(ended, Err(Failure::Retry(_))), "{ended:?}");
    assert!(latest(&world, &chat).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_start_leaves_what_was_before_it_alone() {
    let (world, mind, chat) = begin(json!({"summarize": {"everyTurns": 1}})).await;
    let summarizer = summarizer(&world, &providers(), NoLimits);
    turn(&world, &mind.memory, &chat, STORY[0]).await;
    summarizer.run(chat.account, &jobs(&world).await[0]).await.unwrap();
    let mut tx = world.tenant(chat.account).await;
    Conversation::start_window_at(&mut tx, chat.id, 3).await.unwrap();
    tx.commit().await.unwrap();
    turn(&world, &mind.memory, &chat, STORY[1]).await;
    summarizer.run(chat.account, &jobs(&world).await[0]).await.unwrap();
    let summary = latest(&world, &chat).await.unwrap();
    assert!(summary.text.contains("teacher") && !summary.text.contains("Lviv"), "{}", summary.text);
}
