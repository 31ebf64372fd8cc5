//! What models took, added up.

use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject};

use crate::graphql::context::loaders;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::Bot;
use crate::id::BotId;
use crate::store::UsageSum;

/// By what usage is added up. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum UsageGroup {
    /// By bot.
    Bot,
    /// By model, as `provider/model`.
    Model,
    /// By day, of UTC.
    Day,
    /// By what it was for: answering, summing up.
    Purpose,
}

/// What models took in a stretch of time.
#[derive(SimpleObject)]
pub(in crate::graphql) struct UsageReport {
    /// From this moment.
    pub(in crate::graphql) from: DateTime,
    /// Before this one.
    pub(in crate::graphql) to: DateTime,
    /// Whether it is what all of the account took; false if it is only what the caller caused.
    pub(in crate::graphql) whole_account: bool,
    /// The sums, by day, bot, model and purpose as far as these were asked for. Empty if nothing was used.
    pub(in crate::graphql) sums: Vec<UsageTotals>,
}

/// What models took, added up. What it was not grouped by is null.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct UsageTotals {
    /// When the day begins, in UTC.
    day: Option<DateTime>,
    /// `provider/model`.
    model: Option<String>,
    /// `turn`, `summary`, … Clients must expect others.
    purpose: Option<String>,
    /// How often models answered; all calls of a turn count once. A whole number.
    calls: f64,
    /// What was sent, in tokens. A whole number, which may be larger than `Int` holds.
    input_tokens: f64,
    /// The part of it that came from the providers' caches.
    cached_tokens: f64,
    /// What came back, in tokens, with the models' reasoning.
    output_tokens: f64,
    /// In US dollars, of the calls whose price is known; null where none is.
    cost_usd: Option<f64>,
    #[graphql(skip)]
    bot_id: Option<BotId>,
}

#[ComplexObject]
impl UsageTotals {
    /// Which bot; archived ones too.
    async fn bot(&self, context: &Context<'_>) -> Result<Option<Bot>> {
        let Some(id) = self.bot_id else { return Ok(None) };
        Ok(loaders(context)?.load_one(id).await?.map(Bot))
    }
}

impl From<UsageSum> for UsageTotals {
    fn from(sum: UsageSum) -> Self {
        let UsageSum {
            day,
            bot_id,
            model,
            purpose,
            calls,
            input_tokens,
            cached_tokens,
            output_tokens,
            cost_usd,
        } = sum;
        Self {
            day: day.map(DateTime),
            model,
            purpose,
            calls: whole(calls),
            input_tokens: whole(input_tokens),
            cached_tokens: whole(cached_tokens),
            output_tokens: whole(output_tokens),
            cost_usd,
            bot_id,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has used 2^53 tokens")]
fn whole(count: i64) -> f64 {
    count as f64
}
