//! Tables of what the offline model answers.

use super::*;
use crate::dialog::{Message, Returned};

fn said(label: &str, day: &str, text: &str, coverage: f32) -> Evidence {
    let at = format!("{day}T10:00:00Z").parse().ok();
    Evidence { kind: EvidenceKind::Message, label: label.into(), at, text: text.into(), coverage, score: 1.0 }
}

fn asked(question: &str, evidence: Vec<Evidence>) -> Request {
    Request {
        system: String::new(),
        messages: vec![Message::text(Role::Person, question)],
        tools: Vec::new(),
        temperature: None,
        max_output_tokens: None,
        manner: Default::default(),
        evidence,
        question: question.into(),
    }
}

fn check(table: Vec<(&str, Vec<Evidence>, &str)>) {
    for (question, evidence, expected) in table {
        assert_eq!(answer(&asked(question, evidence), &Notice::None), expected, "{question}");
    }
}

fn anna() -> Evidence {
    said("you", "2026-05-12", "My sister Anna lives in Lviv.", 1.0)
}

const ANNA: &str = "\"My sister Anna lives in Lviv.\" — you, 12 May 2026";

#[test]
fn answers_in_the_words_of_the_evidence() {
    let uk = said("Олена", "2026-05-12", "Моя сестра Анна живе у Львові.", 1.0);
    let ru = said("Олена", "2026-05-12", "Анна живёт в Одессе.", 0.0);
    let kyiv = said("you", "2026-09-01", "Anna lives in Kyiv now.", 1.0);
    let tea = said("you", "2026-09-02", "Anna likes tea.", 0.5);
    let both = format!(
        "{}\n1. \"Anna lives in Kyiv now.\" — you, 1 September 2026\n2. {ANNA}",
        phrases::several(Language::En)
    );
    check(vec![
        ("Where does Anna live?", vec![anna()], ANNA),
        ("Де живе Анна?", vec![uk], "«Моя сестра Анна живе у Львові.» — Олена, 12 травня 2026"),
        ("Где живёт Анна?", vec![ru], "«Анна живёт в Одессе.» — Олена, 12 мая 2026"),
        ("Where does Anna live?", vec![anna(), kyiv, tea], &both),
    ]);
}

#[test]
fn does_not_guess() {
    let dentist = said("you", "2026-05-12", "Dentist on Tuesday.", 0.5);
    let france = said("you", "2026-05-12", "I like France.", 0.2);
    let closest = format!("{}\n\"Dentist on Tuesday.\" — you, 12 May 2026", phrases::closest(Language::En));
    let nothing = phrases::nothing_found(Language::En);
    check(vec![
        ("When is the dentist appointment?", vec![dentist], &closest),
        ("What is the capital of France?", vec![france], nothing),
        ("What is the capital of France?", vec![], nothing),
        ("Write me a poem.", vec![], phrases::offline_cannot(Language::En)),
    ]);
}

#[test]
fn quotes_neither_questions_nor_itself() {
    let question = said("you", "2026-05-13", "Where does Anna live?", 1.0);
    let other = said("you", "2026-05-14", "Do you know where Anna lives?", 1.0);
    let own = said("bot", "2026-05-15", ANNA, 1.0);
    check(vec![("Where does Anna live?", vec![question, other, own, anna()], ANNA)]);
}

#[test]
fn talks_without_evidence() {
    check(vec![
        ("Who are you?", vec![], phrases::offline_about(Language::En)),
        ("My sister Anna lives in Lviv.", vec![], phrases::noted(Language::En)),
        ("Моя сестра живе у Львові.", vec![], phrases::noted(Language::Uk)),
        ("Hello!", vec![anna()], phrases::offline_greeting(Language::En)),
    ]);
}

#[test]
fn quotes_the_sentence_that_matters_from_a_long_source() {
    let filler = "This paragraph speaks of other things that nobody asked about at all. ".repeat(12);
    let source = Evidence {
        kind: EvidenceKind::Source,
        label: "handbook".into(),
        at: None,
        text: format!("{filler}Refunds are paid within 14 days. {filler}"),
        coverage: 0.9,
        score: 3.0,
    };
    let answer = answer(&asked("When are refunds paid?", vec![source]), &Notice::None);
    assert!(answer.starts_with("\"Refunds are paid within 14 days. This"), "{answer}");
    assert!(answer.ends_with("— handbook"), "{answer}");
    assert!(answer.chars().count() < LONGEST_QUOTE + 30);
}

#[test]
fn says_that_no_provider_is_configured_in_the_first_reply_only() {
    let mut request = asked("Hello!", Vec::new());
    let first = answer(&request, &Notice::NoProvider);
    assert!(first.contains("OPENAI_API_KEY"), "{first}");
    assert_eq!(first.lines().filter(|line| line.contains("No AI provider is configured")).count(), 1);
    assert!(!answer(&request, &Notice::None).contains("OPENAI_API_KEY"));
    request.messages.insert(0, Message::text(Role::Bot, "Hello!"));
    assert!(answer(&request, &Notice::NoProvider).contains("OPENAI_API_KEY"), "a greeting is no reply");
    request.messages.insert(0, Message::text(Role::Person, "Hi"));
    assert!(!answer(&request, &Notice::NoProvider).contains("OPENAI_API_KEY"));
    assert!(answer(&request, &Notice::Instead("openai".into())).contains("openai does not answer now"));
}

#[test]
fn passes_on_what_a_tool_returned_and_summarises() {
    let mut request = asked("add milk", Vec::new());
    let returned =
        Returned { call_id: "1".into(), name: "add".into(), content: "Added milk.".into(), is_error: false };
    request.messages.push(Message { role: Role::Tool, parts: vec![Part::Returned(returned)] });
    assert_eq!(answer(&request, &Notice::None), "Added milk.");

    let mut request =
        asked("Summarise our talk", vec![said("you", "2026-05-12", "My sister Anna lives in Lviv.", 0.0)]);
    request.messages.insert(0, Message::text(Role::Person, "The wedding is on 20 June."));
    assert_eq!(
        answer(&request, &Notice::None),
        "In short, in the words that were said:\nyou, 12 May 2026: My sister Anna lives in Lviv.\nThe wedding is on 20 June."
    );
    assert_eq!(
        answer(&asked("Summarise our talk", Vec::new()), &Notice::None),
        phrases::nothing_found(Language::En)
    );
}
