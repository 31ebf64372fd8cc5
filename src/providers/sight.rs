//! Which models are shown pictures, and which pictures.
//!
//! A model is known by the beginning of its name, whoever serves it; one that nobody has heard of is not shown
//! anything, since most servers refuse a request with a picture that they cannot read. `model.vision` in a bot's file
//! knows better than this table.

use std::sync::Arc;

use super::{Kind, Route};
use crate::dialog::{Message, Part, Picture, PictureKind, Request};

/// How names begin of models that see.
const SEEING: [&str; 23] = [
    // OpenAI
    "gpt-4o",
    "gpt-4.1",
    "gpt-4.5",
    "gpt-4-turbo",
    "gpt-5",
    "chatgpt-4o",
    "o1",
    "o3",
    "o4",
    // Anthropic
    "claude-",
    // Google
    "gemini-",
    "gemma-3",
    "gemma3",
    // xAI
    "grok-4",
    "grok-2-vision",
    // Mistral
    "pixtral",
    "mistral-medium",
    "mistral-small-latest",
    // Of whoever serves open models
    "llama-4",
    "llama4",
    "llama3.2-vision",
    "llava",
    "qwen2.5vl",
];
/// What a name holds of those among them that see nothing all the same.
const BLIND: [&str; 12] = [
    "o1-mini",
    "o1-preview",
    "o3-mini",
    "-audio",
    "-realtime",
    "-transcribe",
    "-tts",
    "-search",
    "embedding",
    "claude-1",
    "claude-2",
    "claude-instant",
];

/// The most that Anthropic takes of one picture, in bytes of base64.
const ANTHROPIC_BYTES: usize = 5 << 20;

/// What stands in the place of a picture.
const UNSEEN: &str = "[a picture, which you cannot see]";

/// Whether a model of that name is shown pictures, as far as its name tells.
pub(super) fn by_name(kind: Kind, model: &str) -> bool {
    if matches!(kind, Kind::Offline | Kind::Scripted) {
        return false;
    }
    // Those who serve models of others put their names before it: `anthropic/claude-…`.
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    SEEING.iter().any(|start| name.starts_with(start)) && !BLIND.iter().any(|part| name.contains(part))
}

impl Route {
    /// Whether it is shown pictures.
    pub fn sees(&self) -> bool {
        self.sees
    }

    /// What a bot's file says of its models. The built-in one that quotes its memory never sees.
    pub fn with_vision(self, vision: Option<bool>) -> Self {
        let sees = vision.unwrap_or(self.sees) && self.kind != Kind::Offline;
        Self { sees, ..self }
    }

    /// Whether it can read this one.
    fn reads(&self, picture: &Picture) -> bool {
        let is_taken = match self.kind {
            // No GIF: <https://docs.cloud.google.com/vertex-ai/docs/generative-ai/image/image-captioning>.
            Kind::Gemini => picture.kind != PictureKind::Gif,
            // <https://platform.claude.com/docs/en/build-with-claude/vision>, counted in base64.
            Kind::Anthropic => picture.content.len().div_ceil(3) * 4 <= ANTHROPIC_BYTES,
            // <https://docs.x.ai/docs/guides/image-understanding>
            Kind::OpenAi if self.provider == "xai" => {
                matches!(picture.kind, PictureKind::Jpeg | PictureKind::Png)
            }
            Kind::OpenAi | Kind::Offline | Kind::Scripted => true,
        };
        self.sees && is_taken
    }
}

/// The request as this route is asked: with a text in the place of each picture that it cannot see.
pub(super) fn as_seen(route: &Route, request: &Arc<Request>) -> Arc<Request> {
    let is_unseen = |part: &Part| matches!(part, Part::Picture(picture) if !route.reads(picture));
    if !request.messages.iter().flat_map(|message| &message.parts).any(is_unseen) {
        return request.clone();
    }
    let mut told = (**request).clone();
    for Message { role: _, parts } in &mut told.messages {
        for part in parts {
            if is_unseen(part) {
                *part = Part::Text(UNSEEN.into());
            }
        }
    }
    Arc::new(told)
}

#[cfg(test)]
mod tests {
    use super::by_name;
    use crate::providers::Kind;

    #[test]
    fn models_that_see_are_known_by_their_names() {
        for (kind, model, sees) in [
            (Kind::OpenAi, "gpt-4o-mini", true),
            (Kind::OpenAi, "gpt-4.1-nano", true),
            (Kind::OpenAi, "gpt-5-mini", true),
            (Kind::OpenAi, "o3", true),
            (Kind::OpenAi, "o4-mini", true),
            (Kind::OpenAi, "o3-mini", false),
            (Kind::OpenAi, "gpt-4o-mini-tts", false),
            (Kind::OpenAi, "gpt-3.5-turbo", false),
            (Kind::OpenAi, "gpt-4", false),
            (Kind::OpenAi, "gpt-oss-20b", false),
            (Kind::OpenAi, "deepseek-chat", false),
            (Kind::OpenAi, "openai/gpt-4o", true),
            (Kind::OpenAi, "Anthropic/Claude-3.5-Sonnet:beta", true),
            (Kind::OpenAi, "meta-llama/llama-3.3-70b", false),
            (Kind::OpenAi, "", false),
            (Kind::Anthropic, "claude-3-haiku-20240307", true),
            (Kind::Anthropic, "claude-haiku-4-5", true),
            (Kind::Anthropic, "claude-opus-4-1", true),
            (Kind::Anthropic, "claude-2.1", false),
            (Kind::Gemini, "gemini-flash-latest", true),
            (Kind::Gemini, "gemini-embedding-001", false),
            (Kind::Offline, "gpt-4o", false),
            (Kind::Scripted, "gpt-4o", false),
        ] {
            assert_eq!(by_name(kind, model), sees, "{model}");
        }
    }
}
