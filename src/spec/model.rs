//! `model:` and the providers that it may name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;

/// Which model speaks, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Model {
    /// `provider/model`, or `auto`: the first provider that has a key, else the built-in `offline`.
    #[serde(rename = "use")]
    #[schemars(example = &"openai/gpt-5-mini", length(min = 1, max = 200))]
    pub use_: String,
    /// How free the wording is: 0 to 2. Default: the provider's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 2.0), example = 0.4)]
    pub temperature: Option<f32>,
    /// The longest reply, in tokens. Default: the provider's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), example = 800)]
    pub max_output_tokens: Option<u32>,
    /// Models to try in order when the first one fails before it has shown any text.
    #[schemars(example = ["deepseek/deepseek-chat", "offline"], length(max = 10), inner(length(min = 1, max = 200)))]
    pub fallback: Vec<String>,
    /// Whether its models are shown the pictures that people send. Default: known by the name of each model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub vision: Option<bool>,
    /// The whole prompt is kept below so many tokens; only pictures that are to be answered may come on top.
    #[schemars(range(min = 256, max = 2_000_000))]
    pub context_budget: u32,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            use_: "auto".into(),
            temperature: None,
            max_output_tokens: None,
            fallback: Vec::new(),
            vision: None,
            context_budget: 6000,
        }
    }
}

impl Model {
    /// The models to try, first choice first: `auto`, `offline` or `provider/model`.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.use_.as_str()).chain(self.fallback.iter().map(String::as_str))
    }
}

/// A provider of the project's own: any address that speaks a known wire format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Provider {
    /// The wire format: `openai` is OpenAI's chat completions, which most servers speak.
    pub kind: ProviderKind,
    /// The base address, with its `/v1`.
    #[schemars(example = &"https://models.example.com/v1", regex(pattern = patterns::URL))]
    pub url: String,
    /// The name of the secret that holds the key. Left out: no key is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"LOCAL_KEY", regex(pattern = patterns::SECRET))]
    pub secret: Option<String>,
}

/// A wire format: `openai` is OpenAI's chat completions, which most servers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum ProviderKind {
    #[serde(rename = "openai")]
    OpenAi,
}
