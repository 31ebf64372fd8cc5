//! Pictures on the wire, byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;
use crate::dialog::{Picture, PictureKind};

fn picture(kind: PictureKind) -> Picture {
    // Every byte there is.
    Picture { kind, content: (0..=255).collect::<Vec<u8>>().into() }
}

fn looking(pictures: Vec<Picture>) -> Arc<Request> {
    let mut parts: Vec<Part> = pictures.into_iter().map(Part::Picture).collect();
    parts.push(Part::Text("What is this?".into()));
    let messages = vec![Message { role: Role::Person, parts }];
    Arc::new(Request { messages, ..(*request("What is this?")).clone() })
}

fn body(server: &Server) -> Value {
    let heard = server.heard();
    serde_json::from_str(heard.last().unwrap().split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// What a model is asked, and what came of it. The answer makes no sense to most.
async fn asked(provider: &str, model: &str, request: Arc<Request>) -> Value {
    let server = Server::start(vec![good("A cat."); 3]).await;
    let providers = Providers::new(settings(vec![endpoint(provider, server.url())])).unwrap();
    ask(&providers, &format!("{provider}/{model}"), &[], request).await;
    body(&server)
}

#[tokio::test]
async fn each_protocol_has_its_own_words_for_a_picture() {
    let data = STANDARD.encode((0..=255).collect::<Vec<u8>>());
    let shown = looking(vec![picture(PictureKind::Png), picture(PictureKind::Jpeg)]);

    let openai = asked("openai", "gpt-4o-mini", shown.clone()).await;
    let image =
        |kind: &str| json!({"type": "image_url", "image_url": {"url": format!("data:{kind};base64,{data}")}});
    let words = json!({"type": "text", "text": "What is this?"});
    assert_eq!(openai["messages"][1]["content"], json!([image("image/png"), image("image/jpeg"), words]));

    let anthropic = asked("anthropic", "claude-haiku-4-5", shown.clone()).await;
    let image =
        |kind: &str| json!({"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}});
    assert_eq!(anthropic["messages"][0]["content"], json!([image("image/png"), image("image/jpeg"), words]));

    let gemini = asked("gemini", "gemini-flash-latest", shown).await;
    let image = |kind: &str| json!({"inline_data": {"mime_type": kind, "data": data}});
    let words = json!({"text": "What is this?"});
    assert_eq!(gemini["contents"][0]["parts"], json!([image("image/png"), image("image/jpeg"), words]));
}

#[tokio::test]
async fn what_a_model_cannot_see_it_is_told_of() {
    const UNSEEN: &str = "[a picture, which you cannot see]";
    let png = || looking(vec![picture(PictureKind::Png)]);
    let blind = asked("deepseek", "deepseek-chat", png()).await;
    assert_eq!(blind["messages"][1]["content"], format!("{UNSEEN}\n\nWhat is this?"));
    let gif = asked("gemini", "gemini-flash-latest", looking(vec![picture(PictureKind::Gif)])).await;
    assert_eq!(gif["contents"][0]["parts"][0], json!({"text": UNSEEN}));
    let large = Picture { kind: PictureKind::Jpeg, content: vec![0; 4 << 20].into() };
    let large = asked("anthropic", "claude-haiku-4-5", looking(vec![large])).await;
    assert!(!large.to_string().contains("base64") && large.to_string().contains(UNSEEN), "{large}");
}

#[tokio::test]
async fn a_fallback_that_does_not_see_is_told_and_a_file_may_know_better() {
    let seeing = Server::start(vec![Reply::status("401 Unauthorized", &[], "{}")]).await;
    let blind = Server::start(vec![good("I cannot see it."), good("A cat.")]).await;
    let env = vec![endpoint("openai", seeing.url()), endpoint("deepseek", blind.url())];
    let providers = Providers::new(settings(env)).unwrap();
    let shown = looking(vec![picture(PictureKind::Png)]);
    let outcome = ask(&providers, "openai/gpt-4o", &["deepseek/deepseek-chat"], shown.clone()).await;
    assert_eq!(outcome.text, "I cannot see it.");
    assert!(body(&seeing).to_string().contains("data:image/png;base64,AAEC"));
    assert!(!body(&blind).to_string().contains("base64"));

    let routes = providers.resolve("deepseek/deepseek-chat", &[], &Keys::of_operator());
    let told = routes.into_iter().map(|route| route.with_vision(Some(true))).collect();
    read(providers.stream(told, shown.clone(), AccountId::new())).await;
    assert!(body(&blind).to_string().contains("data:image/png;base64,AAEC"));
    let routes = providers.resolve("openai/gpt-4o", &[], &Keys::of_operator());
    assert!(routes.iter().all(Route::sees));
    assert!(!routes.into_iter().next().unwrap().with_vision(Some(false)).sees());
    let offline = providers.resolve("offline", &[], &Keys::none()).remove(0);
    assert!(!offline.with_vision(Some(true)).sees(), "it only quotes");
}

#[tokio::test]
async fn a_picture_counts_where_nobody_counts_it() {
    let providers = Providers::new(settings(Vec::new())).unwrap();
    let routes = || vec![providers.resolve("scripted", &[], &Keys::none()).remove(0).with_vision(Some(true))];
    let outcome =
        read(providers.stream(routes(), looking(vec![picture(PictureKind::Png)]), AccountId::new())).await;
    let used = outcome.done.unwrap().1.input_tokens;
    assert!((1_600..1_650).contains(&used), "{used}");
    let heard = providers.scripted().heard().remove(0);
    assert_eq!(heard.messages[0].parts[0], Part::Picture(picture(PictureKind::Png)));
}
