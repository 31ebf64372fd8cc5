//! People bring their past along: once, in order, with its dates, however often they try.

use serde_json::{Value, json};

use crate::harness::process::{Place, Ran};

const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n";
const PARROT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";

/// A place with the bot `parrot`.
fn place() -> Place {
    let place = Place::new();
    place.write("bots/botwright.yaml", PROJECT);
    place.write("bots/parrot/bot.yaml", PARROT);
    assert_eq!(place.run(&["apply"], "").code, 0);
    place
}

fn run(place: &Place, line: &str) -> Ran {
    place.run(&line.split(' ').collect::<Vec<_>>(), "")
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error} in {ran:?}"))
}

/// How many messages an import added, and how many it knew.
fn counts(ran: &Ran) -> (u64, u64) {
    let answer = document(ran);
    (answer["added"].as_u64().unwrap(), answer["known"].as_u64().unwrap())
}

/// A line of a `.jsonl` file.
fn line(id: usize, speaker: &str, text: &str) -> String {
    let at = format!("2025-03-{:02}T10:{:02}:00Z", 1 + id / 50, id % 50);
    format!(
        "{}\n",
        json!({"id": format!("m{id}"), "at": at, "speaker": speaker, "role": "person", "text": text})
    )
}

#[test]
fn a_file_comes_in_once_goes_on_where_it_stopped_and_is_recalled_by_its_own_ids() {
    let place = place();
    let said = |id: usize| match id {
        700 => line(id, "Olena", "My grandmother keeps her bees behind the old mill."),
        _ => {
            line(id, ["Olena", "Petro"][id % 2], &format!("We talked about the weather for the {id}th time."))
        }
    };
    let all: Vec<String> = (0..1_200).map(said).collect();
    // What an import that was killed has left behind.
    place.write("half.jsonl", &all[..1_000].concat());
    place.write("all.jsonl", &all.iter().rev().map(String::as_str).collect::<String>());
    let half = run(&place, "import --bot parrot --conversation club --output json half.jsonl");
    assert_eq!(counts(&half), (1_000, 0), "{half:?}");
    let all = run(&place, "import --bot parrot --conversation club --output json all.jsonl");
    assert_eq!(counts(&all), (200, 1_000), "{all:?}");
    let again = run(&place, "import --bot parrot --conversation club --output json all.jsonl half.jsonl");
    assert_eq!(counts(&again), (0, 2_200), "{again:?}");
    assert_eq!(document(&half)["conversation"], document(&again)["conversation"]);

    let question = json!({"id": 7, "question": "Where does Olena's grandmother have her bees?"});
    place.write("q.jsonl", &format!("{question}\n"));
    let asked =
        run(&place, "recall --bot parrot --conversation club --budget 200 --questions q.jsonl --out r.jsonl");
    assert_eq!(asked.code, 0, "{asked:?}");
    let answer = std::fs::read_to_string(place.home.join("r.jsonl")).unwrap();
    let answer: Value = serde_json::from_str(answer.trim()).unwrap();
    assert_eq!((&answer["id"], &answer["ranked"][0]), (&json!(7), &json!("m700")), "{answer}");
    assert!(answer["tokens"].as_u64().unwrap() <= 200, "{answer}");
    assert!(answer["ms"].is_number());
}

#[test]
fn legacy_files_overlap_and_their_summaries_become_the_rolling_one() {
    let place = place();
    let said = |minute: usize, role: &str, text: &str| json!({"role": role, "content": text, "timestamp": format!("2024-06-01T10:{minute:02}:00")});
    let whole = [
        said(0, "system", "You are a bot."),
        said(1, "user", "I moved to Lviv."),
        said(2, "assistant", "How is it there?"),
        said(3, "user", "Good."),
        said(3, "user", "Good."),
        said(4, "assistant", "I am glad."),
    ];
    let file = |entries: &[Value]| serde_json::to_string_pretty(entries).unwrap();
    place.write("whole_history.json", &file(&whole));
    place.write("mid_term.json", &file(&whole[3..]));
    place.write("short_term.json", &file(&whole[5..]));
    let summaries =
        [json!({"summary": "She moved.", "timestamp": "2024-06-01"}), json!({"summary": "She is well."})];
    place.write("history_context.json", &file(&summaries));
    let line = "import --bot parrot --output json short_term.json mid_term.json whole_history.json history_context.json";
    let first = run(&place, line);
    assert_eq!(counts(&first), (5, 4), "{first:?}");
    let answer = document(&first);
    assert_eq!((&answer["leftOut"]["system"], &answer["summaries"]["kept"]), (&json!(1), &json!(2)));
    let again = run(&place, line);
    assert_eq!((counts(&again), &document(&again)["summaries"]["kept"]), ((0, 9), &Value::Null), "{again:?}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_nothing_comes_in() {
    let place = place();
    place.write(
        "bad.jsonl",
        &format!("{}{{\"at\": \"soon\", \"text\": \"Hi\"}}\n", line(1, "Olena", "Hello")),
    );
    let bad = run(&place, "import --bot parrot --conversation club bad.jsonl");
    assert_eq!(bad.code, 1);
    assert!(bad.talk.contains("bad.jsonl:2: `soon` is no date"), "{}", bad.talk);
    let missing = run(&place, "import --bot parrot nowhere.jsonl");
    assert!(missing.talk.contains("nowhere.jsonl"), "{}", missing.talk);
    place.write("good.jsonl", &[line(1, "Olena", "Hello"), line(2, "Petro", "Hi")].concat());
    let strange = run(&place, "import --bot parot good.jsonl");
    assert!(strange.talk.contains("did you mean `parrot`?"), "{}", strange.talk);
    let whose = run(&place, "import --bot parrot good.jsonl");
    assert!(whose.talk.contains("several people speak in it (Olena, Petro)"), "{}", whose.talk);
    let theirs = run(&place, "import --bot parrot --person anna --output json good.jsonl");
    assert_eq!(counts(&theirs), (2, 0), "{theirs:?}");
    let other = run(&place, "import --bot parrot --conversation club --person anna good.jsonl");
    assert_eq!(other.code, 0, "{other:?}");
    let not_hers = run(&place, "import --bot parrot --conversation club --person petro good.jsonl");
    assert!(not_hers.talk.contains("that conversation is not one of petro"), "{}", not_hers.talk);
}
