//! The table of variables that `botwright serve --help` and the README print.

use std::fmt::Write as _;

/// One environment variable that Botwright reads.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    pub name: &'static str,
    /// The value that is used where none is given, in words where there is no single one.
    pub default: &'static str,
    pub what: &'static str,
}

/// Everything that [`super::Config`] reads, in the order in which a person meets it.
pub const VARIABLES: &[Variable] = &[
    variable(
        "DATABASE_URL",
        "embedded; `serve` needs it",
        "Postgres 14 or newer, postgres://user:password@host/database",
    ),
    variable("PORT", "8080", "port to listen on; 0 takes a free one"),
    variable("BIND", "up: 127.0.0.1, serve: 0.0.0.0", "address to listen on"),
    variable("PUBLIC_URL", "none", "where people reach this server from outside"),
    variable("ALLOWED_ORIGINS", "none", "origins whose pages may call this server, between commas"),
    variable("DATA_DIR", "./data", "the embedded database, the search index and the key file"),
    variable("BOTS_DIR", "./bots", "folder of bots; `serve` applies it at start only where it is set"),
    variable(
        "BOTWRIGHT_MASTER_KEY",
        "a file in DATA_DIR; `serve` needs it",
        "seals secrets: 32 bytes in base64 or hex",
    ),
    variable("BOTWRIGHT_TOKEN", "none", "token for commands with --server"),
    variable("OPENAI_API_KEY", "none", "key for openai/… models"),
    variable("ANTHROPIC_API_KEY", "none", "key for anthropic/… models"),
    variable("GEMINI_API_KEY", "none", "key for gemini/… models"),
    variable("XAI_API_KEY", "none", "key for xai/… models"),
    variable("DEEPSEEK_API_KEY", "none", "key for deepseek/… models"),
    variable("OPENROUTER_API_KEY", "none", "key for openrouter/… models"),
    variable("GROQ_API_KEY", "none", "key for groq/… models"),
    variable("MISTRAL_API_KEY", "none", "key for mistral/… models"),
    variable("OPENAI_BASE_URL", OWN, "another address for openai, with its /v1"),
    variable("ANTHROPIC_BASE_URL", OWN, "another address for anthropic, with its /v1"),
    variable("GEMINI_BASE_URL", OWN, "another address for gemini, with its /v1beta"),
    variable("XAI_BASE_URL", OWN, "another address for xai, with its /v1"),
    variable("DEEPSEEK_BASE_URL", OWN, "another address for deepseek, with its /v1"),
    variable("OPENROUTER_BASE_URL", OWN, "another address for openrouter, with its /v1"),
    variable("GROQ_BASE_URL", OWN, "another address for groq, with its /v1"),
    variable("MISTRAL_BASE_URL", OWN, "another address for mistral, with its /v1"),
    variable("OLLAMA_HOST", "none", "address of Ollama, for ollama/… models, such as localhost:11434"),
    variable("TELEGRAM_API_URL", "https://api.telegram.org", "another address of Telegram's Bot API"),
    variable("TELEGRAM_LIMITS", "true", "keep to Telegram's pace; false for a Bot API server without limits"),
    variable("ALLOW_PRIVATE_ADDRESSES", "false", "let accounts name private and loopback addresses"),
    variable(
        "RATE_PER_TOKEN",
        "100",
        "requests a second for each token, ten times as many for an admin's; 0: any",
    ),
    variable("RATE_PER_ADDRESS", "50", "the same for each address, of requests without a good token"),
    variable("TRUSTED_PROXIES", "0", "proxies of yours in front, which add to X-Forwarded-For"),
    variable("GRAPHQL_INTROSPECTION", "open", "who may ask for the schema: open, tokens or off"),
    variable("UPLOAD_MAX_MIB", "10", "the largest file that people may upload, 1 to 100"),
    variable("SCRIPTED_FILE", "none", "what the model `scripted` says, a reply a line"),
    variable("LOG_FORMAT", "human", "human or json"),
    variable("RUST_LOG", super::DEFAULT_LOG_FILTER, "what is logged, by module and level"),
];

const OWN: &str = "the provider's own";

const fn variable(name: &'static str, default: &'static str, what: &'static str) -> Variable {
    Variable { name, default, what }
}

/// Provider, variable of its key, variable of its address; in the order of [`super::PROVIDERS`].
pub(super) const PROVIDER_VARIABLES: [(&str, &str, &str); 8] = [
    ("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    ("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    ("gemini", "GEMINI_API_KEY", "GEMINI_BASE_URL"),
    ("xai", "XAI_API_KEY", "XAI_BASE_URL"),
    ("deepseek", "DEEPSEEK_API_KEY", "DEEPSEEK_BASE_URL"),
    ("openrouter", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL"),
    ("groq", "GROQ_API_KEY", "GROQ_BASE_URL"),
    ("mistral", "MISTRAL_API_KEY", "MISTRAL_BASE_URL"),
];

/// The table as text for `--help`: a line each, with the default in brackets.
pub fn help() -> String {
    let width = VARIABLES.iter().map(|variable| variable.name.len()).max().unwrap_or(0);
    let mut text = String::from("Environment:\n");
    for Variable { name, default, what } in VARIABLES {
        let _ = writeln!(text, "  {name:width$}  {what} [{default}]");
    }
    text
}
