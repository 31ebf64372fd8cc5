//! What the model hears when a client brings the whole history along: the bot's own words first, then the
//! client's instructions, then as much of the client's history as there is room for.

use super::{MESSAGE_OVERHEAD, append, budget_in_our_tokens, framed_parts, mentions, tool_tokens};
use crate::dialog::{Evidence, Message, Part, Picture, Request, Role, ToolSpec, Wishes};
use crate::spec;
use crate::tokens::count;

/// Stands over the client's instructions.
pub(super) const HEADING: &str = "# What the app asks for\n\n";

/// The words of a bot that stand before everything else, the same for every request.
#[derive(Debug)]
pub struct Fixed {
    text: String,
    tokens: usize,
}

/// One request of a client.
pub(in crate::chat) struct Direct<'a> {
    pub(in crate::chat) bot: &'a spec::Bot,
    pub(in crate::chat) fixed: &'a Fixed,
    /// Oldest first; the last one is a person's, or a tool's results.
    pub(in crate::chat) messages: Vec<Message>,
    pub(in crate::chat) wishes: Wishes,
    /// The bot's and the client's.
    pub(in crate::chat) tools: Vec<ToolSpec>,
    /// For models that cannot read a prompt.
    pub(in crate::chat) evidence: Vec<Evidence>,
    /// What a provider's token is to one of ours.
    pub(in crate::chat) ratio: f32,
}

/// What must be sent does not fit into the bot's budget. In tokens as we count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom {
    pub takes: usize,
    pub room: usize,
}

impl Fixed {
    /// The fixed words of `bot`. Who asks is not known here, so texts speak of nobody by name.
    pub fn of(bot: &spec::Bot) -> Self {
        let frame = include_str!("direct.md").replace("{{bot}}", &bot.display_name);
        let mut text = String::new();
        for part in framed_parts(bot, "", &frame) {
            append(&mut text, &part);
        }
        Self { tokens: count(&text) + MESSAGE_OVERHEAD, text }
    }
}

/// Assembles the request within the bot's budget: the oldest exchanges are left out first, the newest one
/// (from the last words of a person on) never.
pub(in crate::chat) fn assemble_direct(direct: Direct<'_>) -> Result<Request, NoRoom> {
    let Direct { bot, fixed, mut messages, wishes, tools, evidence, ratio } = direct;
    let Wishes { instructions, temperature, max_output_tokens, manner } = wishes;
    let budget = budget_in_our_tokens(bot, ratio).saturating_sub(fixed.tokens);
    let lore = lore(bot, &messages);
    let bytes = instructions.len() + lore.len() + messages.iter().map(message_bytes).sum::<usize>();
    let tools_bytes: usize = tools.iter().map(tool_bytes).sum();
    // A token is never shorter than a byte, so what is small enough needs no counting.
    if bytes + tools_bytes > budget {
        let before = count(&instructions) + count(&lore) + tools.iter().map(tool_tokens).sum::<usize>();
        cut(&mut messages, budget, before)?;
    }
    let question = messages.iter().rev().find(|message| message.role == Role::Person).map(text_of);
    let mut system = fixed.text.clone();
    for (heading, text) in [("", &lore), (HEADING, &instructions)] {
        if !text.is_empty() {
            system.push_str("\n\n");
            system.push_str(heading);
            system.push_str(text);
        }
    }
    Ok(Request {
        system,
        messages,
        tools,
        temperature: temperature.or(bot.model.temperature),
        max_output_tokens: smaller(max_output_tokens, bot.model.max_output_tokens),
        manner,
        evidence,
        question: question.unwrap_or_default(),
    })
}

/// Leaves out the oldest exchanges until the rest fits. An exchange begins with words of a person, so that no
/// tool's result is left without its call.
fn cut(messages: &mut Vec<Message>, budget: usize, before: usize) -> Result<(), NoRoom> {
    let mut first = messages.len();
    let mut takes = before;
    let mut exchange = 0;
    for (index, message) in messages.iter().enumerate().rev() {
        exchange += message_tokens(message);
        if message.role != Role::Person && index > 0 {
            continue;
        }
        if takes + exchange > budget {
            break;
        }
        takes += exchange;
        exchange = 0;
        first = index;
    }
    if first == messages.len() {
        return Err(NoRoom { takes: takes + exchange, room: budget });
    }
    messages.drain(..first);
    Ok(())
}

