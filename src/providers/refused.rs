//! What a model is known not to take. Some models answer 400 to a temperature or to one of two names for the
//! limit of output tokens; which ones do changes from month to month, so it is learned instead of listed.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// How many models are remembered.
const MOST_REMEMBERED: usize = 1_000;

/// Parameters that models refused, by a name that tells models apart.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<HashMap<String, HashSet<&'static str>>>);

impl Refused {
    pub(super) fn by(&self, model: &str) -> HashSet<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(model).cloned().unwrap_or_default()
    }

    /// Remembers the parameter among `sent` that the model refuses to take, if that is what a 400 or 422
    /// says. `true` when it is worth asking again without it. A value out of range is not meant: that is the
    /// bot's mistake, and its owner must hear of it.
    pub(super) fn learn(&self, model: &str, status: u16, said: &str, sent: &[&'static str]) -> bool {
        const WORDS: [&str; 9] = [
            "unsupported",
            "not support",
            "not permitted",
            "not allowed",
            "unrecognized",
            "unknown",
            "unexpected",
            "deprecated",
            "extra",
        ];
        let said = said.to_lowercase();
        if !matches!(status, 400 | 422) || !WORDS.iter().any(|word| said.contains(word)) {
            return false;
        }
        let Some(&parameter) = sent.iter().find(|parameter| said.contains(**parameter)) else { return false };
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MOST_REMEMBERED {
            refused.clear();
        }
        refused.entry(model.to_owned()).or_default().insert(parameter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_what_is_not_taken_but_not_what_is_out_of_range() {
        let refused = Refused::default();
        let sent = ["temperature", "max_tokens"];
        assert!(!refused.learn("m", 400, "temperature must be at most 2", &sent));
        assert!(!refused.learn("m", 500, "Unsupported value: 'temperature'", &sent));
        assert!(!refused.learn("m", 400, "Unsupported value: 'seed'", &sent));
        assert!(refused.learn("m", 400, "Unsupported value: 'temperature' does not support 0.4", &sent));
        assert!(
            !refused.learn("m", 400, "Unsupported value: 'temperature' does not support 0.4", &sent),
            "once only"
        );
        assert_eq!(refused.by("m"), HashSet::from(["temperature"]));
        assert!(refused.by("other").is_empty());
    }
}
