//! The outbox: parts leave in order, refused ones again, and what may have arrived is not repeated.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use botwright::chat::{Channels, Deliver, Sent};
use botwright::providers::scripted::Line;
use botwright::store::{Delivery, DeliveryState, Message, Turn};
use tokio::time::{sleep, timeout};

use crate::harness::cluster::Database;
use crate::harness::talk::Talk;

/// A channel that cuts at `|` and answers as it is told; then it accepts.
#[derive(Default)]
struct Postman {
    answers: Mutex<VecDeque<Sent>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Deliver for Postman {
    fn split(&self, text: &str) -> Vec<String> {
        text.split('|').map(|part| part.trim().to_owned()).collect()
    }
    async fn send(&self, delivery: &Delivery) -> Sent {
        self.asked.lock().unwrap().push(delivery.text.clone());
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or(Sent::Accepted { external_id: Some(format!("sent-{}", delivery.part)) })
    }
}

async fn world(database: &Database, answers: Vec<Sent>) -> (Talk, Arc<Postman>) {
    let postman = Arc::new(Postman { answers: Mutex::new(answers.into()), ..Postman::default() });
    let mut channels = Channels::new();
    channels.insert("graphql", postman.clone());
    let bot = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";
    (Talk::with(database, channels, Vec::new(), bot).await, postman)
}

/// Says something and waits until nothing of the reply is on its way any more.
async fn deliver(talk: &Talk, reply: &str) -> Vec<Delivery> {
    talk.model_will([Line::say(reply)]);
    let said = talk.say("go").await;
    talk.follow(said.turn.id).await;
    let settled = async {
        loop {
            let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
            let reply = Turn::find(&mut tx, said.turn.id).await.unwrap().unwrap().reply_id.unwrap();
            assert!(Message::find(&mut tx, reply).await.unwrap().is_some());
            let deliveries = Delivery::list_of_message(&mut tx, reply).await.unwrap();
            tx.commit().await.unwrap();
            if deliveries.iter().all(|d| !matches!(d.state, DeliveryState::Queued | DeliveryState::Sending)) {
                return deliveries;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), settled).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_leave_in_order_and_a_refused_one_is_sent_again_from_there() {
    let database = Database::new();
    let refused = Sent::Refused { reason: "slow down".into(), retry_after: Some(Duration::from_millis(50)) };
    let accepted = Sent::Accepted { external_id: Some("sent-1".into()) };
    let (talk, postman) = world(&database, vec![accepted, refused.clone(), refused]).await;
    let deliveries = deliver(&talk, "one | two | three").await;
    assert_eq!(*postman.asked.lock().unwrap(), ["one", "two", "two", "two", "three"]);
    let named: Vec<_> = deliveries.iter().map(|d| (d.state, d.external_id.as_deref().unwrap())).collect();
    let sent = DeliveryState::Sent;
    assert_eq!(named, [(sent, "sent-1"), (sent, "sent-2"), (sent, "sent-3")]);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_arrived_is_not_repeated_but_can_be_by_hand() {
    let database = Database::new();
    let lost = Sent::Unknown { reason: "the line was cut".into() };
    let (talk, postman) = world(&database, vec![lost]).await;
    let deliveries = deliver(&talk, "one | two").await;
    let states: Vec<_> = deliveries.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Ambiguous, DeliveryState::Sent]);
    assert_eq!(*postman.asked.lock().unwrap(), ["one", "two"]);
    let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
    assert!(Delivery::resend(&mut tx, deliveries[0].id).await.unwrap());
    tx.commit().await.unwrap();
    let resent = async {
        while postman.asked.lock().unwrap().len() < 3 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), resent).await.unwrap();
    assert_eq!(postman.asked.lock().unwrap()[2], "one");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_channel_never_takes_has_failed_and_says_why() {
    let database = Database::new();
    let (talk, _) = world(&database, vec![Sent::Impossible { reason: "blocked".into() }]).await;
    let deliveries = deliver(&talk, "one").await;
    assert_eq!(deliveries[0].state, DeliveryState::Failed);
    assert_eq!(deliveries[0].error.as_deref(), Some("blocked"));
    talk.end().await;
}
