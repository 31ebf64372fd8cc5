//! Plans, from what is wanted and what is there.

use serde_json::json;

use super::*;
use crate::spec;

fn plan(project: &spec::Project, current: &Current, missing: Missing) -> Plan {
    super::plan(&Desired::of(project, None), current, Policy { missing, ..Policy::default() })
}

fn written(name: &str, persona: &str) -> spec::Written {
    let authored = json!({ "name": name, "bot": { "persona": persona } });
    let mut bot = spec::Bot::neutral(name);
    bot.persona = persona.into();
    spec::Written { hash: spec::content_hash(&authored), authored, bot }
}

fn project(bots: &[(&str, &str)]) -> spec::Project {
    spec::Project {
        source: "acme/bots".into(),
        protect: vec!["support".into()],
        moves: Vec::new(),
        bots: bots.iter().map(|(name, persona)| written(name, persona)).collect(),
    }
}

fn active(bots: &[(&str, &str)]) -> Current {
    let bots = project(bots).bots.into_iter().map(|written| {
        let bot = CurrentBot {
            id: BotId::new(),
            source: "git:acme/bots".into(),
            revision: RevisionId::new(),
            number: 1,
            newest: 1,
            hash: written.hash,
            archived: false,
            overlay: Map::new(),
            content: Some(written.authored),
        };
        (written.bot.name, bot)
    });
    let base = Base { generation: 1, hash: "h".into(), commit: None };
    Current { base, bots: bots.collect(), ..Current::default() }
}

#[test]
fn what_is_the_same_is_no_change_and_what_differs_is_named() {
    let same = plan(&project(&[("a", "x"), ("b", "y")]), &active(&[("a", "x"), ("b", "y")]), Missing::Refuse);
    assert!(same.is_empty());
    assert_eq!(same.summary.unchanged, 2);

    let changed = plan(&project(&[("a", "z"), ("c", "n")]), &active(&[("a", "x")]), Missing::Refuse);
    assert_eq!(changed.count(Action::Create), 1);
    let update = &changed.changes[0];
    assert_eq!((update.name(), update.action), ("a", Action::Update));
    let field =
        Field { path: "/persona".into(), before: Some(json!("x")), after: Some(json!("z")), origin: None };
    assert_eq!(update.fields, [field]);
}

#[test]
fn deletions_are_shown_and_guarded() {
    let live = active(&[("a", "x"), ("b", "y"), ("c", "z"), ("support", "s")]);
    let one_gone = project(&[("a", "x"), ("b", "y"), ("support", "s")]);
    assert_eq!(plan(&one_gone, &live, Missing::Refuse).blocked.len(), 1);
    let pruned = plan(&one_gone, &live, Missing::Prune);
    assert!(pruned.blocked.is_empty());
    assert_eq!(pruned.count(Action::Archive), 1);
    assert!(!plan(&project(&[]), &live, Missing::Prune).blocked.is_empty(), "an empty project");
    assert!(!plan(&project(&[("a", "x")]), &live, Missing::Prune).blocked.is_empty(), "many at once");
    assert!(
        !plan(&project(&[("a", "x"), ("b", "y"), ("c", "z")]), &live, Missing::Prune).blocked.is_empty(),
        "a protected one"
    );
}

#[test]
fn a_bot_of_another_source_is_never_taken() {
    let mut live = active(&[("a", "x")]);
    for bot in live.bots.values_mut() {
        bot.source = "dashboard".into();
    }
    assert_eq!(plan(&project(&[("a", "z")]), &live, Missing::Refuse).conflicts.len(), 1);
}

#[test]
fn an_archived_bot_comes_back() {
    let mut live = active(&[("a", "x")]);
    for bot in live.bots.values_mut() {
        bot.archived = true;
    }
    assert_eq!(plan(&project(&[("a", "x")]), &live, Missing::Refuse).count(Action::Restore), 1);
}
