//! How an account is doing, what it used, who changed what, what its bots remember: for whom it is, and no further.

use botwright::providers::scripted::Line;
use serde_json::{Value, json};

use crate::graphql::changes::in_account;
use crate::graphql::{Story, finished, text};
use crate::harness::world::World;

const USAGE: &str = "query Usage($from: DateTime!, $to: DateTime, $by: [UsageGroup!]!, $bot: String) {
    usage(from: $from, to: $to, groupBy: $by, bot: $bot) { wholeAccount sums {
        day bot { name } model purpose calls inputTokens cachedTokens outputTokens costUsd } } }";

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_added_up_for_whoever_asks() {
    let story = Story::begin().await;
    let (ann, bob) = (story.client("ann").await, story.client("bob").await);
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    let stranger = story.door.client_in("elsewhere", "admin").await;
    // Five calls of Ann's on two days, one of nobody's, all of them large: a year of this is no `Int`.
    in_account(
        &story,
        "insert into usage_events (account_id, id, bot_id, person_id, purpose, model, input_tokens, cached_tokens, output_tokens, cost_usd, at)
         select b.account_id, gen_random_uuid(), b.id, p.id, 'turn', 'openai/x', 2000000000, 5, n, case when n = 1 then 0.5 end,
             '2026-03-01T23:30:00Z'::timestamptz + n * interval '15 minutes'
         from bots b, people p, generate_series(1, 5) n where p.name = 'ann';
         insert into usage_events (account_id, id, bot_id, purpose, model, input_tokens, cached_tokens, output_tokens, at)
         select account_id, gen_random_uuid(), id, 'summary', 'openai/y', 7, 0, 1, '2026-03-02T12:00:00Z' from bots",
    )
    .await;
    let ask = async |client: &crate::harness::door::Client, by: &[&str]| {
        let range = json!({"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z", "by": by});
        client.ask(USAGE, range).await["usage"].take()
    };
    let own = ask(&ann, &["DAY", "BOT", "MODEL", "PURPOSE"]).await;
    let sum = |day: &str, calls: f64, output: f64, cost: Value| {
        json!({"day": day, "bot": {"name": "parrot"}, "model": "openai/x", "purpose": "turn", "calls": calls,
            "inputTokens": calls * 2e9, "cachedTokens": calls * 5.0, "outputTokens": output, "costUsd": cost})
    };
    assert_eq!(
        own,
        json!({"wholeAccount": false, "sums": [
            sum("2026-03-01T00:00:00.000Z", 1.0, 1.0, json!(0.5)),
            sum("2026-03-02T00:00:00.000Z", 4.0, 14.0, Value::Null)]})
    );
    let all = ask(&admin, &[]).await;
    assert_eq!(all["wholeAccount"], true);
    let one = &all["sums"].as_array().unwrap()[..];
    assert_eq!(
        (one.len(), &one[0]["calls"], &one[0]["bot"], &one[0]["costUsd"]),
        (1, &json!(6.0), &Value::Null, &json!(0.5))
    );
    let models = ask(&admin, &["MODEL"]).await;
    let models: Vec<_> = models["sums"].as_array().unwrap().iter().map(|sum| text(&sum["model"])).collect();
    assert_eq!(models, ["openai/x", "openai/y"]);
    for nobody in [&bob, &stranger] {
        assert_eq!(ask(nobody, &[]).await["sums"], json!([]));
    }
    let from = "2026-03-01T00:00:00Z";
    for wrong in [
        json!({"from": from, "to": "2026-02-01T00:00:00Z", "by": []}),
        json!({"from": "2020-01-01T00:00:00Z", "by": []}),
        json!({"from": "soon", "by": []}),
    ] {
        assert_eq!(admin.error(USAGE, wrong.clone()).await, "BAD_USER_INPUT", "{wrong}");
    }
    let missing = json!({"from": from, "to": from, "by": [], "bot": "dodo"});
    assert_eq!(admin.ask(USAGE, missing).await["usage"], json!(null));
    story.end().await;
}

