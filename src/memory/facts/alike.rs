//! How alike two sentences are, by their trigrams: the share that they have in common, as PostgreSQL's `pg_trgm`
//! counts it. Pure.

use std::collections::HashSet;

/// The trigrams of a sentence, case, marks and spaces levelled.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::memory) struct Shape(HashSet<[char; 3]>);

impl Shape {
    pub(in crate::memory) fn of(text: &str) -> Self {
        let mut trigrams = HashSet::new();
        let levelled: String = text
            .chars()
            .flat_map(char::to_lowercase)
            // Apostrophes are part of a word; three of them are in use.
            .filter(|letter| !matches!(letter, '\'' | '’' | 'ʼ'))
            .map(|letter| if letter.is_alphanumeric() { letter } else { ' ' })
            .collect();
        for word in levelled.split_whitespace() {
            let padded: Vec<char> = "  ".chars().chain(word.chars()).chain([' ']).collect();
            trigrams.extend(padded.windows(3).map(|three| [three[0], three[1], three[2]]));
        }
        Self(trigrams)
    }

    /// 0 to 1; 1 for the same words in any order.
    pub(in crate::memory) fn likeness(&self, other: &Self) -> f64 {
        let common = self.0.intersection(&other.0).count();
        let all = self.0.len() + other.0.len() - common;
        #[expect(clippy::cast_precision_loss, reason = "a sentence has few trigrams")]
        let share = common as f64 / all.max(1) as f64;
        share
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;

    fn likeness(a: &str, b: &str) -> f64 {
        Shape::of(a).likeness(&Shape::of(b))
    }

    #[test]
    fn the_same_in_other_marks_is_the_same() {
        assert!((likeness("Anna lives in Lviv.", "anna LIVES in Lviv") - 1.0).abs() < 1e-9);
        assert!((likeness("У п'ятницю обʼїзд", "у п’ятницю об'їзд!") - 1.0).abs() < 1e-9);
        assert!((likeness("Lviv: Anna lives in", "Anna lives in Lviv") - 1.0).abs() < 1e-9);
        assert!(likeness("", "").abs() < 1e-9);
    }

    #[test]
    fn a_word_more_is_alike_and_another_story_is_not() {
        let said = "Olena's sister Anna lives in Lviv with her two cats";
        assert!(likeness(said, "Olena's sister Anna lives in Lviv with her two black cats") >= 0.85);
        assert!(likeness(said, "Olena's sister Anna lives in Odesa with her dog") < 0.85);
        assert!(likeness(said, "Olena works as a teacher") < 0.2);
    }
}
