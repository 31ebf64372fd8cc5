//! The program's commands, as people and scripts call them.

use serde_json::{Value, json};

use crate::harness::process::{Place, Ran};

const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n";
const PARROT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";

/// A place with the bot `parrot`, not applied yet.
fn place() -> Place {
    let place = Place::new();
    place.write("bots/botwright.yaml", PROJECT);
    place.write("bots/parrot/bot.yaml", PARROT);
    place
}

/// The one document on stdout.
fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error} in {ran:?}"))
}

#[test]
fn a_folder_is_checked_planned_and_applied_with_an_exit_code_for_each_outcome() {
    let place = place();
    let run = |line: &str| place.run(&line.split(' ').collect::<Vec<_>>(), "");

    assert_eq!(run("validate").code, 0);
    assert_eq!(run("plan").code, 0);
    let plan = run("plan --detailed-exitcode --output json");
    assert_eq!(plan.code, 2);
    assert_eq!(document(&plan)["changes"][0]["address"], json!("bot/parrot"));

    let applied = run("apply --output json");
    assert_eq!((applied.code, &document(&applied)["generation"]), (0, &json!(1)));
    let again = run("apply --output json");
    assert_eq!((again.code, &document(&again)["generation"]), (0, &json!(1)), "the same twice is nothing");
    assert_eq!(run("plan --detailed-exitcode").code, 0);

    place.write("bots/parrot/bot.yaml", &PARROT.replace("displayName", "displyName"));
    for line in ["validate", "plan", "apply"] {
        let ran = run(line);
        assert_eq!(ran.code, 3, "{line}: {ran:?}");
        assert!(ran.talk.contains("did you mean `displayName`?"), "{line}: {}", ran.talk);
        assert!(ran.out.is_empty(), "{line}: problems are talk: {}", ran.out);
    }
    assert_eq!(document(&run("validate --output json"))["valid"], json!(false));
    let annotated = run("validate --output github").out;
    assert!(annotated.starts_with("::error file="), "{annotated}");

    place.write("bots/other/bot.yaml", PARROT);
    std::fs::remove_dir_all(place.home.join("bots/parrot")).unwrap();
    let blocked = run("apply");
    assert_eq!(blocked.code, 5, "{blocked:?}");
    assert!(blocked.talk.contains("--prune"), "{}", blocked.talk);
    assert_eq!(run("apply --prune").code, 0);

    place.write("bots/botwright.yaml", &PROJECT.replace("test/bots", "else/bots"));
    assert_eq!(run("apply").code, 4, "another source owns the bot");
}

#[test]
fn files_are_put_into_canonical_form_and_checked_for_it() {
    let place = Place::new();
    let run = |line: &str| place.run(&line.split(' ').collect::<Vec<_>>(), "");
    let untidy = "kind: Bot\napiVersion: 'botwright/v1' # one\ndisplayName: Parrot\n";
    let tidy = "apiVersion: botwright/v1 # one\nkind: Bot\ndisplayName: Parrot\n";
    place.write("bots/botwright.yaml", PROJECT);
    place.write("bots/parrot/bot.yaml", untidy);
    let file = place.home.join("bots/parrot/bot.yaml");
    let text = || std::fs::read_to_string(&file).unwrap();

    let checked = run("fmt --check");
    assert_eq!((checked.code, text().as_str()), (2, untidy), "{checked:?}");
    assert!(checked.out.contains("- apiVersion: 'botwright/v1' # one"), "{}", checked.out);
    assert_eq!(document(&run("fmt --check --output json"))["changed"], json!(["parrot/bot.yaml"]));
    assert!(run("fmt --check --output github").out.starts_with("::warning file="));

    let written = run("fmt");
    assert_eq!((written.code, text().as_str()), (0, tidy), "{written:?}");
    assert_eq!(run("fmt --check").code, 0);
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");

    place.write("bots/parrot/bot.yaml", "kind: [");
    assert_eq!(run("fmt").code, 3);
    assert_eq!(text(), "kind: [");
}

