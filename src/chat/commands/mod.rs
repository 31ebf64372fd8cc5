//! What a person types after a slash. One table of what there is; one function that runs it for somebody in a
//! conversation and answers in words, without a model. Every door leads here.

mod answers;
mod forgetting;
mod memories;

use crate::accounts::{Actor, Scope};
use crate::chat::{Chat, may_see};
use crate::error::{Error, Result};
use crate::id::ConversationId;
use crate::phrases::{self, Language};
use crate::spec;
use crate::store::{Conversation, Message, MessageRole, Person, Turn};

/// A command that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Without the slash.
    pub name: &'static str,
    /// What may follow it: `[fix|delete|restore <number>]`.
    pub arguments: &'static str,
}

impl Command {
    /// What it does, in one line.
    pub fn about(&self, language: Language) -> &'static str {
        phrases::commands::about(language, self.name)
    }

    /// How it is typed.
    fn usage(&self) -> String {
        format!("/{} {}", self.name, self.arguments).trim_end().to_owned()
    }
}

const fn command(name: &'static str, arguments: &'static str) -> Command {
    Command { name, arguments }
}

/// All commands, in the order in which they are listed.
pub const COMMANDS: [Command; 13] = [
    command("help", ""),
    command("cancel", ""),
    command("context", ""),
    command("shortterm", ""),
    command("midterm", ""),
    command("wholehistory", "[words]"),
    command("historycontext", ""),
    command("analyze", ""),
    command("session", "[short|medium|long]"),
    command("clear", ""),
    command("memory", "[fix|delete|restore <number> [text]]"),
    command("forget", "<words|number|yes>"),
    command("export", ""),
];

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which one it was; none where there is no such command.
    pub command: Option<&'static str>,
    /// For the person.
    pub text: String,
    /// Whether [`Chat::export_own`] is to be handed to them as a file.
    pub export: bool,
    /// What to type for a yes, where it asks for one.
    pub yes: Option<&'static str>,
}

/// Who types a command where.
struct Asker<'a> {
    actor: &'a Actor,
    conversation: Conversation,
    language: Language,
}

impl Chat {
    /// Runs what somebody typed in a conversation: `/memory fix 3 My sister lives in Lviv`, with or without the
    /// slash. What cannot be done is said in the answer.
    ///
    /// # Errors
    /// `NotFound` unless there is such a conversation and the actor may see it; otherwise only what is wrong
    /// with the system.
    pub async fn run_command(
        &self,
        actor: &Actor,
        conversation: ConversationId,
        typed: &str,
    ) -> Result<Answer> {
        actor.require(Scope::Chat)?;
        let typed = typed.trim().trim_start_matches('/');
        let (name, arguments) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
        let arguments = arguments.trim();
        let asker = self.asker(actor, conversation, arguments).await?;
        // Telegram writes `/help@the_bot`.
        let name = name.split('@').next().unwrap_or_default().to_lowercase();
        let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
            let nearest = spec::nearest(&name, COMMANDS.iter().map(|command| command.name));
            let shown: String = name.chars().take(40).collect();
            let text = phrases::commands::unknown(asker.language, &shown, nearest);
            return Ok(Answer { command: None, text, export: false, yes: None });
        };
        let text = self.answer_to(&asker, command, arguments).await?;
        let asks = command.name == "forget" && text.ends_with(phrases::commands::confirm(asker.language));
        let yes = asks.then_some("/forget yes");
        Ok(Answer { command: Some(command.name), text, export: command.name == "export", yes })
    }

    async fn answer_to(&self, asker: &Asker<'_>, command: &Command, arguments: &str) -> Result<String> {
        let usage = || phrases::commands::usage(asker.language, &command.usage());
        Ok(match command.name {
            "help" => answers::help(asker.language),
            "cancel" => self.cancel_open(asker).await?.to_owned(),
            "context" => self.show_context(asker).await?,
            "shortterm" => self.show_short_term(asker).await?,
            "midterm" => self.show_mid_term(asker).await?,
            "wholehistory" => self.show_history(asker, arguments).await?,
            "historycontext" => self.show_history_context(asker).await?,
            "analyze" => {
                self.analyze(asker.actor, asker.conversation.id).await?;
                phrases::commands::analyzing(asker.language).to_owned()
            }
            "session" => self.session(asker, arguments).await?.unwrap_or_else(usage),
            "clear" => {
                self.clear_window(asker.actor, asker.conversation.id).await?;
                phrases::commands::cleared(asker.language).to_owned()
            }
            "memory" => self.memory_command(asker, arguments).await?.unwrap_or_else(usage),
            "forget" => self.forget_command(asker, arguments).await?,
            "export" => self.show_export(asker).await?,
            _ => usage(),
        })
    }

    /// Stops the answer that is under way, else the one that waits.
    async fn cancel_open(&self, asker: &Asker<'_>) -> Result<&'static str> {
        let mut tx = self.engine.store.reading(asker.actor.account).await?;
        let open = Turn::find_open(&mut tx, asker.conversation.id).await?;
        tx.commit().await?;
        let Some(turn) = open else { return Ok(phrases::commands::nothing_to_cancel(asker.language)) };
        self.cancel(asker.actor, turn).await?;
        Ok(phrases::commands::cancelled(asker.language))
    }

    async fn asker<'a>(
        &self,
        actor: &'a Actor,
        conversation: ConversationId,
        typed: &str,
    ) -> Result<Asker<'a>> {
        let tx = self.engine.store.reading(actor.account).await?;
        let found = Conversation::find(&tx, conversation).await?;
        let conversation = found
            .filter(|found| may_see(actor, found))
            .ok_or_else(|| Error::not_found("no such conversation"))?;
        let person = Person::find(&tx, actor.person).await?;
        let newest = Message::list_newest(&tx, conversation.id, 1, i32::MAX, 6).await?;
        tx.commit().await?;
        let said = newest.iter().rev().find(|message| message.role == MessageRole::Person);
        let told = person.and_then(|person| person.language);
        let language = match (told.as_deref().and_then(Language::of_tag), said) {
            (Some(language), _) => language,
            (None, Some(said)) => Language::of(&said.text),
            (None, None) => Language::of(typed),
        };
        Ok(Asker { actor, conversation, language })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_says_what_it_does_in_every_language() {
        for command in COMMANDS {
            for language in [Language::En, Language::Uk, Language::Ru] {
                assert!(!command.about(language).is_empty(), "{command:?}");
            }
        }
    }
}
