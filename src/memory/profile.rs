//! What is known of the people of a conversation before anything is asked.

use crate::error::Result;
use crate::memory::Memory;
use crate::memory::facts::Place;
use crate::spec;
use crate::store::{Conversation, Fact, Tenant};

/// So many facts at most, and none that matters less: 1 to 10.
const MOST: i64 = 12;
const LEAST_IMPORTANCE: i32 = 6;

impl Memory {
    /// The most important facts that may be known in a conversation, the most important first.
    pub async fn profile(
        &self,
        tx: &Tenant,
        bot: &spec::Bot,
        conversation: &Conversation,
    ) -> Result<Vec<Fact>> {
        if bot.memory.facts.max == 0 {
            return Ok(Vec::new());
        }
        let mut facts = Place::of(conversation, bot).list_most(tx, MOST).await?;
        facts.retain(|fact| fact.importance >= LEAST_IMPORTANCE);
        Ok(facts)
    }
}
