//! The rolling summary that people bring along from elsewhere.

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::id::SummaryId;
use crate::memory::Memory;
use crate::store::{Conversation, Summary, SummaryKind, Tenant};
use crate::tokens;

/// Who is named as its writer.
const WRITER: &str = "import";

/// A summary from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSummary {
    pub at: Option<DateTime<Utc>>,
    pub text: String,
}

impl Memory {
    /// Makes `summaries`, oldest first, the rolling summary of a conversation, as far as `room` tokens hold
    /// them: the newest stay. Says how many of them stay, or `None` where that was done before. The
    /// conversation must be locked.
    pub async fn bring_summary(
        &self,
        tx: &mut Tenant,
        conversation: &Conversation,
        summaries: &[PastSummary],
        room: usize,
        now: DateTime<Utc>,
    ) -> Result<Option<usize>> {
        let (text, kept) = joined(summaries, room);
        let latest = Summary::find_latest(tx, conversation.id).await?;
        let is_known = latest.is_some_and(|latest| {
            latest.model == WRITER && latest.text == text && latest.to_ordinal == conversation.last_ordinal
        });
        if kept == 0 || is_known {
            return Ok(None);
        }
        Summary::delete_rolling_since(tx, conversation.id, conversation.last_ordinal).await?;
        let summary = Summary {
            account_id: conversation.account_id,
            id: SummaryId::new(),
            conversation_id: conversation.id,
            // It tells of what was said before the first message, too.
            from_ordinal: 0,
            to_ordinal: conversation.last_ordinal,
            tokens: i32::try_from(tokens::count(&text)).unwrap_or(i32::MAX),
            text,
            model: WRITER.into(),
            created_at: now,
            kind: SummaryKind::Rolling,
            since: None,
            until: None,
        };
        Summary::insert(tx, &summary).await?;
        Ok(Some(kept))
    }
}

/// The newest of them that fit, oldest first, each on a line with its date; and how many they are.
fn joined(summaries: &[PastSummary], room: usize) -> (String, usize) {
    let mut lines: Vec<String> = Vec::new();
    let mut left = room;
    for PastSummary { at, text } in summaries.iter().rev() {
        let date = at.map(|at| format!("[{}] ", at.format("%Y-%m-%d"))).unwrap_or_default();
        let line = format!("{date}{}", text.trim().replace('\n', " "));
        let Some(rest) = left.checked_sub(tokens::count(&line) + 1) else { break };
        left = rest;
        lines.push(line);
    }
    lines.reverse();
    (lines.join("\n"), lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_in_their_order_with_their_dates() {
        let of = |day: i64, text: &str| PastSummary {
            at: Some(DateTime::UNIX_EPOCH + chrono::TimeDelta::days(day)),
            text: text.into(),
        };
        let summaries = [
            of(0, "She moved to Lviv."),
            of(1, "She found\nwork."),
            PastSummary { at: None, text: "All is well.".into() },
        ];
        let all = "[1970-01-01] She moved to Lviv.\n[1970-01-02] She found work.\nAll is well.";
        assert_eq!(joined(&summaries, 1_000), (all.into(), 3));
        assert_eq!(joined(&summaries, 20).1, 2);
        assert_eq!(joined(&summaries, 2), (String::new(), 0));
    }
}
