//! The process's settings, read from the environment once, here and nowhere else.
//!
//! Every wrong value is reported at once, by name, with what was found and what is allowed. A secret's value
//! is never repeated. An empty variable counts as unset, so that `PORT= botwright serve` means the default.
//!
//! Knows: nothing but ground. Never: whether a file exists or an address answers.

mod read;
mod variables;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::error::Error;
use read::Reader;
pub use read::key_bytes;
pub use variables::{VARIABLES, Variable, help};

/// Everything that the environment decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// The Postgres to use. `None` means the embedded one in `data_dir`. Secret: it may hold a password.
    pub database_url: Option<SecretString>,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// The address to listen on. `None` leaves it to the command: `up` stays on this machine, `serve` does not.
    pub bind: Option<IpAddr>,
    /// Where people reach this server from outside, without a slash at the end.
    pub public_url: Option<String>,
    /// Origins, beside `public_url`, whose pages may call this server: `https://app.example`.
    pub allowed_origins: Vec<String>,
    /// Where the embedded database, the index and the key file live.
    pub data_dir: PathBuf,
    /// The folder of bots, where it was set. See [`Config::bots_dir_or_default`].
    pub bots_dir: Option<PathBuf>,
    /// The key that seals secrets; [`key_bytes`] of it is `Some`.
    pub master_key: Option<SecretString>,
    /// What opens the server of a command with `--server`.
    pub token: Option<SecretString>,
    /// One entry per provider that the environment can configure, in the order of [`PROVIDERS`].
    pub providers: Vec<ProviderSettings>,
    /// Where Ollama listens, as a URL without a path, where it was set.
    pub ollama_host: Option<String>,
    /// Where Telegram's Bot API is, without a slash at the end.
    pub telegram_api_url: String,
    /// Whether to keep to the pace that Telegram allows.
    pub telegram_limits: bool,
    /// Whether addresses that accounts choose may be private ones.
    pub allow_private_addresses: bool,
    /// How many requests a second each token may make; `None` for any number.
    pub rate_per_token: Option<NonZeroU32>,
    /// The same for each address, of requests without a good token.
    pub rate_per_address: Option<NonZeroU32>,
    /// How many proxies of the operator's stand in front, each adding to `X-Forwarded-For`.
    pub trusted_proxies: usize,
    pub introspection: Introspection,
    /// The largest file that people may upload, in MiB; 1 to 100.
    pub upload_mebibytes: u8,
    pub log_format: LogFormat,
    /// What is logged, in the language of `tracing_subscriber::EnvFilter`.
    pub log_filter: String,
    /// The lines that the scripted model says.
    pub scripted_file: Option<PathBuf>,
}

/// What the environment says about one provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// As bot files write it: `openai`.
    pub name: &'static str,
    pub key: Option<SecretString>,
    /// With its `/v1` and without a slash at the end. `None` means the provider's own.
    pub base_url: Option<String>,
}

/// The providers whose keys the environment may hold, by the names that bot files use.
/// `<NAME>_API_KEY` and `<NAME>_BASE_URL` configure each.
pub const PROVIDERS: [&str; 8] =
    ["openai", "anthropic", "gemini", "xai", "deepseek", "openrouter", "groq", "mistral"];

/// Who may ask what the schema of the API is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introspection {
    /// Everybody.
    Open,
    /// Whoever has a token.
    Tokens,
    /// Nobody.
    Off,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Human,
    /// One JSON object a line, for machines.
    Json,
}

/// One variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub variable: &'static str,
    /// The value as it may be shown: secrets are described, not repeated.
    pub found: String,
    pub allowed: &'static str,
}

/// Everything that is wrong with the environment. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { variable, found, allowed }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{variable} is {found}, but must be {allowed}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::invalid(problems.to_string())
    }
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, Problems> {
        Self::read(Reader::new(read::from_process))
    }

    /// Reads from a function instead, which keeps tests off the process's environment.
    pub fn from_vars(vars: impl Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        Self::read(Reader::new(|name| Ok(vars(name))))
    }

    fn read<F>(mut reader: Reader<F>) -> Result<Self, Problems>
    where
        F: Fn(&str) -> Result<Option<String>, String>,
    {
        let config = Self {
            database_url: reader.database_url("DATABASE_URL"),
            port: reader.port("PORT").unwrap_or(8080),
            bind: reader.address("BIND"),
            public_url: reader.url("PUBLIC_URL"),
            allowed_origins: reader.origins("ALLOWED_ORIGINS"),
            data_dir: reader.text("DATA_DIR").map_or_else(|| PathBuf::from("data"), PathBuf::from),
            bots_dir: reader.text("BOTS_DIR").map(PathBuf::from),
            master_key: reader.key("BOTWRIGHT_MASTER_KEY"),
            token: reader.secret("BOTWRIGHT_TOKEN"),
            providers: variables::PROVIDER_VARIABLES
                .iter()
                .map(|&(name, key, base_url)| ProviderSettings {
                    name,
                    key: reader.secret(key),
                    base_url: reader.url(base_url),
                })
                .collect(),
            ollama_host: reader.ollama_host("OLLAMA_HOST"),
            telegram_api_url: reader
                .url("TELEGRAM_API_URL")
                .unwrap_or_else(|| "https://api.telegram.org".to_owned()),
            telegram_limits: reader.yes_or_no("TELEGRAM_LIMITS").unwrap_or(true),
            allow_private_addresses: reader.yes_or_no("ALLOW_PRIVATE_ADDRESSES").unwrap_or(false),
            rate_per_token: reader.rate("RATE_PER_TOKEN", 100),
            rate_per_address: reader.rate("RATE_PER_ADDRESS", 50),
            trusted_proxies: reader.count("TRUSTED_PROXIES").unwrap_or(0),
            introspection: reader.introspection("GRAPHQL_INTROSPECTION").unwrap_or(Introspection::Open),
            upload_mebibytes: reader.mebibytes("UPLOAD_MAX_MIB").unwrap_or(10),
            log_format: reader.log_format("LOG_FORMAT").unwrap_or(LogFormat::Human),
            log_filter: reader.log_filter("RUST_LOG").unwrap_or_else(|| DEFAULT_LOG_FILTER.to_owned()),
            scripted_file: reader.text("SCRIPTED_FILE").map(PathBuf::from),
        };
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// The folder of bots: `BOTS_DIR`, else `./bots`.
    pub fn bots_dir_or_default(&self) -> PathBuf {
        self.bots_dir.clone().unwrap_or_else(|| PathBuf::from("bots"))
    }
}

/// Our own news and everybody's warnings, but for genai, which logs what providers answer.
pub const DEFAULT_LOG_FILTER: &str = "warn,genai=off,botwright=info";

#[cfg(test)]
mod tests;
