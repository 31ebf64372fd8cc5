//! What the model may ask of a memory while it answers: search it, keep something, forget something. What was done
//! is told by the tool's result, never by the model's word.

mod forget;
mod save;
mod search;

use std::sync::Arc;

use serde_json::Value;

use crate::dialog::{Tool, ToolContext, ToolError};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::memory::facts::{Origin, Place};
use crate::spec::{self, RecallWhen};
use crate::store::{Conversation, Message, Tenant};

use forget::Forget;
use save::Save;
use search::Search;

impl Memory {
    /// The tools that a bot's file offers: search where recall is left to the model, the others where facts are kept.
    pub fn tools(&self, bot: &spec::Bot) -> Vec<Arc<dyn Tool>> {
        let desk = Desk { memory: self.clone(), bot: Arc::new(bot.clone()) };
        let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
        if bot.memory.recall.when != RecallWhen::Always {
            tools.push(Arc::new(Search(desk.clone())));
        }
        if bot.memory.facts.max > 0 {
            tools.push(Arc::new(Save(desk.clone())));
            tools.push(Arc::new(Forget(desk)));
        }
        tools
    }
}

/// What the tools of one bot share.
#[derive(Clone)]
struct Desk {
    memory: Memory,
    bot: Arc<spec::Bot>,
}

impl Desk {
    /// Opens a transaction for the conversation in which the tool is called.
    async fn open(&self, context: &ToolContext) -> Result<(Tenant, Conversation, Place), ToolError> {
        let nowhere = || ToolError::Refused("there is no conversation here, and so no memory".into());
        let id = context.conversation.ok_or_else(nowhere)?;
        let tx = self.memory.store.tenant(context.account).await?;
        let conversation = Conversation::find_locked(&tx, id).await?.ok_or_else(nowhere)?;
        let place = Place::of(&conversation, &self.bot);
        Ok((tx, conversation, place))
    }

    /// The words of people that are being answered; `None` where there are none.
    async fn origin(tx: &mut Tenant, context: &ToolContext) -> Result<Option<Origin>> {
        let inbound = Message::list_inbound_of(tx, context.turn).await?;
        let said: Vec<&Message> = inbound.iter().filter(|message| message.erased_at.is_none()).collect();
        Ok(Origin::of(&said))
    }
}

/// The text that an argument holds.
fn text<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, ToolError> {
    let text = arguments.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    text.ok_or_else(|| ToolError::Refused(format!("`{name}` is missing: it is a text")))
}

/// A failure of ours in the middle of a call.
fn fatal(error: Error) -> ToolError {
    ToolError::Fatal(error)
}
