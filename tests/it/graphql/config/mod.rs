//! Bots as code over the API: what CI and dashboards do.

mod bots;
mod uploads;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::graphql::{Story, text};
use crate::harness::door::{Client, code};

const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: acme/bots\n";

const PLAN: &str = "query Plan($bundle: ID!, $prune: Boolean = false, $pastHold: Boolean = false) {
    plan(bundleId: $bundle, prune: $prune, pastHold: $pastHold) {
        isValid isApplicable source conflicts blocked warnings kept document
        base { generation commit } held { generation by reason }
        summary { create update archive unchanged attention }
        changes {
            address action baseRevision attention { kind message path }
            fields { path before after origin { file line column } }
            texts { path words { op text } }
        }
        delegated { address path value }
        problems { code severity file line column message suggestion }
    } }";

const APPLY: &str = "mutation Apply($input: ApplyPlanInput!) { applyPlan(input: $input) {
    generation { source number isActive provenance changes { address action } }
    plan { summary { update } } configVersion replayed
    userErrors { __typename ... on UserError { code message path } } } }";

/// A project's files.
fn project(bots: &[(&str, &str)]) -> Value {
    let mut files = serde_json::Map::from_iter([("botwright.yaml".to_owned(), json!(PROJECT))]);
    files.extend(bots.iter().map(|(name, yaml)| (format!("{name}/bot.yaml"), json!(yaml))));
    json!({ "files": files })
}

fn bot(persona: &str) -> String {
    format!(
        "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Bot\nmodel: {{use: scripted}}\npersona: {persona}\n"
    )
}

async fn upload(client: &Client, project: &Value) -> String {
    let (status, answer) = client.upload("/config/bundles", project.to_string().into(), None).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["files"].as_u64().unwrap() as usize, project["files"].as_object().unwrap().len());
    text(&answer["id"])
}

async fn plan(client: &Client, bundle: &str) -> Value {
    client.ask(PLAN, json!({ "bundle": bundle })).await["plan"].take()
}

async fn apply(client: &Client, key: &str, bundle: &str, planned: &Value) -> Value {
    let input = json!({ "idempotencyKey": key, "bundleId": bundle, "planned": planned });
    client.ask(APPLY, json!({ "input": input })).await["applyPlan"].take()
}

