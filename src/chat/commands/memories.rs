//! `/memory`: what is known, with numbers; correct it, delete it, take it back.

use crate::chat::commands::Asker;
use crate::chat::{Change, Chat};
use crate::error::{Kind, Result};
use crate::phrases::{Language, commands as say};
use crate::store::Fact;

/// What is to be done to a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Fix,
    Delete,
    Restore,
}

impl Deed {
    fn of(word: &str) -> Option<Self> {
        Some(match word.to_lowercase().as_str() {
            "fix" | "correct" | "виправ" | "виправити" | "исправь" | "исправить" => {
                Self::Fix
            }
            "delete" | "remove" | "видали" | "видалити" | "удали" | "удалить" => {
                Self::Delete
            }
            "restore" | "undo" | "поверни" | "повернути" | "верни" | "вернуть" => {
                Self::Restore
            }
            _ => return None,
        })
    }
}

/// `fix 3 new text` → what, which, the rest.
fn read(arguments: &str) -> Option<(Deed, i64, &str)> {
    let (deed, rest) = arguments.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let (number, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some((Deed::of(deed)?, number.trim_start_matches('#').parse().ok()?, text.trim()))
}

fn shown(number: i64, fact: &Fact) -> String {
    format!("{number}. {}", fact.text)
}

impl Chat {
    /// `None` for what is no use of it.
    pub(super) async fn memory_command(&self, asker: &Asker<'_>, arguments: &str) -> Result<Option<String>> {
        if arguments.is_empty() {
            let facts = self.list_facts(asker).await?;
            return Ok(Some(format!("{facts}\n{}", say::facts_hint(asker.language))));
        }
        let Some((deed, number, text)) = read(arguments) else { return Ok(None) };
        if deed == Deed::Fix && text.is_empty() {
            return Ok(None);
        }
        let facts = self.numbered_facts(asker.actor, asker.conversation.id, deed == Deed::Restore).await?;
        let Some((_, fact)) = facts.into_iter().find(|(known, _)| *known == number) else {
            return Ok(Some(say::no_such_fact(asker.language, number)));
        };
        let (id, version) = (fact.id, fact.version);
        let changed = match deed {
            Deed::Fix => self.correct_fact(asker.actor, id, text, version).await,
            Deed::Delete => self.forget_fact(asker.actor, id, version).await,
            Deed::Restore => self.restore_fact(asker.actor, id, version).await,
        };
        let language = asker.language;
        Ok(Some(match changed {
            Ok(Change::Made(fact)) => done(language, deed, number, &fact),
            Ok(Change::Stale(_)) => say::changed_meanwhile(language).to_owned(),
            Err(error) if error.kind() == Kind::NotFound => say::no_such_fact(language, number),
            Err(error) if error.kind() == Kind::Invalid => error.message().to_owned(),
            Err(error) => return Err(error),
        }))
    }

    /// What is known here, with numbers.
    pub(super) async fn list_facts(&self, asker: &Asker<'_>) -> Result<String> {
        let facts = self.numbered_facts(asker.actor, asker.conversation.id, false).await?;
        if facts.is_empty() {
            return Ok(say::no_facts(asker.language).to_owned());
        }
        let mut lines = vec![say::facts(asker.language).to_owned()];
        lines.extend(facts.iter().map(|(number, fact)| shown(*number, fact)));
        Ok(lines.join("\n"))
    }
}

fn done(language: Language, deed: Deed, number: i64, fact: &Fact) -> String {
    match deed {
        Deed::Fix => format!("{}\n{}", say::corrected(language), shown(number, fact)),
        Deed::Delete => say::deleted(language, number),
        Deed::Restore => format!("{}\n{}", say::restored(language), shown(number, fact)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_read_in_three_languages() {
        assert_eq!(read("fix 3 My sister lives in Lviv"), Some((Deed::Fix, 3, "My sister lives in Lviv")));
        assert_eq!(read("видали #12"), Some((Deed::Delete, 12, "")));
        assert_eq!(read("Верни  7 "), Some((Deed::Restore, 7, "")));
        for wrong in ["", "fix", "fix three", "burn 3", "fix 99999999999999999999 x"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
