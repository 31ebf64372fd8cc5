//! Digests of days, weeks and months, with the clock moved.

use botwright::dialog::NoLimits;
use botwright::memory::{DigestConversation, FoundKind};
use botwright::providers::scripted::Line;
use botwright::store::{Summary, SummaryKind};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::summaries::{begin, providers, summarizer};
use super::{Chat, World};

async fn digests(world: &World, chat: &Chat, kind: SummaryKind) -> Vec<Summary> {
    let mut tx = world.tenant(chat.account).await;
    let all = Summary::list_since(&mut tx, chat.id, 0).await.unwrap();
    let mut found = Summary::list_by_ids(&mut tx, &all).await.unwrap();
    tx.commit().await.unwrap();
    found.retain(|summary| summary.kind == kind);
    found.sort_by_key(|summary| summary.since);
    found
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn days_make_weeks_and_months_and_what_was_missed_is_made_up_for() {
    let digest =
        json!({"digest": {"cron": "0 4 * * *", "timezone": "Europe/Kyiv"}, "summarize": {"everyTurns": 99}});
    let (world, mind, chat) = begin(digest).await;
    let providers = providers();
    let summarizer = summarizer(&world, &providers, NoLimits);
    // Friday 20 November, Sunday, and the Tuesday after.
    world.say(&chat, "My sister Anna came from Lviv.").await;
    world.clock.advance(TimeDelta::days(2));
    world.say(&chat, "Anna and I baked a honey cake.").await;
    world.clock.advance(TimeDelta::days(2));
    world.say(&chat, "Anna went home by train.").await;
    // Nobody ran for a week.
    world.clock.advance(TimeDelta::days(7));
    let job = DigestConversation { conversation: chat.id, until: world.now() };
    summarizer.digest_conversation(chat.account, &job).await.unwrap();
    let days = digests(&world, &chat, SummaryKind::Day).await;
    let told: Vec<_> =
        days.iter().map(|day| (day.from_ordinal, day.to_ordinal, day.until.unwrap())).collect();
    // Four in the morning in Kyiv is two in UTC in winter.
    assert_eq!(
        told,
        [
            (1, 1, at("2026-11-21T02:00:00Z")),
            (2, 2, at("2026-11-23T02:00:00Z")),
            (3, 3, at("2026-11-25T02:00:00Z"))
        ]
    );
    assert!(days[1].text.contains("honey cake"), "{}", days[1].text);
    let weeks = digests(&world, &chat, SummaryKind::Week).await;
    let told: Vec<_> = weeks.iter().map(|week| (week.from_ordinal, week.to_ordinal)).collect();
    assert_eq!(told, [(1, 2), (3, 3)]);
    // The month is over in Kyiv two hours before it is in UTC, and only then.
    let months = digests(&world, &chat, SummaryKind::Month).await;
    assert_eq!(months.len(), 1);
    assert_eq!(months[0].until.unwrap(), at("2026-11-30T22:00:00Z"));
    assert!(months[0].text.contains("[2026-11-22]"), "{}", months[0].text);

    // Again is nothing; the digests are found, with their dates, in the conversation itself.
    summarizer.digest_conversation(chat.account, &job).await.unwrap();
    assert_eq!(digests(&world, &chat, SummaryKind::Day).await.len(), 3);
    // What is taken back leaves the digests that told of it, and they are made anew; the others stay.
    let mut tx = world.tenant(chat.account).await;
    mind.memory.unsay(&mut tx, chat.id, (2, 2), world.now()).await.unwrap();
    tx.commit().await.unwrap();
    let left = digests(&world, &chat, SummaryKind::Day).await;
    assert_eq!(left.iter().map(|day| day.id).collect::<Vec<_>>(), [days[0].id, days[2].id]);
    assert_eq!(digests(&world, &chat, SummaryKind::Week).await.len(), 1);
    summarizer.digest_conversation(chat.account, &job).await.unwrap();
    let anew = digests(&world, &chat, SummaryKind::Day).await;
    assert!(anew.len() == 3 && anew[1].text.contains("honey cake"), "{anew:?}");
    assert_eq!(digests(&world, &chat, SummaryKind::Week).await.len(), 2);
    super::eventually("a digest is recalled", async || {
        let found = mind.recall(&chat, "When did we bake the honey cake?").await.found;
        found.iter().any(|found| found.kind == FoundKind::Digest)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memorys_model_tells_the_day_and_a_day_that_is_not_over_waits() {
    let memory =
        json!({"model": "scripted", "digest": {"cron": "0 4 * * *"}, "summarize": {"everyTurns": 99}});
    let (world, _mind, chat) = begin(memory).await;
    let providers = providers();
    let summarizer = summarizer(&world, &providers, NoLimits);
    world.say(&chat, "We painted the fence.").await;
    let early = DigestConversation { conversation: chat.id, until: world.now() + TimeDelta::hours(2) };
    summarizer.digest_conversation(chat.account, &early).await.unwrap();
    assert!(digests(&world, &chat, SummaryKind::Day).await.is_empty());

    world.clock.advance(TimeDelta::days(1));
    providers.scripted().push(Line::say("On 20 November 2026 Olena painted the fence."));
    let job = DigestConversation { conversation: chat.id, until: world.now() };
    summarizer.digest_conversation(chat.account, &job).await.unwrap();
    let days = digests(&world, &chat, SummaryKind::Day).await;
    assert_eq!(days[0].text, "On 20 November 2026 Olena painted the fence.");
    assert_eq!(days[0].model, "scripted");
    let heard = format!("{:?}", providers.scripted().heard().last().unwrap().messages);
    assert!(heard.contains("[2026-11-20 09:01] Olena: We painted the fence."), "{heard}");
}
