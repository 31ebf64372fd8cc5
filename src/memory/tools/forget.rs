//! `memory_forget`.

use std::collections::HashSet;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::dialog::{Effect, Tool, ToolContext, ToolError, ToolSpec};
use crate::memory::tools::{Desk, fatal, text};
use crate::search::terms;
use crate::store::{Fact, FactAction, FactAuthor, FactState};

/// So many facts are forgotten at once, at most: more is a misunderstanding.
const MOST: usize = 3;
/// A fact that holds fewer of the words is not meant, and one that holds so many is meant for certain.
const MEANT: f32 = 0.6;

/// Forgets facts that hold the given words. What was said stays, until a person erases it.
pub(super) struct Forget(pub(super) Desk);

#[async_trait]
impl Tool for Forget {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "memory_forget".into(),
            description: "Forget a remembered fact: when asked to, or when it is not true.".into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "fact": {"type": "string"}
                },
                "required": ["fact"],
                "additionalProperties": false
            }),
            strict: true,
        }
    }

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn call(&self, context: &ToolContext, arguments: &Value) -> Result<String, ToolError> {
        let words = text(arguments, "fact")?;
        let (mut tx, _, place) = self.0.open(context).await?;
        let meant = meant(place.list(&mut tx).await?, words);
        if meant.is_empty() {
            return Ok("No remembered fact is about that, so nothing was forgotten.".into());
        }
        let lines =
            |facts: &[Fact]| facts.iter().map(|fact| format!("\n- {}", fact.text)).collect::<String>();
        if meant.len() > MOST {
            let some = &meant[..MOST];
            return Err(ToolError::Refused(format!(
                "{} facts hold these words, so nothing was forgotten; say which, such as:{}",
                meant.len(),
                lines(some)
            )));
        }
        let now = self.0.memory.clock.now();
        let mut forgotten = Vec::new();
        for fact in meant {
            let gone = Fact { state: FactState::Forgotten, ..fact };
            let done = Fact::revise(&mut tx, &gone, FactAction::Forgotten, FactAuthor::Bot, now).await?;
            forgotten.extend(done);
        }
        tx.commit().await.map_err(fatal)?;
        Ok(format!(
            "Forgotten:{}\nThe messages themselves stay until the person erases them with /forget.",
            lines(&forgotten)
        ))
    }
}

/// The facts that hold all of the words; else the one that holds most of them, if it is most of the words.
fn meant(facts: Vec<Fact>, words: &str) -> Vec<Fact> {
    let asked: HashSet<String> = terms(words).into_iter().collect();
    if asked.is_empty() {
        return Vec::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "a sentence has few words")]
    let share = |fact: &Fact| {
        let held: HashSet<String> = terms(&fact.text).into_iter().collect();
        asked.intersection(&held).count() as f32 / asked.len() as f32
    };
    let mut ranked: Vec<(f32, Fact)> = facts.into_iter().map(|fact| (share(&fact), fact)).collect();
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let whole = ranked.iter().filter(|(share, _)| *share >= 1.0).count();
    let most =
        if whole > 0 { whole } else { usize::from(ranked.first().is_some_and(|(share, _)| *share >= MEANT)) };
    ranked.into_iter().take(most).map(|(_, fact)| fact).collect()
}
