//! The offline model's answer: a pure function of the request.

use std::cmp::Reverse;

use super::question::{Sort, sort};
use super::summary::{Line, summarize};
use super::words::{coverage, sentences, terms, words};
use crate::dialog::{Evidence, EvidenceKind, Part, Request, Role};
use crate::phrases::{self, Language};
use crate::providers::Notice;

/// The share of the question that a piece of evidence must hold to be an answer.
const ANSWERS: f32 = 0.6;
/// The share from which on it is worth showing as the closest.
const NEAR: f32 = 0.34;
/// How far behind the best another piece may be.
const BEHIND: f32 = 0.25;
/// How many pieces are quoted.
const MOST_QUOTES: usize = 3;
/// The longest quote, in characters.
const LONGEST_QUOTE: usize = 280;
/// The length of a summary, in words.
const SUMMARY_WORDS: usize = 120;

/// The whole text.
pub(super) fn answer(request: &Request, notice: &Notice) -> String {
    let question = question_of(request);
    let language = Language::of(&question);
    let body = match returned(request) {
        Some(returned) => returned,
        None => reply(request, &question, language),
    };
    match notice {
        Notice::Instead(provider) => format!("{body}\n\n{}", phrases::instead_of(language, provider)),
        Notice::NoProvider if is_first_reply(request) => {
            format!("{body}\n\n{}", phrases::no_provider(language))
        }
        Notice::NoProvider | Notice::None => body,
    }
}

fn reply(request: &Request, question: &str, language: Language) -> String {
    let sort = sort(question);
    match sort {
        Sort::Greeting => phrases::offline_greeting(language).into(),
        Sort::Thanks => phrases::welcome(language).into(),
        Sort::Farewell => phrases::goodbye(language).into(),
        Sort::Statement => phrases::noted(language).into(),
        Sort::Summary => summary(request, question, language),
        Sort::Question | Sort::Request => match quotes(request, question, language) {
            Some(quotes) => quotes,
            None if terms(question).is_empty() => phrases::offline_about(language).into(),
            None if sort == Sort::Request => phrases::offline_cannot(language).into(),
            None => phrases::nothing_found(language).into(),
        },
    }
}

/// A greeting is no reply: nobody had asked.
fn is_first_reply(request: &Request) -> bool {
    let since_asked = request.messages.iter().skip_while(|message| message.role == Role::Bot);
    !since_asked.into_iter().any(|message| message.role == Role::Bot)
}

fn question_of(request: &Request) -> String {
    if !request.question.trim().is_empty() {
        return request.question.clone();
    }
    let person = request.messages.iter().rev().find(|message| message.role == Role::Person);
    person.map(|message| text_of(&message.parts)).unwrap_or_default()
}

