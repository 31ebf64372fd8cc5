//! `--server`: what CI does with a server that it reaches by its API alone.

use serde_json::{Value, json};

use crate::harness::process::{Place, Ran};

const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n";
const PARROT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error} in {ran:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_done_here_is_done_on_a_server_by_its_api() {
    let place = Place::new();
    place.write("ours/botwright.yaml", PROJECT);
    place.write("ours/parrot/bot.yaml", PARROT);
    let token = |scopes: &str| place.run(&["token", "create", "--scopes", scopes], "").out.trim().to_owned();
    let (planner, applier) = (token("config:plan"), token("config:apply"));
    let server = place.start(&["serve"]).await;
    let url = place.url();
    let run = |line: &str, token: &str| {
        let mut arguments: Vec<&str> = line.split(' ').collect();
        arguments.extend(["--server", &url, "--token", token]);
        place.run(&arguments, "")
    };

    let plan = run("plan ours --detailed-exitcode --output json", &planner);
    assert_eq!(plan.code, 2, "{plan:?}");
    assert_eq!(document(&plan)["changes"][0]["address"], json!("bot/parrot"));
    let refused = run("apply ours", &planner);
    assert!(refused.code != 0 && refused.talk.contains("config:apply"), "{refused:?}");

    assert_eq!(run("plan ours --out plan.json", &planner).code, 0);
    let applied = run("apply plan.json --wait=30 --message First --output json", &applier);
    assert_eq!(applied.code, 0, "{applied:?}");
    let done = document(&applied);
    assert_eq!((&done["generation"], &done["readiness"]["ready"]), (&json!(1), &json!(1)));
    assert_eq!(run("plan ours --detailed-exitcode", &planner).code, 0, "nothing is left to do");
    assert_eq!(run("apply plan.json", &applier).code, 0, "it is so already");

    place.write("ours/parrot/bot.yaml", &format!("{PARROT}persona: You shout.\n"));
    assert_eq!(run("apply ours", &applier).code, 0);
    let stale = run("apply plan.json", &applier);
    assert!(stale.code == 4 && stale.talk.contains("stale"), "{stale:?}");
    let history = document(&run("history --output json", &planner)).to_string();
    assert!(history.contains("First") && history.contains("token:"), "{history}");
    let shown = run("show 2 --output json", &planner);
    assert!(shown.code == 0 && shown.out.contains("You shout."), "{shown:?}");
    assert_eq!(run("show 9", &planner).code, 1);
    let drift = run("drift --output json", &planner);
    assert_eq!((drift.code, &document(&drift)["changes"]), (0, &json!([])), "{drift:?}");

    let dry = run("rollback 1 --dry-run", &planner);
    assert!(dry.code == 0 && dry.out.contains("parrot"), "{dry:?}");
    let back = run("rollback 1 --reason Shouting --output json", &applier);
    assert_eq!((back.code, &document(&back)["generation"]), (0, &json!(3)), "{back:?}");
    let held = run("apply ours", &applier);
    assert!(held.code == 5 && held.talk.contains("Shouting"), "{held:?}");
    assert_eq!(run("resume", &applier).code, 0);
    assert_eq!(run("apply ours", &applier).code, 0);

    place.write("ours/parrot/bot.yaml", &PARROT.replace("displayName", "displyName"));
    assert_eq!(run("plan ours", &planner).code, 3);
    let wrong = run("history", "bw_wrong");
    assert!(wrong.code == 1 && wrong.talk.contains("token"), "{wrong:?}");
    let both = run("history --account other", &planner);
    assert_eq!(both.code, 64, "the token says whose: {both:?}");
    assert_eq!(server.stop(), Some(0));
    let away = run("plan ours", &planner);
    assert!(away.code == 3 || away.code == 1, "{away:?}");
}
