//! How well stems hold families of forms together, and apart from each other: two hundred and more of everyday words,
//! a family a line.

use std::collections::{BTreeMap, BTreeSet};

use crate::search::analyse::terms;

/// Pairs that are alike to the index and to hardly anybody else.
const MERGED: usize = 8;

fn stem(word: &str) -> String {
    // Some forms (було, мати) are stop words in one of the languages.
    terms(word).into_iter().next().unwrap_or_else(|| word.to_lowercase())
}

fn assert_families(text: &str) {
    let families: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let mut owners: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut torn = Vec::new();
    for (number, family) in families.iter().enumerate() {
        let stems: BTreeSet<String> = family.iter().map(|form| stem(form)).collect();
        if stems.len() > 1 {
            torn.push(format!("{}: {stems:?}", family[0]));
        }
        for stem in stems {
            owners.entry(stem).or_default().insert(number);
        }
    }
    let merged: Vec<Vec<&str>> = owners
        .values()
        .filter(|owners| owners.len() > 1)
        .map(|owners| owners.iter().map(|number| families[*number][0]).collect())
        .collect();
    assert!(torn.len() * 50 <= families.len(), "{} of {} families: {torn:#?}", torn.len(), families.len());
    assert!(merged.len() <= MERGED, "{merged:#?}");
}

#[test]
fn forms_of_ukrainian_words_meet_and_words_stay_apart() {
    assert_families(include_str!("probes/uk.txt"));
}

#[test]
fn forms_of_russian_words_meet_and_words_stay_apart() {
    assert_families(include_str!("probes/ru.txt"));
}
