//! Every creating mutation takes a key, and the same request again is one effect and one answer.

use std::collections::BTreeSet;

use botwright::providers::scripted::Line;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::graphql::{Story, finished, text};
use crate::harness::door::Client;

/// One creating mutation, and what three requests of it say.
struct Creating {
    name: &'static str,
    /// What tells one effect from another.
    effect: &'static str,
    /// What is asked fifty times.
    input: Value,
    /// Something else that the same caller asks.
    other: Value,
    /// What another caller asks.
    theirs: Value,
}

impl Creating {
    async fn ask(&self, client: &Client, input: &Value, key: &str) -> Value {
        let Self { name, effect, .. } = self;
        let query = format!(
            "mutation Do($input: {}{}Input!) {{ {name}(input: $input) {{ replayed {effect}
                 userErrors {{ ... on UserError {{ code path message }} }} }} }}",
            name[..1].to_uppercase(),
            &name[1..]
        );
        let mut input = input.clone();
        input["idempotencyKey"] = key.into();
        client.ask(&query, json!({ "input": input })).await[name].take()
    }
}

/// What an answer tells of the effect, without whether it is a repetition.
fn effect(answer: &Value) -> Value {
    let mut effect = answer.clone();
    effect.as_object_mut().unwrap().retain(|key, _| key != "replayed" && key != "userErrors");
    effect
}

const BOT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Bot\nmodel: {use: scripted}\n";

/// A project of `source` with one bot, uploaded and planned: the input that applies it.
async fn planned(client: &Client, source: &str, bot: &str) -> Value {
    let project = format!("apiVersion: botwright/v1\nkind: Project\nsource: {source}\n");
    let files = json!({"files": {"botwright.yaml": project, format!("{bot}/bot.yaml"): BOT}});
    let (status, answer) = client.upload("/config/bundles", files.to_string().into(), None).await;
    assert_eq!(status, 200, "{answer}");
    let query = "query Plan($bundle: ID!) { plan(bundleId: $bundle) { document } }";
    let plan = client.ask(query, json!({"bundle": answer["id"]})).await["plan"].take();
    json!({"bundleId": answer["id"], "planned": plan["document"]})
}

/// A message of the client's that was answered: its id and the turn's.
async fn answered(client: &Client) -> (String, String) {
    let said = client.say(json!({"idempotencyKey": "begin", "bot": "parrot", "text": "Hello!"})).await;
    let turn = text(&said["turn"]["id"]);
    finished(client, &turn).await;
    (text(&said["message"]["id"]), turn)
}

async fn table(ann: &Client, bob: &Client) -> Vec<Creating> {
    let (question, turn) = answered(ann).await;
    let (_, theirs) = answered(bob).await;
    let file = |name: &str| json!({"filename": name, "contentType": "text/plain", "size": 1, "sha256": "0".repeat(64)});
    let conversation = |title: &str| json!({"bot": "parrot", "title": title});
    let message = |text: &str| json!({"bot": "parrot", "text": text});
    let bot =
        |name: &str| json!({"name": name, "config": {"displayName": name, "model": {"use": "scripted"}}});
    let on_telegram =
        |digit: char| json!({"bot": "parrot", "token": format!("100000{digit}:{}", "A".repeat(35))});
    let creating =
        |name, effect, [input, other, theirs]: [Value; 3]| Creating { name, effect, input, other, theirs };
    vec![
        creating(
            "regenerate",
            "turn { id }",
            [json!({ "turnId": turn }), json!({ "messageId": question }), json!({ "turnId": theirs })],
        ),
        creating(
            "createConversation",
            "conversation { id }",
            [conversation("A"), conversation("B"), conversation("A")],
        ),
        creating("sendMessage", "message { id }", [message("Once."), message("Twice."), message("Once.")]),
        creating("createUpload", "upload { id }", [file("a"), file("b"), file("a")]),
        creating(
            "addConnection",
            "connection { id }",
            [on_telegram('1'), on_telegram('2'), on_telegram('3')],
        ),
        creating("createBot", "bot { id }", [bot("heron"), bot("gull"), bot("tern")]),
        creating(
            "applyPlan",
            "generation { source number }",
            [
                planned(ann, "ann/bots", "magpie").await,
                planned(ann, "ann/others", "jay").await,
                planned(bob, "bob/bots", "rook").await,
            ],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_duplicates_of_every_creating_mutation_have_one_effect() {
    let story = Story::begin().await;
    story.model_will(Line { keep: true, ..Line::say("Yes.") });
    let scopes = "admin,chat,read,config:apply";
    let ann = story.door.client(&story.talk, "ann", scopes).await;
    let bob = story.door.client(&story.talk, "bob", scopes).await;
    let table = table(&ann, &bob).await;
    for creating in &table {
        let name = creating.name;
        // Renewed tokens of one person are one caller.
        let ann = story.door.client(&story.talk, "ann", scopes).await;
        let answers = join_all((0..50).map(|_| creating.ask(&ann, &creating.input, "same"))).await;
        let first = effect(&answers[0]);
        assert!(
            first.as_object().unwrap().values().all(|value| !value.is_null()),
            "{name}: {:?}",
            answers[0]
        );
        for answer in &answers {
            assert_eq!((&effect(answer), &answer["userErrors"]), (&first, &json!([])), "{name}");
        }
        let fresh = answers.iter().filter(|answer| answer["replayed"] == false).count();
        assert_eq!(fresh, 1, "{name}: one did it, the others heard of it");

        let reused = creating.ask(&ann, &creating.other, "same").await;
        assert_eq!(reused["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED", "{name}: {reused}");
        assert_eq!(reused["userErrors"][0]["path"], json!(["input", "idempotencyKey"]), "{name}");

        let theirs = creating.ask(&bob, &creating.theirs, "same").await;
        assert_eq!(
            (&theirs["replayed"], &theirs["userErrors"]),
            (&json!(false), &json!([])),
            "{name}: {theirs}"
        );
        assert_ne!(effect(&theirs), first, "{name}: keys of two callers never meet");
        let late = creating.ask(&ann, &creating.input, "same").await;
        assert_eq!((&late["replayed"], &effect(&late)), (&json!(true), &first), "{name}");
    }
    assert_eq!(
        creating_mutations(&ann).await,
        table.iter().map(|creating| creating.name.to_owned()).collect()
    );
    story.end().await;
}

/// The mutations of the schema whose input takes a key.
async fn creating_mutations(client: &Client) -> BTreeSet<String> {
    let query = "{ __type(name: \"Mutation\") { fields { name args { type { ofType { inputFields { name } } } } } } }";
    let fields = client.ask(query, json!({})).await["__type"]["fields"].take();
    let takes_key = |field: &&Value| {
        let parts = field["args"][0]["type"]["ofType"]["inputFields"].as_array();
        parts.is_some_and(|parts| parts.iter().any(|part| part["name"] == "idempotencyKey"))
    };
    fields.as_array().unwrap().iter().filter(takes_key).map(|field| text(&field["name"])).collect()
}
