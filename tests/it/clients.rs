//! Other people's programs against the real server: the judges of the protocols, the official clients, and the
//! three clients of `docs/api.md`, in a real browser where it is a page.
//!
//! `make test` installs what they need: Node, Chromium, and the packages of `tests/clients`.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::process::{Place, Server};

const BOT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";
/// A word at a time, so that it can be seen to grow, cut and resumed.
const REPLY: &str = "It was a long way from here to there, and from there to the very end.";

/// A server with one bot that speaks slowly.
struct World {
    place: Place,
    server: Server,
    token: String,
}

impl World {
    async fn new(variables: &[(&str, String)]) -> Self {
        let mut place = Place::new();
        place.write("bots/botwright.yaml", "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n");
        place.write("bots/parrot/bot.yaml", BOT);
        let line = serde_json::json!({"say": REPLY, "delay_ms": 90, "keep": true}).to_string();
        let script = place.write("script.jsonl", &line);
        place.variables.push(("SCRIPTED_FILE".into(), script.to_string_lossy().into_owned()));
        let given = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        place.variables.extend(given);
        let server = place.start(&["up"]).await;
        let token = place.run(&["token", "create", "--scopes", "chat,read"], "").out.trim().to_owned();
        Self { place, server, token }
    }

    /// Runs a program; what it printed.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        let ran =
            command.output().unwrap_or_else(|error| panic!("{program}, which `make test` installs: {error}"));
        let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (out, talk) = (said(&ran.stdout), said(&ran.stderr));
        assert!(ran.status.success(), "{program} {arguments:?}: {}\n{out}{talk}", ran.status);
        out
    }

    /// One of `tests/clients`, which are given the server first.
    fn judge(&self, name: &str, arguments: &[&str]) -> String {
        let script = repository("tests/clients").join(name);
        let url = self.place.url();
        let all = [&[script.to_str().unwrap(), &url], arguments].concat();
        self.run("node", &all)
    }
}

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audits_of_graphql_over_http_are_content() {
    let world = World::new(&[]).await;
    assert_eq!(world.judge("audits.mjs", &[repository("schema.graphql").to_str().unwrap()]), "61 of 61 ok\n");
    assert_eq!(world.server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_that_most_pages_use_misses_nothing_over_broken_sockets() {
    let world = World::new(&[]).await;
    let said = world.judge("socket.mjs", &[&world.token, "parrot"]);
    assert!(said.starts_with("the text is whole after "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_clients_chat() {
    let port = free_port();
    let world = World::new(&[("ALLOWED_ORIGINS", format!("http://127.0.0.1:{port}"))]).await;
    let url = world.place.url();
    let client = |name: &str| repository("docs/clients").join(name).to_str().unwrap().to_owned();

    let said = world.run("sh", &[&client("chat.sh"), &url, &world.token, "parrot", "Say \"it\" \\ once."]);
    assert!(said.contains("event: next\n") && said.contains("TurnCompleted"), "{said}");
    assert!(said.ends_with("event: complete\ndata: \n\n"), "{said}");

    let said = world.run("node", &[&client("chat.mjs"), &url, &world.token, "parrot", "Say it again."]);
    assert_eq!(said, format!("{REPLY}\n"));

    let said = world.judge("page.mjs", &[&world.token, "parrot", &client("chat.html"), &port]);
    assert_eq!(said, format!("{REPLY}\n"));
}

#[test]
fn the_guide_shows_the_clients_that_are_tested() {
    let guide = std::fs::read_to_string(repository("docs/api.md")).unwrap();
    for name in ["chat.html", "chat.mjs", "chat.sh"] {
        let client = std::fs::read_to_string(repository("docs/clients").join(name)).unwrap();
        assert!(
            guide.contains(client.trim_end()),
            "docs/api.md shows another {name} than docs/clients holds"
        );
    }
}
