//! Retries, waits, fallback, keys, and the script.

use super::*;

#[tokio::test]
async fn waits_as_long_as_it_is_told() {
    let started = Instant::now();
    let busy = Reply::status(
        "429 Too Many Requests",
        &[("retry-after", "1")],
        r#"{"error":{"message":"slow down"}}"#,
    );
    let (outcome, server) = ask_openai(vec![busy, good("ok")]).await;
    assert_eq!(outcome.text, "ok");
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_an_error_that_says_how_long() {
    let busy = Reply::status("429 Too Many Requests", &[("retry-after", "600")], "");
    let (outcome, server) = ask_openai(vec![busy, good("never")]).await;
    let error = outcome.error();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(600)));
    assert!(matches!(error, Error::RateLimited { .. }));
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn failing_servers_are_asked_three_times_then_the_next_one() {
    let broken = || Reply::status("500 Internal Server Error", &[], "<html>oops</html>");
    let first = Server::start(vec![broken(), broken(), broken(), broken()]).await;
    let second = Server::start(vec![good("from the second")]).await;
    let env = vec![endpoint("openai", first.url()), endpoint("groq", second.url())];
    let providers = Providers::new(settings(env)).unwrap();
    let outcome = ask(&providers, "openai/x", &["mistral/no-key", "groq/llama"], request("Hi")).await;
    assert_eq!(outcome.text, "from the second");
    assert_eq!(outcome.done.unwrap().2, "groq/llama");
    assert_eq!((first.heard().len(), second.heard().len()), (3, 1));
}

#[tokio::test]
async fn silence_is_timed_out() {
    let (outcome, server) =
        ask_impatiently("openai", vec![Reply::silence(), Reply::silence(), good("never")]).await;
    assert_eq!(outcome.error(), Error::timeout("openai", Phase::Header));
    assert_eq!(server.heard().len(), 2);
    let (outcome, _) = ask_impatiently("openai", vec![sse([text("Half")]).hanging()]).await;
    assert_eq!(outcome.error(), Error::timeout("openai", Phase::Chunk));
    let drip = (0..100).map(|_| text("drip ")).collect::<Vec<_>>();
    let server = Server::start(vec![sse(drip).slowly(Duration::from_millis(100))]).await;
    let mut settings = settings(vec![endpoint("openai", server.url())]);
    settings.timeouts.overall = Duration::from_millis(500);
    let outcome = ask(&Providers::new(settings).unwrap(), "openai/x", &[], request("Hi")).await;
    assert_eq!(outcome.error(), Error::timeout("openai", Phase::Overall));
}

#[tokio::test]
async fn an_empty_answer_is_no_answer() {
    let (outcome, _) = ask_openai(vec![sse([stop(), done()]), good("ok")]).await;
    assert_eq!(outcome.text, "ok");
    let full = chunk(&json!({"choices": [{"delta": {}, "finish_reason": "length"}]}));
    let (outcome, _) = ask_openai(vec![sse([full, done()])]).await;
    assert!(outcome.error().to_string().contains("maxOutputTokens"));
}

#[tokio::test]
async fn nobody_there_falls_back_to_offline_and_says_so() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let providers =
        Providers::new(settings(vec![endpoint("openai", format!("http://{closed}/v1"))])).unwrap();
    let outcome = ask(&providers, "openai/x", &["offline"], request("Hello!")).await;
    assert!(outcome.text.contains("openai does not answer now"), "{}", outcome.text);
    assert_eq!(outcome.done.unwrap().2, "offline");
    let outcome = ask(&providers, "openai/x", &[], request("Hello!")).await;
    let error = outcome.error().to_string();
    assert!(error.contains("cannot connect") && !error.contains("http://"), "{error}");
}

#[tokio::test]
async fn the_circuit_opens_for_one_account_only() {
    let broken = || Reply::status("500 Internal Server Error", &[], "");
    let server = Server::start((0..6).map(|_| broken()).collect()).await;
    let providers = Providers::new(settings(vec![endpoint("openai", server.url())])).unwrap();
    let account = AccountId::new();
    let ask = |account| {
        read(providers.stream(
            providers.resolve("openai/x", &[], &Keys::of_operator()),
            request("Hi"),
            account,
        ))
    };
    ask(account).await.error();
    ask(account).await.error();
    let asked = server.heard().len();
    assert_eq!(asked, 5, "the fifth failure opens it");
    let error = ask(account).await.error();
    assert!(error.to_string().contains("left alone"), "{error}");
    assert!(error.retry_after().is_some());
    assert_eq!(server.heard().len(), asked);
    ask(AccountId::new()).await.error();
    assert!(server.heard().len() > asked);
}

