//! Turns: one story for every arrow from the words that come in to the reply that goes out.

use std::time::Duration;

use botwright::chat::{Inbound, Target, Update};
use botwright::error::{Kind, Result};
use botwright::providers::scripted::{Fail, Line};
use botwright::store::{Bot, Questions, Store, Tenant, TurnState};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::join_all;
use tokio::time::sleep;

use crate::harness::cluster::Database;
use crate::harness::talk::Talk;

fn slowly(text: &str, first_ms: u64, delay_ms: u64) -> Line {
    Line { first_ms, delay_ms, ..Line::say(text) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_answered_and_its_log_is_whole() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    talk.model_will([slowly("Pancakes need two eggs.", 0, 30)]);
    let said = talk.say("How many eggs?").await;
    let updates = talk.follow(said.turn.id).await;
    assert_eq!(Talk::shown(&updates), "Pancakes need two eggs.");
    assert!(updates.len() > 2, "it streamed: {updates:?}");
    let transcript = talk.transcript(said.conversation.id).await;
    assert_eq!(transcript, ["person: How many eggs?", "bot: Pancakes need two eggs."]);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_quick_messages_get_one_answer_to_all() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    let line = Line { keep: true, ..slowly("Yes to all three.", 400, 0) };
    talk.model_will([line]);
    let first = talk.say("one").await;
    let second = talk.say("two").await;
    let third = talk.say("three").await;
    assert_eq!((first.turn.id, second.turn.id), (second.turn.id, third.turn.id));
    talk.follow(first.turn.id).await;
    let transcript = talk.transcript(first.conversation.id).await;
    assert_eq!(transcript, ["person: one", "person: two", "person: three", "bot: Yes to all three."]);
    let heard = talk.providers.scripted().heard();
    assert_eq!(heard.last().unwrap().question, "one\ntwo\nthree");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_after_the_first_words_starts_the_next_turn() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    talk.model_will([slowly("a b c d e f g h i j", 0, 60), Line::say("second")]);
    let first = talk.say("one").await;
    sleep(Duration::from_millis(250)).await;
    let second = talk.say("two").await;
    assert_ne!(first.turn.id, second.turn.id);
    assert_eq!(second.turn.state, TurnState::Queued);
    let updates = talk.follow(second.turn.id).await;
    assert_eq!(Talk::shown(&updates), "second");
    let transcript = talk.transcript(first.conversation.id).await;
    assert_eq!(transcript, ["person: one", "person: two", "bot: a b c d e f g h i j", "bot: second"]);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_repetitions_of_one_request_have_one_effect() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    let sends = (0..50).map(|_| {
        let inbound = Inbound {
            target: Target::Bot("parrot".into()),
            text: "hello".into(),
            idempotency_key: Some("the-same".into()),
            channel: "graphql",
            wishes: None,
            uploads: Vec::new(),
        };
        talk.chat.send(&talk.actor, inbound)
    });
    let accepted: Vec<_> =
        futures_util::future::join_all(sends).await.into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(accepted.iter().filter(|accepted| !accepted.replayed).count(), 1);
    assert!(accepted.iter().all(|other| other.message.id == accepted[0].message.id));
    talk.follow(accepted[0].turn.id).await;
    assert_eq!(talk.transcript(accepted[0].conversation.id).await.len(), 2);
    let inbound = Inbound {
        target: Target::Bot("parrot".into()),
        text: "something else".into(),
        idempotency_key: Some("the-same".into()),
        channel: "graphql",
        wishes: None,
        uploads: Vec::new(),
    };
    assert_eq!(talk.chat.send(&talk.actor, inbound).await.unwrap_err().kind(), Kind::Conflict);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_and_a_queued_turn_can_be_cancelled() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    talk.model_will([slowly("a b c d e f g h i j k l m n o p q r s t u v w x y z", 0, 100)]);
    let first = talk.say("one").await;
    sleep(Duration::from_millis(300)).await;
    let second = talk.say("two").await;
    let queued = talk.chat.cancel(&talk.actor, second.turn.id).await.unwrap();
    assert_eq!(queued.state, TurnState::Cancelled);
    talk.chat.cancel(&talk.actor, first.turn.id).await.unwrap();
    let updates = talk.follow(first.turn.id).await;
    assert_eq!(updates.last().unwrap().what, Update::Cancelled);
    talk.follow(second.turn.id).await;
    talk.model_will([Line::say("still here")]);
    let third = talk.say("three").await;
    assert_eq!(Talk::shown(&talk.follow(third.turn.id).await), "still here");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_refuses_ends_in_a_sentence_and_not_in_silence() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    talk.model_will([Line::fail(401)]);
    let said = talk.say("hello").await;
    let updates = talk.follow(said.turn.id).await;
    assert!(matches!(&updates.last().unwrap().what, Update::Failed { code, .. } if code == "MODEL_REFUSED"));
    let transcript = talk.transcript(said.conversation.id).await;
    assert!(transcript[1].starts_with("system: "), "{transcript:?}");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_begins_again_in_the_open() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    let broken = Line { truncate_after: Some(4), ..slowly("this one breaks off here", 0, 50) };
    talk.model_will([broken, Line::say("whole")]);
    let said = talk.say("hello").await;
    let updates = talk.follow(said.turn.id).await;
    assert!(
        updates.iter().any(|update| matches!(update.what, Update::Restarted { attempt: 2 })),
        "{updates:?}"
    );
    assert_eq!(Talk::shown(&updates), "whole");
    assert_eq!(talk.transcript(said.conversation.id).await, ["person: hello", "bot: whole"]);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_before_anybody_saw_it_is_asked_for_again() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    let broken = Line { truncate_after: Some(2), ..Line::say("gone at once") };
    talk.model_will([broken.clone(), broken, Line::say("whole")]);
    let said = talk.say("hello").await;
    let updates = talk.follow(said.turn.id).await;
    assert_eq!(Talk::shown(&updates), "whole");
    assert_eq!(talk.transcript(said.conversation.id).await, ["person: hello", "bot: whole"]);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_that_no_database_holds_keeps_nobody_waiting() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    let refusal = Fail { status: 400, message: Some("no\0 such model".into()), retry_after: None };
    talk.model_will([slowly("Two\0 eggs, I think.", 0, 60), Line { fail: Some(refusal), ..Line::default() }]);
    let said = talk.say("How many eggs?").await;
    let updates = talk.follow(said.turn.id).await;
    assert_eq!(Talk::shown(&updates), "Two\u{fffd} eggs, I think.");
    let refused = talk.say("Are you sure?").await;
    let updates = talk.follow(refused.turn.id).await;
    assert!(matches!(updates.last().unwrap().what, Update::Failed { .. }), "{updates:?}");
    assert_eq!(talk.providers.scripted().heard().len(), 2, "each was asked once");
    let nobody = talk.chat.bots().find(talk.actor.account, "par\0rot").await.unwrap();
    assert!(nobody.is_none());
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_are_nothing_or_too_much_are_refused_in_words() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    for (text, expected) in
        [("  \n ".to_owned(), "the message is empty"), ("x".repeat(10 << 20), "1000 kB is the most")]
    {
        let inbound = Inbound {
            target: Target::Bot("parrot".into()),
            text,
            idempotency_key: None,
            channel: "graphql",
            wishes: None,
            uploads: Vec::new(),
        };
        let error = talk.chat.send(&talk.actor, inbound).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.message().contains(expected), "{}", error.message());
    }
    let inbound = Inbound {
        target: Target::Bot("perrot".into()),
        text: "x".into(),
        idempotency_key: None,
        channel: "graphql",
        wishes: None,
        uploads: Vec::new(),
    };
    assert_eq!(talk.chat.send(&talk.actor, inbound).await.unwrap_err().kind(), Kind::NotFound);
    let said = talk.say("a\0b").await;
    assert_eq!(said.message.text, "a\u{fffd}b");
    talk.follow(said.turn.id).await;
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_followed_by_its_own_people_only() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    let said = talk.say("My diary begins.").await;
    talk.follow(said.turn.id).await;
    let stranger = talk.stranger("Bob").await;
    for after in [0, 1, 1_000] {
        let refused = talk.chat.turn_events(&stranger, said.turn.id, after).await.err().unwrap();
        assert_eq!(refused.kind(), Kind::NotFound);
    }
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_one_queue() {
    let database = Database::new();
    let (one, two) = tokio::join!(Talk::begin(&database), Talk::begin(&database));
    // The door is a third replica, which runs no turns.
    let door = Talk::without_engine(&database).await;
    let mut talks = Vec::new();
    for index in 0..50 {
        let title = Some(format!("{index}"));
        let (conversation, _) =
            door.chat.create_conversation(&door.actor, "parrot", title, None, "graphql").await.unwrap();
        talks.push(conversation.id);
    }
    let stories = talks.iter().map(|conversation| async {
        for round in 0..20 {
            let said = door.say_in(Target::Conversation(*conversation), &format!("message {round}")).await;
            let updates = door.follow(said.turn.id).await;
            assert_eq!(Talk::shown(&updates), format!("You said: message {round}"));
        }
    });
    futures_util::future::join_all(stories).await;
    for conversation in talks {
        assert_eq!(door.transcript(conversation).await.len(), 40);
    }
    let (first, second) = (one.providers.scripted().heard().len(), two.providers.scripted().heard().len());
    assert_eq!(first + second, 1_000);
    assert!(first >= 333 && second >= 333, "{first} and {second}");
    tokio::join!(one.end(), two.end(), door.end());
}

/// Holds several connections of both pools at once, so that there are several from here on.
async fn hold_several(store: &Store, talk: &Talk) {
    let accounts = join_all((0..4).map(|_| store.tenant(talk.actor.account))).await;
    let queues = join_all((0..4).map(|_| store.system())).await;
    for tx in accounts {
        tx.unwrap().commit().await.unwrap();
    }
    for tx in queues {
        tx.unwrap().commit().await.unwrap();
    }
}

struct Named(&'static str);

impl Questions for Named {
    type Answers = Option<Bot>;
    async fn ask(&self, tx: &Tenant) -> Result<Option<Bot>> {
        Bot::find_by_name(tx, self.0).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_database_ended_cost_nobody_an_answer() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let mut admin = AsyncPgConnection::establish(database.url()).await.unwrap();
    for round in 0..4 {
        hold_several(&talk.store, &talk).await;
        // All but this one, and all are gone when it returns.
        admin
            .batch_execute(
                "do $$ begin
                     perform pg_terminate_backend(pid) from pg_stat_activity
                         where datname = current_database() and pid <> pg_backend_pid();
                     while exists (select from pg_stat_activity
                         where datname = current_database() and pid <> pg_backend_pid()) loop
                         perform pg_sleep(0.01), pg_stat_clear_snapshot();
                     end loop;
                 end $$",
            )
            .await
            .unwrap();
        // Whoever comes first meets those that are gone.
        if round % 2 == 0 {
            let (tx, found) = talk.store.asking(talk.actor.account, &Named("parrot")).await.unwrap();
            assert_eq!(found.unwrap().name, "parrot");
            tx.commit().await.unwrap();
        }
        talk.store.ping().await.unwrap();
        let said = talk.say("Still there?").await;
        assert_eq!(said.turn.state, TurnState::Queued);
        talk.store.system().await.unwrap().commit().await.unwrap();
    }
    talk.end().await;
}