/// Uploads, plans and applies; the number of the generation.
async fn live(client: &Client, project: &Value) -> i64 {
    let bundle = upload(client, project).await;
    let planned = plan(client, &bundle).await;
    let key = format!("{bundle} after {}", planned["base"]["generation"]);
    let done = apply(client, &key, &bundle, &planned["document"]).await;
    assert_eq!(done["userErrors"], json!([]), "{done}");
    done["generation"]["number"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_was_planned_is_applied() {
    let story = Story::begin().await;
    let ci = story.door.client(&story.talk, "ci", "config:apply").await;
    let first = upload(&ci, &project(&[("helper", &bot("You help.")), ("cook", &bot("You cook."))])).await;
    let planned = plan(&ci, &first).await;
    assert_eq!(
        (&planned["isValid"], &planned["isApplicable"], &planned["source"]),
        (&json!(true), &json!(true), &json!("git:acme/bots"))
    );
    assert_eq!(
        planned["summary"],
        json!({"create": 2, "update": 0, "archive": 0, "unchanged": 0, "attention": 0})
    );
    assert_eq!(planned["changes"][1]["address"], "bot/helper");
    assert_eq!(planned["document"]["kind"], "Plan");

    let git = json!({ "git": { "commit": "c0ffee", "branch": "main" } });
    let input = json!({ "idempotencyKey": "1", "bundleId": first, "planned": planned["document"],
        "message": "First ones", "provenance": git });
    let done = ci.ask(APPLY, json!({ "input": input })).await["applyPlan"].take();
    assert_eq!((&done["userErrors"], &done["replayed"]), (&json!([]), &json!(false)));
    let generation = &done["generation"];
    assert_eq!((&generation["number"], &generation["isActive"]), (&json!(1), &json!(true)));
    assert_eq!(generation["changes"][0], json!({"address": "bot/cook", "action": "CREATE"}));
    let provenance = &generation["provenance"];
    assert_eq!(
        (&provenance["git"]["commit"], &provenance["message"], &provenance["how"]),
        (&json!("c0ffee"), &json!("First ones"), &json!("api"))
    );
    assert!(text(&provenance["actor"]).starts_with("token:"), "{provenance}");

    // The line broke, and CI asks again.
    let again = ci.ask(APPLY, json!({ "input": input })).await["applyPlan"].take();
    assert_eq!((&again["generation"], &again["replayed"]), (generation, &json!(true)));
    assert_eq!(again["configVersion"], done["configVersion"]);
    let other = apply(&ci, "1", &first, &planned["document"]).await;
    assert_eq!(other["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED", "{other}");
    let same = plan(&ci, &first).await;
    assert_eq!((&same["changes"], &same["summary"]["unchanged"]), (&json!([]), &json!(2)));
    assert_eq!(same["base"], json!({"generation": 1, "commit": "c0ffee"}));

    let second =
        upload(&ci, &project(&[("helper", &bot("You help a lot.")), ("cook", &bot("You cook."))])).await;
    let planned = plan(&ci, &second).await;
    let change = &planned["changes"][0];
    assert_eq!((&change["action"], &change["baseRevision"]), (&json!("UPDATE"), &json!(1)));
    assert!(planned["changes"].to_string().contains("a lot"), "{planned}");
    // Somebody is faster.
    live(&ci, &project(&[("helper", &bot("You help now and then.")), ("cook", &bot("You cook."))])).await;
    let stale = apply(&ci, "2", &second, &planned["document"]).await;
    let error = &stale["userErrors"][0];
    assert_eq!((&error["__typename"], &stale["generation"]), (&json!("ConflictError"), &Value::Null));
    let message = text(&error["message"]);
    assert!(message.contains("stale") && message.contains("generation 2"), "{message}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_files_are_told_with_their_places_and_change_nothing() {
    let story = Story::begin().await;
    let ci = story.door.client(&story.talk, "ci", "config:apply").await;
    let wrong =
        project(&[("helper", &bot("You help.").replace("persona", "personna")), ("cook", &bot("You cook."))]);
    let bundle = upload(&ci, &wrong).await;
    let planned = plan(&ci, &bundle).await;
    assert_eq!((&planned["isValid"], &planned["document"]), (&json!(false), &Value::Null));
    let problem = &planned["problems"][0];
    assert_eq!(
        [&problem["file"], &problem["line"], &problem["column"], &problem["code"], &problem["suggestion"]],
        [&json!("helper/bot.yaml"), &json!(5), &json!(1), &json!("BW1002"), &json!("persona")]
    );
    let right = upload(&ci, &project(&[("cook", &bot("You cook."))])).await;
    let document = plan(&ci, &right).await["document"].take();
    let refused = apply(&ci, "1", &bundle, &document).await;
    assert_eq!(refused["userErrors"][0]["__typename"], "InvalidBotError");
    let crossed = apply(&ci, "1", "nonsense", &document).await;
    assert_eq!(
        (&crossed["userErrors"][0]["code"], &crossed["userErrors"][0]["path"]),
        (&json!("NOT_FOUND"), &json!(["input", "bundleId"]))
    );
    let no_plan = apply(&ci, "1", &right, &json!({"kind": "Plan"})).await;
    assert_eq!(no_plan["userErrors"][0]["code"], "INVALID_INPUT");
    let sources = ci.ask("{ configSources { source active { number } held { by } } }", json!({})).await;
    assert_eq!(
        sources["configSources"],
        json!([{"source": "git:test/bots", "active": {"number": 1}, "held": null}])
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_say_who_may_look_plan_and_apply() {
    let story = Story::begin().await;
    let files = project(&[("helper", &bot("You help."))]);
    let planner = story.door.client(&story.talk, "planner", "config:plan").await;
    let bundle = upload(&planner, &files).await;
    let planned = plan(&planner, &bundle).await;
    let input = json!({ "idempotencyKey": "1", "bundleId": bundle, "planned": planned["document"] });
    assert_eq!(planner.error(APPLY, json!({ "input": input })).await, "FORBIDDEN");
    let changes = [
        "mutation { rollback(input: {source: \"git:test/bots\", number: 1, reason: \"x\"}) { configVersion } }",
        "mutation { resumeSource(input: {source: \"git:test/bots\"}) { wasHeld } }",
        "mutation { createBot(input: {idempotencyKey: 1, name: \"a\", config: {}}) { replayed } }",
        "mutation { updateBot(input: {name: \"parrot\", expectedVersion: 1, set: []}) { configVersion } }",
    ];
    for change in changes {
        assert_eq!(planner.error(change, json!({})).await, "FORBIDDEN", "{change}");
    }

    let reader = story.door.client(&story.talk, "reader", "read").await;
    let list = "{ generations(first: 5) { nodes { source number } } }";
    assert_eq!(reader.ask(list, json!({})).await["generations"]["nodes"][0]["source"], "git:test/bots");
    let details = [
        "{ generation(source: \"git:test/bots\", number: 1) { hash } }",
        "{ drift(source: \"git:test/bots\") { source } }",
        "{ exportBots { name } }",
        "{ writtenRevision(bot: \"parrot\") { authored } }",
        "{ configReadiness { isReady } }",
        "{ plan(bundleId: \"x\") { isValid } }",
    ];
    for detail in details {
        assert_eq!(reader.error(detail, json!({})).await, "FORBIDDEN", "{detail}");
    }
    let (status, answer) = reader.upload("/config/bundles", files.to_string().into(), None).await;
    assert_eq!(status, 403);
    assert!(text(&answer["error"]["message"]).contains("config:plan"), "{answer}");
    let talker = story.door.client(&story.talk, "talker", "chat").await;
    assert_eq!(talker.error(list, json!({})).await, "FORBIDDEN");

    let brief =
        story.door.client_for(&story.talk, "brief", "config:apply", Some(TimeDelta::milliseconds(1))).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let (status, answer) = brief.upload("/config/bundles", files.to_string().into(), None).await;
    assert_eq!(status, 401);
    assert!(text(&answer["error"]["message"]).contains("expired"), "{answer}");
    let (status, answer) = brief.send(APPLY, json!({ "input": input })).await;
    assert_eq!((status, code(&answer["errors"])), (401, "UNAUTHENTICATED".to_owned()));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_holds_its_source_until_somebody_resumes_it() {
    let story = Story::begin().await;
    let ops = story.door.client(&story.talk, "ops", "config:apply").await;
    let good = project(&[("helper", &bot("You help."))]);
    let bad = project(&[("helper", &bot("You shout."))]);
    assert_eq!((live(&ops, &good).await, live(&ops, &bad).await), (1, 2));
    let source = json!("git:acme/bots");

    let preview =
        "query P($s: String!, $n: Int!) { rollbackPlan(source: $s, number: $n) { summary { update } } }";
    let preview = ops.ask(preview, json!({"s": source, "n": 1})).await;
    assert_eq!(preview["rollbackPlan"]["summary"]["update"], 1);
    let rollback = "mutation R($input: RollbackInput!) { rollback(input: $input) {
        generation { number changes { action } } plan { summary { update } }
        userErrors { ... on UserError { code message path } } } }";
    let back = json!({"input": {"source": source, "number": 1, "reason": "It shouts."}});
    let done = ops.ask(rollback, back.clone()).await["rollback"].take();
    assert_eq!((&done["generation"]["number"], &done["userErrors"]), (&json!(3), &json!([])));
    let again = ops.ask(rollback, back).await["rollback"].take();
    assert_eq!(again["generation"]["number"], 3, "the same twice is nothing");
    let unknown = json!({"input": {"source": source, "number": 77, "reason": "x"}});
    let unknown = ops.ask(rollback, unknown).await["rollback"].take();
    assert_eq!(unknown["userErrors"][0]["code"], "NOT_FOUND");
    let silent = json!({"input": {"source": source, "number": 1, "reason": " "}});
    let silent = ops.ask(rollback, silent).await["rollback"].take();
    assert_eq!(silent["userErrors"][0]["path"], json!(["input", "reason"]));

    let bundle = upload(&ops, &bad).await;
    let held = plan(&ops, &bundle).await;
    assert_eq!((&held["isApplicable"], &held["held"]["reason"]), (&json!(false), &json!("It shouts.")));
    let refused = apply(&ops, "again", &bundle, &held["document"]).await;
    assert_eq!(refused["userErrors"][0]["__typename"], "BlockedByPolicyError", "{refused}");
    let show = "query S($s: String!, $n: Int!) { generation(source: $s, number: $n) {
        generation { number isActive document } held { reason generation } bots { name revision }
        diff { address fields { path before after } texts { path } } readiness { isReady problems } document } }";
    let shown = ops.ask(show, json!({"s": source, "n": 3})).await["generation"].take();
    assert_eq!((&shown["held"]["generation"], &shown["generation"]["isActive"]), (&json!(3), &json!(true)));
    assert_eq!(shown["diff"][0]["address"], "bot/helper");
    assert_eq!(shown["readiness"]["problems"], json!([]));
    assert_eq!(shown["document"]["number"], 3);
    let past = ops.ask(show, json!({"s": source, "n": 1})).await["generation"].take();
    assert_eq!((&past["readiness"], &past["held"]), (&Value::Null, &Value::Null));
    assert_eq!(ops.ask(show, json!({"s": source, "n": 9})).await["generation"], Value::Null);

    let resume = "mutation R($s: String!) { resumeSource(input: {source: $s}) {
        wasHeld source { held { by } } userErrors { ... on UserError { code } } } }";
    let resumed = ops.ask(resume, json!({ "s": source })).await["resumeSource"].take();
    assert_eq!(resumed, json!({"wasHeld": true, "source": {"held": null}, "userErrors": []}));
    assert_eq!(ops.ask(resume, json!({ "s": source })).await["resumeSource"]["wasHeld"], false);
    let nobody = ops.ask(resume, json!({"s": "git:no\u{0}body"})).await["resumeSource"].take();
    assert_eq!(nobody["userErrors"][0]["code"], "NOT_FOUND");
    assert_eq!(live(&ops, &bad).await, 4);

    let list = "query L($after: String) { generations(source: \"git:acme/bots\", first: 3, after: $after) {
        nodes { number isActive } pageInfo { hasNextPage endCursor } } }";
    let page = ops.ask(list, json!({})).await["generations"].take();
    assert_eq!(page["nodes"][0], json!({"number": 4, "isActive": true}));
    let rest = ops.ask(list, json!({"after": page["pageInfo"]["endCursor"]})).await["generations"].take();
    assert_eq!(rest["nodes"], json!([{"number": 1, "isActive": false}]));
    story.end().await;
}
