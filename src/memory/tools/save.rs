//! `memory_save`.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::dialog::{Effect, Tool, ToolContext, ToolError, ToolSpec};
use crate::memory::facts::{self, Done, Draft, LONGEST};
use crate::memory::tools::{Desk, fatal, text};
use crate::store::FactAuthor;

/// What somebody asks to remember matters more than what is overheard.
const IMPORTANCE: f64 = 8.0;

/// Keeps one fact, with the words that are being answered as its source. Called again with the same it finds it
/// known, so a turn that is begun anew keeps it once.
pub(super) struct Save(pub(super) Desk);

#[async_trait]
impl Tool for Save {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "memory_save".into(),
            description: "Remember a fact for good: when asked to, or when corrected.".into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "fact": {"type": "string", "description": "One sentence with names and dates."},
                    "about": {"type": "string"}
                },
                "required": ["fact", "about"],
                "additionalProperties": false
            }),
            strict: true,
        }
    }

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn call(&self, context: &ToolContext, arguments: &Value) -> Result<String, ToolError> {
        let (fact, about) = (text(arguments, "fact")?, text(arguments, "about")?);
        if fact.chars().count() > LONGEST {
            return Err(ToolError::Refused(format!("a fact has at most {LONGEST} characters: save several")));
        }
        let (mut tx, _, place) = self.0.open(context).await?;
        let Some(origin) = Desk::origin(&mut tx, context).await? else {
            return Err(ToolError::Refused("nobody said it, so it is not kept".into()));
        };
        let draft =
            Draft::New { text: fact.to_owned(), about: about.to_owned(), importance: IMPORTANCE, origin };
        let now = self.0.memory.clock.now();
        let done = facts::keep(&mut tx, &place, vec![draft], FactAuthor::Bot, now).await?;
        tx.commit().await.map_err(fatal)?;
        match done.into_iter().next() {
            Some(Done::Added(fact)) => Ok(format!("Saved: {}", fact.text)),
            Some(Done::Updated(fact)) => Ok(format!("Saved in place of what was known: {}", fact.text)),
            Some(Done::Known(fact)) => Ok(format!("It was known already: {}", fact.text)),
            _ => Err(ToolError::Refused("that is no fact: it needs words".into())),
        }
    }
}
