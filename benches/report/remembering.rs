//! Recall in an index of a million messages, how soon what was said can be found, how fast the index is built anew and
//! how large it is.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use botwright::graphql::conversation_for_clients;
use botwright::id::ConversationId;
use botwright::store::embedded::Embedded;
use diesel::sql_types::{Array, BigInt, Integer, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Door, Server, client, wakes, write_bots};

/// The conversations that are asked, and how many of a thousand messages stand beside them.
const LARGE: usize = 500_000;
const MIDDLE: usize = 100_000;
const SMALL: usize = 400;
const MESSAGES: usize = LARGE + MIDDLE + SMALL * 1_000;
/// Questions to each, after some that warm up.
const QUESTIONS: usize = 300;
const WARMING: usize = 20;
/// Messages whose way into the index is watched.
const WATCHED: usize = 20;
/// Words that people have, and that a message has.
const VOCABULARY: usize = 30_000;
const WORDS: usize = 14;
/// So many rows are written at once.
const AT_ONCE: usize = 20_000;

#[derive(QueryableByName)]
struct Account {
    #[diesel(sql_type = Text)]
    id: String,
}

/// Measures on a server and a Postgres of its own, below `home`.
pub(super) async fn measure(home: &Path) {
    let home = home.join("remembering");
    let bots = home.join("bots");
    write_bots(&bots, 1);
    let folder = bots.join("rememberer");
    fs::create_dir_all(&folder).unwrap();
    let bot = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Bench\nmodel: {use: scripted}\nmemory: {scope: conversation}\n";
    fs::write(folder.join("bot.yaml"), bot).unwrap();
    Server::start(&home, &bots).await.stop().await;

    let data = home.join("data");
    let place = data.clone();
    let postgres =
        tokio::task::spawn_blocking(move || Embedded::start(&place, |_| ()).unwrap()).await.unwrap();
    let mut db = AsyncPgConnection::establish(&postgres.url()).await.unwrap();
    let mut dice = Dice(7);
    let vocabulary = vocabulary(&mut dice);
    fill(&mut db, &vocabulary, &mut dice).await;
    fs::remove_dir_all(data.join("index")).unwrap();

    let mut server = Server::start(&home, &bots).await;
    let began = Instant::now();
    until_built(&server).await;
    let seconds = (server.ready + began.elapsed()).as_secs_f64();
    println!(
        "index rebuild, {MESSAGES} messages, messages a second | {:.0} | aim 8,000",
        f64::from(u32::try_from(MESSAGES).unwrap()) / seconds
    );
    println!(
        "index, bytes a message | {} | aim 1,500",
        size(&data.join("index")) / u64::try_from(MESSAGES).unwrap()
    );
    let rested = until_at_rest(&server).await;
    println!("until its pieces are merged after that | {:.0} s", rested.as_secs_f64());
    println!("resident memory with that index | {} MB", server.resident_mb());
    let door = Door::open(&server, &home);
    wakes("before recalling");
    for (name, count, aim) in [("middle", MIDDLE, "5 / 15"), ("large", LARGE, "15 / 40")] {
        let mut times = Vec::new();
        for question in 0..WARMING + QUESTIONS {
            let text = sentence(&vocabulary, &mut dice, 3 + question % 4);
            let took = recall(&door, name, &text).await.1;
            if question >= WARMING {
                times.push(took.as_secs_f64() * 1_000.0);
            }
        }
        times.sort_by(f64::total_cmp);
        println!(
            "recall over GraphQL in a scope of {count} messages, index of {MESSAGES}, p50 / p99 | {:.1} / {:.1} ms | aim {aim} ms",
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        );
    }
    searchable(&door).await;
    server.stop().await;
    drop(db);
    tokio::task::spawn_blocking(move || postgres.stop().unwrap()).await.unwrap();
}

/// How long after its acceptance a message is found.
async fn searchable(door: &Door) {
    let mut times = Vec::new();
    for number in 0..WATCHED {
        let word = format!("zanzibaru{number}q");
        let query = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { turn { id } } }";
        let input = json!({
            "idempotencyKey": word, "conversationId": conversation_for_clients(conversation("middle")),
            "text": format!("They said {word} to us."),
        });
        door.ask(query, input).await;
        let began = Instant::now();
        let is_there = |found: &[String]| found.iter().any(|text| text.contains(&word));
        while !is_there(&recall(door, "middle", &format!("Who said {word}?")).await.0) {
            assert!(began.elapsed() < Duration::from_secs(60), "{word} is never found");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        times.push(began.elapsed().as_secs_f64());
        // The first after a pause is not held back: people pause.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    times.sort_by(f64::total_cmp);
    println!(
        "an accepted message can be recalled after, p50 / longest | {:.2} / {:.2} s | aim 1 s",
        times[times.len() / 2],
        times[times.len() - 1]
    );
}

/// What comes to mind, and how long that takes.
async fn recall(door: &Door, name: &str, text: &str) -> (Vec<String>, Duration) {
    let query = "query($input: ID!, $text: String!) { recall(bot: \"rememberer\", conversationId: $input, text: $text) {
        evidence { text score } } }";
    let variables = json!({ "input": conversation_for_clients(conversation(name)), "text": text });
    let body = json!({ "query": query, "variables": variables });
    let began = Instant::now();
    let answer = door.client.post(&door.url).bearer_auth(&door.token).json(&body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let took = began.elapsed();
    let evidence = answer["data"]["recall"]["evidence"].as_array();
    let evidence = evidence.unwrap_or_else(|| panic!("{answer}"));
    (evidence.iter().map(|found| found["text"].as_str().unwrap().to_owned()).collect(), took)
}

