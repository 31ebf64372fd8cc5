//! A summary without a model: the most informative sentences, as they were said, in the order of time.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::question::{Sort, sort};
use super::words::{sentences, terms};
use crate::phrases::{self, Language};

/// The share of a sentence's content words that may have been said before it says nothing new.
const REPEATED: f64 = 0.7;

/// One thing that was said.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Empty when it needs no name, as the lines of an earlier summary.
    pub speaker: &'a str,
    pub at: Option<DateTime<Utc>>,
    pub text: &'a str,
}

struct Candidate<'a> {
    line: usize,
    order: usize,
    text: &'a str,
    terms: HashSet<String>,
    score: f64,
}

/// The sentences of `lines` that say most, in at most `words` words, names and dates included, one line per
/// speaker and day. Empty when nothing is worth keeping. `lines` are in the order of time.
///
/// What counts: rare words, names, numbers; a little where it stands (the head of a message, and late in the
/// conversation). Questions, greetings and repetitions do not.
pub fn summarize(lines: &[Line<'_>], words: usize) -> String {
    let mut candidates = candidates(lines);
    score(&mut candidates, lines.len());
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.order.cmp(&b.order)));
    let language = Language::of(&lines.iter().map(|line| line.text).collect::<Vec<_>>().join(" "));
    let mut chosen: Vec<Candidate<'_>> = Vec::new();
    let mut said = HashSet::new();
    let mut left = words;
    for candidate in candidates {
        let known = candidate.terms.intersection(&said).count();
        if known as f64 >= REPEATED * candidate.terms.len() as f64 {
            continue;
        }
        let has_head = chosen
            .iter()
            .any(|other| head(lines, other.line, language) == head(lines, candidate.line, language));
        let head_words =
            if has_head { 0 } else { head(lines, candidate.line, language).split_whitespace().count() };
        let cost = candidate.text.split_whitespace().count() + head_words;
        if cost <= left {
            left -= cost;
            said.extend(candidate.terms.iter().cloned());
            chosen.push(candidate);
        }
    }
    chosen.sort_by_key(|candidate| candidate.order);
    write(lines, &chosen, language)
}

fn candidates<'a>(lines: &[Line<'a>]) -> Vec<Candidate<'a>> {
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    let mut seen = HashSet::new();
    for (number, line) in lines.iter().enumerate() {
        for text in sentences(line.text) {
            let mut terms = terms(text);
            terms.sort();
            let says_something = terms.len() >= 2 && matches!(sort(text), Sort::Statement | Sort::Request);
            if says_something && seen.insert(terms.join(" ")) {
                let terms = terms.into_iter().collect();
                candidates.push(Candidate { line: number, order: candidates.len(), text, terms, score: 0.0 });
            }
        }
    }
    candidates
}

fn score(candidates: &mut [Candidate<'_>], lines: usize) {
    let mut holders: HashMap<String, usize> = HashMap::new();
    for term in candidates.iter().flat_map(|candidate| &candidate.terms) {
        *holders.entry(term.clone()).or_default() += 1;
    }
    let all = candidates.len() as f64;
    let mut previous = None;
    for candidate in candidates {
        let rarity = |term: &String| (1.0 + all / holders.get(term).copied().unwrap_or(1) as f64).ln();
        let informative: f64 =
            candidate.terms.iter().map(rarity).sum::<f64>() / (candidate.terms.len() as f64).sqrt();
        let names = candidate
            .text
            .split_whitespace()
            .skip(1)
            .any(|word| word.chars().next().is_some_and(char::is_uppercase));
        let numbers = candidate.text.chars().any(|c| c.is_ascii_digit());
        let opens = previous != Some(candidate.line);
        previous = Some(candidate.line);
        let late = candidate.line as f64 / lines.max(1) as f64;
        let factor = 1.0
            + if names { 0.3 } else { 0.0 }
            + if numbers { 0.2 } else { 0.0 }
            + if opens { 0.1 } else { 0.0 }
            + 0.1 * late;
        candidate.score = informative * factor;
    }
}

/// Who and when.
fn head(lines: &[Line<'_>], number: usize, language: Language) -> String {
    let Some(line) = lines.get(number) else { return String::new() };
    match (line.speaker, line.at) {
        ("", None) => String::new(),
        ("", Some(at)) => phrases::day(language, at),
        (speaker, None) => speaker.to_owned(),
        (speaker, Some(at)) => format!("{speaker}, {}", phrases::day(language, at)),
    }
}

fn write(lines: &[Line<'_>], chosen: &[Candidate<'_>], language: Language) -> String {
    let mut text = String::new();
    let mut last = None;
    for candidate in chosen {
        let head = head(lines, candidate.line, language);
        if last.as_ref() == Some(&head) {
            text.push(' ');
        } else {
            if last.is_some() {
                text.push('\n');
            }
            if !head.is_empty() {
                text.push_str(&head);
                text.push_str(": ");
            }
        }
        text.push_str(candidate.text);
        last = Some(head);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>(speaker: &'a str, day: u32, text: &'a str) -> Line<'a> {
        Line { speaker, at: format!("2026-05-{day:02}T10:00:00Z").parse().ok(), text }
    }

    #[test]
    fn keeps_what_says_most_in_the_order_of_time() {
        let lines = [
            line("Olena", 12, "Hi! My sister Anna lives in Lviv. She works as a dentist."),
            line("Olena", 12, "How are you?"),
            line("Olena", 13, "ok"),
            line("Olena", 14, "My sister Anna lives in Lviv."),
            line("Olena", 15, "The wedding is on 20 June at the Potocki Palace."),
        ];
        assert_eq!(
            summarize(&lines, 60),
            "Olena, 12 May 2026: My sister Anna lives in Lviv. She works as a dentist.\n\
             Olena, 15 May 2026: The wedding is on 20 June at the Potocki Palace."
        );
        for words in 0..40 {
            assert!(summarize(&lines, words).split_whitespace().count() <= words);
        }
        assert_eq!(summarize(&[], 100), "");
        assert_eq!(summarize(&lines[1..3], 100), "");
    }

    #[test]
    fn an_earlier_summary_can_be_summarised_again() {
        let earlier =
            Line { speaker: "", at: None, text: "Olena, 12 May 2026: My sister Anna lives in Lviv." };
        let later = line("Olena", 20, "Anna has moved to Kharkiv with her two cats.");
        assert_eq!(
            summarize(&[earlier, later], 60),
            "Olena, 12 May 2026: My sister Anna lives in Lviv.\nOlena, 20 May 2026: Anna has moved to Kharkiv with her two cats."
        );
    }
}
