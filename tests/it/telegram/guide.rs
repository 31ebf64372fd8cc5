//! `docs/telegram.md`, followed word for word, with the emulator in place of the service.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::process::Place;
use crate::harness::telegram::{Bot, Chat, Person, Telegram};

const TOKEN: &str = "7012345678:AAF-secret";

/// Blocks between three backticks: what they are (`sh`, `chat`…), and what they hold.
fn blocks(page: &str) -> Vec<(String, String)> {
    let pieces: Vec<&str> = page.split("```").collect();
    let inside = pieces.iter().skip(1).step_by(2);
    let block = |piece: &&str| piece.split_once('\n').map(|(kind, text)| (kind.to_owned(), text.to_owned()));
    inside.filter_map(block).collect()
}

/// Whoever follows the page.
struct Reader {
    place: Place,
    telegram: Telegram,
    bot: Bot,
    ann: Person,
    chat: Chat,
    /// What the page writes for something that is another for everybody, and what it is here.
    instead: Vec<(String, String)>,
    /// What the last command printed.
    printed: String,
}

impl Reader {
    /// Text of the page, with what it is here.
    fn here(&self, text: &str) -> String {
        self.instead.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
    }

    fn run(&mut self, line: &str) {
        let line = self.here(line.trim());
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        assert!(line.starts_with("botwright "), "{line}");
        let typed = if words[0] == "secret" { TOKEN } else { "" };
        let ran = self.place.run(&words, typed);
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.talk);
        self.printed = ran.out;
    }

    /// Runs a command until it prints what the page says.
    async fn prints(&mut self, command: &str, expected: &str) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let expected = self.here(expected);
        let since = Instant::now();
        while words(&self.printed) != words(&expected) {
            assert!(
                since.elapsed() < Duration::from_secs(20),
                "{command}:\n{}\nnot\n{expected}",
                self.printed
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.run(command);
        }
    }

    /// Has a talk: what Ann says is said, and the bot's answer compared.
    async fn talk(&mut self, talk: &str, chat: &Chat) {
        let mut parts: Vec<String> = Vec::new();
        for line in talk.lines() {
            match parts.last_mut().filter(|_| !line.starts_with("Ann: ") && !line.starts_with("Polly: ")) {
                Some(part) => part.extend(["\n", line]),
                None => parts.push(line.to_owned()),
            }
        }
        for part in parts {
            let before = chat.transcript().bots().count();
            match part.split_once(": ").unwrap() {
                ("Ann", said) => {
                    chat.say(&self.ann, said);
                    chat.wait_for(|chat| chat.bots().count() > before).await;
                }
                (_, expected) => self.compare(expected, chat),
            }
        }
    }

    /// Compares what the bot said with the page. A code is another every time: from here on it is this one.
    fn compare(&mut self, expected: &str, chat: &Chat) {
        let said = chat.transcript().bots().next_back().unwrap().text.clone();
        let code = |text: &str| {
            let words = text.split_whitespace().map(str::to_owned);
            let is_code =
                |word: &String| word.len() == 9 && word.as_bytes()[4] == b'-' && *word == word.to_uppercase();
            words.into_iter().find(is_code)
        };
        if let (Some(theirs), Some(ours)) = (code(expected), code(&said)) {
            self.instead.push((theirs, ours));
        }
        let expected = self.here(expected);
        assert!(said.starts_with(expected.trim()), "{said:?} is not {expected:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_botfather_to_a_group_as_the_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/telegram.md");
    let page = std::fs::read_to_string(page).unwrap();
    let start = page.split("\n## ").nth(1).unwrap();
    let telegram = Telegram::start().await;
    let bot = telegram.bot(TOKEN, "polly_bot");
    let ann = telegram.person("Ann");
    let chat = telegram.private(&ann, &bot);
    let mut place = Place::new();
    place.variables.push(("TELEGRAM_API_URL".into(), telegram.url()));
    place.write("bots/botwright.yaml", "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n");
    let handle = ("telegram:12345".to_owned(), format!("telegram:{}", ann.id));
    let mut reader =
        Reader { place, telegram, bot, ann, chat, instead: vec![handle], printed: String::new() };
    let server = reader.place.start(&["up"]).await;

    let mut command = String::new();
    for (kind, text) in blocks(start) {
        match kind.as_str() {
            "yaml" => {
                let name = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap();
                reader.place.write(name, &text);
                server.will_say("1 to create").await;
            }
            "sh" => {
                reader.run(&text);
                command = text;
            }
            "text" => reader.prints(&command, &text).await,
            "chat" => {
                let chat = reader.chat.clone();
                reader.talk(&text, &chat).await;
            }
            "group" => {
                reader.bot.hear_all();
                let group = reader.telegram.supergroup("Family", &[&reader.ann], &[&reader.bot]);
                reader.talk(&text, &group).await;
                let seen = group.transcript();
                let asked = seen.messages.iter().rfind(|message| !message.is_bots).unwrap();
                assert_eq!(seen.bots().next_back().unwrap().reply_to, Some(asked.id));
            }
            other => panic!("a block of `{other}`"),
        }
    }
    assert!(reader.telegram.violations().is_empty(), "the limits are kept");
    reader.telegram.calls().iter().for_each(|call| assert_eq!(call.bot, "polly_bot"));
    server.stop();
}
