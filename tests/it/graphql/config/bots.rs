//! Bots that no files own, and what files leave to others.

use serde_json::{Value, json};

use super::{bot, live, plan, project, upload};
use crate::graphql::{Story, text};
use crate::harness::door::Client;

const CREATE: &str = "mutation Create($input: CreateBotInput!) { createBot(input: $input) {
    bot { id name displayName source revision { number } } generation { source number } replayed
    userErrors { __typename ... on UserError { code message path }
        ... on InvalidBotError { problems { code message suggestion } } } } }";

const UPDATE: &str = "mutation Update($input: UpdateBotInput!) { updateBot(input: $input) {
    bot { displayName revision { number } } generation { source number }
    userErrors { __typename ... on UserError { code message path }
        ... on InvalidBotError { problems { message } }
        ... on FieldOwnedByFilesError { source paths patch } } } }";

async fn create(client: &Client, key: &str, name: &str, config: Value) -> Value {
    let input = json!({ "idempotencyKey": key, "name": name, "config": config });
    client.ask(CREATE, json!({ "input": input })).await["createBot"].take()
}

async fn update(client: &Client, name: &str, version: i32, set: Value) -> Value {
    let input = json!({ "name": name, "expectedVersion": version, "set": set });
    client.ask(UPDATE, json!({ "input": input })).await["updateBot"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_made_changed_and_exported_without_files() {
    let story = Story::begin().await;
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    let chef = json!({ "displayName": "Chef", "model": { "use": "scripted" } });
    let wrong = create(&admin, "1", "chef", json!({ "displayName": "Chef", "modle": "scripted" })).await;
    let error = &wrong["userErrors"][0];
    assert_eq!((&error["__typename"], &wrong["bot"]), (&json!("InvalidBotError"), &Value::Null));
    assert_eq!(error["problems"][0]["suggestion"], "model");
    for (name, config, part) in [
        ("../chef", chef.clone(), "name"),
        ("a\u{0}b", chef.clone(), "name"),
        ("chef", json!("Chef"), "config"),
    ] {
        let refused = create(&admin, "1", name, config).await;
        assert_eq!(refused["userErrors"][0]["path"], json!(["input", part]), "{refused}");
    }

    let made = create(&admin, "1", "chef", chef.clone()).await;
    assert_eq!(
        (&made["bot"]["source"], &made["bot"]["revision"]["number"], &made["replayed"]),
        (&json!("dashboard"), &json!(1), &json!(false)),
        "{made}"
    );
    let again = create(&admin, "1", "chef", chef.clone()).await;
    assert_eq!((&again["bot"]["id"], &again["replayed"]), (&made["bot"]["id"], &json!(true)));
    let taken = create(&admin, "2", "chef", chef.clone()).await;
    assert_eq!(taken["userErrors"][0]["code"], "CONFLICT");
    let other = create(&admin, "1", "cook", chef).await;
    assert_eq!(other["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");

    let set = json!([{ "path": "/displayName", "value": "Head chef" }, { "path": "/model/temperature", "value": 0.3 }]);
    let changed = update(&admin, "chef", 1, set.clone()).await;
    assert_eq!(changed["bot"], json!({"displayName": "Head chef", "revision": {"number": 2}}), "{changed}");
    let late = update(&admin, "chef", 1, set).await;
    assert_eq!(late["userErrors"][0]["path"], json!(["input", "expectedVersion"]));
    let hot = update(&admin, "chef", 2, json!([{ "path": "/model/temperature", "value": 99 }])).await;
    assert_eq!(hot["userErrors"][0]["__typename"], "InvalidBotError");
    let nowhere = update(&admin, "chef", 2, json!([{ "path": "nowhere", "value": 1 }])).await;
    assert_eq!(nowhere["userErrors"][0]["code"], "INVALID_INPUT");
    let nobody = update(&admin, "nobody", 1, json!([])).await;
    assert_eq!(nobody["userErrors"][0]["code"], "NOT_FOUND");
    let out = update(&admin, "chef", 2, json!([{ "path": "/model/temperature", "value": null }])).await;
    assert_eq!(out["bot"]["revision"]["number"], 3);

    let export = "{ exportBots(source: \"dashboard\") { name source authored } }";
    let exported = admin.ask(export, json!({})).await["exportBots"][0].take();
    assert_eq!(
        (&exported["name"], &exported["authored"]["bot"]["displayName"]),
        (&json!("chef"), &json!("Head chef"))
    );
    assert_eq!(exported["authored"]["bot"]["model"], json!({"use": "scripted"}));
    let old =
        "{ writtenRevision(bot: \"chef\", number: 1) { number source authored generation { number } } }";
    let old = admin.ask(old, json!({})).await["writtenRevision"].take();
    assert_eq!(
        (&old["authored"]["bot"]["displayName"], &old["generation"]["number"]),
        (&json!("Chef"), &json!(1))
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_files_own_is_refused_with_the_patch_and_what_they_delegate_is_no_drift() {
    let story = Story::begin().await;
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    let files = project(&[("helper", &format!("{}delegated: [/model/temperature]\n", bot("You help.")))]);
    live(&admin, &files).await;

    let owned = update(&admin, "helper", 1, json!([{ "path": "/persona", "value": "You shout." }])).await;
    let error = &owned["userErrors"][0];
    assert_eq!(
        (&error["__typename"], &error["source"], &error["paths"]),
        (&json!("FieldOwnedByFilesError"), &json!("git:acme/bots"), &json!(["/persona"]))
    );
    let patch = text(&error["patch"]);
    assert!(patch.contains("helper/bot.yaml") && patch.contains("You shout."), "{patch}");

    let held = update(&admin, "helper", 1, json!([{ "path": "/model/temperature", "value": 0.7 }])).await;
    assert_eq!((&held["bot"]["revision"]["number"], &held["userErrors"]), (&json!(2), &json!([])));
    let drift =
        "{ drift(source: \"git:acme/bots\") { changes { address } delegated { address path value } } }";
    let drift = admin.ask(drift, json!({})).await["drift"].take();
    let delegated = json!([{"address": "bot/helper", "path": "/model/temperature", "value": 0.7}]);
    assert_eq!(drift, json!({"changes": [], "delegated": delegated}));
    let bundle = upload(&admin, &files).await;
    let planned = plan(&admin, &bundle).await;
    assert_eq!((&planned["changes"], &planned["delegated"]), (&json!([]), &delegated));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn which_words_a_message_was_spoken_by_is_told() {
    let story = Story::begin().await;
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    story.model_will(botwright::providers::scripted::Line::say("Squawk."));
    let said = admin.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "Hello"})).await;
    crate::graphql::finished(&admin, said["turn"]["id"].as_str().unwrap()).await;
    let turn = "query T($id: ID!) { turn(id: $id) { reply { id } } }";
    let reply = admin.ask(turn, json!({"id": said["turn"]["id"]})).await["turn"]["reply"]["id"].take();
    let spoken =
        "query S($id: ID!) { writtenRevision(messageId: $id) { bot number source generation { number } } }";
    let spoken = admin.ask(spoken, json!({ "id": reply })).await["writtenRevision"].take();
    assert_eq!(
        spoken,
        json!({"bot": "parrot", "number": 1, "source": "git:test/bots", "generation": {"number": 1}})
    );
    story.end().await;
}
