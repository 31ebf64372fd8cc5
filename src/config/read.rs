//! Reading one variable at a time and gathering what is wrong instead of stopping at the first.

use std::net::IpAddr;
use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;

use super::{Introspection, LogFormat, Problem};

/// The value of one variable of this process; the error is the value as it may be shown.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn from_process(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err("not valid UTF-8".into()),
    }
}

/// The 32 bytes that `text` writes in base64 or in hex, if it does.
pub fn key_bytes(text: &str) -> Option<[u8; 32]> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        return Some(bytes);
    }
    let decoded = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
    decoded.try_into().ok()
}

/// Reads variables and keeps what was wrong with them.
pub(super) struct Reader<F> {
    vars: F,
    problems: Vec<Problem>,
}

impl<F> Reader<F>
where
    F: Fn(&str) -> Result<Option<String>, String>,
{
    pub(super) fn new(vars: F) -> Self {
        Self { vars, problems: Vec::new() }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// The trimmed value; `None` where it is unset or empty.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match (self.vars)(name) {
            Ok(value) => value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()),
            Err(found) => {
                self.problem(name, found, "text in UTF-8");
                None
            }
        }
    }

    pub(super) fn secret(&mut self, name: &'static str) -> Option<SecretString> {
        let value = self.text(name)?;
        // It will travel in an HTTP header, where only these are allowed.
        if value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(value.into());
        }
        self.problem(name, described(&value), "one line of ASCII without spaces");
        None
    }

    pub(super) fn key(&mut self, name: &'static str) -> Option<SecretString> {
        let value = self.text(name)?;
        if key_bytes(&value).is_some() {
            return Some(value.into());
        }
        self.problem(name, described(&value), "32 bytes in base64 (`openssl rand -base64 32`) or in hex");
        None
    }

    pub(super) fn database_url(&mut self, name: &'static str) -> Option<SecretString> {
        let value = self.text(name)?;
        let (scheme, rest) = value.split_once("://").unwrap_or(("", ""));
        if matches!(scheme, "postgres" | "postgresql") && !rest.is_empty() {
            return Some(value.into());
        }
        // The rest may hold a password.
        let found = if scheme.is_empty() { described(&value) } else { format!("`{scheme}://…`") };
        self.problem(name, found, "postgres://user:password@host/database");
        None
    }

    pub(super) fn port(&mut self, name: &'static str) -> Option<u16> {
        self.parsed(name, "a number from 0 to 65535", |value| value.parse().ok())
    }

    pub(super) fn address(&mut self, name: &'static str) -> Option<IpAddr> {
        self.parsed(name, "an IP address such as 127.0.0.1, 0.0.0.0 or ::", |value| {
            if value.eq_ignore_ascii_case("localhost") {
                return Some(IpAddr::from([127, 0, 0, 1]));
            }
            value.trim_start_matches('[').trim_end_matches(']').parse().ok()
        })
    }

    pub(super) fn url(&mut self, name: &'static str) -> Option<String> {
        self.parsed(name, "an address that begins with http:// or https://", http_url)
    }

    pub(super) fn origins(&mut self, name: &'static str) -> Vec<String> {
        let allowed = "origins between commas, such as https://app.example,http://localhost:5173";
        let origins = self.parsed(name, allowed, |value| value.split(',').map(origin).collect());
        origins.unwrap_or_default()
    }

    pub(super) fn ollama_host(&mut self, name: &'static str) -> Option<String> {
        self.parsed(name, "host, host:port or http://host:port", |value| {
            if value.contains("://") {
                return http_url(value);
            }
            let with_port = match value.rsplit_once(':') {
                Some((_, port)) if port.parse::<u16>().is_ok() => value.to_owned(),
                _ => format!("{value}:11434"),
            };
            // Ollama's own server listens on 0.0.0.0 by this variable; nobody can call there.
            http_url(&format!("http://{with_port}")).map(|url| url.replace("//0.0.0.0:", "//127.0.0.1:"))
        })
    }

    pub(super) fn yes_or_no(&mut self, name: &'static str) -> Option<bool> {
        self.parsed(name, "true or false", |value| match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        })
    }

    /// A size of 1 to 100 MiB, in MiB.
    pub(super) fn mebibytes(&mut self, name: &'static str) -> Option<u8> {
        self.parsed(name, "a number from 1 to 100", |value| {
            value.parse().ok().filter(|size| (1..=100).contains(size))
        })
    }

    /// `default` where it is unset, `None` where it is 0.
    pub(super) fn rate(&mut self, name: &'static str, default: u32) -> Option<NonZeroU32> {
        let given = self.parsed(name, "requests a second, or 0 for any number", |value| value.parse().ok());
        NonZeroU32::new(given.unwrap_or(default))
    }

    pub(super) fn count(&mut self, name: &'static str) -> Option<usize> {
        self.parsed(name, "a number from 0 to 10", |value| value.parse().ok().filter(|count| *count <= 10))
    }

    pub(super) fn introspection(&mut self, name: &'static str) -> Option<Introspection> {
        self.parsed(name, "open, tokens or off", |value| match value.to_ascii_lowercase().as_str() {
            "open" => Some(Introspection::Open),
            "tokens" => Some(Introspection::Tokens),
            "off" => Some(Introspection::Off),
            _ => None,
        })
    }

    pub(super) fn log_format(&mut self, name: &'static str) -> Option<LogFormat> {
        self.parsed(name, "human or json", |value| match value.to_ascii_lowercase().as_str() {
            "human" => Some(LogFormat::Human),
            "json" => Some(LogFormat::Json),
            _ => None,
        })
    }

    pub(super) fn log_filter(&mut self, name: &'static str) -> Option<String> {
        self.parsed(name, "levels such as `info` or `warn,botwright=debug`", |value| {
            EnvFilter::try_new(value).ok().map(|_| value.to_owned())
        })
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.text(name)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.problem(name, shown(&value), allowed);
        }
        parsed
    }

    fn problem(&mut self, variable: &'static str, found: String, allowed: &'static str) {
        self.problems.push(Problem { variable, found, allowed });
    }
}

/// An http(s) address with a host and without a slash at the end.
fn http_url(value: &str) -> Option<String> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let bare = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let well_formed = value.bytes().all(|byte| byte.is_ascii_graphic())
        && !bare.is_empty()
        && !bare.starts_with(':')
        && !rest.contains(['?', '#', '"', '<', '>', '\\']);
    well_formed.then(|| value.trim_end_matches('/').to_owned())
}

/// An address without a path.
fn origin(value: &str) -> Option<String> {
    let url = http_url(value.trim())?;
    let (_, rest) = url.split_once("://")?;
    (!rest.contains(['/', '@'])).then(|| url.to_ascii_lowercase())
}

/// A value that is no secret, short enough for one line. What stands before an `@` may be a password.
fn shown(value: &str) -> String {
    let value = value.rsplit_once('@').map_or_else(|| value.to_owned(), |(_, rest)| format!("…@{rest}"));
    let short: String = value.chars().take(60).flat_map(char::escape_debug).collect();
    if short.len() < value.len() { format!("`{short}…`") } else { format!("`{short}`") }
}

/// A secret's outline.
fn described(value: &str) -> String {
    format!("a value of {} characters", value.chars().count())
}