/// What the client says counts up to the bot's own limit.
pub(super) fn smaller(ours: Option<u32>, theirs: Option<u32>) -> Option<u32> {
    match (ours, theirs) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Lore whose keywords came up in the last words.
fn lore(bot: &spec::Bot, messages: &[Message]) -> String {
    if bot.lore.is_empty() {
        return String::new();
    }
    let heard: Vec<String> =
        messages.iter().rev().take(3).map(|message| text_of(message).to_lowercase()).collect();
    let heard = heard.join("\n");
    let fired =
        bot.lore.iter().filter(|lore| lore.keys.iter().any(|key| mentions(&heard, &key.to_lowercase())));
    fired.map(|lore| bot.fill(&lore.text, "")).collect::<Vec<_>>().join("\n\n")
}

fn text_of(message: &Message) -> String {
    let texts = message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Picture(_) | Part::Call(_) | Part::Returned(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn message_bytes(message: &Message) -> usize {
    let parts = message.parts.iter().map(|part| match part {
        Part::Text(text) => text.len(),
        Part::Picture(_) => Picture::TOKENS,
        Part::Call(call) => call.name.len() + call.arguments.to_string().len(),
        Part::Returned(returned) => returned.content.len(),
    });
    parts.sum::<usize>() + MESSAGE_OVERHEAD
}

/// In our tokens.
pub(super) fn message_tokens(message: &Message) -> usize {
    let parts = message.parts.iter().map(|part| match part {
        Part::Text(text) => count(text),
        Part::Picture(_) => Picture::TOKENS,
        Part::Call(call) => count(&call.name) + count(&call.arguments.to_string()),
        Part::Returned(returned) => count(&returned.content),
    });
    parts.sum::<usize>() + MESSAGE_OVERHEAD
}

fn tool_bytes(tool: &ToolSpec) -> usize {
    tool.name.len() + tool.description.len() + tool.parameters.to_string().len() + MESSAGE_OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::Returned;
    use serde_json::json;

    fn bot(budget: u32) -> spec::Bot {
        let mut bot = spec::Bot::neutral("parrot");
        bot.model.context_budget = budget;
        bot
    }

    fn ask(bot: &spec::Bot, messages: Vec<Message>, instructions: &str) -> Result<Request, NoRoom> {
        let fixed = Fixed::of(bot);
        let wishes = Wishes { instructions: instructions.into(), ..Wishes::default() };
        let (tools, evidence) = (Vec::new(), Vec::new());
        assemble_direct(Direct { bot, fixed: &fixed, messages, wishes, tools, evidence, ratio: 1.0 })
    }

    fn person(text: &str) -> Message {
        Message::text(Role::Person, text)
    }

    #[test]
    fn the_bots_words_stand_before_the_clients() {
        let mut bot = bot(6_000);
        bot.persona = "You are a chef.".into();
        bot.lore = vec![spec::Lore { keys: vec!["salt".into()], text: "Salt is in the red tin.".into() }];
        let request = ask(&bot, vec![person("Where is the salt?")], "Answer in French.").unwrap();
        let places: Vec<usize> = ["You are a chef.", "Salt is in the red tin.", "Answer in French."]
            .map(|text| request.system.find(text).unwrap())
            .into();
        assert!(places.is_sorted(), "{}", request.system);
        assert_eq!(request.question, "Where is the salt?");
    }

    #[test]
    fn the_oldest_exchanges_go_first_and_the_newest_stays() {
        let bot = bot(1_000);
        let room = 1_000 - Fixed::of(&bot).tokens;
        let old = "word ".repeat(room);
        let messages =
            vec![person(&old), Message::text(Role::Bot, "Yes."), person("And now?"), person("Hello?")];
        let request = ask(&bot, messages, "").unwrap();
        assert_eq!(request.messages, vec![person("And now?"), person("Hello?")]);
        let error = ask(&bot, vec![person("Hi"), person(&old)], "").unwrap_err();
        assert!(error.takes > error.room && error.room <= room, "{error:?}");
        assert!(ask(&bot, vec![person("Hi")], &old).is_err(), "instructions are never cut");
    }

    #[test]
    fn a_result_is_never_left_without_its_call() {
        let bot = bot(1_000);
        let long = "word ".repeat(1_000 - Fixed::of(&bot).tokens);
        let call = crate::dialog::Call { id: "1".into(), name: "look".into(), arguments: json!({}) };
        let returned = |content: &str| {
            let returned = Returned {
                call_id: "1".into(),
                name: "look".into(),
                content: content.into(),
                is_error: false,
            };
            Message { role: Role::Tool, parts: vec![Part::Returned(returned)] }
        };
        let called = Message { role: Role::Bot, parts: vec![Part::Call(call)] };
        let old = vec![person("Look"), called.clone(), returned(&long), Message::text(Role::Bot, "Nothing.")];
        let new = vec![person("Again"), called, returned("A cat")];
        let request = ask(&bot, [old, new.clone()].concat(), "").unwrap();
        assert_eq!(request.messages, new);
    }
}
