//! How much of a question a text answers, as far as words can tell. Pure.

use std::collections::{HashMap, HashSet};

use crate::search::terms;

/// For each of `texts` the share of the question's content terms that it holds, each weighed by how rare it
/// is among `texts`.
pub(super) fn of(question: &str, texts: &[&str]) -> Vec<f32> {
    let asked: HashSet<String> = terms(question).into_iter().collect();
    if asked.is_empty() {
        return vec![0.0; texts.len()];
    }
    let held: Vec<HashSet<&str>> = texts
        .iter()
        .map(|text| {
            let held: HashSet<String> = terms(text).into_iter().collect();
            asked.iter().filter(|term| held.contains(*term)).map(String::as_str).collect()
        })
        .collect();
    let mut frequencies: HashMap<&str, f32> = HashMap::new();
    for term in held.iter().flatten() {
        *frequencies.entry(term).or_default() += 1.0;
    }
    // A word that no text holds weighs most: a text that lacks it does not answer the question. The added
    // text keeps the weights apart where there are only one or two.
    #[expect(clippy::cast_precision_loss, reason = "texts are counted in hundreds")]
    let all = texts.len() as f32 + 1.0;
    let weight = |term: &str| (1.0 + all / (frequencies.get(term).unwrap_or(&0.0) + 0.5)).ln();
    let total: f32 = asked.iter().map(|term| weight(term)).sum();
    held.iter().map(|held| held.iter().map(|term| weight(term)).sum::<f32>() / total).collect()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn the_text_with_the_rare_words_covers_most() {
        let texts = ["My sister Anna lives in Lviv.", "My brother lives in Kyiv.", "Nice weather."];
        let coverage = of("Where does Anna live?", &texts);
        assert!((coverage[0] - 1.0).abs() < 1e-6);
        assert!(coverage[1] > 0.0 && coverage[1] < 0.5);
        assert!(coverage[2] == 0.0);
    }

    #[test]
    fn a_word_that_nothing_holds_counts_against_all() {
        let coverage = of("What is the refund period for helicopters?", &["The refund period is 14 days."]);
        assert!(coverage[0] > 0.2 && coverage[0] < 0.7, "{coverage:?}");
    }

    #[test]
    fn a_question_without_content_covers_nothing() {
        assert_eq!(of("what is it?", &["it is what it is", ""]), [0.0, 0.0]);
        assert_eq!(of("anything", &[]), Vec::<f32>::new());
    }
}
