//! Many people, many bots, a bad line and a server that is killed: every message is answered, whole and in order,
//! and none twice. What nobody can know is listed.
//!
//! `make test` tries a few, `make soak` 20 bots, 1,000 chats, 10 messages in each and five kills.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use botwright::store::{Account, Store, Trouble};
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::dice::Dice;
use crate::harness::process::Place;
use crate::harness::telegram::faults::{Fault, Trouble as Faulty};
use crate::harness::telegram::journal::Outcome as Journaled;
use crate::harness::telegram::transcript::{Shown, Transcript};
use crate::harness::telegram::{Bot, Chat, Person, Telegram};

const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n";
const ANSWER: &str = "An answer of some words, which **grows** for a while and is whole in the end.";
const SHOWN: &str = "An answer of some words, which grows for a while and is whole in the end.";
/// How late an answer of the service may come.
const SLOW: Duration = Duration::from_secs(2);
/// How long an answer may take, with all the trouble on its way.
const PATIENCE: Duration = Duration::from_secs(90);

struct Size {
    bots: usize,
    chats: usize,
    messages: usize,
    kills: usize,
}

impl Size {
    fn wanted() -> Self {
        match std::env::var_os("BOTWRIGHT_SOAK_TELEGRAM") {
            Some(_) => Self { bots: 20, chats: 1_000, messages: 10, kills: 5 },
            None => Self { bots: 3, chats: 24, messages: 4, kills: 2 },
        }
    }
}

/// One call in ten goes wrong: a tenth of the trouble of each kind.
fn faults(telegram: &Telegram) {
    let kinds = [Faulty::TooMany(2), Faulty::Away, Faulty::CutBefore, Faulty::CutAfter, Faulty::Slow(SLOW)];
    for (seed, kind) in kinds.into_iter().enumerate() {
        telegram.fault(Fault::new(kind).once_in(50, seed as u64));
    }
}

fn place(telegram: &Telegram, bots: &[Bot]) -> Place {
    let mut place = Place::new();
    place.write("bots/botwright.yaml", PROJECT);
    for (number, bot) in bots.iter().enumerate() {
        let name = bot.username.trim_end_matches("_bot");
        let file = format!(
            "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {{use: scripted}}\n\
             memory: {{facts: {{extract: false}}, summarize: {{everyTurns: 1000}}}}\n\
             channels: {{telegram: {{token: {{secret: TOKEN_{number}}}, access: {{default: open}}}}}}\n"
        );
        place.write(&format!("bots/{name}/bot.yaml"), &file);
    }
    let line = json!({ "say": ANSWER, "delay_ms": 120, "keep": true });
    let script = place.write("script.jsonl", &line.to_string());
    place.variables = vec![
        ("TELEGRAM_API_URL".into(), telegram.url()),
        ("SCRIPTED_FILE".into(), script.to_string_lossy().into_owned()),
    ];
    place
}

/// Says one thing after the other, and waits for a whole answer to each.
async fn talk(chat: Chat, who: Person, messages: usize, said: Arc<AtomicUsize>) {
    for number in 0..messages {
        let before = chat.transcript().messages.len();
        chat.say(&who, &format!("Message {number}"));
        let answered = |seen: &Transcript| seen.messages.iter().skip(before).any(is_whole);
        chat.within(PATIENCE, answered).await;
        said.fetch_add(1, Ordering::SeqCst);
    }
}

fn is_whole(shown: &Shown) -> bool {
    shown.is_bots && shown.text == SHOWN
}

/// What became of messages.
#[derive(Debug, Default)]
struct Outcome {
    answered: usize,
    missing: usize,
    /// Answered more than once before the next message.
    twice: usize,
    /// Beginnings of answers of which nobody knew whether they arrived, so that the answer came whole after them.
    begun: usize,
}

impl Outcome {
    fn note(&mut self, seen: &Transcript) {
        for said in seen.messages.split(|shown| !shown.is_bots).skip(1) {
            let whole = said.iter().filter(|shown| is_whole(shown)).count();
            self.answered += usize::from(whole > 0);
            self.missing += usize::from(whole == 0);
            self.twice += whole.saturating_sub(1);
            self.begun += said.len() - whole;
        }
    }
}

/// Deliveries of which nobody knows whether they arrived.
async fn ambiguous(place: &Place) -> usize {
    let store = Store::connect(place.database.url(), 2).await.unwrap();
    let mut tx = store.system().await.unwrap();
    let account = Account::find_by_name(&mut tx, "default").await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.reading(account.id).await.unwrap();
    let troubles = Trouble::list(&mut tx, chrono::DateTime::UNIX_EPOCH, 100_000).await.unwrap();
    tx.commit().await.unwrap();
    let other: Vec<&Trouble> = troubles.iter().filter(|trouble| trouble.code != "ambiguous").collect();
    assert!(other.is_empty(), "what failed for good: {other:?}");
    troubles.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_answered_once_whatever_breaks() {
    let Size { bots, chats, messages, kills } = Size::wanted();
    let telegram = Telegram::start().await;
    let bots: Vec<Bot> = (0..bots)
        .map(|n| telegram.bot(&format!("{}:secret", 7_000 + n), &format!("parrot{n}_bot")))
        .collect();
    let place = place(&telegram, &bots);
    let mut server = place.start(&["serve"]).await;
    for (number, bot) in bots.iter().enumerate() {
        assert_eq!(place.run(&["secret", "set", &format!("TOKEN_{number}")], &bot.token).code, 0);
    }
    faults(&telegram);
    let said = Arc::new(AtomicUsize::new(0));
    let mut talks = JoinSet::new();
    let mut rooms = Vec::new();
    for number in 0..chats {
        let who = telegram.person(&format!("Person {number}"));
        let chat = telegram.private(&who, &bots[number % bots.len()]);
        rooms.push(chat.clone());
        talks.spawn(talk(chat, who, messages, said.clone()));
    }
    let mut dice = Dice::new(7);
    for kill in 1..=kills {
        let all = chats * messages;
        while said.load(Ordering::SeqCst) < all * kill / (kills + 1) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.roll() % 1_000)).await;
        server.kill();
        server = place.start(&["serve"]).await;
    }
    talks.join_all().await;
    telegram.no_more_faults();
    tokio::time::sleep(Duration::from_secs(3)).await;

    let mut outcome = Outcome::default();
    rooms.iter().for_each(|chat| outcome.note(&chat.transcript()));
    let unknown = ambiguous(&place).await;
    let struck = telegram.calls().iter().filter(|call| !matches!(call.outcome, Journaled::Done(_))).count();
    eprintln!(
        "{} calls, {struck} of them with trouble, {} too soon; {outcome:?}; {unknown} ambiguous",
        telegram.calls().len(),
        telegram.violations().len()
    );
    assert_eq!(outcome.answered + outcome.missing, chats * messages);
    assert_eq!(outcome.twice, 0, "nothing is said twice");
    let unclear = outcome.missing + outcome.begun;
    assert!(unclear <= unknown, "{unclear} are not as they should be, and {unknown} are listed");
    assert!(telegram.violations().is_empty(), "too soon: {:?}", telegram.violations().first());
    let conflicts: usize = bots.iter().map(Bot::conflicts).sum();
    assert_eq!(conflicts, 0, "one program polls");
    assert_eq!(server.stop(), Some(0));
}
