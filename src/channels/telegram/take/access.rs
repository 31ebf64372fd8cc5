//! Who may talk to a bot: whom its file lists, whoever was let in by a code, or everybody.

use chrono::TimeDelta;

use super::place::Author;
use crate::accounts::Actor;
use crate::channels::telegram::lines::Line;
use crate::channels::telegram::{CHANNEL, Door};
use crate::chat::{Note, Whence};
use crate::error::Result;
use crate::id::random_bytes;
use crate::phrases::{Language, telegram as say};
use crate::spec::{Access, AccessDefault};
use crate::store::{Grant, GrantState, Store};

/// How long a code is good, and how long one that was shown is shown again.
const CODE_MINUTES: i64 = 60;
/// Letters and digits that nobody mistakes for others.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Whether somebody may talk there.
pub(in crate::channels::telegram) async fn may_talk(
    store: &Store,
    line: &Line,
    access: &Access,
    handle: &str,
    (is_group, chat): (bool, &str),
) -> Result<bool> {
    if is_group && !access.groups.is_empty() {
        // A group that is listed may talk as a whole.
        return Ok(access.groups.contains(&format!("{CHANNEL}:{chat}")));
    }
    if access.default == AccessDefault::Open || access.allow.iter().any(|allowed| allowed == handle) {
        return Ok(true);
    }
    let mut tx = store.reading(line.account).await?;
    let grant = Grant::find(&mut tx, line.bot, handle).await?;
    tx.commit().await?;
    Ok(grant.is_some_and(|grant| grant.state == GrantState::Approved))
}

/// Tells somebody who may not talk how they might: with a code, or that they cannot; that once only.
pub(super) async fn turn_away(
    door: &Door,
    line: &Line,
    access: &Access,
    author: &Author,
    (actor, whence): (&Actor, &Whence),
    (message, language): (i64, Language),
) -> Result<()> {
    if whence.is_group {
        return Ok(());
    }
    let now = door.clock().now();
    let mut tx = door.store().tenant(line.account).await?;
    let before = Grant::find(&mut tx, line.bot, &author.handle()).await?;
    let pairing = access.default == AccessDefault::Pairing
        && before.as_ref().is_none_or(|grant| grant.state == GrantState::Asked);
    if !pairing && before.as_ref().is_some_and(|grant| grant.told_at.is_some() && grant.code.is_none()) {
        return Ok(());
    }
    let standing =
        before.and_then(|grant| grant.code.filter(|_| grant.code_until.is_some_and(|end| end > now)));
    let code = standing.clone().unwrap_or_else(new_code);
    let until = now + TimeDelta::minutes(CODE_MINUTES);
    if standing.is_none() || !pairing {
        let grant = Grant {
            account_id: line.account,
            bot_id: line.bot,
            handle: author.handle(),
            name: author.name.clone(),
            state: GrantState::Asked,
            code: pairing.then(|| code.clone()),
            code_until: pairing.then_some(until),
            told_at: Some(now),
            decided_by: None,
            at: now,
        };
        Grant::ask(&mut tx, &grant).await?;
    }
    tx.commit().await?;
    let text = if pairing { say::pairing(language, &code) } else { say::closed(language).to_owned() };
    let note = Note { to: Some(message.to_string()), album: None, text, buttons: None };
    door.chat.note(actor, whence, note).await?;
    Ok(())
}

/// `ABCD-EFGH`: forty bits, good for an hour.
fn new_code() -> String {
    let letters: Vec<char> =
        random_bytes().iter().take(8).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    let (first, second) = letters.split_at(4);
    format!("{}-{}", first.iter().collect::<String>(), second.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_readable_and_differ() {
        let (one, two) = (super::new_code(), super::new_code());
        assert!(one.len() == 9 && one.as_bytes()[4] == b'-' && one != two, "{one} {two}");
    }
}