const STATUS: &str = "{ status { at
    providers { name origin defaultModel hasKey failures isResting retryInSeconds }
    queue { queuedTurns runningTurns oldestQueuedSince waitingJobs runningJobs waitingDeliveries }
    index { complete behind rebuilding }
    sources { source active { number } held { reason } }
    config { isReady ready waiting problems } replicas { name isReady problem }
    recentErrors { kind at code message turn { id failure { code } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_what_waits_and_what_failed_and_no_secret() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    let stranger = story.door.client_in("elsewhere", "admin").await;
    story.model_will(Line::fail(401));
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "Hello?"})).await;
    let turn = text(&said["turn"]["id"]);
    finished(&ann, &turn).await;
    in_account(
        &story,
        "insert into secrets (account_id, id, name, sealed, created_at, updated_at)
             values (current_account(), gen_random_uuid(), 'OPENAI_API_KEY', 'hush-hush', now(), now());
         insert into jobs (account_id, id, kind, payload, key, state, run_at, created_at, finished_at, error)
             values (current_account(), gen_random_uuid(), 'summarize', '{}', 'x', 'failed', now(), now(), now(), 'no disk'),
                    (current_account(), gen_random_uuid(), 'summarize', '{}', 'y', 'waiting', now(), now(), null, null);
         insert into conversations (account_id, id, bot_id, channel, key, created_at, updated_at)
             select account_id, gen_random_uuid(), id, 'telegram', 'group', now(), now() from bots;
         insert into turns (account_id, id, conversation_id, bot_id, revision_id, state, first_ordinal, created_at, leased_by, lease_until)
             select account_id, gen_random_uuid(), conversations.id, bot_id, bots.revision_id, 'running', 1, now(), gen_random_uuid(),
                 now() + interval '1 hour' from conversations join bots using (account_id) where channel = 'telegram'",
    )
    .await;
    let status = admin.ask(STATUS, json!({})).await["status"].take();
    assert!(!status.to_string().contains("hush"), "{status}");
    assert_eq!(
        status["providers"],
        json!([{"name": "openai", "origin": "ACCOUNT", "defaultModel": "gpt-5-mini", "hasKey": true, "failures": 0,
            "isResting": false, "retryInSeconds": null}])
    );
    assert_eq!(
        status["queue"],
        json!({"queuedTurns": 0, "runningTurns": 1, "oldestQueuedSince": null, "waitingJobs": 1, "runningJobs": 0,
            "waitingDeliveries": 0})
    );
    assert_eq!(
        status["sources"],
        json!([{"source": "git:test/bots", "active": {"number": 1}, "held": null}])
    );
    let errors = status["recentErrors"].as_array().unwrap();
    let of = |kind: &str| errors.iter().find(|error| error["kind"] == kind).unwrap();
    assert_eq!((&of("JOB")["code"], &of("JOB")["message"]), (&json!("summarize"), &json!("no disk")));
    assert_eq!(of("TURN")["turn"]["id"], turn);
    assert_eq!(of("TURN")["code"], of("TURN")["turn"]["failure"]["code"]);

    // Who may only read is told no more than concerns a reader.
    let reader = story.door.client(&story.talk, "reader", "read").await;
    let seen = reader.ask(STATUS, json!({})).await["status"].take();
    let errors = seen["recentErrors"].as_array().unwrap();
    assert_eq!((errors.len(), &errors[0]["kind"], &errors[0]["turn"]), (1, &json!("TURN"), &Value::Null));
    let elsewhere = stranger.ask(STATUS, json!({})).await["status"].take();
    assert_eq!(
        (&elsewhere["providers"], &elsewhere["sources"], &elsewhere["recentErrors"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert_eq!(elsewhere["queue"]["runningTurns"], 0);
    let talker = story.door.client(&story.talk, "talker", "chat").await;
    assert_eq!(talker.error(STATUS, json!({})).await, "FORBIDDEN");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_for_admins_page_by_page() {
    let story = Story::begin().await;
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    // Lines of one moment keep an order too.
    in_account(
        &story,
        "insert into audit_log (account_id, id, at, actor, action, subject, detail)
         select current_account(), gen_random_uuid(), '2030-01-01T00:00:00Z'::timestamptz + (n / 3) * interval '1 second',
             'operator', 'test.done', n::text, '{\"n\": 1}' from generate_series(1, 8) n",
    )
    .await;
    let query =
        "query Log($after: String, $action: String) { auditLog(first: 3, after: $after, action: $action) {
        nodes { id at actor action subject detail } pageInfo { hasNextPage endCursor } } }";
    let mut subjects = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = admin.ask(query, json!({"after": after, "action": "test.done"})).await["auditLog"].take();
        subjects.extend(page["nodes"].as_array().unwrap().iter().map(|line| text(&line["subject"])));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let seconds: Vec<u32> = subjects.iter().map(|subject| subject.parse::<u32>().unwrap() / 3).collect();
    assert_eq!(seconds, [2, 2, 2, 1, 1, 1, 0, 0], "{subjects:?}");
    assert_eq!(subjects.iter().collect::<std::collections::BTreeSet<_>>().len(), 8);
    let all = admin.ask(query, json!({})).await["auditLog"].take();
    assert_eq!(
        (&all["nodes"][0]["detail"], &all["pageInfo"]["hasNextPage"]),
        (&json!({"n": 1}), &json!(true))
    );
    // Making a token is written down.
    let made = admin.ask(query, json!({"action": "token.create"})).await["auditLog"].take();
    assert_eq!(made["nodes"][0]["actor"], "operator");

    let stranger = story.door.client_in("elsewhere", "admin").await;
    assert_eq!(stranger.ask(query, json!({"action": "test.done"})).await["auditLog"]["nodes"], json!([]));
    let reader = story.client("ann").await;
    assert_eq!(reader.error(query, json!({})).await, "FORBIDDEN");
    story.end().await;
}

const RECALL: &str = "query Recall($bot: String!, $in: ID, $text: String!, $budget: Int) {
    recall(bot: $bot, conversationId: $in, text: $text, budget: $budget) { complete budget tokens evidence {
        kind text speaker at score coverage tokens conversation { id } message { ordinal } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn recall_shows_what_an_answer_would_be_given() {
    let world = World::begin().await;
    for said in ["My sister Anna lives in Lviv.", "I had soup for lunch.", "Anna likes trams."] {
        world.model_will_say("I see.");
        world.say("parrot", said).await;
    }
    let ask = async |variables: Value| world.api.ask(RECALL, variables).await["recall"].take();
    let question = json!({"bot": "parrot", "text": "Where does my sister Anna live?"});
    let mut found = ask(question.clone()).await;
    while found["evidence"][0].is_null() {
        // The index follows within a moment.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        found = ask(question.clone()).await;
    }
    let best = &found["evidence"][0];
    assert_eq!((&best["text"], &best["kind"]), (&json!("My sister Anna lives in Lviv."), &json!("MESSAGE")));
    assert_eq!((&best["speaker"], &best["message"]["ordinal"]), (&json!("Operator"), &json!(1)));
    assert!(best["score"].as_f64().unwrap() > 0.0 && text(&best["at"]).ends_with('Z'), "{found}");
    let sum: i64 =
        found["evidence"].as_array().unwrap().iter().map(|one| one["tokens"].as_i64().unwrap()).sum();
    assert_eq!(
        (found["tokens"].as_i64(), &found["budget"], &found["complete"]),
        (Some(sum), &json!(1000), &json!(true))
    );
    // A smaller budget brings less, and says so; no budget brings nothing.
    let most = best["tokens"].as_i64().unwrap();
    let less = ask(json!({"bot": "parrot", "text": "Where does my sister Anna live?", "budget": most})).await;
    assert_eq!((less["evidence"].as_array().unwrap().len(), less["tokens"].as_i64()), (1, Some(most)));
    let none = ask(json!({"bot": "parrot", "text": "Where does my sister Anna live?", "budget": 0})).await;
    assert_eq!(none["evidence"], json!([]));
    let here = best["conversation"]["id"].clone();
    let there = ask(json!({"bot": "parrot", "in": here, "text": "sister Anna"})).await;
    assert_eq!(there["evidence"][0]["conversation"]["id"], here);
    for (variables, code) in [
        (json!({"bot": "parrot", "text": " "}), "BAD_USER_INPUT"),
        (json!({"bot": "parrot", "text": "x", "budget": 32_001}), "BAD_USER_INPUT"),
        (json!({"bot": "parrot", "text": "x", "in": "7"}), "BAD_USER_INPUT"),
    ] {
        let answer = world.api.answer(RECALL, variables.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{variables} {answer}");
    }
    for missing in [
        json!({"bot": "dodo", "text": "x"}),
        json!({"bot": "parrot", "text": "x", "in": "conversation_AaH5rX2SdbWSqIu0_YNH2A"}),
    ] {
        let answer = world.api.answer(RECALL, missing.clone()).await;
        assert_eq!(answer, json!({"data": {"recall": null}}), "{missing}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_recalls_in_somebody_elses_conversation() {
    let story = Story::begin().await;
    let (ann, bob) = (story.client("ann").await, story.client("bob").await);
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "My secret."})).await;
    finished(&ann, &text(&said["turn"]["id"])).await;
    let asked = json!({"bot": "parrot", "in": said["conversation"]["id"], "text": "secret"});
    assert_eq!(bob.ask(RECALL, asked.clone()).await["recall"], json!(null));
    let stranger = story.door.client_in("elsewhere", "admin").await;
    assert_eq!(stranger.ask(RECALL, asked).await["recall"], json!(null));
    story.end().await;
}
