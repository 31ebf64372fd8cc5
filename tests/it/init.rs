//! A project from nothing, as `botwright init` makes it.

use std::fs;

use serde_json::{Value, json};

use crate::harness::process::{Place, Ran};

fn init(place: &Place, line: &str) -> Ran {
    place.run(&line.split(' ').collect::<Vec<_>>(), "")
}

fn read(place: &Place, path: &str) -> String {
    fs::read_to_string(place.home.join(path)).unwrap()
}

#[test]
fn an_empty_folder_becomes_a_project_that_is_valid_and_can_be_applied() {
    let place = Place::new();
    let made = init(&place, "init --template support --source acme/bots");
    assert_eq!(made.code, 0, "{made:?}");
    for path in [
        "bots/botwright.yaml",
        "bots/support/bot.yaml",
        "bots/support/docs/handbook.md",
        "bots/bot.schema.json",
        ".vscode/settings.json",
        ".github/workflows/bots.yml",
        ".github/actions/botwright/action.yml",
        ".gitignore",
    ] {
        assert!(made.out.contains(&format!("wrote {path}\n")), "{path}: {}", made.out);
        assert!(place.home.join(path).is_file(), "{path}");
    }
    assert!(read(&place, "bots/botwright.yaml").contains("\nsource: acme/bots\n"));
    assert!(made.talk.contains("botwright chat support"), "{}", made.talk);
    assert_eq!(place.run(&["validate"], "").code, 0);
    assert_eq!(place.run(&["apply"], "").code, 0);
}

#[test]
fn what_is_there_is_kept_and_what_is_missing_is_added() {
    let place = Place::new();
    place.write(".gitignore", "/target");
    place.write(".vscode/settings.json", "{\"mine\": true}");
    place.write(".git/config", "[remote \"origin\"]\n\turl = git@github.com:acme/chat-bots.git\n");
    assert_eq!(init(&place, "init --template lawyer").code, 0);
    assert!(read(&place, "bots/botwright.yaml").contains("\nsource: acme/chat-bots\n"));
    assert_eq!(read(&place, ".gitignore"), "/target\n/data/\n");
    assert_eq!(read(&place, ".vscode/settings.json"), "{\"mine\": true}");

    place.write("bots/lawyer/bot.yaml", "mine: true\n");
    let again = init(&place, "init --template lawyer --source other/bots --output json");
    let told: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(told["written"], json!([]), "{told}");
    assert!(told["kept"].as_array().unwrap().contains(&json!("bots/lawyer/")), "{told}");
    assert_eq!(read(&place, "bots/lawyer/bot.yaml"), "mine: true\n");
    assert!(read(&place, "bots/botwright.yaml").contains("acme/chat-bots"));

    // A second bot joins the first.
    let second = init(&place, "init --template friend");
    assert!(second.out.contains("wrote bots/friend/bot.yaml\n"), "{}", second.out);
    assert_eq!(read(&place, ".gitignore"), "/target\n/data/\n");
}

#[test]
fn a_wrong_template_or_source_writes_nothing() {
    let place = Place::new();
    let template = init(&place, "init --template lawer");
    assert!(template.code == 64 && template.talk.contains("lawyer"), "{template:?}");
    let source = init(&place, "init new --source https://github.com/acme/bots.git");
    assert!(source.code == 3 && source.talk.contains("did you mean `acme/bots`?"), "{source:?}");
    assert!(!place.home.join("new").exists());
}
