//! The emulator before a judge that knows nothing of us: a strict client library in another language.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::telegram::Telegram;
use crate::harness::telegram::faults::{Fault, Trouble};

/// Where the judge is installed: `pip install -r tests/clients/telegram/requirements.txt`.
fn python() -> Option<OsString> {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let mut asked = Command::new(&python);
    asked.args(["-c", "import telegram"]).stdin(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success()).then_some(python)
}

#[tokio::test(flavor = "multi_thread")]
async fn python_telegram_bot_takes_every_answer() {
    let Some(python) = python() else {
        eprintln!("not judged: PYTHON names no Python that has python-telegram-bot");
        return;
    };
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("1001:secret", "polly_bot");
    let (ann, bob) = (telegram.person("Ann"), telegram.person("Bob"));
    let chat = telegram.private(&ann, &bot);
    chat.say(&ann, "/start");
    let said = chat.say(&ann, "Зустріч 😀 з @polly_bot");
    chat.edit(&ann, said, "Hello");
    chat.say(&ann, "Hello 😀 @polly_bot, once more");
    chat.photo(&ann, b"jpeg", "Look");
    chat.album(&ann, &[b"one", b"two"], "Both");
    chat.document(&ann, "a.txt", "text/plain", b"Hello");
    chat.voice(&ann, b"ogg");
    chat.sticker(&ann, "😀");
    let club = telegram.forum("Club", &[&ann], &[&bot]);
    club.promote(&ann, &bot);
    let topic = club.topic(&ann, "Books");
    club.reply(&ann, topic, "In a topic");
    let group = telegram.group("Old", &[&ann], &[&bot]);
    group.migrate(&ann);
    let blocked = telegram.private(&bob, &bot);
    let url = format!("{}/bot{}/sendMessage", telegram.url(), bot.token);
    let client = reqwest::Client::builder().build().unwrap();
    let hello = serde_json::json!({ "chat_id": chat.id(), "text": "Yes?" });
    client.post(url).json(&hello).send().await.unwrap();
    let asked = chat.transcript().bots().next().unwrap().id;
    chat.press(&ann, asked, "y");

    blocked.block(&bob);
    for trouble in [Trouble::TooMany(3), Trouble::Away, Trouble::CutBefore] {
        // One after the other, when the script has said six things there.
        telegram.fault(Fault::new(trouble).on("sendMessage").in_chat(chat.id()).after(6));
    }
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients/telegram/python.py");
    let mut judge = Command::new(python);
    judge.arg(script).args([&telegram.url(), &bot.token]);
    for id in [chat.id(), club.id(), group.id(), blocked.id()] {
        judge.arg(id.to_string());
    }
    let ran =
        tokio::task::spawn_blocking(move || judge.stdin(Stdio::null()).output()).await.unwrap().unwrap();
    let (out, talk) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{talk}\n{}", chat.transcript());
    assert_eq!(out.lines().filter(|line| line.starts_with("ok ")).count(), 8, "{out}");
}