#[tokio::test]
async fn an_account_reaches_no_private_address_and_no_key_of_the_operator() {
    let server = Server::start(vec![good("secret service")]).await;
    let env = vec![endpoint("openai", server.url())];
    let providers = Providers::new(settings(env)).unwrap();
    let stranger = Keys::none();
    assert_eq!(
        providers.resolve("openai/x", &[], &stranger)[0].missing,
        Some(Missing::Key("OPENAI_API_KEY".into()))
    );
    assert_eq!(providers.resolve("auto", &[], &stranger)[0].kind, Kind::Offline);
    assert!(providers.configured(&stranger).is_empty());
    for url in [server.url(), server.url().replace("127.0.0.1", "localhost")] {
        let mut keys = Keys::of_operator();
        keys.insert(Endpoint { provider: "local".into(), key: None, base_url: Some(url) });
        let routes = providers.resolve("local/x", &[], &keys);
        let error = read(providers.stream(routes, request("Hi"), AccountId::new())).await.error();
        assert!(error.to_string().contains("ALLOW_PRIVATE_ADDRESSES"), "{error}");
    }
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn an_address_of_the_account_works_where_private_ones_are_allowed() {
    let server = Server::start(vec![good("local")]).await;
    let providers = Providers::new(Settings { allow_private: true, ..settings(Vec::new()) }).unwrap();
    let mut keys = Keys::none();
    keys.insert(Endpoint { provider: "local".into(), key: None, base_url: Some(server.url()) });
    let outcome =
        read(providers.stream(providers.resolve("local/x", &[], &keys), request("Hi"), AccountId::new()))
            .await;
    assert_eq!(outcome.text, "local");
    assert!(!server.heard()[0].contains("authorization"));
}

#[tokio::test]
async fn a_sealed_key_goes_where_the_operator_says_that_the_provider_is() {
    let server = Server::start(vec![good("ok")]).await;
    let env = Endpoint { key: None, ..endpoint("openai", server.url()) };
    let providers = Providers::new(settings(vec![env])).unwrap();
    let mut keys = Keys::none();
    let key = Some(SecretString::from("sk-of-the-account-0123\n"));
    keys.insert(Endpoint { provider: "openai".into(), key, base_url: None });
    let routes = providers.resolve("auto", &[], &keys);
    assert_eq!(read(providers.stream(routes, request("Hi"), AccountId::new())).await.text, "ok");
    assert!(server.heard()[0].contains("authorization: Bearer sk-of-the-account-0123\r\n"));
}

#[test]
fn resolves_what_bot_files_say() {
    let groq = Endpoint { provider: "groq".into(), key: Some(SecretString::from(KEY)), base_url: None };
    let providers = Providers::new(settings(vec![groq])).unwrap();
    let keys = Keys::of_operator();
    let name = |model_use: &str| providers.resolve(model_use, &[], &keys).remove(0);
    assert_eq!(name("auto").name(), "groq/openai/gpt-oss-20b");
    assert_eq!(name("groq").name(), "groq/openai/gpt-oss-20b");
    assert_eq!(name("groq/llama/x").model, "llama/x");
    assert_eq!(name("offline").name(), "offline");
    assert_eq!(name("scripted/demo").kind, Kind::Scripted);
    assert_eq!(name("nobody/x").missing, Some(Missing::Provider));
    assert_eq!(name("ollama").missing, Some(Missing::Key("OLLAMA_HOST".into())));
    let names: Vec<_> =
        providers.configured(&keys).into_iter().map(|one| (one.provider, one.origin, one.has_key)).collect();
    assert_eq!(names, [("groq".to_owned(), Origin::Operator, true)]);
}

#[tokio::test]
async fn a_missing_key_says_which_variable_to_set() {
    let providers = Providers::new(settings(Vec::new())).unwrap();
    let error = ask(&providers, "openai/gpt-5-mini", &["groq/x"], request("Hi")).await.error();
    assert_eq!(error.to_string(), "openai refused the request: it has no key: set OPENAI_API_KEY");
    let outcome = ask(&providers, "openai/gpt-5-mini", &["offline"], request("Hi")).await;
    assert!(outcome.text.contains("OPENAI_API_KEY"), "{}", outcome.text);
}

#[tokio::test]
async fn the_script_is_said_line_by_line() {
    let mut settings = settings(Vec::new());
    settings.timeouts.chunk = Duration::from_millis(500);
    let providers = Providers::new(settings).unwrap();
    let script = providers.scripted().clone();
    script.push(Line { when: Some("milk".into()), ..Line::call("add", json!({"item": "milk"})) });
    script.push(Line::fail(503));
    script.push(Line::say("Hello there"));
    let first = ask(&providers, "scripted", &[], request("Hi")).await;
    assert_eq!(first.text, "Hello there", "a failure is retried, and takes the next line");
    let second = ask(&providers, "scripted", &[], request("buy milk")).await;
    assert_eq!(second.finish(), Finish::ToolCalls);
    assert_eq!(second.calls[0].arguments, json!({"item": "milk"}));
    assert_eq!(script.remaining(), 0);
    assert_eq!(ask(&providers, "scripted", &[], request("Hi")).await.text, "You said: Hi");
    assert_eq!(script.heard().len(), 4);
    script.push(Line { truncate_after: Some(1), ..Line::say("Half of it") });
    let cut = ask(&providers, "scripted", &[], request("Hi")).await;
    assert_eq!((cut.text.as_str(), cut.error), ("Half ", Some(Error::truncated("scripted"))));
    script.push(Line { stall_after: 1, stall_ms: 60_000, ..Line::say("Half of it") });
    let stalled = ask(&providers, "scripted", &[], request("Hi")).await;
    assert_eq!(stalled.error(), Error::timeout("scripted", Phase::Chunk));
}

#[test]
fn a_script_is_read_from_a_file_and_its_mistakes_are_placed() {
    let folder = std::env::temp_dir().join(AccountId::new().to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("script.jsonl");
    let with = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Providers::new(Settings { scripted_file: Some(path.clone()), ..settings(Vec::new()) })
    };
    let good = with(
        "// a comment\n\n{\"say\": \"Hi\", \"delay_ms\": 5}\n{\"fail\": {\"status\": 429, \"retry_after\": 1}, \"keep\": true}\n",
    );
    assert_eq!(good.unwrap().scripted().remaining(), 1);
    let bad = with("{\"say\": \"Hi\"}\n{\"sya\": \"Hi\"}\n").unwrap_err();
    assert!(bad.message().contains("script.jsonl:2:6: unknown field `sya`"), "{}", bad.message());
    std::fs::remove_dir_all(folder).unwrap();
    assert!(Providers::new(Settings { scripted_file: Some(path), ..settings(Vec::new()) }).is_err());
}
