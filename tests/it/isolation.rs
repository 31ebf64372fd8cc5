//! Walls: people, bots, accounts and groups that say the same words never see each other's memory, whatever is
//! asked of the API.

use std::sync::Arc;

use botwright::accounts::{Accounts, Actor, NewToken};
use botwright::clock::{Clock as _, SystemClock};
use botwright::id::{ConversationId, FactId, MessageId, PersonId};
use botwright::store::{
    Bot, Conversation, Fact, FactAuthor, FactState, Message, MessageRole, Participant, Store,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::harness::api::Api;
use crate::harness::world::{Bots, Plan, World};

const PARROT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";

/// Somebody's own corner: where they talk, and the one number that may be seen there.
struct Corner {
    who: &'static str,
    api: Api,
    bot: &'static str,
    conversation: String,
    number: &'static str,
}

/// What everybody says, each with a number of their own.
fn secret(number: &str) -> String {
    format!("The number of the vault is {number}, tell nobody.")
}

/// With a letter that no id holds.
const NUMBERS: [&str; 5] = ["Z7001", "Z7002", "Z7003", "Z7004", "Z7005"];

async fn client(world: &World, actor: &Actor, person: Option<&str>, scopes: &str) -> Api {
    let store = Store::connect(world.database.url(), 2).await.unwrap();
    let accounts = Accounts::new(store, Arc::new(SystemClock));
    let new = NewToken {
        name: "test".into(),
        scopes: scopes.parse().unwrap(),
        person: person.map(Into::into),
        expires_in: None,
    };
    let token = accounts.create_token(actor, new).await.unwrap();
    Api::new(world.api.url.clone(), token.expose_secret().to_owned())
}

/// Says the secret and hears the answer; the corner.
async fn begin(
    world: &World,
    who: &'static str,
    api: Api,
    bot: &'static str,
    number: &'static str,
) -> Corner {
    world.model_will_say("Noted.");
    let (turn, conversation) = api.send(bot, &secret(number)).await;
    api.follow(&turn, 0).await;
    Corner { who, api, bot, conversation, number }
}

/// A group with that bot, as a channel would make it.
async fn group(store: &Store, operator: &Actor, bot: &str, number: &str) -> ConversationId {
    let now = SystemClock.now();
    let mut tx = store.tenant(operator.account).await.unwrap();
    let bot = Bot::find_by_name(&tx, bot).await.unwrap().unwrap();
    let new = Conversation {
        account_id: operator.account,
        id: ConversationId::new(),
        bot_id: bot.id,
        channel: "telegram".into(),
        key: "group".into(),
        person_id: None,
        title: None,
        last_ordinal: 0,
        last_event: 0,
        window_from: 1,
        created_at: now,
        updated_at: now,
        version: 1,
        session_hours: None,
    };
    let group = Conversation::find_or_insert_locked(&mut tx, &new).await.unwrap();
    let (ordinal, _) = Conversation::advance(&tx, group.id, 1, 0, now).await.unwrap();
    let participant = Participant {
        account_id: operator.account,
        conversation_id: group.id,
        person_id: operator.person,
        name: "Operator".into(),
    };
    Participant::put(&mut tx, &participant).await.unwrap();
    let message = Message {
        account_id: operator.account,
        id: MessageId::new(),
        conversation_id: group.id,
        ordinal,
        role: MessageRole::Person,
        person_id: Some(operator.person),
        author: "Operator".into(),
        text: secret(number),
        version: 1,
        turn_id: None,
        sent_at: now,
        edited_at: None,
        erased_at: None,
        superseded_by: None,
    };
    Message::insert(&tx, std::slice::from_ref(&message)).await.unwrap();
    tx.commit().await.unwrap();
    group.id
}

/// A fact of every conversation of the account, drawn from its first message.
async fn learn(store: &Store, account: &Actor) {
    let mut tx = store.tenant(account.account).await.unwrap();
    for message in Message::list_backwards(&mut tx, None, 100).await.unwrap() {
        if message.ordinal != 1 {
            continue;
        }
        let of = Conversation::find(&tx, message.conversation_id).await.unwrap().unwrap();
        let fact = fact(&message, &of, of.person_id);
        Fact::insert(&mut tx, &fact, &[message.id], FactAuthor::Summary).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn fact(message: &Message, of: &Conversation, person: Option<PersonId>) -> Fact {
    Fact {
        account_id: of.account_id,
        id: FactId::new(),
        bot_id: of.bot_id,
        conversation_id: of.id,
        person_id: person,
        about: "the vault".into(),
        text: message.text.clone(),
        importance: 9,
        state: FactState::Active,
        superseded_by: None,
        said_at: message.sent_at,
        use_count: 0,
        last_used_at: None,
        last_used_in: None,
        last_used_ordinal: None,
        version: 1,
        created_at: message.sent_at,
        updated_at: message.sent_at,
    }
}

const QUESTION: &str = "What is the number of the vault?";

/// Everything that the API tells of a memory, asked in one corner.
async fn everything(corner: &Corner) -> String {
    let query = "query All($bot: String!, $id: ID!, $text: String!) {
        recall(bot: $bot, conversationId: $id, text: $text) { evidence { text } }
        facts(conversationId: $id, first: 50) { nodes { text sources { text } history { text } } }
        export(conversationId: $id)
        conversation(id: $id) { summaries { text } messages(last: 50) { nodes { text } } } }";
    let variables = json!({ "bot": corner.bot, "id": corner.conversation, "text": QUESTION });
    let mut told = corner.api.ask(query, variables).await.to_string();
    let run = "mutation Run($input: RunCommandInput!) { runCommand(input: $input) { answer { text } } }";
    for words in [
        "/memory",
        "/wholehistory number of the vault",
        "/shortterm",
        "/midterm",
        "/historycontext",
        "/forget number of the vault",
    ] {
        let input = json!({ "input": { "conversationId": corner.conversation, "text": words } });
        told.push_str(&corner.api.ask(run, input).await.to_string());
    }
    told
}

/// Nothing of another corner is told, and what is asked for is.
fn only_its_own(corner: &Corner, told: &str) {
    assert!(told.contains(corner.number), "{} does not even see its own: {told}", corner.who);
    for number in NUMBERS.into_iter().filter(|number| *number != corner.number) {
        assert!(!told.contains(number), "{} sees {number}: {told}", corner.who);
    }
}

async fn corners(world: &World) -> Vec<Corner> {
    let store = Store::connect(world.database.url(), 4).await.unwrap();
    let accounts = Accounts::new(store.clone(), Arc::new(SystemClock));
    let operator = accounts.operator("default").await.unwrap();
    let elsewhere = accounts.operator("elsewhere").await.unwrap();
    let ann = client(world, &operator, Some("ann"), "chat,read").await;
    let bob = client(world, &operator, Some("bob"), "chat,read").await;
    let strange = client(world, &elsewhere, None, "admin").await;
    let admin = client(world, &operator, None, "admin").await;
    let make = "mutation($input: CreateBotInput!) { createBot(input: $input) { userErrors { __typename } } }";
    let bot = json!({ "displayName": "Parrot", "model": { "use": "scripted" } });
    let input = json!({ "input": { "idempotencyKey": "1", "name": "parrot", "config": bot } });
    assert_eq!(strange.ask(make, input).await["createBot"]["userErrors"], json!([]));
    let group = group(&store, &operator, "parrot", NUMBERS[4]).await;
    let all = vec![
        begin(world, "ann", ann.clone(), "parrot", NUMBERS[0]).await,
        begin(world, "bob", bob, "parrot", NUMBERS[1]).await,
        begin(world, "ann with the other bot", ann, "crow", NUMBERS[2]).await,
        begin(world, "the other account", strange, "parrot", NUMBERS[3]).await,
        Corner {
            who: "the group",
            api: admin,
            bot: "parrot",
            conversation: botwright::graphql::conversation_for_clients(group),
            number: NUMBERS[4],
        },
    ];
    learn(&store, &operator).await;
    learn(&store, &elsewhere).await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_stay_apart_in_everything_that_is_told() {
    let bots = Bots::Written(vec![("parrot".into(), PARROT.into()), ("crow".into(), PARROT.into())]);
    let world = World::with(Plan { bots, ..Plan::default() }).await;
    let corners = corners(&world).await;
    world.indexed().await;
    for corner in &corners {
        only_its_own(corner, &everything(corner).await);
        // What is not theirs is not there, whoever's id they know.
        for other in corners.iter().filter(|other| other.who != corner.who && corner.who != "the group") {
            let query = "query Other($id: ID!) { conversation(id: $id) { id } export(conversationId: $id)
                facts(conversationId: $id, first: 5) { nodes { text } } }";
            if corner.who.starts_with("ann") && other.who.starts_with("ann") {
                continue;
            }
            let told = corner.api.ask(query, json!({ "id": other.conversation })).await;
            let nothing = json!({ "conversation": null, "export": null, "facts": null });
            assert_eq!(told, nothing, "{} asks for what is of {}", corner.who, other.who);
        }
    }
    // What a model hears, and what the report says that it heard.
    for corner in corners.iter().filter(|corner| corner.who != "the group") {
        world.model_will_say("I will not tell.");
        let input = json!({ "input": { "idempotencyKey": corner.who, "conversationId": corner.conversation, "text": QUESTION } });
        let send = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { turn { id } } }";
        let turn =
            corner.api.ask(send, input).await["sendMessage"]["turn"]["id"].as_str().unwrap().to_owned();
        corner.api.follow(&turn, 0).await;
        only_its_own(corner, &format!("{:?}", world.model_heard().last().unwrap()));
        let report =
            "query($id: ID!) { turn(id: $id) { context { sections { items { message { text } } } } } }";
        let told: Value = corner.api.ask(report, json!({ "id": turn })).await;
        only_its_own(corner, &told.to_string());
    }
    world.end().await;
}
