//! Facts over the months: learned, corrected, taken back, asked for, forgotten, and told where they belong.

use botwright::dialog::{NoLimits, ToolContext, ToolError};
use botwright::id::{MessageId, TurnId};
use botwright::memory::{Ask, FoundKind, Summarize};
use botwright::providers::Providers;
use botwright::providers::scripted::Line;
use botwright::spec::{self, Scope};
use botwright::store::{
    Bot, BotRevision, Conversation, Fact, FactAction, FactAuthor, FactState, Message, MessageRole, NewTurn,
    Turn,
};
use chrono::TimeDelta;
use serde_json::json;

use super::summaries::{begin, providers, summarizer};
use super::{Chat, Mind, World};
use crate::harness::damage;

const MEMORY: &str = "scripted";

/// Says `texts` to the bot; the model then writes `reply`, a summary with facts.
async fn learn(world: &World, providers: &Providers, chat: &Chat, texts: &[&str], reply: serde_json::Value) {
    for text in texts {
        world.say(chat, text).await;
    }
    providers.scripted().push(Line::say(reply.to_string()));
    let job = Summarize::at_once(chat.id);
    summarizer(world, providers, NoLimits).run(chat.account, &job).await.unwrap();
}

async fn all(world: &World, chat: &Chat) -> Vec<Fact> {
    let mut tx = world.tenant(chat.account).await;
    let facts = Fact::list_all_after(&mut tx, None, 1_000).await.unwrap();
    tx.commit().await.unwrap();
    facts
}

async fn active(world: &World, chat: &Chat) -> Vec<String> {
    let facts = all(world, chat).await.into_iter().filter(|fact| fact.state == FactState::Active);
    facts.map(|fact| fact.text).collect()
}

fn fact(text: &str, message: usize) -> serde_json::Value {
    json!({"text": text, "about": "Olena", "importance": 7, "messages": [message]})
}