/// The same id in every run.
fn conversation(name: &str) -> ConversationId {
    let hash = name.bytes().fold(0x9e37_79b9_7f4a_7c15_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ConversationId(Uuid::from_u64_pair(hash, hash.rotate_left(32)))
}

/// Dice that fall alike in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % sides
    }
}

fn vocabulary(dice: &mut Dice) -> Vec<String> {
    let (heads, tails) =
        (["b", "d", "f", "gr", "k", "l", "m", "n", "p", "r", "st", "t", "v", "z"], ["a", "e", "i", "o", "u"]);
    let mut word = || {
        let syllables = 2 + dice.roll(3);
        (0..syllables)
            .map(|_| [heads[dice.roll(heads.len())], tails[dice.roll(tails.len())]].concat())
            .collect()
    };
    (0..VOCABULARY).map(|_| word()).collect()
}

/// Some words are said often, most hardly ever.
fn sentence(vocabulary: &[String], dice: &mut Dice, words: usize) -> String {
    let mut said = Vec::with_capacity(words);
    for _ in 0..words {
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let share = dice.roll(1 << 30) as f64 / f64::from(1 << 30);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place"
        )]
        let place = (vocabulary.len() as f64).powf(share) as usize;
        said.push(vocabulary[place.min(vocabulary.len() - 1)].as_str());
    }
    said.join(" ")
}

async fn fill(db: &mut AsyncPgConnection, vocabulary: &[String], dice: &mut Dice) {
    db.batch_execute("begin; set local role botwright_system").await.unwrap();
    let find = "select id::text as id from accounts where name = 'default'";
    let Account { id: account } = sql_query(find).get_result(db).await.unwrap();
    db.batch_execute("commit; alter table messages disable trigger record_change").await.unwrap();
    let confine = format!("begin; set local role botwright_app; set local app.account_id = '{account}'");
    // Ids are in the order of writing, as the server's own are in the order of time.
    let mut written = 0;
    let small = (0..SMALL).map(|number| (format!("small-{number}"), 1_000));
    for (name, count) in [("middle".to_owned(), MIDDLE), ("large".to_owned(), LARGE)].into_iter().chain(small)
    {
        let id = conversation(&name).0;
        db.batch_execute(&format!(
            "{confine};
             insert into conversations (account_id, id, bot_id, channel, key, person_id, last_ordinal, created_at, updated_at)
                 select b.account_id, '{id}', b.id, 'graphql', '{name}', p.person_id, {count}, now(), now()
                 from bots b, identities p
                 where b.name = 'rememberer' and p.channel = 'operator' and p.external_id = 'operator'"
        ))
        .await
        .unwrap();
        for first in (0..count).step_by(AT_ONCE) {
            let texts: Vec<String> = (first..count.min(first + AT_ONCE))
                .map(|_| {
                    let words = WORDS / 2 + dice.roll(WORDS);
                    sentence(vocabulary, dice, words)
                })
                .collect();
            let insert = "insert into messages (account_id, id, conversation_id, ordinal, role, author, text, sent_at)
                 select current_account(), lpad(to_hex($1 + n), 32, '0')::uuid, $2::uuid, n, case n % 2 when 0 then 'person' else 'bot' end,
                     'Bench', said, now() - interval '1 minute' * (1000000 - n)
                 from (select said, $3 + row_number() over () as n from unnest($4) said) texts";
            sql_query(insert)
                .bind::<BigInt, _>(i64::try_from(written).unwrap())
                .bind::<Text, _>(id.to_string())
                .bind::<Integer, _>(i32::try_from(first).unwrap())
                .bind::<Array<Text>, _>(texts)
                .execute(db)
                .await
                .unwrap();
        }
        db.batch_execute("commit").await.unwrap();
        written += count;
    }
    db.batch_execute("alter table messages enable trigger record_change").await.unwrap();
    // Postgres would do so by itself, within the minute and beside what is measured.
    db.batch_execute("vacuum analyze").await.unwrap();
}

/// Waits until the index is built.
async fn until_built(server: &Server) {
    let (client, began) = (client(), Instant::now());
    loop {
        let ready = client.get(format!("http://127.0.0.1:{}/readyz", server.port)).send().await.unwrap();
        if ready.text().await.unwrap().contains(" 0 changes behind") {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(900), "the index is never built");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// So long nothing is to be done before a server is at rest, in seconds: it looks for what was merged every two.
const QUIET: u32 = 3;

/// Waits until the server has nothing left to do (one of two cores merges the pieces of a new index for a while), and
/// says how long it had.
async fn until_at_rest(server: &Server) -> Duration {
    let began = Instant::now();
    let (mut busy, mut quiet) = (Duration::ZERO, 0);
    while quiet < QUIET {
        let before = server.cpu();
        tokio::time::sleep(Duration::from_secs(1)).await;
        if server.cpu() - before < 0.05 {
            quiet += 1;
        } else {
            (busy, quiet) = (began.elapsed(), 0);
        }
        assert!(began.elapsed() < Duration::from_secs(300), "it is never at rest");
    }
    busy
}

/// Of all files below a folder, in bytes.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(bytes).sum()
}
