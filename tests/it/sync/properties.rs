//! What holds for every project, whatever stands in it: tried on generated ones, against a real database.

use std::collections::BTreeMap;

use botwright::spec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::*;

/// How many projects, each applied on top of the one before.
const PROJECTS: usize = 25;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,12}",
        "[A-Za-z ,.;:#'\"-]{1,60}".prop_filter("not blank", |text| !text.trim().is_empty()),
        Just("no".to_owned()),
        Just("1e3".to_owned()),
        Just("  leading, trailing  ".to_owned()),
        Just("Привіт, світе 👋: «так» # ні".to_owned()),
        Just("one\n\n  two\n- three: four\n".to_owned()),
        Just("~ null | > {}".to_owned()),
    ]
}

fn bot() -> impl Strategy<Value = Value> {
    let rule = prop_oneof![
        text().prop_map(Value::from),
        (text(), 0..100_i32).prop_map(|(text, priority)| json!({ "text": text, "priority": priority })),
    ];
    let labels = prop::collection::btree_map("[a-z]{1,8}", "[a-z]{1,8}", 0..3);
    (
        "[A-Za-z][A-Za-z ]{0,20}[a-z]",
        prop::option::of(text()),
        prop::collection::vec(rule, 0..4),
        prop::option::of(0..20_u32),
        labels,
        prop::option::of(prop_oneof![Just("uk"), Just("auto"), Just("pt-BR")]),
        any::<bool>(),
    )
        .prop_map(|(name, persona, rules, temperature, labels, language, delegates)| {
            let mut bot = json!({
                "apiVersion": "botwright/v1", "kind": "Bot", "displayName": name,
                "model": { "use": "scripted" },
            });
            let mut set = |key: &str, value: Value| bot[key] = value;
            if let Some(persona) = persona {
                set("persona", persona.into());
            }
            if !rules.is_empty() {
                set("rules", rules.into());
            }
            if !labels.is_empty() {
                set("labels", json!(labels));
            }
            if let Some(language) = language {
                set("language", language.into());
            }
            if delegates {
                set("delegated", json!(["/model/temperature"]));
            }
            if let Some(temperature) = temperature {
                bot["model"]["temperature"] = json!(f64::from(temperature) / 10.0);
            }
            bot
        })
}

/// Bots by name, and who is protected.
fn bots() -> impl Strategy<Value = BTreeMap<String, Value>> {
    prop::collection::btree_map("[a-e][a-z]{0,3}", bot(), 1..7)
}

fn bundle(bots: &BTreeMap<String, Value>) -> Bundle {
    let mut bundle = Bundle::default();
    bundle.files.insert(
        "botwright.yaml".into(),
        "apiVersion: botwright/v1\nkind: Project\nsource: acme/bots\n".into(),
    );
    for (name, bot) in bots {
        let text = spec::format("bot.yaml", &format!("{bot:#}")).unwrap();
        bundle.files.insert(format!("{name}/bot.yaml"), text.into());
    }
    bundle
}

fn prune() -> Policy {
    Policy { missing: Missing::Prune, prune_limit: Some(100), ..Policy::default() }
}

async fn planned(talk: &Talk, bundle: &Bundle) -> Plan {
    let parsed = parse(bundle);
    let project = parsed.project.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    let desired = Desired::of(&project, Some(bundle));
    sync::plan_now(&talk.store, talk.actor.account, &desired, prune(), Value::Null).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_what_an_apply_does_and_then_nothing_is_left_to_do() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let clock: SharedClock = Arc::new(SystemClock);
    let mut runner = TestRunner::new(Config::default());
    for round in 0..PROJECTS {
        let wanted = bundle(&bots().new_tree(&mut runner).unwrap().current());
        let before = planned(&talk, &wanted).await;
        let project = parse(&wanted).project.unwrap();
        let options =
            Options { policy: prune(), planned: Some(&before), actor: "test".into(), ..Options::default() };
        let desired = Desired::of(&project, Some(&wanted));
        let applied = sync::apply(&talk.store, &clock, talk.actor.account, &desired, &options).await.unwrap();
        assert_eq!(applied.plan, before, "round {round}: what was planned is what was done");
        let after = planned(&talk, &wanted).await;
        assert!(after.is_empty() && !after.summary.effective_changes, "round {round}: {after:?}");

        // What is live, written out, is what was applied: fresh, and onto the files themselves.
        let source = Some("git:acme/bots");
        let exported = sync::export(&talk.store, talk.actor.account, source, &[]).await.unwrap();
        let (mut fresh, mut onto) = (Bundle::default(), wanted.clone());
        fresh.files.insert("botwright.yaml".into(), wanted.files["botwright.yaml"].clone());
        for bot in &exported {
            for (path, text) in spec::export(&bot.authored, None) {
                fresh.files.insert(path, text.into());
            }
            for (path, text) in spec::export(&bot.authored, Some(&wanted.files)) {
                onto.files.insert(path, text.into());
            }
        }
        assert_eq!(onto, wanted, "round {round}: what says the same stays byte for byte");
        let left = planned(&talk, &fresh).await;
        assert!(left.is_empty(), "round {round}: {left:?}");
        assert!(sync::drift(&talk.store, talk.actor.account, "git:acme/bots").await.unwrap().is_empty());
    }
    talk.end().await;
}

#[test]
fn the_order_of_files_is_no_difference() {
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..50 {
        let bots = bots().new_tree(&mut runner).unwrap().current();
        let forward = bundle(&bots);
        let mut backward = Bundle::default();
        for (path, contents) in forward.files.iter().rev() {
            backward.files.insert(path.clone(), contents.clone());
        }
        assert_eq!(parse(&forward).project, parse(&backward).project);
        // The keys of a file in another order are the same bot.
        let turned: BTreeMap<String, Value> = bots
            .iter()
            .map(|(name, bot)| {
                let members: Vec<_> = bot.as_object().unwrap().iter().rev().collect();
                (name.clone(), members.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect())
            })
            .collect();
        let hashes = |bots: &BTreeMap<String, Value>| -> Vec<String> {
            let mut bundle = Bundle::default();
            bundle.files.clone_from(&self::bundle(bots).files);
            for (name, bot) in bots {
                bundle.files.insert(format!("{name}/bot.yaml"), bot.to_string().into());
            }
            parse(&bundle).project.unwrap().bots.into_iter().map(|written| written.hash).collect()
        };
        assert_eq!(hashes(&bots), hashes(&turned));
    }
}
