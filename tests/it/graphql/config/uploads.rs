//! Uploads: whose they are, how large they may be, what is refused.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{APPLY, PLAN, apply, bot, live, plan, project, upload};
use crate::graphql::{Story, text};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_never_see_each_others_generations_or_bundles() {
    let story = Story::begin().await;
    let ours = story.door.client(&story.talk, "ours", "config:apply").await;
    let theirs = story.door.client_in("rival", "config:apply").await;
    let files = project(&[("helper", &bot("You help."))]);
    let bundle = upload(&ours, &files).await;
    let planned = plan(&ours, &bundle).await;
    assert_eq!(theirs.ask(PLAN, json!({ "bundle": bundle })).await["plan"], json!(null));
    let stolen = apply(&theirs, "1", &bundle, &planned["document"]).await;
    assert_eq!(stolen["userErrors"][0]["code"], "NOT_FOUND");
    live(&ours, &files).await;

    let list = "{ generations(first: 10) { nodes { source } } configSources { source } exportBots { name } }";
    let nothing = json!({"generations": {"nodes": []}, "configSources": [], "exportBots": []});
    assert_eq!(theirs.ask(list, json!({})).await, nothing);
    let look = "{ generation(source: \"git:acme/bots\", number: 1) { hash } }";
    assert_eq!(theirs.ask(look, json!({})).await["generation"], Value::Null);
    let look = "{ drift(source: \"git:acme/bots\") { source } writtenRevision(bot: \"helper\") { number } }";
    assert_eq!(theirs.ask(look, json!({})).await, json!({"drift": null, "writtenRevision": null}));
    let back = "mutation { rollback(input: {source: \"git:acme/bots\", number: 1, reason: \"x\"}) {
        userErrors { ... on UserError { code } } } }";
    assert_eq!(theirs.ask(back, json!({})).await["rollback"]["userErrors"][0]["code"], "NOT_FOUND");
    // The same files are theirs once they upload them, and the bot is another one.
    assert_eq!(live(&theirs, &files).await, 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_of_fifty_megabytes_is_taken_and_a_larger_one_is_refused() {
    let story = Story::begin().await;
    let ci = story.door.client(&story.talk, "ci", "config:apply").await;
    let mut files = project(&[("helper", &bot("You help."))]);
    let prose = "The quick brown fox jumps over the lazy dog.\n".repeat(5_000);
    for number in 0..233 {
        files["files"][format!("helper/lore/{number}.md")] = json!(prose);
    }
    let body = files.to_string();
    assert!(body.len() > 50 * 1024 * 1024, "{}", body.len());
    let bundle = upload(&ci, &files).await;
    let (status, packed) = ci.upload("/config/bundles", gzip(body.as_bytes()), Some("gzip")).await;
    assert_eq!((status, &packed["id"]), (200, &json!(bundle)), "packed or not, it is the same");
    let planned = plan(&ci, &bundle).await;
    assert_eq!(planned["summary"]["create"], 1);

    let bomb = gzip(&vec![b' '; 70 * 1024 * 1024]);
    assert!(bomb.len() < 1024 * 1024);
    let (status, answer) = ci.upload("/config/bundles", bomb, Some("gzip")).await;
    assert_eq!(status, 413);
    assert!(text(&answer["error"]["message"]).contains("larger than 65536 KiB"), "{answer}");
    // Said before anything is read: what is announced is too much.
    let (status, answer) = ci.announce("/config/bundles", 65 * 1024 * 1024).await;
    assert_eq!(status, 413, "{answer}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_bundle_is_refused_with_the_reason() {
    let story = Story::begin().await;
    let ci = story.door.client(&story.talk, "ci", "config:apply").await;
    let table: [(&[u8], Option<&str>, u16, &str); 8] = [
        (b"", None, 400, "no bundle of files"),
        (b"{\"files\":", None, 400, "no bundle of files: EOF"),
        (b"[1]", None, 400, "no bundle of files"),
        (b"{\"files\": {\"a\": 7}}", None, 400, "no bundle of files"),
        (b"{\"data\": {}}", None, 400, "missing field `files`"),
        (b"\xff\xfe", None, 400, "no bundle of files"),
        (b"not packed", Some("gzip"), 400, "does not unpack"),
        (b"{}", Some("br"), 415, "gzip"),
    ];
    for (body, encoding, expected, words) in table {
        let (status, answer) = ci.upload("/config/bundles", body.to_vec(), encoding).await;
        assert_eq!(status, expected, "{answer}");
        assert!(text(&answer["error"]["message"]).contains(words), "{answer}");
    }
    let (status, _) = ci.upload("/config/plans", b"{}".to_vec(), None).await;
    assert_eq!(status, 400);

    // Characters that the database has no place for come back as they came, as problems of the file.
    let odd = json!({ "files": { "botwright.yaml": super::PROJECT, "a/bot.yaml": "apiVersion: \u{0}" } });
    let bundle = upload(&ci, &odd).await;
    assert_eq!(plan(&ci, &bundle).await["isValid"], false);
    let bytes = json!({ "files": { "botwright.yaml": super::PROJECT, "a/bot.yaml": [255, 254] } });
    let bundle = upload(&ci, &bytes).await;
    assert_eq!(plan(&ci, &bundle).await["problems"][0]["code"], "BW1000");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_outgrows_a_request_is_uploaded() {
    let story = Story::begin().await;
    let ci = story.door.client(&story.talk, "ci", "config:apply").await;
    let long = bot(&"word ".repeat(2_000));
    let names: Vec<String> = (0..150).map(|number| format!("bot-{number}")).collect();
    let bots: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), long.as_str())).collect();
    let bundle = upload(&ci, &project(&bots)).await;
    let document = plan(&ci, &bundle).await["document"].take();
    assert!(document.to_string().len() > 1024 * 1024);
    let (status, kept) =
        ci.upload("/config/plans", gzip(document.to_string().as_bytes()), Some("gzip")).await;
    assert_eq!((status, &kept["changes"]), (200, &json!(150)));
    let wrong = json!({ "idempotencyKey": "1", "bundleId": kept["id"], "plannedId": bundle });
    let wrong = ci.ask(APPLY, json!({ "input": wrong })).await["applyPlan"].take();
    assert_eq!(wrong["userErrors"][0]["code"], "NOT_FOUND", "{wrong}");
    let input = json!({ "idempotencyKey": "1", "bundleId": bundle, "plannedId": kept["id"] });
    let done = ci.ask(APPLY, json!({ "input": input })).await["applyPlan"].take();
    assert_eq!((&done["generation"]["number"], &done["userErrors"]), (&json!(1), &json!([])));
    story.end().await;
}
