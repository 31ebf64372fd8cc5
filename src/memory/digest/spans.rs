//! Weeks and months, told from the digests of their days.

use chrono::{DateTime, Utc};

use crate::dialog::Usage;
use crate::jobs::{Cron, Failure};
use crate::memory::digest::days::Draft;
use crate::memory::summarize::{Summarizer, closed, cut};
use crate::spec;
use crate::store::{Conversation, Summary, SummaryKind};

/// A time longer than a day.
pub(super) struct Span {
    kind: SummaryKind,
    name: &'static str,
    /// When one ends and the next begins, as a cron line.
    pub(super) ends: &'static str,
}

pub(super) const WEEK: Span = Span { kind: SummaryKind::Week, name: "week", ends: "0 0 * * 1" };
pub(super) const MONTH: Span = Span { kind: SummaryKind::Month, name: "month", ends: "0 0 1 * *" };

impl Summarizer {
    /// Writes a digest of every such span that ended before `until`, has days and has none yet.
    pub(super) async fn digest_span(
        &self,
        conversation: &Conversation,
        bot: &spec::Bot,
        span: &Span,
        ends: &Cron,
        until: DateTime<Utc>,
    ) -> Result<(), Failure> {
        loop {
            let mut tx = self.store.tenant(conversation.account_id).await?;
            let days = Summary::list_days_outside(&mut tx, conversation.id, span.kind).await?;
            tx.commit().await?;
            let begin = days.first().and_then(|first| first.since);
            let end = begin.and_then(|begin| ends.next_after(begin)).filter(|end| *end <= until);
            let (Some(begin), Some(end)) = (begin, end) else { return Ok(()) };
            // A day belongs where it began.
            let days: Vec<Summary> =
                days.into_iter().take_while(|day| day.since.is_some_and(|since| since < end)).collect();
            let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
            let (from_ordinal, to_ordinal) = (first.from_ordinal, last.to_ordinal);
            let (text, model, usage) = self.tell_span(conversation, bot, span, &days).await?;
            let kind = span.kind;
            let draft =
                Draft { kind, since: begin, until: end, from_ordinal, to_ordinal, text, model, usage };
            self.store_digest(conversation, draft).await?;
        }
    }

    async fn tell_span(
        &self,
        conversation: &Conversation,
        bot: &spec::Bot,
        span: &Span,
        days: &[Summary],
    ) -> Result<(String, String, Usage), Failure> {
        let words = usize::try_from(bot.memory.summarize.words).unwrap_or(usize::MAX);
        let line = |day: &Summary| {
            let date = day.since.unwrap_or(day.created_at).format("%Y-%m-%d");
            format!("[{date}] {}", closed(&day.text))
        };
        let lines: Vec<String> = days.iter().map(line).collect();
        // One day tells itself; without a model the days stand as they are.
        let told =
            if days.len() > 1 { self.tell(conversation, bot, span.name, &lines, words).await? } else { None };
        Ok(told.unwrap_or_else(|| (cut(&lines.join("\n"), words), "offline".into(), Usage::default())))
    }
}