#[test]
fn what_is_wrong_with_a_command_line_ends_with_64() {
    let place = Place::new();
    for line in
        [&["frob"][..], &[], &["token", "create"], &["plan", "--output", "yaml"], &["serve", "--roles", "x"]]
    {
        assert_eq!(place.run(line, "").code, 64, "{line:?}");
    }
    assert_eq!(place.run(&["--version"], "").out, format!("botwright {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_error_is_a_document_too_where_documents_were_asked_for() {
    let place = Place::new();
    let ran = place.run(&["plan", "nowhere", "--output", "json"], "");
    assert_eq!(ran.code, 1);
    assert_eq!(document(&ran)["error"]["kind"], json!("notFound"));
    assert!(ran.talk.starts_with("error: "), "{}", ran.talk);
}

#[test]
fn a_token_stands_alone_on_stdout_is_listed_and_revoked() {
    let place = Place::new();
    let made =
        place.run(&["token", "create", "--scopes", "chat,read", "--name", "phone", "--expires", "30d"], "");
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.out.starts_with("bw_") && made.out.lines().count() == 1, "{}", made.out);
    let listed = document(&place.run(&["token", "list", "--output", "json"], ""));
    assert_eq!(listed["tokens"][0]["name"], json!("phone"));
    assert_eq!(listed["tokens"][0]["live"], json!(true));
    assert!(!listed.to_string().contains(made.out.trim()));
    assert_eq!(place.run(&["token", "revoke", "phone"], "").code, 0);
    let listed = document(&place.run(&["token", "list", "--output", "json"], ""));
    assert_eq!(listed["tokens"][0]["live"], json!(false));
    assert_eq!(place.run(&["token", "revoke", "phone"], "").code, 1);
}

#[test]
fn a_secret_comes_in_by_stdin_and_never_out() {
    let place = Place::new();
    let set = place.run(&["secret", "set", "OPENAI_API_KEY"], "hunter2\n");
    assert_eq!(set.code, 0, "{set:?}");
    let listed = place.run(&["secret", "list"], "");
    assert_eq!(listed.out, "OPENAI_API_KEY\n");
    assert!(!format!("{set:?}{listed:?}").contains("hunter2"));
    assert_eq!(place.run(&["secret", "set", "EMPTY"], "").code, 1);
    assert_eq!(place.run(&["secret", "set", "no-name"], "x").code, 1);
    assert_eq!(place.run(&["secret", "delete", "OPENAI_API_KEY"], "").code, 0);
    assert_eq!(place.run(&["secret", "delete", "OPENAI_API_KEY"], "").code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_can_talk_here_and_over_the_api_and_both_are_one_bot() {
    let mut place = place();
    let script = place.write("script.jsonl", "{\"say\": \"Quite so.\", \"keep\": true}\n");
    place.variables.push(("SCRIPTED_FILE".into(), script.to_string_lossy().into_owned()));

    let nobody = place.run(&["chat", "parrot"], "Hello\n");
    assert!(nobody.code == 1 && nobody.talk.contains("no bot is live yet"), "{nobody:?}");
    assert_eq!(place.run(&["apply"], "").code, 0);
    let alone = place.run(&["chat", "parrot"], "Hello\n\nAgain\n");
    assert_eq!((alone.code, alone.out.as_str()), (0, "Quite so.\nQuite so.\n"), "{alone:?}");
    let wrong = place.run(&["chat", "parot"], "Hello\n");
    assert!(wrong.code == 1 && wrong.talk.contains("did you mean `parrot`?"), "{wrong:?}");

    let server = place.start(&["serve"]).await;
    let beside = place.run(&["chat", "parrot"], "Hello\n");
    assert_eq!((beside.code, beside.out.as_str()), (0, "Quite so.\n"), "{beside:?}");
    let token = place.run(&["token", "create", "--scopes", "chat,read"], "").out;
    let url = place.url();
    let remote = place.run(&["chat", "parrot", "--server", &url, "--token", token.trim()], "Hello\nAgain\n");
    assert_eq!((remote.code, remote.out.as_str()), (0, "Quite so.\nQuite so.\n"), "{remote:?}");
    let denied = place.run(&["chat", "parrot", "--server", &url, "--token", "bw_wrong"], "Hello\n");
    assert!(denied.code == 1 && denied.talk.contains("token"), "{denied:?}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_prompt_can_be_read_without_sending_it() {
    let place = place();
    assert_eq!(place.run(&["apply"], "").code, 0);
    let shown = document(&place.run(&["context", "parrot", "Where does Anna live?", "--output", "json"], ""));
    let last = shown["request"]["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["parts"][0]["text"], json!("Where does Anna live?"));
    assert!(shown["report"]["total"].as_u64().unwrap() <= shown["report"]["budget"].as_u64().unwrap());
    let human = place.run(&["context", "parrot", "Where does Anna live?"], "");
    assert!(human.out.contains("SECTION") && human.out.contains("budget:"), "{human:?}");
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_how_to_mend_it() {
    let mut place = place();
    let well = document(&place.run(&["doctor", "--output", "json"], ""));
    assert_eq!(well["ok"], json!(true), "{well}");
    place.variables.push(("DATABASE_URL".into(), "postgres://nobody@127.0.0.1:1/none".into()));
    place.variables.push(("BOTWRIGHT_MASTER_KEY".into(), String::new()));
    let ill = place.run(&["doctor"], "");
    assert_eq!(ill.code, 1);
    assert!(
        ill.out.contains("openssl rand -base64 32") && ill.out.contains("2 things are wrong"),
        "{}",
        ill.out
    );
}

#[test]
fn schemas_are_printed_as_they_are_committed() {
    let place = Place::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (which, file) in [("bot", "bots/bot.schema.json"), ("project", "bots/project.schema.json")] {
        let committed = std::fs::read_to_string(root.join(file)).unwrap();
        assert_eq!(place.run(&["schema", which], "").out.trim(), committed.trim(), "{file}");
    }
}

#[test]
fn production_makes_nothing_up() {
    let mut place = Place::new();
    place.variables.push(("DATABASE_URL".into(), String::new()));
    place.variables.push(("BOTWRIGHT_MASTER_KEY".into(), String::new()));
    let ran = place.run(&["serve"], "");
    assert_eq!(ran.code, 1);
    assert!(ran.talk.contains("DATABASE_URL") && ran.talk.contains("BOTWRIGHT_MASTER_KEY"), "{}", ran.talk);
    place.variables.push(("PORT".into(), "eighty".into()));
    let ran = place.run(&["doctor"], "");
    assert!(ran.code == 1 && ran.talk.contains("PORT is `eighty`"), "{ran:?}");
}
