//! The comment as a reviewer sees it: `tests/plan-comment` holds a plan and what becomes of it.

use serde_json::{Value, json};

use super::{LONGEST, Site, comment};
use crate::cli::comment::plan::Plan;

fn site() -> Site {
    Site {
        repository: Some("https://github.com/acme/bots".into()),
        commit: Some("abcdef0123456789abcdef0123456789abcdef01".into()),
        dir: "bots".into(),
    }
}

fn document() -> Value {
    serde_json::from_str(include_str!("../../../../tests/plan-comment/plan.json")).unwrap()
}

fn shown(document: &Value) -> String {
    let plan: Plan = serde_json::from_value(document.clone()).unwrap();
    comment(&plan, document, &site())
}

/// `BOTWRIGHT_RENEW=1` writes the comment anew, which is then to be read.
#[test]
fn a_plan_becomes_the_comment_that_is_committed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plan-comment/comment.md");
    let fresh = shown(&document());
    if std::env::var_os("BOTWRIGHT_RENEW").is_some() {
        std::fs::write(path, &fresh).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), fresh);
    assert_eq!(fresh, shown(&document()), "the same plan gives the same text");
}

#[test]
fn a_change_of_the_project_alone_is_shown() {
    let mut plan = document();
    plan["changes"] = json!([]);
    plan["summary"] = json!({ "unchanged": 3 });
    plan["settings"] = json!([{ "path": "/protect", "before": ["support"] }]);
    let text = shown(&plan);
    assert!(text.contains("### Botwright: the project changes\n"), "{text}");
    assert!(text.contains("#### The project changes\n\n| field") && text.contains("/protect"), "{text}");
}

#[test]
fn what_others_wrote_means_nothing_in_it() {
    let mut plan = document();
    let evil = "</code> | </blockquote> <script> ``` \u{202e} @team [x](https://evil.example) ![i](x)\n\n# h";
    plan["changes"][3]["fields"][0]["after"] = json!(evil);
    plan["changes"][3]["texts"][0]["words"][1]["text"] = json!(evil);
    plan["changes"][3]["attention"][0]["message"] = json!(evil);
    plan["warnings"][0] = json!(evil);
    let text = shown(&plan);
    let visible = text.split("<details>").next().unwrap();
    for harm in ["<script>", "@team", "](https://evil", "![", "\u{202e}", "\n# h"] {
        assert!(!visible.contains(harm), "{harm} in {visible}");
    }
    // The document stands in a fence that nothing in it can close.
    assert!(text.contains("````json"), "{text}");
}

#[test]
fn a_long_plan_is_cut_and_says_so() {
    let mut plan = document();
    let long = json!("word ".repeat(20_000));
    plan["changes"][3]["texts"][0]["words"][1]["text"] = long;
    let text = shown(&plan);
    assert!(text.len() < LONGEST + 1000 && text.contains("too long for a comment"));
    plan["changes"][3]["texts"][0]["words"] = json!([]);
    plan["bundle"] = json!({"files": {"support/bot.yaml": "x".repeat(100_000)}});
    let text = shown(&plan);
    assert!(text.contains("<details>") && !text.contains("bundle"));
}
