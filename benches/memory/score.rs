//! How much of what answers a question stands within a budget: the share of its gold turns, averaged over questions.
//!
//! Items are taken best first, one that does not fit is passed over; a turn costs the tokens of `Speaker: text`, and the
//! line with a session's date is paid for once. Questions whose evidence is a look-alike of somebody else's turn
//! (`adversarial`) are shown and not counted.

use std::collections::{HashMap, HashSet};

use crate::corpus::{Conversation, Question};

const DEPTHS: [usize; 3] = [5, 10, 20];
const BUDGETS: [usize; 3] = [500, 1_000, 2_000];
const CATEGORIES: [&str; 5] = ["single-hop", "multi-hop", "temporal", "open-domain", "adversarial"];

/// One thing that was brought: a turn, or something drawn from several, with what that takes.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) ids: Vec<String>,
    pub(crate) tokens: Option<usize>,
}

/// What a conversation's turns cost.
pub(crate) struct Costs<'a> {
    turns: HashMap<&'a str, (usize, usize)>,
    headers: Vec<usize>,
}

/// The figures of one question, in the order of [`HEADINGS`].
type Figures = [f64; 9];
const HEADINGS: [&str; 9] =
    ["R@5", "R@10", "R@20", "MRR", "R@500t", "R@1000t", "R@2000t", "full@1000", "hit@1000"];

impl<'a> Costs<'a> {
    pub(crate) fn of(conversation: &'a Conversation) -> Self {
        let mut turns = HashMap::new();
        for (session, said) in conversation.sessions.iter().enumerate() {
            turns.extend(said.turns.iter().map(|turn| (turn.id.as_str(), (turn.tokens(), session))));
        }
        Self { turns, headers: conversation.sessions.iter().map(|session| session.header_tokens()).collect() }
    }

    /// The turns that stand within `budget`.
    fn within(&self, items: &[Item], budget: usize) -> HashSet<String> {
        let (mut got, mut sessions, mut used) = (HashSet::new(), HashSet::new(), 0);
        for item in items {
            let known = item.ids.iter().filter(|id| self.turns.contains_key(id.as_str()));
            let new: Vec<&String> = known.filter(|id| !got.contains(*id)).collect();
            if new.is_empty() {
                continue;
            }
            let opened: HashSet<usize> = new.iter().map(|id| self.turns[id.as_str()].1).collect();
            let cost = item.tokens.unwrap_or_else(|| {
                let turns: usize = new.iter().map(|id| self.turns[id.as_str()].0).sum();
                turns + opened.difference(&sessions).map(|session| self.headers[*session]).sum::<usize>()
            });
            if used + cost > budget {
                continue;
            }
            used += cost;
            if item.tokens.is_none() {
                sessions.extend(opened);
            }
            got.extend(new.into_iter().cloned());
        }
        got
    }

    fn figures(&self, question: &Question, items: &[Item]) -> Figures {
        let gold: HashSet<&str> = question.evidence.iter().map(String::as_str).collect();
        let mut seen = HashSet::new();
        let flat: Vec<&str> = items
            .iter()
            .flat_map(|item| &item.ids)
            .map(String::as_str)
            .filter(|id| seen.insert(*id))
            .collect();
        let share = |held: usize| ratio(held, gold.len());
        let among = |depth: usize| share(flat.iter().take(depth).filter(|id| gold.contains(*id)).count());
        let first = flat.iter().position(|id| gold.contains(id));
        let held = BUDGETS
            .map(|budget| self.within(items, budget).iter().filter(|id| gold.contains(id.as_str())).count());
        let [five, ten, twenty] = DEPTHS.map(among);
        let mrr = first.map_or(0.0, |place| ratio(1, place + 1));
        let [small, middle, large] = held.map(share);
        let is_full = f64::from(u8::from(held[1] == gold.len()));
        let is_hit = f64::from(u8::from(held[1] > 0));
        [five, ten, twenty, mrr, small, middle, large, is_full, is_hit]
    }
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// The share of each question's gold turns among `brought`, averaged over the questions that count.
pub(crate) fn share(conversations: &[Conversation], brought: &HashMap<(String, String), Vec<Item>>) -> f64 {
    let mut shares = Vec::new();
    for conversation in conversations {
        for question in conversation.questions.iter().filter(|question| counts(question)) {
            let items = brought.get(&(conversation.id.clone(), question.id.clone()));
            let ids: HashSet<&str> =
                items.into_iter().flatten().flat_map(|item| &item.ids).map(String::as_str).collect();
            let gold: HashSet<&str> = question.evidence.iter().map(String::as_str).collect();
            shares.push(ratio(gold.intersection(&ids).count(), gold.len()));
        }
    }
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}

fn counts(question: &Question) -> bool {
    question.category != "adversarial" && !question.evidence.is_empty()
}

/// Prints the table.
pub(crate) fn print(conversations: &[Conversation], brought: &HashMap<(String, String), Vec<Item>>) {
    let mut rows: Vec<(&str, Figures)> = Vec::new();
    for conversation in conversations {
        let costs = Costs::of(conversation);
        for question in conversation.questions.iter().filter(|question| !question.evidence.is_empty()) {
            let key = (conversation.id.clone(), question.id.clone());
            let items = brought.get(&key).map(Vec::as_slice).unwrap_or_default();
            rows.push((&question.category, costs.figures(question, items)));
        }
    }
    println!("{:12}{:>5} {}", "", "n", HEADINGS.map(|heading| format!("{heading:>9}")).join(" "));
    let main: Vec<&Figures> =
        rows.iter().filter(|(category, _)| *category != "adversarial").map(|(_, row)| row).collect();
    line("main", &main);
    for wanted in CATEGORIES {
        let some: Vec<&Figures> =
            rows.iter().filter(|(category, _)| *category == wanted).map(|(_, row)| row).collect();
        if !some.is_empty() {
            line(wanted, &some);
        }
    }
}

fn line(name: &str, rows: &[&Figures]) {
    let mean =
        |figure: usize| 100.0 * rows.iter().map(|row| row[figure]).sum::<f64>() / rows.len().max(1) as f64;
    let figures: Vec<String> = (0..HEADINGS.len()).map(|figure| format!("{:9.1}", mean(figure))).collect();
    println!("{name:12}{:5} {}", rows.len(), figures.join(" "));
}
