//! Whoever asks for few hits gets the best of all, although most documents are never looked at.

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, proptest};

use crate::search::tests::{Folder, lines, puts, query, somewhere};
use crate::search::{Change, Group, Hit, Index, Kind, Query};

/// The first words are said often, the last hardly ever.
const WORDS: [&str; 24] = [
    "apple", "river", "stone", "garden", "window", "winter", "bread", "candle", "forest", "silver", "market",
    "ladder", "button", "castle", "donkey", "engine", "feather", "hammer", "island", "jacket", "kettle",
    "lantern", "magnet", "needle",
];
/// More than there are documents: nothing is let go.
const ALL: usize = 100_000;

fn word() -> impl Strategy<Value = &'static str> {
    (0.0..1.0f64).prop_map(|share| WORDS[(share.powi(3) * WORDS.len() as f64) as usize])
}

fn line() -> impl Strategy<Value = String> {
    (proptest::bool::ANY, vec(word(), 1..9))
        .prop_map(|(is_bot, words)| format!("{}: {}", if is_bot { "Bot" } else { "Olena" }, words.join(" ")))
}

fn scores(hits: &[Hit]) -> Vec<f32> {
    hits.iter().map(|hit| hit.score).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn few_hits_are_the_best_of_all(
        chats in vec(vec(line(), 40..300), 1..4),
        questions in vec(vec(word(), 1..6), 12),
    ) {
        let folder = Folder::new();
        let (index, _) = Index::open(folder.path()).unwrap();
        let mut writer = index.writer().unwrap().unwrap();
        let scope = somewhere();
        for (number, chat) in chats.iter().enumerate() {
            let mut documents = lines(&scope, &chat.join("\n"));
            for fact in documents.iter_mut().step_by(17) {
                fact.kind = Kind::Fact;
            }
            let gone = documents.iter().step_by(9).map(|document| Change::Delete(document.id)).collect::<Vec<_>>();
            // In segments of their own, and among others.
            writer.apply(puts(&documents)).unwrap();
            writer.apply(puts(&lines(&somewhere(), &chat.join("\n")))).unwrap();
            writer.commit(&number.to_string()).unwrap();
            writer.apply(gone).unwrap();
        }
        writer.commit("the end").unwrap();
        for (number, words) in questions.iter().enumerate() {
            // Some name a speaker, which lifts documents that say little.
            let text = format!("{}{}", if number % 3 == 0 { "Olena " } else { "" }, words.join(" "));
            let ask = |limit: usize| {
                let groups = vec![Group { kinds: &[Kind::Message], limit }, Group { kinds: &[Kind::Fact], limit: 3 }];
                index.recall(&Query { groups, ..query(&scope, &text) }).unwrap()
            };
            let (few, all) = (ask(5), ask(ALL));
            let split = |hits: Vec<Hit>| -> (Vec<Hit>, Vec<Hit>) {
                hits.into_iter().partition(|hit| hit.kind == Kind::Message)
            };
            let ((few, facts), (all, same_facts)) = (split(few), split(all));
            assert_eq!(scores(&facts), scores(&same_facts));
            let best = &all[..all.len().min(5)];
            for (few, best) in scores(&few).iter().zip(scores(best)) {
                assert!((few - best).abs() <= best.abs() * 1e-3, "`{text}`: {few} for {best}");
            }
            assert_eq!(few.len(), best.len(), "`{text}`");
        }
    }
}