async fn facts_of(mind: &Mind, chat: &Chat, question: &str) -> Vec<String> {
    let found = mind.recall(chat, question).await.found;
    found.into_iter().filter(|found| found.kind == FoundKind::Fact).map(|found| found.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_learned_corrected_and_taken_back_over_the_months() {
    let (world, mind, chat) = begin(json!({"model": MEMORY, "summarize": {"everyTurns": 50}})).await;
    let providers = providers();
    let reply =
        json!({"summary": "Olena plans her wedding.", "facts": [fact("Olena marries on 12 June 2027.", 1)]});
    learn(&world, &providers, &chat, &["We marry on 12 June!"], reply).await;
    assert_eq!(active(&world, &chat).await, ["Olena marries on 12 June 2027."]);

    world.clock.advance(TimeDelta::days(60));
    let reply = json!({"summary": "The wedding moved.",
        "corrections": [{"fact": 1, "text": "Olena marries on 14 June 2027.", "messages": [1]}]});
    learn(&world, &providers, &chat, &["No, it will be the 14th."], reply).await;
    let heard = format!("{:?}", providers.scripted().heard().last().unwrap().messages);
    assert!(heard.contains("[1] Olena marries on 12 June 2027."), "{heard}");
    let facts = all(&world, &chat).await;
    let [old, new] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!((old.state, old.superseded_by), (FactState::Superseded, Some(new.id)));
    assert_eq!((new.state, new.text.as_str()), (FactState::Active, "Olena marries on 14 June 2027."));
    mind.finds(&chat, "When does Olena marry?", &new.text).await;
    assert_eq!(facts_of(&mind, &chat, "When does Olena marry in June?").await, [new.text.as_str()]);

    world.clock.advance(TimeDelta::days(90));
    let reply = json!({"summary": "No wedding.", "retractions": [{"fact": 1, "messages": [1]}]});
    learn(&world, &providers, &chat, &["Forget the wedding, we split up."], reply).await;
    assert_eq!(active(&world, &chat).await, Vec::<String>::new());
    let mut tx = world.tenant(chat.account).await;
    let history = Fact::list_versions(&mut tx, new.id).await.unwrap();
    tx.commit().await.unwrap();
    let told: Vec<_> = history.iter().map(|version| (version.version, version.action.as_str())).collect();
    assert_eq!(told, [(2, "retracted"), (1, "added")]);
    super::eventually("the retracted fact is found no more", async || {
        facts_of(&mind, &chat, "When does Olena marry in June?").await.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_twice_is_kept_once_and_in_its_newest_words() {
    let (world, _mind, chat) = begin(json!({"model": MEMORY, "summarize": {"everyTurns": 50}})).await;
    let providers = providers();
    let first = "Olena's sister Anna lives in Lviv with her two cats.";
    let second = "Olena's sister Anna lives in Lviv with her two black cats.";
    learn(
        &world,
        &providers,
        &chat,
        &["Anna and her cats."],
        json!({"summary": "s", "facts": [fact(first, 1)]}),
    )
    .await;
    let again =
        json!({"summary": "s", "facts": [fact(second, 1), fact(second, 1), fact("Olena teaches.", 1)]});
    learn(&world, &providers, &chat, &["They are black."], again).await;
    assert_eq!(active(&world, &chat).await, [second, "Olena teaches."]);
    let mut tx = world.tenant(chat.account).await;
    let facts = Fact::list_all_after(&mut tx, None, 10).await.unwrap();
    let sources = Fact::list_sources(&mut tx, &[facts[0].id]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((sources.len(), facts[0].version), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_cannot_be_read_costs_the_facts_and_not_the_summary() {
    let (world, _mind, chat) = begin(json!({"model": MEMORY, "summarize": {"everyTurns": 50}})).await;
    let providers = providers();
    world.say(&chat, "We marry on 12 June!").await;
    providers.scripted().push(Line::say("{\"summary\": \"Olena mar"));
    providers.scripted().push(Line::say("Olena marries in June."));
    let job = Summarize::at_once(chat.id);
    summarizer(&world, &providers, NoLimits).run(chat.account, &job).await.unwrap();
    assert_eq!(active(&world, &chat).await, Vec::<String>::new());
    let mut tx = world.tenant(chat.account).await;
    let summary = botwright::store::Summary::find_latest(&mut tx, chat.id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(summary.text, "Olena marries in June.");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_important_facts_give_way() {
    let memory = json!({"model": MEMORY, "facts": {"max": 2}, "summarize": {"everyTurns": 50}});
    let (world, _mind, chat) = begin(memory).await;
    let rated =
        |text: &str, importance: i32| json!({"text": text, "importance": importance, "messages": [1]});
    let reply = json!({"summary": "s", "facts": [
        rated("Olena likes tea.", 2), rated("Olena is allergic to nuts.", 10), rated("Rex is a dog.", 6)]});
    learn(&world, &providers(), &chat, &["Tea, no nuts, Rex."], reply).await;
    assert_eq!(active(&world, &chat).await, ["Olena is allergic to nuts.", "Rex is a dog."]);
    let forgotten =
        all(&world, &chat).await.into_iter().find(|fact| fact.state == FactState::Forgotten).unwrap();
    let mut tx = world.tenant(chat.account).await;
    let history = Fact::list_versions(&mut tx, forgotten.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((forgotten.text.as_str(), history[0].by), ("Olena likes tea.", FactAuthor::Limit));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_was_just_used_is_not_brought_up_again_unless_it_is_asked_for() {
    let (world, mind, chat) = begin(json!({"model": MEMORY, "summarize": {"everyTurns": 50}})).await;
    let text = "Olena's old dog Rex sleeps in the kitchen.";
    let reply = json!({"summary": "s", "facts": [fact(text, 1)]});
    // Said elsewhere, so that the words themselves are not what is found.
    let elsewhere = world.chat(chat.account, chat.bot, "Olena", "2").await;
    learn(&world, &providers(), &elsewhere, &["He is old."], reply).await;
    mind.finds(&chat, "Rex the dog", text).await;
    let known = all(&world, &chat).await.remove(0);
    let mut tx = world.tenant(chat.account).await;
    Fact::note_use(&mut tx, &[known.id], chat.id, 11, world.now()).await.unwrap();
    tx.commit().await.unwrap();

    let setting = mind.setting(&chat).await;
    let ask = async |question: &str, ordinal: i32| {
        let ask = Ask {
            bot: chat.bot,
            conversation: chat.id,
            person: chat.person,
            scope: Scope::Person,
            setting: setting.as_ref(),
            text: question,
            asker: Some("Olena"),
            limit: 20,
            cooldown: Some((ordinal, 3)),
        };
        let found = mind.memory.recall(chat.account, &ask).await.unwrap().found;
        found.iter().any(|found| found.text == text)
    };
    let passing = "Is the kitchen warm in winter evenings?";
    assert!(!ask(passing, 13).await && !ask(passing, 17).await, "it is brought up again at once");
    assert!(ask("Where does my old dog Rex sleep?", 13).await, "it was asked for");
    assert!(ask("Does the old dog smell?", 19).await, "three turns later it may come again");
}

/// The bot, and a turn of it that answers `text`.
async fn turn(world: &World, chat: &Chat, text: &str) -> (spec::Bot, ToolContext) {
    let message = world.say(chat, text).await;
    let mut tx = world.tenant(chat.account).await;
    let bot = Bot::find(&mut tx, chat.bot).await.unwrap().unwrap();
    let revision = BotRevision::find(&mut tx, bot.revision_id).await.unwrap().unwrap();
    let spec = spec::Bot::from_authored(&revision.content).unwrap();
    let said = Message::list_by_ids(&mut tx, &[message]).await.unwrap().remove(0);
    let new = NewTurn {
        id: TurnId::new(),
        conversation_id: chat.id,
        bot_id: chat.bot,
        revision_id: bot.revision_id,
        first_ordinal: said.ordinal,
        after: None,
        created_at: world.now(),
    };
    Conversation::find_locked(&tx, chat.id).await.unwrap();
    let turn = Turn::insert(&mut tx, new, None).await.unwrap();
    tx.commit().await.unwrap();
    let attach = format!("update messages set turn_id = '{}' where id = '{}'", turn.id, message.0);
    let end = format!("update turns set state = 'completed' where id = '{}'", turn.id);
    world.meddle_as(chat.account, &format!("{attach}; {end}")).await;
    (spec, context(chat, turn.id))
}

fn context(chat: &Chat, turn: TurnId) -> ToolContext {
    ToolContext {
        account: chat.account,
        bot: chat.bot,
        conversation: Some(chat.id),
        person: chat.person,
        turn,
        ordinal: 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_saves_finds_and_forgets_and_is_told_what_came_of_it() {
    let (world, mind, chat) = begin(json!({"recall": {"when": "both"}})).await;
    let (bot, context) = turn(&world, &chat, "Remember that Anna is allergic to nuts.").await;
    let tools = mind.memory.tools(&bot);
    let names: Vec<String> = tools.iter().map(|tool| tool.spec().name).collect();
    assert_eq!(names, ["memory_search", "memory_save", "memory_forget"]);
    let [search, save, forget] = [0, 1, 2].map(|at: usize| tools[at].clone());

    let nuts = json!({"fact": "Anna is allergic to nuts.", "about": "Anna"});
    assert_eq!(save.call(&context, &nuts).await.unwrap(), "Saved: Anna is allergic to nuts.");
    assert_eq!(save.call(&context, &nuts).await.unwrap(), "It was known already: Anna is allergic to nuts.");
    let facts = all(&world, &chat).await;
    assert_eq!((facts.len(), facts[0].about.as_str()), (1, "Anna"));
    for wrong in [json!({}), json!({"fact": " ", "about": "Anna"}), json!({"fact": 7, "about": "Anna"})] {
        assert!(matches!(save.call(&context, &wrong).await, Err(ToolError::Refused(_))), "{wrong}");
    }
    let strange = ToolContext { turn: TurnId::new(), ..context.clone() };
    assert!(matches!(save.call(&strange, &nuts).await, Err(ToolError::Refused(_))), "nobody said it");

    mind.finds(&chat, "allergic to nuts", "Remember that Anna is allergic to nuts.").await;
    let told = search.call(&context, &json!({"query": "What is Anna allergic to?"})).await.unwrap();
    assert!(told.contains("Olena: Remember that Anna is allergic to nuts."), "{told}");

    let none = forget.call(&context, &json!({"fact": "the weather in May"})).await.unwrap();
    assert!(none.contains("nothing was forgotten"), "{none}");
    let done = forget.call(&context, &json!({"fact": "Anna's nut allergy: allergic to nuts"})).await.unwrap();
    assert!(done.starts_with("Forgotten:\n- Anna is allergic to nuts."), "{done}");
    assert_eq!(active(&world, &chat).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_people_nor_bots_nor_groups_know_what_another_was_told() {
    let (world, mind, chat) = begin(json!({"recall": {"when": "both"}})).await;
    let other_bot = world.bot(chat.account, "other", json!({"recall": {"when": "both"}})).await;
    let stranger = world.account("strangers").await;
    let stranger_bot = world.bot(stranger, "companion", json!({"recall": {"when": "both"}})).await;
    let others = [
        world.chat(chat.account, chat.bot, "Petro", "petro").await,
        world.chat(chat.account, other_bot, "Olena", "1").await,
        world.chat(stranger, stranger_bot, "Olena", "1").await,
        world.group(chat.account, chat.bot, &["Olena", "Petro"], "group").await,
    ];
    let (bot, context) = turn(&world, &chat, "Keep this one for me: 4711.").await;
    let tools = mind.memory.tools(&bot);
    let code = json!({"fact": "Olena's locker code is 4711.", "about": "Olena"});
    tools[1].call(&context, &code).await.unwrap();
    mind.finds(&chat, "the locker code", "Olena's locker code is 4711.").await;
    for other in &others {
        let (bot, context) = turn(&world, other, "What is the locker code?").await;
        let found = mind.recall(other, "What is the locker code?").await.found;
        assert!(found.iter().all(|found| !found.text.contains("4711")), "{found:?}");
        let [search, _, forget] = mind.memory.tools(&bot).try_into().ok().unwrap();
        let told = search.call(&context, &json!({"query": "locker code"})).await.unwrap();
        assert!(!told.contains("4711"), "{told}");
        let told = forget.call(&context, &json!({"fact": "locker code"})).await.unwrap();
        assert!(told.contains("nothing was forgotten"), "{told}");
        let tx = world.tenant(other.account).await;
        let conversation = Conversation::find(&tx, other.id).await.unwrap().unwrap();
        assert!(mind.memory.profile(&tx, &bot, &conversation).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    }
    // Her own other conversation with the bot knows it.
    let own = world.chat(chat.account, chat.bot, "Olena", "2").await;
    mind.finds(&own, "the locker code", "Olena's locker code is 4711.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_an_index_built_anew_are_found_and_erased_ones_are_not() {
    let (world, mind, chat) = begin(json!({"model": MEMORY, "summarize": {"everyTurns": 50}})).await;
    let reply = json!({"summary": "s", "facts": [fact("Olena sails.", 1), fact("Olena knits.", 1)]});
    learn(&world, &providers(), &chat, &["My hobbies are these two."], reply).await;
    mind.finds(&chat, "Who knits?", "Olena knits.").await;
    mind.stop().await;
    damage::delete(&world.index_folder());
    let mind = world.mind();
    mind.finds(&chat, "Who knits?", "Olena knits.").await;
    mind.finds(&chat, "Who sails?", "Olena sails.").await;
    let knits = all(&world, &chat).await.into_iter().find(|fact| fact.text == "Olena knits.").unwrap();
    let mut tx = world.tenant(chat.account).await;
    let source = source(&mut tx, &knits).await;
    let drawn = Fact::list_drawn_from(&mut tx, &[source]).await.unwrap();
    assert_eq!(drawn.len(), 2);
    assert_eq!(Fact::erase(&mut tx, &[knits.id], world.now()).await.unwrap(), 1);
    tx.commit().await.unwrap();
    super::eventually("the erased fact is found no more", async || {
        facts_of(&mind, &chat, "Who knits?").await.is_empty()
    })
    .await;
    assert_eq!(active(&world, &chat).await, ["Olena sails."]);
}

async fn source(tx: &mut botwright::store::Tenant, fact: &Fact) -> MessageId {
    Fact::list_sources(tx, &[fact.id]).await.unwrap()[0].message_id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_models_derived_is_made_anew_and_what_people_noted_stays() {
    let (world, mind, chat) = begin(json!({"model": MEMORY, "summarize": {"everyTurns": 50}})).await;
    let reply = json!({"summary": "Old summary.", "facts": [fact("Olena sails.", 1)]});
    learn(&world, &providers(), &chat, &["Sailing is great."], reply).await;
    let (bot, context) = turn(&world, &chat, "Remember that I knit.").await;
    let save = mind.memory.tools(&bot).remove(0);
    save.call(&context, &json!({"fact": "Olena knits.", "about": "Olena"})).await.unwrap();
    assert_eq!(mind.memory.rebuild(chat.account, chat.bot).await.unwrap(), 1);
    assert_eq!(active(&world, &chat).await, ["Olena knits."]);
    let providers = providers();
    let reply = json!({"summary": "New summary.", "facts": [fact("Olena sails on Sundays.", 1)]});
    providers.scripted().push(Line::say(reply.to_string()));
    for job in super::summaries::jobs(&world).await {
        summarizer(&world, &providers, NoLimits).run(chat.account, &job).await.unwrap();
    }
    assert_eq!(active(&world, &chat).await, ["Olena knits.", "Olena sails on Sundays."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bots_own_words_are_no_facts() {
    let (world, _mind, chat) = begin(json!({"model": MEMORY, "summarize": {"everyTurns": 50}})).await;
    let mut tx = world.tenant(chat.account).await;
    world.say_in(&mut tx, &chat, MessageRole::Person, "Hello.").await;
    world.say_in(&mut tx, &chat, MessageRole::Bot, "You love opera, I think.").await;
    tx.commit().await.unwrap();
    let reply = json!({"summary": "s", "facts": [fact("Olena loves opera.", 2)]});
    learn(&world, &providers(), &chat, &[], reply).await;
    assert_eq!(active(&world, &chat).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_noted_stands_again_while_its_correction_is_drawn_anew() {
    let (world, mind, chat) = begin(json!({"model": MEMORY, "summarize": {"everyTurns": 50}})).await;
    let (bot, context) = turn(&world, &chat, "Remember: my exam is on 3 May.").await;
    let save = mind.memory.tools(&bot).remove(0);
    save.call(&context, &json!({"fact": "Olena's exam is on 3 May.", "about": "Olena"})).await.unwrap();
    let correction = json!({"summary": "s",
        "corrections": [{"fact": 1, "text": "Olena's exam is on 9 June.", "messages": [2]}]});
    learn(&world, &providers(), &chat, &["It was moved to 9 June."], correction).await;
    assert_eq!(active(&world, &chat).await, ["Olena's exam is on 9 June."]);
    assert_eq!(mind.memory.rebuild(chat.account, chat.bot).await.unwrap(), 1);
    assert_eq!(active(&world, &chat).await, ["Olena's exam is on 3 May."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_forgotten_does_not_come_back_from_old_messages() {
    let (world, mind, chat) = begin(json!({"model": MEMORY, "summarize": {"everyTurns": 50}})).await;
    let reply = json!({"summary": "s", "facts": [fact("Olena's locker code is 4711.", 1)]});
    learn(&world, &providers(), &chat, &["My code is 4711."], reply.clone()).await;
    world.clock.advance(TimeDelta::hours(1));
    let mut tx = world.tenant(chat.account).await;
    let known = Fact::list_all_after(&mut tx, None, 10).await.unwrap().remove(0);
    let gone = Fact { state: FactState::Forgotten, ..known };
    let by = (FactAction::Forgotten, FactAuthor::Person);
    Fact::revise(&mut tx, &gone, by.0, by.1, world.now()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    mind.memory.rebuild(chat.account, chat.bot).await.unwrap();
    learn(&world, &providers(), &chat, &[], reply.clone()).await;
    assert_eq!(active(&world, &chat).await, Vec::<String>::new());
    // Said anew it is news.
    learn(&world, &providers(), &chat, &["My code is still 4711."], reply).await;
    assert_eq!(active(&world, &chat).await, ["Olena's locker code is 4711."]);
}
