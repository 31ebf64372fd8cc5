//! Reading what a model wrote: the summary, and what it says of facts. Pure.

use serde::Deserialize;

/// A reply as it was asked for. Numbers count from 1.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    pub(super) summary: String,
    pub(super) facts: Vec<NewFact>,
    pub(super) corrections: Vec<Correction>,
    pub(super) retractions: Vec<Retraction>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct NewFact {
    pub(super) text: String,
    #[serde(default)]
    pub(super) about: String,
    /// 1 to 10; others are taken for the nearest.
    #[serde(default = "ordinary")]
    pub(super) importance: f64,
    #[serde(default)]
    pub(super) messages: Vec<usize>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Correction {
    pub(super) fact: usize,
    pub(super) text: String,
    #[serde(default)]
    pub(super) messages: Vec<usize>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Retraction {
    pub(super) fact: usize,
    #[serde(default)]
    pub(super) messages: Vec<usize>,
}

fn ordinary() -> f64 {
    5.0
}

/// What a model wrote, as far as it can be read.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Kept(Kept),
    /// Words, and no attempt at JSON.
    Plain,
    /// JSON that cannot be read, or that lacks the summary; says why.
    Broken(String),
}

/// Reads a reply. A fence or a sentence around the object is forgiven.
pub(super) fn read(text: &str) -> Reply {
    let (Some(from), Some(to)) = (text.find('{'), text.rfind('}')) else {
        return if text.contains('{') {
            Reply::Broken("the object does not end".into())
        } else {
            Reply::Plain
        };
    };
    let is_meant = text.starts_with(['{', '`']) || text[from..].starts_with("{\"");
    if !is_meant || to < from {
        return Reply::Plain;
    }
    match serde_json::from_str::<Kept>(&text[from..=to]) {
        Ok(kept) if kept.summary.trim().is_empty() => Reply::Broken("it has no summary".into()),
        Ok(kept) => Reply::Kept(kept),
        Err(error) => Reply::Broken(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_with_what_models_put_around_it() {
        let object = r#"{"summary": "They met.", "facts": [{"text": "Anna sings.", "messages": [2]}]}"#;
        for text in [object.to_owned(), format!("```json\n{object}\n```"), format!("Here it is:\n{object}")] {
            let Reply::Kept(kept) = read(&text) else { panic!("{text}") };
            assert_eq!(kept.summary, "They met.");
            assert_eq!((kept.facts[0].importance, kept.facts[0].messages.as_slice()), (5.0, &[2][..]));
        }
    }

    #[test]
    fn words_are_words_and_broken_json_is_not_taken_for_a_summary() {
        assert_eq!(read("Olena has a sister Anna."), Reply::Plain);
        assert_eq!(read("She smiled {shyly} and left."), Reply::Plain);
        for broken in [
            r#"{"summary": "They met.", "facts": [{"text": "#,
            r#"{"facts": []}"#,
            r#"{"summary": "They met.", "facts": "none"}"#,
            r#"```json {"summary": 7} ```"#,
        ] {
            assert!(matches!(read(broken), Reply::Broken(_)), "{broken}");
        }
    }
}
