//! What a team goes through: renames, rollbacks, stale plans, dashboards.

use std::collections::BTreeSet;

use botwright::error::Kind;
use botwright::store::Bot;
use botwright::sync::{AttentionKind, Back, DASHBOARD, Edit, Edited, Once, Op, Set};
use serde_json::{Value, json};

use super::*;

fn parsed(files: &[(&str, &str)]) -> Project {
    let mut bundle = Bundle::default();
    for (path, text) in files {
        bundle.files.insert((*path).into(), (*text).into());
    }
    let parsed = parse(&bundle);
    parsed.project.unwrap_or_else(|| panic!("{:?}", parsed.problems))
}

const ROOT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: acme/bots\n";

fn bot(rest: &str) -> String {
    format!("apiVersion: botwright/v1\nkind: Bot\ndisplayName: Support\n{rest}")
}

fn commit(name: &str) -> Options<'static> {
    Options { provenance: json!({ "how": "apply", "git": { "commit": name } }), ..options(Missing::Refuse) }
}

async fn live(talk: &Talk, name: &str) -> Arc<botwright::chat::LiveBot> {
    talk.chat.bots().find(talk.actor.account, name).await.unwrap().unwrap()
}

fn back(number: i32) -> Back {
    let (source, reason) = ("git:acme/bots".into(), "the greeting was wrong".into());
    Back { source, number, reason, actor: "test".into(), provenance: Value::Null }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_bot_keeps_its_history() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let one = parsed(&[("botwright.yaml", ROOT), ("help/bot.yaml", &bot("persona: You help.\n"))]);
    apply(&talk, &one, options(Missing::Refuse)).await.unwrap();
    let before = live(&talk, "help").await;

    let forgotten = parsed(&[("botwright.yaml", ROOT), ("support/bot.yaml", &bot("persona: You help.\n"))]);
    let desired = Desired::of(&forgotten, None);
    let (account, prune) = (talk.actor.account, policy(Missing::Prune));
    let warned = sync::plan_now(&talk.store, account, &desired, prune, Value::Null);
    assert!(warned.await.unwrap().warnings[0].contains("moves: [{from: help, to: support}]"));

    let root = format!("{ROOT}moves: [{{from: help, to: support}}]\n");
    let moved = parsed(&[("botwright.yaml", &root), ("support/bot.yaml", &bot("persona: You help.\n"))]);
    let planned = plan(&talk, &moved).await;
    assert_eq!((planned.summary.rename, planned.summary.effective_changes), (1, false));
    let done = apply(&talk, &moved, options(Missing::Refuse)).await.unwrap();
    assert_eq!(done.plan, planned);
    let after = live(&talk, "support").await;
    assert_eq!(after.bot.id, before.bot.id);
    assert!(talk.chat.bots().find(talk.actor.account, "help").await.unwrap().is_none());
    assert!(plan(&talk, &moved).await.is_empty(), "a move that is done is nothing");

    sync::rollback(&talk.store, &(Arc::new(SystemClock) as SharedClock), talk.actor.account, back(1))
        .await
        .unwrap();
    assert_eq!(live(&talk, "help").await.bot.id, before.bot.id, "a rollback gives the old name back");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_holds_until_something_newer_comes() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let clock: SharedClock = Arc::new(SystemClock);
    let account = talk.actor.account;
    let good = project("acme/bots", &[("a", "Good."), ("b", "Stays.")]);
    let bad = project("acme/bots", &[("a", "Bad."), ("b", "Stays."), ("c", "New.")]);
    apply(&talk, &good, commit("c1")).await.unwrap();
    apply(&talk, &bad, commit("c2")).await.unwrap();
    assert_eq!(live(&talk, "a").await.spec.persona, "Bad.");

    let planned = sync::plan_rollback(&talk.store, account, "git:acme/bots", 1).await.unwrap();
    assert_eq!((planned.summary.update, planned.summary.archive), (1, 1));
    let done = sync::rollback(&talk.store, &clock, account, back(1)).await.unwrap();
    assert_eq!(done.generation, 3);
    assert_eq!(live(&talk, "a").await.spec.persona, "Good.");
    assert_eq!(live(&talk, "a").await.number, 3, "revisions never share a number");
    assert!(talk.chat.bots().find(account, "c").await.unwrap().is_none());

    let refused = apply(&talk, &bad, commit("c2")).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    assert!(refused.message().contains("the greeting was wrong"), "{}", refused.message());
    let fixed = project("acme/bots", &[("a", "Better."), ("b", "Stays.")]);
    let newer = Options { policy: Policy { past_hold: true, ..Policy::default() }, ..commit("c3") };
    apply(&talk, &fixed, newer).await.unwrap();
    let next = apply(&talk, &project("acme/bots", &[("a", "Best."), ("b", "Stays.")]), commit("c4")).await;
    assert_eq!(next.unwrap().generation, 5, "what was newer let it go on");

    sync::rollback(&talk.store, &clock, account, back(1)).await.unwrap();
    assert!(sync::resume(&talk.store, &clock, account, "git:acme/bots", "test").await.unwrap());
    assert!(!sync::resume(&talk.store, &clock, account, "git:acme/bots", "test").await.unwrap());
    apply(&talk, &fixed, commit("c5")).await.unwrap();
    let history = sync::history(&talk.store, account, Some("git:acme/bots"), 50).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.number).collect::<Vec<_>>(), [7, 6, 5, 4, 3, 2, 1]);
    assert!(history[0].is_active && !history[1].is_active);
    let shown = sync::show(&talk.store, account, "git:acme/bots", 2).await.unwrap();
    let actions: Vec<_> = shown.diff.iter().map(|change| (change.name(), change.action)).collect();
    assert_eq!(actions, [("a", Action::Update), ("c", Action::Create)]);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_turned_away_from_stays_away() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let clock: SharedClock = Arc::new(SystemClock);
    let account = talk.actor.account;
    let of = |persona| project("acme/bots", &[("a", persona)]);
    for (persona, name) in [("One.", "c1"), ("Two.", "c2"), ("Bad.", "c3")] {
        apply(&talk, &of(persona), commit(name)).await.unwrap();
    }
    let held = async || plan(&talk, &of("x")).await.held.unwrap().commit;
    sync::rollback(&talk.store, &clock, account, back(2)).await.unwrap();
    assert_eq!(held().await.as_deref(), Some("c3"));
    sync::rollback(&talk.store, &clock, account, back(1)).await.unwrap();
    assert_eq!(held().await.as_deref(), Some("c3"), "a second rollback forgets nothing");

    // The revert says what is live already: it changes nothing, and is the active commit from then on.
    let newer = Options { policy: Policy { past_hold: true, ..Policy::default() }, ..commit("c4") };
    let reverted = apply(&talk, &of("One."), newer).await.unwrap();
    assert!(reverted.plan.is_empty());
    let after = plan(&talk, &of("One.")).await;
    assert_eq!((after.base.commit.as_deref(), after.held), (Some("c4"), None));
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_happens_as_it_was_shown_or_not_at_all() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let base = project("acme/bots", &[("a", "One."), ("b", "Two.")]);
    apply(&talk, &base, options(Missing::Refuse)).await.unwrap();
    let change_a = project("acme/bots", &[("a", "Three."), ("b", "Two.")]);
    let saved = plan(&talk, &change_a).await;

    // Somebody changes the other bot: the plan still stands, but these files would take that back.
    let change_b = project("acme/bots", &[("a", "One."), ("b", "Four.")]);
    apply(&talk, &change_b, options(Missing::Refuse)).await.unwrap();
    let planned = Options { planned: Some(&saved), ..options(Missing::Refuse) };
    let refused = apply(&talk, &change_a, planned).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Conflict);
    assert!(refused.message().contains("bot/b would change"), "{}", refused.message());
    assert!(refused.message().contains("generation 2"), "{}", refused.message());

    let both = project("acme/bots", &[("a", "Three."), ("b", "Four.")]);
    let saved = plan(&talk, &both).await;
    let again: Plan = serde_json::from_value(serde_json::to_value(&saved).unwrap()).unwrap();
    assert_eq!(again, saved, "it survives its file");
    let planned = Options { planned: Some(&again), ..options(Missing::Refuse) };
    assert_eq!(apply(&talk, &both, planned).await.unwrap().plan, saved);
    let planned = Options { planned: Some(&saved), ..options(Missing::Refuse) };
    let twice = apply(&talk, &both, planned).await.unwrap();
    assert!(twice.plan.is_empty() && twice.generation == 3, "what was wanted is so already: {twice:?}");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_files_delegate_is_the_dashboards_and_no_drift() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let clock: SharedClock = Arc::new(SystemClock);
    let account = talk.actor.account;
    let file = bot("model: {use: scripted, temperature: 0.4}\ndelegated: [/model/temperature]\n");
    let files = parsed(&[("botwright.yaml", ROOT), ("support/bot.yaml", &file)]);
    apply(&talk, &files, commit("c1")).await.unwrap();

    let set = |path: &str, value: Value| [Set { path: path.into(), value: Some(value) }];
    let edit = async |revision: i32, set: &[Set]| {
        let edit = Edit { name: "support", revision, set, actor: "anna" };
        sync::update_bot(&talk.store, &clock, account, edit).await
    };
    let owned = edit(1, &set("/displayName", json!("Help"))).await.unwrap();
    let Edited::Owned { source, paths, patch } = owned else { panic!("{owned:?}") };
    assert_eq!((source.as_str(), paths.as_slice()), ("git:acme/bots", &["/displayName".to_owned()][..]));
    assert!(patch.contains("Help"), "{patch}");
    let invalid = edit(1, &set("/model/temperature", json!(7))).await.unwrap();
    assert!(matches!(invalid, Edited::Invalid(_)), "{invalid:?}");
    let done = edit(1, &set("/model/temperature", json!(0.9))).await.unwrap();
    assert!(matches!(done, Edited::Done(_)), "{done:?}");
    assert_eq!(live(&talk, "support").await.spec.model.temperature, Some(0.9));
    let stale = edit(1, &set("/model/temperature", json!(0.1))).await.unwrap_err();
    assert_eq!(stale.kind(), Kind::Conflict);

    let planned = plan(&talk, &files).await;
    assert!(planned.is_empty(), "{planned:?}");
    assert_eq!(planned.delegated[0].value, json!(0.9));
    assert_eq!(planned.base.commit.as_deref(), Some("c1"), "it is still that commit");
    assert!(sync::drift(&talk.store, account, "git:acme/bots").await.unwrap().is_empty());

    let reworded =
        parsed(&[("botwright.yaml", ROOT), ("support/bot.yaml", &format!("{file}rules: [Be brief.]\n"))]);
    apply(&talk, &reworded, commit("c2")).await.unwrap();
    assert_eq!(live(&talk, "support").await.spec.model.temperature, Some(0.9), "an apply keeps it");
    let taken = parsed(&[
        ("botwright.yaml", ROOT),
        ("support/bot.yaml", &file.replace("delegated: [/model/temperature]\n", "")),
    ]);
    let planned = plan(&talk, &taken).await;
    assert!(planned.warnings[0].contains("takes `/model/temperature` back"), "{:?}", planned.warnings);
    apply(&talk, &taken, commit("c3")).await.unwrap();
    assert_eq!(live(&talk, "support").await.spec.model.temperature, Some(0.4));
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_of_the_dashboard_is_free_and_versioned() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let clock: SharedClock = Arc::new(SystemClock);
    let account = talk.actor.account;
    let make = async |name: &str, bot: Value| {
        let key = bot.to_string();
        let once = Once { principal: "anna".into(), fingerprint: key.clone(), key };
        let made = sync::create_bot(&talk.store, &clock, account, name, &bot, "anna", once).await;
        made.map(|(edited, _)| edited)
    };
    let wrong = make("chef", json!({ "displayName": "Chef", "personna": "x" })).await.unwrap();
    assert!(matches!(wrong, Edited::Invalid(_)));
    make("chef", json!({ "displayName": "Chef", "persona": "You cook." })).await.unwrap();
    make("waiter", json!({ "displayName": "Waiter" })).await.unwrap();
    let taken = make("chef", json!({ "displayName": "Chef" })).await.unwrap_err();
    assert_eq!(taken.kind(), Kind::Conflict);
    let set = [Set { path: "/persona".into(), value: Some(json!("You bake.")) }];
    let edit = Edit { name: "chef", revision: 1, set: &set, actor: "anna" };
    sync::update_bot(&talk.store, &clock, account, edit).await.unwrap();
    assert_eq!(live(&talk, "chef").await.spec.persona, "You bake.");
    assert_eq!(live(&talk, "waiter").await.number, 1, "the others stay");
    let shown = sync::show(&talk.store, account, DASHBOARD, 3).await.unwrap();
    assert_eq!(
        shown.bots.iter().map(|bot| (bot.name.as_str(), bot.revision)).collect::<Vec<_>>(),
        [("chef", 2), ("waiter", 1)]
    );

    // Files never take it over silently.
    let files = project("acme/bots", &[("chef", "Mine.")]);
    assert_eq!(apply(&talk, &files, options(Missing::Refuse)).await.unwrap_err().kind(), Kind::Conflict);
    let back = Back { source: DASHBOARD.into(), number: 2, actor: "anna".into(), ..Back::default() };
    sync::rollback(&talk.store, &clock, account, back).await.unwrap();
    assert_eq!(live(&talk, "chef").await.spec.persona, "You cook.");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_points_at_what_a_reviewer_should_see() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let before = bot(
        "persona: You help people who are lost in a big shop, and you are always kind to everybody.\nrules: [Be kind., Never promise refunds.]\nmodel: {use: scripted, maxOutputTokens: 100}\n",
    );
    let first = parsed(&[("botwright.yaml", ROOT), ("support/bot.yaml", &before)]);
    apply(&talk, &first, options(Missing::Refuse)).await.unwrap();
    let after = bot(
        "persona: You help people who are lost in a big shop, and you are seldom kind to everybody.\nrules: [Be kind.]\nmodel: {use: offline, maxOutputTokens: 900}\n",
    );
    let mut bundle = Bundle::default();
    bundle.files.insert("botwright.yaml".into(), ROOT.into());
    bundle.files.insert("support/bot.yaml".into(), after.into());
    let second = parse(&bundle).project.unwrap();
    let desired = Desired::of(&second, Some(&bundle));
    let planned =
        sync::plan_now(&talk.store, talk.actor.account, &desired, policy(Missing::Refuse), Value::Null)
            .await
            .unwrap();
    let [change] = &planned.changes[..] else { panic!("{planned:?}") };
    let kinds: BTreeSet<_> = change.attention.iter().map(|attention| attention.kind).collect();
    let expected = [AttentionKind::RuleRemoved, AttentionKind::ModelChange, AttentionKind::CostChange];
    assert_eq!(kinds, expected.into());
    let tokens = change.fields.iter().find(|field| field.path == "/model/maxOutputTokens").unwrap();
    let place = tokens.origin.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.line), ("support/bot.yaml", 6));
    let words: Vec<_> = change.texts[0].words.iter().map(|words| (words.op, words.text.as_str())).collect();
    assert!(words.contains(&(Op::Removed, "always")) && words.contains(&(Op::Added, "seldom")), "{words:?}");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_bot_is_only_let_go_in_two_steps() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let root = format!("{ROOT}protect: [a]\n");
    let file = bot("persona: x\n");
    let all = parsed(&[("botwright.yaml", &root), ("a/bot.yaml", &file), ("b/bot.yaml", &file)]);
    apply(&talk, &all, options(Missing::Refuse)).await.unwrap();
    let gone = parsed(&[("botwright.yaml", ROOT), ("b/bot.yaml", &file)]);
    let refused = apply(&talk, &gone, options(Missing::Prune)).await.unwrap_err();
    assert!(refused.message().contains("`a` is protected"), "{}", refused.message());
    let unprotected = parsed(&[("botwright.yaml", ROOT), ("a/bot.yaml", &file), ("b/bot.yaml", &file)]);
    let planned = plan(&talk, &unprotected).await;
    assert_eq!((planned.settings[0].path.as_str(), planned.summary.effective_changes), ("/protect", true));
    apply(&talk, &unprotected, options(Missing::Prune)).await.unwrap();
    apply(&talk, &gone, options(Missing::Prune)).await.unwrap();
    let tx = talk.store.tenant(talk.actor.account).await.unwrap();
    assert!(Bot::find_by_name(&tx, "a").await.unwrap().unwrap().archived_at.is_some());
    tx.commit().await.unwrap();
    talk.end().await;
}