fn text_of(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Picture(_) | Part::Call(_) | Part::Returned(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// What tools returned, when that is what is to be answered.
fn returned(request: &Request) -> Option<String> {
    let last = request.messages.last().filter(|message| message.role == Role::Tool)?;
    let contents = last.parts.iter().filter_map(|part| match part {
        Part::Returned(returned) => Some(returned.content.as_str()),
        Part::Text(_) | Part::Picture(_) | Part::Call(_) => None,
    });
    Some(contents.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
}

/// A piece of evidence that may be quoted.
struct Quote<'a> {
    evidence: &'a Evidence,
    coverage: f32,
    words: String,
}

/// The quotes that answer, or the closest ones; `None` when nothing fits.
fn quotes(request: &Request, question: &str, language: Language) -> Option<String> {
    let wanted = terms(question);
    let mut quotes: Vec<Quote<'_>> = Vec::new();
    for evidence in &request.evidence {
        let is_repeated = |words: &str| quotes.iter().any(|other| same_words(&other.words, words));
        if let Some(quote) = quote(evidence, question, &wanted).filter(|quote| !is_repeated(&quote.words)) {
            quotes.push(quote);
        }
    }
    // The best first: what holds more of the question, then what was said later, which may correct the earlier.
    quotes.sort_by_key(|quote| (Reverse((quote.coverage * 10.0).round() as i32), Reverse(quote.evidence.at)));
    let best = quotes.first()?.coverage;
    let least = if wanted.is_empty() { 0.0 } else { NEAR };
    if best < least {
        return None;
    }
    let is_clear = best >= ANSWERS || wanted.is_empty();
    let from = if is_clear {
        least.max(ANSWERS.min(best)).max(best - BEHIND)
    } else {
        (best - BEHIND / 2.0).max(least)
    };
    quotes.retain(|quote| quote.coverage >= from);
    quotes.truncate(MOST_QUOTES);
    let cited: Vec<String> = quotes.iter().map(|quote| cited(quote, language)).collect();
    Some(match (cited.as_slice(), is_clear) {
        ([only], true) => only.clone(),
        (list, true) => format!("{}\n{}", phrases::several(language), numbered(list)),
        ([only], false) => format!("{}\n{only}", phrases::closest(language)),
        (list, false) => format!("{}\n{}", phrases::closest(language), numbered(list)),
    })
}

fn numbered(list: &[String]) -> String {
    list.iter().enumerate().map(|(at, line)| format!("{}. {line}", at + 1)).collect::<Vec<_>>().join("\n")
}

/// `"My sister Anna lives in Lviv." — you, 12 May 2026`
fn cited(quote: &Quote<'_>, language: Language) -> String {
    let words = phrases::quoted(language, &quote.words);
    match quote.evidence.at {
        Some(at) => format!("{words} — {}, {}", quote.evidence.label, phrases::day(language, at)),
        None => format!("{words} — {}", quote.evidence.label),
    }
}

/// The part of a piece of evidence that speaks of what is wanted. A message that only asks answers nothing.
fn quote<'a>(evidence: &'a Evidence, question: &str, wanted: &[String]) -> Option<Quote<'a>> {
    if same_words(&evidence.text, question) || is_own(&evidence.text) {
        return None;
    }
    let mut sentences = sentences(&evidence.text);
    if evidence.kind == EvidenceKind::Message {
        sentences.retain(|sentence| !sentence.ends_with('?'));
    }
    if sentences.is_empty() {
        return None;
    }
    let whole = sentences.join(" ");
    let held = coverage(wanted, &whole);
    let coverage = if evidence.coverage > 0.0 { evidence.coverage } else { held };
    let words = if whole.chars().count() <= LONGEST_QUOTE { whole } else { excerpt(&sentences, wanted) };
    Some(Quote { evidence, coverage, words })
}

/// The best sentence and what follows it, as far as there is room.
fn excerpt(sentences: &[&str], wanted: &[String]) -> String {
    let mut start = 0;
    let mut most = -1.0;
    for (at, sentence) in sentences.iter().enumerate() {
        let held = coverage(wanted, sentence);
        if held > most {
            (start, most) = (at, held);
        }
    }
    let mut text = String::new();
    for sentence in sentences.iter().skip(start) {
        if !text.is_empty() {
            if text.chars().count() + sentence.chars().count() >= LONGEST_QUOTE {
                break;
            }
            text.push(' ');
        }
        text.push_str(sentence);
    }
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text,
    }
}

/// Whether a text is an answer of this model: quoting itself would answer with its own citations.
fn is_own(text: &str) -> bool {
    [Language::En, Language::Uk, Language::Ru].into_iter().any(|language| {
        let heads = [
            phrases::nothing_found(language),
            phrases::closest(language),
            phrases::several(language),
            phrases::in_short(language),
            phrases::noted(language),
            phrases::offline_greeting(language),
            phrases::offline_about(language),
            phrases::offline_cannot(language),
        ];
        heads.iter().any(|head| text.starts_with(head)) || text.contains(phrases::no_provider(language))
    }) || ((text.starts_with('"') || text.starts_with('«')) && text.contains(" — "))
}

fn same_words(a: &str, b: &str) -> bool {
    words(a).eq(words(b))
}

/// The conversation in its own words: what recall has found, then the window.
fn summary(request: &Request, question: &str, language: Language) -> String {
    let window: Vec<String> = request
        .messages
        .iter()
        .filter(|message| message.role == Role::Person)
        .map(|message| text_of(&message.parts))
        .filter(|text| !same_words(text, question))
        .collect();
    let found = request.evidence.iter().filter(|evidence| !is_own(&evidence.text));
    let mut lines: Vec<Line<'_>> = found
        .map(|evidence| Line { speaker: &evidence.label, at: evidence.at, text: &evidence.text })
        .collect();
    lines.sort_by_key(|line| line.at);
    lines.extend(window.iter().map(|text| Line { speaker: "", at: None, text }));
    let summary = summarize(&lines, SUMMARY_WORDS);
    if summary.is_empty() {
        return phrases::nothing_found(language).into();
    }
    format!("{}\n{summary}", phrases::in_short(language))
}

#[cfg(test)]
mod tests;
