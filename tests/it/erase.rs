//! Erasing: afterwards the words stand in no column of the database and in no file of the index.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use botwright::id::{AccountId, ConversationId, FactId, MessageId, UploadId};
use botwright::providers::scripted::Line;
use botwright::store::{
    Account, Fact, FactAuthor, FactState, Message, MessageRole, Opinion, Rating, Store, Summary, Tenant,
    TurnEvent, Upload,
};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use serde_json::{Value, json};

use crate::harness::world::{Bots, Plan, World};

const BOT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n\
                   memory: {summarize: {everyTurns: 2, words: 100}}\n";

const ERASE: &str = "mutation($input: EraseMessagesInput!) { eraseMessages(input: $input) {
    messages { ordinal role text erasedAt } userErrors { ... on UserError { code message } } } }";

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Every column of the database that holds `word`, in any account's rows that `account` may see.
async fn columns_with(world: &World, account: AccountId, word: &str) -> Vec<String> {
    let mut conn = AsyncPgConnection::establish(world.database.url()).await.unwrap();
    let columns: Vec<Column> = diesel::sql_query(
        "select quote_ident(c.table_name) || '.' || quote_ident(c.column_name) as name, c.data_type as kind
         from information_schema.columns c
         join information_schema.tables t using (table_schema, table_name)
         where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.table_name not like '\\_\\_%'
           and c.data_type in ('text', 'character varying', 'jsonb', 'json', 'bytea', 'ARRAY')",
    )
    .load(&mut conn)
    .await
    .unwrap();
    assert!(columns.len() > 60, "{}", columns.len());
    conn.batch_execute(&format!(
        "begin; set local role botwright_app; set local app.account_id = '{account}'"
    ))
    .await
    .unwrap();
    let mut found = Vec::new();
    for Column { name, kind } in columns {
        let (table, column) = name.split_once('.').unwrap();
        let is_there = match kind.as_str() {
            "bytea" => format!("position(convert_to('{word}', 'UTF8') in {column}) > 0"),
            _ => format!("{column}::text ilike '%{word}%'"),
        };
        let query = format!("select count(*) as count from {table} where {is_there}");
        let count: Count = diesel::sql_query(query).get_result(&mut conn).await.unwrap();
        if count.count > 0 {
            found.push(name);
        }
    }
    found
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn index_of(world: &World) -> PathBuf {
    world.home.join("data").join("index")
}

/// The files of the index's segments: each is written once and never changed.
fn segments(world: &World) -> Vec<PathBuf> {
    let is_segment = |path: &PathBuf| {
        path.file_stem().is_some_and(|stem| stem.len() == 32 && !stem.to_string_lossy().contains('.'))
    };
    files(&index_of(world)).into_iter().filter(is_segment).collect()
}

/// Waits until none of `old` is there any more, and proves that no file holds `word`.
async fn gone_from_disk(world: &World, old: &[PathBuf], word: &str) {
    for _ in 0..500 {
        if old.iter().all(|path| !path.exists()) {
            for path in files(&index_of(world)) {
                let bytes = fs::read(&path).unwrap_or_default();
                let holds = bytes.windows(word.len()).any(|part| part == word.as_bytes());
                assert!(!holds, "{} holds it", path.display());
            }
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left: Vec<_> = old.iter().filter(|path| path.exists()).collect();
    panic!("files of before the erase are still there: {left:?}");
}

struct Story {
    world: World,
    store: Store,
    account: AccountId,
}

impl Story {
    async fn begin() -> Self {
        let bots = Bots::Written(vec![("parrot".into(), BOT.into())]);
        let world = World::with(Plan { bots, ..Plan::default() }).await;
        let store = Store::connect(world.database.url(), 8).await.unwrap();
        let mut tx = store.system().await.unwrap();
        let account = Account::list(&mut tx).await.unwrap().remove(0).id;
        tx.commit().await.unwrap();
        Self { world, store, account }
    }

    async fn tenant(&self) -> Tenant {
        self.store.tenant(self.account).await.unwrap()
    }

    /// Says something; the scripted reply comes.
    async fn say(&self, text: &str, reply: &str) {
        self.world.model_will(Line::say(reply));
        assert_eq!(self.world.say("parrot", text).await, reply);
    }

    /// The messages of the latest conversation: its id, and theirs.
    async fn talk(&self) -> (String, Vec<Value>) {
        let query = "{ conversations(first: 1) { nodes { id messages(last: 100) { nodes {
            id ordinal role text erasedAt version } } } } }";
        let node = self.world.api.ask(query, json!({})).await["conversations"]["nodes"][0].take();
        (node["id"].as_str().unwrap().to_owned(), node["messages"]["nodes"].as_array().unwrap().clone())
    }

    async fn rows(&self) -> Vec<Message> {
        let mut tx = self.tenant().await;
        let mut rows = Message::list_backwards(&mut tx, None, 1_000).await.unwrap();
        tx.commit().await.unwrap();
        rows.reverse();
        rows
    }

    /// Waits until a summary tells of `word`.
    async fn summarised(&self, conversation: ConversationId, word: &str) -> Summary {
        for _ in 0..500 {
            let mut tx = self.tenant().await;
            let latest = Summary::find_latest(&mut tx, conversation).await.unwrap();
            tx.commit().await.unwrap();
            if let Some(latest) = latest.filter(|latest| latest.text.contains(word)) {
                return latest;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no summary tells of `{word}`");
    }

    async fn holds(&self, word: &str) -> Vec<String> {
        columns_with(&self.world, self.account, word).await
    }
}

fn fact(of: &Message, bot: botwright::id::BotId, text: &str) -> Fact {
    Fact {
        account_id: of.account_id,
        id: FactId::new(),
        bot_id: bot,
        conversation_id: of.conversation_id,
        person_id: of.person_id,
        about: "the operator".into(),
        text: text.into(),
        importance: 5,
        state: FactState::Active,
        superseded_by: None,
        said_at: of.sent_at,
        use_count: 0,
        last_used_at: None,
        last_used_in: None,
        last_used_ordinal: None,
        version: 1,
        created_at: of.sent_at,
        updated_at: of.sent_at,
    }
}

/// A fact, a file and a comment that hold the word, as a summary, an app and a person would leave them.
async fn leave_traces(story: &Story, said: &Message, reply: &Message, word: &str) {
    let now = reply.sent_at;
    let mut tx = story.tenant().await;
    let bot = botwright::store::Conversation::find(&tx, said.conversation_id).await.unwrap().unwrap().bot_id;
    let mut drawn = fact(said, bot, &format!("The operator keeps a {word}."));
    Fact::insert(&mut tx, &drawn, &[said.id], FactAuthor::Summary).await.unwrap();
    drawn.text = format!("The operator keeps one {word}.");
    Fact::revise(&mut tx, &drawn, botwright::store::FactAction::Updated, FactAuthor::Summary, now)
        .await
        .unwrap()
        .unwrap();
    let person = said.person_id.unwrap();
    let content = format!("a list with a {word}");
    let upload = Upload {
        account_id: said.account_id,
        id: UploadId::new(),
        person_id: person,
        filename: format!("{word}.txt"),
        content_type: "text/plain".into(),
        size: i32::try_from(content.len()).unwrap(),
        sha256: vec![7; 32],
        created_at: now,
        completed_at: None,
        message_id: None,
        position: None,
    };
    Upload::insert(&mut tx, &upload).await.unwrap();
    Upload::complete(&mut tx, upload.id, content.into_bytes(), now).await.unwrap();
    Upload::attach(&mut tx, &[upload.id], person, said.id).await.unwrap();
    let rating = Rating {
        account_id: said.account_id,
        message_id: reply.id,
        person_id: person,
        rating: Opinion::Up,
        comment: Some(format!("it knows my {word}")),
        version: 1,
        rated_at: now,
    };
    Rating::put(&mut tx, &rating).await.unwrap();
    tx.commit().await.unwrap();
}

/// The search is worth something: before the erase it finds the word wherever words go.
async fn traces_are_there(story: &Story, word: &str) {
    let before = story.holds(word).await;
    for column in [
        "messages.text",
        "message_versions.text",
        "message_ratings.comment",
        "summaries.text",
        "turn_events.body",
        "facts.text",
        "fact_versions.text",
        "uploads.filename",
        "upload_contents.content",
    ] {
        assert!(before.contains(&column.to_owned()), "{column} is not among {before:?}");
    }
}

async fn it_goes_on(story: &Story, conversation: ConversationId, word: &str) {
    // A summary of what is left is made anew, and what is said next hears nothing of it.
    story.summarised(conversation, "weather").await;
    story.say("Anything else?", "No.").await;
    let heard = format!("{:?}", story.world.model_heard().last().unwrap());
    assert!(!heard.to_lowercase().contains(word), "{heard}");
    assert_eq!(story.holds(word).await, Vec::<String>::new());
    let audit = "{ auditLog(first: 10) { nodes { action detail } } }";
    let answer = story.world.api.answer(audit, json!({})).await;
    assert!(!answer.to_string().contains(word));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_found_nowhere_any_more() {
    let story = Story::begin().await;
    let world = &story.world;
    story.say("Good morning to you, dear parrot.", "Good morning!").await;
    story.say("I keep a zanzibarik in the cellar.", "A Zanzibarik needs warm water.").await;
    story.say("What shall we cook today?", "Soup, and something for the zanzibarik.").await;
    story.say("The weather is lovely.", "Yes, it is.").await;
    let (_, messages) = story.talk().await;
    let edited = json!({ "messageId": messages[2]["id"], "expectedVersion": 1,
        "text": "I keep one zanzibarik in my cellar." });
    let edit =
        "mutation($input: EditMessageInput!) { editMessage(input: $input) { userErrors { __typename } } }";
    assert_eq!(world.api.ask(edit, json!({ "input": edited })).await["editMessage"]["userErrors"], json!([]));
    let rows = story.rows().await;
    story.summarised(rows[0].conversation_id, "zanzibarik").await;
    leave_traces(&story, &rows[2], &rows[3], "zanzibarik").await;
    world.indexed().await;
    traces_are_there(&story, "zanzibarik").await;
    let old = segments(world);
    assert!(!old.is_empty());

    let input = json!({ "input": { "messageIds": [messages[2]["id"]] } });
    let erased = world.api.ask(ERASE, input.clone()).await["eraseMessages"].take();
    assert_eq!(erased["userErrors"], json!([]));
    let went: Vec<_> =
        erased["messages"].as_array().unwrap().iter().map(|message| message["ordinal"].clone()).collect();
    // The answer to it, and the later reply that brought it up again.
    assert_eq!(went, [json!(3), json!(4), json!(6)]);
    assert!(
        erased["messages"]
            .as_array()
            .unwrap()
            .iter()
            .all(|message| message["text"] == "" && !message["erasedAt"].is_null())
    );
    assert_eq!(story.holds("zanzibarik").await, Vec::<String>::new());
    gone_from_disk(world, &old, "zanzibarik").await;
    world.indexed().await;

    // Again is no error, and changes nothing.
    let again = world.api.ask(ERASE, input).await["eraseMessages"].take();
    assert_eq!(again["messages"].as_array().unwrap().len(), 1);
    let (_, messages) = story.talk().await;
    let texts: Vec<_> = messages.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(
        texts,
        [
            "Good morning to you, dear parrot.",
            "Good morning!",
            "",
            "",
            "What shall we cook today?",
            "",
            "The weather is lovely.",
            "Yes, it is."
        ]
    );
    it_goes_on(&story, rows[0].conversation_id, "zanzibarik").await;
    story.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_is_erased_with_its_passages_and_with_replies_that_read_them() {
    let story = Story::begin().await;
    let world = &story.world;
    let filler = "Nothing of what is said here matters much to anybody who reads it later on. ".repeat(600);
    let said = format!("Keep this.\n\n{filler}\n\nThe quaggarine is buried under the oak.\n\n{filler}");
    world.model_will(Line::say("I keep it."));
    assert!(world.say("parrot", &said).await.ends_with("I keep it."));
    story.say("Lovely weather.", "Yes, it is.").await;
    world.api.finds("PASSAGE", "quaggarine").await;
    story.say("Where is the quaggarine buried?", "Under the oak, the quaggarine.").await;
    let heard = format!("{:?}", world.model_heard().last().unwrap());
    assert!(heard.contains("The quaggarine is buried under the oak."), "{heard}");
    let before = story.holds("quaggarine").await;
    assert!(before.contains(&"passages.text".to_owned()), "{before:?}");
    world.indexed().await;
    let old = segments(world);
    let (_, messages) = story.talk().await;
    // The question names it too, and is somebody's own words.
    let ids = json!([messages[0]["id"], messages[4]["id"]]);
    let erased =
        world.api.ask(ERASE, json!({ "input": { "messageIds": ids } })).await["eraseMessages"].take();
    assert_eq!(erased["userErrors"], json!([]));
    assert_eq!(story.holds("quaggarine").await, Vec::<String>::new());
    assert_eq!(story.holds("matters much").await, Vec::<String>::new());
    gone_from_disk(world, &old, "quaggarin").await;
    world.indexed().await;
    story.say("Where is it?", "I do not know.").await;
    let heard = format!("{:?}", world.model_heard().last().unwrap());
    assert!(!heard.contains("quaggarine") && !heard.contains("<passage of"), "{heard}");
    story.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_elsewhere_that_read_a_passage_goes_with_its_text() {
    let story = Story::begin().await;
    let world = &story.world;
    let filler = "Nothing of what is said here matters much to anybody who reads it later on. ".repeat(600);
    let said = format!("Keep this.\n\n{filler}\n\nThe quaggarine is buried under the oak.\n\n{filler}");
    world.model_will(Line::say("I keep it."));
    world.say("parrot", &said).await;
    world.api.finds("PASSAGE", "quaggarine").await;
    let create = "mutation($input: CreateConversationInput!) { createConversation(input: $input) {
        conversation { id } } }";
    let other = json!({ "input": { "bot": "parrot", "idempotencyKey": "c" } });
    let other = world.api.ask(create, other).await["createConversation"]["conversation"]["id"].take();
    world.model_will(Line::say("The quaggarine? Under the oak."));
    let send = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { turn { id } } }";
    let input = json!({ "input": { "conversationId": other, "text": "What is buried under the oak?",
        "idempotencyKey": "q" } });
    let turn = world.api.ask(send, input).await["sendMessage"]["turn"]["id"].take();
    world.api.follow(turn.as_str().unwrap(), 0).await;
    let rows = story.rows().await;
    assert!(rows.last().unwrap().text.starts_with("The quaggarine?"));
    let heard = format!("{:?}", world.model_heard().last().unwrap());
    assert!(heard.contains("The quaggarine is buried under the oak."), "{heard}");
    let erase = "mutation($input: EraseConversationInput!) { eraseConversation(input: $input) { erased } }";
    let first = botwright::graphql::conversation_for_clients(rows[0].conversation_id);
    world.api.ask(erase, json!({ "input": { "conversationId": first } })).await;
    assert_eq!(story.holds("quaggarine").await, Vec::<String>::new());
    story.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_and_a_person_are_erased_whole() {
    let story = Story::begin().await;
    let world = &story.world;
    story.say("My quokkaberry is blue.", "A quokkaberry, how nice.").await;
    story.say("It grows fast.", "Good.").await;
    let (conversation, _) = story.talk().await;
    world.indexed().await;
    let old = segments(world);
    let erase = "mutation($input: EraseConversationInput!) { eraseConversation(input: $input) {
        conversation { title messages(last: 9) { nodes { text erasedAt } } } erased
        userErrors { ... on UserError { code path } } } }";
    let erased = world.api.ask(erase, json!({ "input": { "conversationId": conversation } })).await;
    let payload = &erased["eraseConversation"];
    assert_eq!((&payload["erased"], &payload["userErrors"]), (&json!(4), &json!([])));
    assert_eq!(story.holds("quokkaberry").await, Vec::<String>::new());
    gone_from_disk(world, &old, "quokkaberry").await;

    // The talk goes on in it; then the person goes, with their name.
    story.say("My quokkaberry is red.", "Red it is.").await;
    let person = "mutation($input: ErasePersonInput!) { erasePerson(input: $input) {
        person { name } erased userErrors { ... on UserError { code path } } } }";
    let wrong = world.api.ask(person, json!({ "input": { "bot": "nobody" } })).await["erasePerson"].take();
    assert_eq!(wrong["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["input", "bot"] }]));
    let some = world.api.ask(person, json!({ "input": { "bot": "parrot" } })).await["erasePerson"].take();
    assert_eq!((&some["erased"], &some["person"]["name"]), (&json!(2), &json!("Operator")));
    assert_eq!(story.holds("quokkaberry").await, Vec::<String>::new());
    story.say("I am the Operator.", "Hello.").await;
    let all = world.api.ask(person, json!({ "input": {} })).await["erasePerson"].take();
    assert_eq!((&all["erased"], &all["person"]["name"]), (&json!(2), &json!("(erased)")));
    // What is left is the word for whoever holds the database, which names nobody.
    let role =
        ["identities.channel", "identities.external_id", "audit_log.actor", "config_generations.provenance"];
    let mut names = story.holds("Operator").await;
    names.retain(|column| !role.contains(&column.as_str()));
    assert_eq!(names, Vec::<String>::new());
    story.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_under_way_begins_anew_without_what_was_erased() {
    let story = Story::begin().await;
    let world = &story.world;
    story.say("My wombatella sings.", "It does?").await;
    world.model_will(Line {
        delay_ms: 150,
        ..Line::say("I will tell you all about the wombatella that sings so well.")
    });
    world.model_will(Line::say("I know nothing of it."));
    let (turn, _) = world.send("parrot", "Tell me more.").await;
    // It has begun to speak.
    let running = story.rows().await.last().unwrap().turn_id.unwrap();
    for round in 0.. {
        let mut tx = story.tenant().await;
        let said = TurnEvent::last_seq(&mut tx, running).await.unwrap();
        tx.commit().await.unwrap();
        if said > 0 {
            break;
        }
        assert!(round < 1_000, "it says nothing");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let first: MessageId = story.rows().await[0].id;
    let (_, messages) = story.talk().await;
    let input = json!({ "input": { "messageIds": [messages[0]["id"]] } });
    assert_eq!(world.api.ask(ERASE, input).await["eraseMessages"]["userErrors"], json!([]));
    let events = world.read(&turn).await;
    // An erase interrupts before and after its own work: a quick runner has begun anew by then, and does so again.
    let told = crate::harness::api::shown(&events);
    assert!(["I know nothing of it.", "You said: Tell me more."].contains(&told.as_str()), "{told}");
    let rows = story.rows().await;
    assert!(rows.iter().any(|row| row.id == first && row.erased_at.is_some()));
    assert_eq!(rows.last().map(|row| row.role), Some(MessageRole::Bot));
    story.world.end().await;
}
