//! Literals that look like credentials: found so that they are refused, and masked wherever they are shown.
//!
//! Placeholders (`sk-…`, `sk-your-key-here`) are none: a credential is long and looks random.

use std::borrow::Cow;

use super::patterns::is_secret_name;
use super::text::Span;

/// A literal that looks like a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) span: Span,
    /// What it looks like: `a GitHub token`.
    pub(super) what: &'static str,
}

/// How keys of well-known services start, how long the rest is at least, and whose they are.
const PREFIXES: &[(&str, usize, &str)] = &[
    ("sk-ant-", 20, "an Anthropic key"),
    ("sk-or-", 20, "an OpenRouter key"),
    ("sk-proj-", 20, "an OpenAI key"),
    ("sk-", 20, "an API key"),
    ("xai-", 20, "an xAI key"),
    ("gsk_", 20, "a Groq key"),
    ("AIza", 30, "a Google key"),
    ("ghp_", 30, "a GitHub token"),
    ("gho_", 30, "a GitHub token"),
    ("ghu_", 30, "a GitHub token"),
    ("ghs_", 30, "a GitHub token"),
    ("ghr_", 30, "a GitHub token"),
    ("github_pat_", 30, "a GitHub token"),
    ("glpat-", 16, "a GitLab token"),
    ("xoxb-", 16, "a Slack token"),
    ("xoxp-", 16, "a Slack token"),
    ("xapp-", 16, "a Slack token"),
    ("AKIA", 16, "an AWS key"),
    ("ASIA", 16, "an AWS key"),
    ("ntn_", 30, "a Notion token"),
    ("secret_", 40, "a Notion token"),
    ("hf_", 30, "a Hugging Face token"),
    ("tvly-", 16, "a Tavily key"),
    ("pplx-", 30, "a Perplexity key"),
    ("sk_live_", 16, "a Stripe key"),
    ("sk_test_", 16, "a Stripe key"),
    ("rk_live_", 16, "a Stripe key"),
    ("SG.", 30, "a SendGrid key"),
    ("npm_", 30, "an npm token"),
    ("pypi-", 40, "a PyPI token"),
    ("AGE-SECRET-KEY-1", 30, "an age key"),
];

/// Words that a secret value follows.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "access-key",
    "private_key",
    "bearer",
    "authorization",
];

/// The shortest literal that is looked at, in bytes.
const SHORTEST: usize = 12;

/// How much of a secret is looked at and hidden: more than is shown of any line.
const LONGEST: usize = 400;

/// Every credential in `text`, in order. In prose only what is known to be one; in YAML (`strict`) also what
/// merely looks too random to be anything else.
pub(super) fn find(text: &str, strict: bool) -> Vec<Credential> {
    let mut found = Vec::new();
    let (mut named, mut mentioned) = (false, false);
    for (start, word) in words(text) {
        if word.len() >= SHORTEST {
            let random = || (strict && is_random(word)).then_some((0, word.len(), "a key or a token"));
            if let Some((from, to, what)) = literal(word, named).or_else(random) {
                found.push(Credential { span: Span::new(start + from, start + to), what });
            }
        }
        // A secret's word speaks of what follows it directly: `password: …`, `the password is …`, `Bearer …`.
        let bare = word.trim_end_matches([':', '=']);
        let marked = bare.len() < word.len() || bare.eq_ignore_ascii_case("bearer");
        let announces = marked || (mentioned && bare == "is");
        named = announces && (mentioned || is_secret_word(bare)) || (named && bare.is_empty());
        mentioned = is_secret_word(bare);
    }
    private_keys(text, &mut found);
    found.sort_by_key(|credential| credential.span);
    found
}

/// `text` with its credentials replaced by stars.
pub(super) fn mask(text: &str) -> String {
    let found = find(text, true);
    hide(text, found.into_iter().map(|credential| credential.span).collect()).into_owned()
}

/// `text` with stars for what is hidden: one per byte, so that offsets stay, and line breaks as they are, so
/// that lines keep their numbers.
pub(super) fn hide(text: &str, mut hidden: Vec<Span>) -> Cow<'_, str> {
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    hidden.sort();
    let mut shown = String::with_capacity(text.len());
    for span in hidden {
        // Spans may overlap.
        let start = span.start.max(shown.len());
        let (Some(open), Some(secret)) = (text.get(shown.len()..start), text.get(start..span.end)) else {
            continue;
        };
        shown.push_str(open);
        shown.extend(
            secret.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { '*' }),
        );
    }
    shown.push_str(text.get(shown.len()..).unwrap_or(""));
    Cow::Owned(shown)
}

/// What stands after a secret's word in YAML (`token: …`) and is not the name of a secret: not always a
/// credential, but never shown.
pub(super) fn beside_words(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (colon, _) in text.match_indices(": ") {
        if spans.last().is_some_and(|last| colon < last.end) {
            continue;
        }
        let head = text.get(..colon).unwrap_or("").trim_end_matches(['"', '\'']);
        let key = head.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next().unwrap_or("");
        if !is_secret_word(key) {
            continue;
        }
        let rest = text.get(colon + 2..).unwrap_or("");
        let rest = rest.char_indices().nth(LONGEST).and_then(|(cut, _)| rest.get(..cut)).unwrap_or(rest);
        let end = rest.find(['\n', '\r', ',', '}', '#']).unwrap_or(rest.len());
        let value = rest.get(..end).unwrap_or("");
        let start = colon + 2 + value.len() - value.trim_start().len();
        let value = value.trim();
        if !value.is_empty() && !value.starts_with(['{', '[', '&', '|', '>']) && !is_secret_name(value) {
            spans.push(Span::new(start, start + value.len()));
        }
    }
    spans
}

/// Whether a whole value looks like a key that nobody would type: long, without spaces, random.
fn is_random(value: &str) -> bool {
    let plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=_-".contains(&b));
    let mixed = value.bytes().any(|b| b.is_ascii_lowercase())
        && value.bytes().any(|b| b.is_ascii_uppercase())
        && value.bytes().filter(u8::is_ascii_digit).count() >= 3;
    value.len() >= 32 && plain && mixed && distinct(value) >= 16
}

/// Whether a key is one whose value is secret.
fn is_secret_word(key: &str) -> bool {
    WORDS.iter().any(|word| ends_with_word(key, word))
}

/// The stretches between white space, quotes and brackets, with their offsets.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // Spelled out, because every character of every file comes by here.
    let is_break = |c: char| {
        matches!(
            c,
            ' ' | '\n'
                | '"'
                | '\''
                | '`'
                | '('
                | ')'
                | '<'
                | '>'
                | '['
                | ']'
                | '{'
                | '}'
                | ','
                | ';'
                | '|'
                | '*'
        ) || c.is_whitespace()
    };
    text.split(is_break)
        .scan(0, move |next, word| {
            let start = *next;
            let width =
                text.get(start + word.len()..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            *next = start + word.len() + width;
            Some((start, word))
        })
        .filter(|(_, word)| !word.is_empty())
}

/// The credential in one word: its range and what it looks like. `named`: the word before it announced one.
fn literal(word: &str, named: bool) -> Option<(usize, usize, &'static str)> {
    prefixed(word)
        .or_else(|| telegram(word))
        .or_else(|| web_token(word))
        .or_else(|| login(word))
        .or_else(|| assigned(word, named))
}

fn prefixed(word: &str) -> Option<(usize, usize, &'static str)> {
    PREFIXES.iter().find_map(|&(prefix, shortest, what)| {
        word.match_indices(prefix).find_map(|(from, _)| {
            let before = word.get(..from)?.chars().next_back();
            let body = run(word.get(from + prefix.len()..)?, b"_-.");
            let fits =
                !before.is_some_and(char::is_alphanumeric) && body.len() >= shortest && looks_random(body);
            fits.then_some((from, from + prefix.len() + body.len(), what))
        })
    })
}

/// `123456789:AA…`
fn telegram(word: &str) -> Option<(usize, usize, &'static str)> {
    let colon = word.match_indices(':').map(|(at, _)| at).find(|&at| {
        let digits =
            word.get(..at).map_or(0, |head| head.bytes().rev().take_while(u8::is_ascii_digit).count());
        (6..=12).contains(&digits) && run(word.get(at + 1..).unwrap_or(""), b"_-").len() >= 30
    })?;
    let digits = word.get(..colon)?.bytes().rev().take_while(u8::is_ascii_digit).count();
    Some((colon - digits, colon + 1 + run(word.get(colon + 1..)?, b"_-").len(), "a Telegram token"))
}

/// A JSON Web Token.
fn web_token(word: &str) -> Option<(usize, usize, &'static str)> {
    let from = word.find("eyJ")?;
    let body = run(word.get(from..)?, b"_-.");
    (body.len() >= 40 && body.matches('.').count() == 2).then_some((from, from + body.len(), "a web token"))
}

/// `https://user:password@host`
fn login(word: &str) -> Option<(usize, usize, &'static str)> {
    let host = word.find("://")? + 3;
    let rest = word.get(host..)?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (login, _) = authority.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    let from = host + user.len() + 1;
    (!password.is_empty()).then_some((from, from + password.len(), "a password in an address"))
}

/// `password=…`, `?token=…`, or a word after `password:`.
fn assigned(word: &str, named: bool) -> Option<(usize, usize, &'static str)> {
    let from = if named {
        0
    } else {
        let mut marks = word.match_indices(['=', ':']).map(|(at, _)| at);
        marks.find(|&at| is_secret_word(word.get(..at).unwrap_or("")))? + 1
    };
    let body = run(word.get(from..)?, b"_-.+/=!@#$%^&");
    // `GITHUB_TOKEN_2` is the name of a secret, which is what should stand there.
    if body.contains('_') && !body.bytes().any(|b| b.is_ascii_lowercase()) {
        return None;
    }
    (body.len() >= SHORTEST && looks_random(body)).then_some((from, from + body.len(), "a secret"))
}

fn private_keys(text: &str, found: &mut Vec<Credential>) {
    let mut end = 0;
    for (start, opening) in text.match_indices("-----BEGIN ") {
        let body = start + opening.len();
        let rest = text.get(body..).unwrap_or("");
        let header = rest.split("-----").next().unwrap_or("");
        if start >= end && header.len() < 40 && header.ends_with("PRIVATE KEY") {
            end = body + rest.find("-----END ").unwrap_or(rest.len());
            found.push(Credential { span: Span::new(start, end), what: "a private key" });
        }
    }
}

/// The longest start of `text` that is made of letters, digits and `more`.
fn run<'a>(text: &'a str, more: &[u8]) -> &'a str {
    let length =
        text.bytes().take(LONGEST).take_while(|b| b.is_ascii_alphanumeric() || more.contains(b)).count();
    text.get(..length).unwrap_or("").trim_end_matches('.')
}

/// Letters and digits, and many different ones. Keys in capitals alone have fewer digits.
fn looks_random(body: &str) -> bool {
    let digits = body.bytes().filter(u8::is_ascii_digit).count();
    let letters = body.bytes().filter(u8::is_ascii_alphabetic).count();
    let capitals = !body.bytes().any(|b| b.is_ascii_lowercase());
    digits >= if capitals { 1 } else { 2 } && letters >= 2 && distinct(body) >= 8
}

fn distinct(body: &str) -> usize {
    let mut seen = [false; 256];
    for byte in body.bytes() {
        if let Some(slot) = seen.get_mut(usize::from(byte)) {
            *slot = true;
        }
    }
    seen.iter().filter(|&&used| used).count()
}

/// Whether `name` ends with `word`, as a word of its own: `bot_token`, `apiToken`, not `tokens`.
fn ends_with_word(name: &str, word: &str) -> bool {
    let Some(at) = name.len().checked_sub(word.len()) else { return false };
    let (Some(head), Some(tail)) = (name.get(..at), name.get(at..)) else { return false };
    let boundary = match head.chars().next_back() {
        None => true,
        Some(last) => !last.is_alphanumeric() || tail.starts_with(|c: char| c.is_ascii_uppercase()),
    };
    boundary && tail.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::{beside_words, find, is_random, mask};

    fn what(text: &str) -> Vec<&'static str> {
        find(text, false).into_iter().map(|credential| credential.what).collect()
    }

    #[test]
    fn knows_keys_when_it_sees_them() {
        for (text, expected) in [
            ("key: sk-proj-Ab3dEf6hIj9kLmNoPq2s", "an OpenAI key"),
            ("sk-ant-api03-Ab3dEf6hIj9kLmNoPq2s", "an Anthropic key"),
            ("token: 8123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw7", "a Telegram token"),
            ("say ghp_16C7e42F292c6912E7710c838347Ae178B4a now", "a GitHub token"),
            ("AKIAIOSFODNN7EXAMPLE", "an AWS key"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "a web token"),
            ("https://bob:hunter2@example.com/", "a password in an address"),
            ("https://example.com/?api_key=9f8e7d6c5b4a39281706", "a secret"),
            ("The password: tr0ub4dor&3xyz", "a secret"),
            ("The password is tr0ub4dor&3xyz", "a secret"),
            ("Authorization: Bearer 9f8e7d6c5b4a39281706", "a secret"),
            ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "a private key"),
        ] {
            assert_eq!(what(text), [expected], "{text}");
        }
    }

    #[test]
    fn leaves_ordinary_words_alone() {
        for text in [
            "Never ask for a password: people forget them.",
            "token: {secret: UX_TELEGRAM_TOKEN}",
            "secret: GITHUB_MCP_TOKEN_2024",
            "Write sk-your-key-here or sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx.",
            "page: 1f2e3d4c5b6a79880123456789abcdef",
            "https://example.com/a-very-long-path/with-many-parts-2024-11-20",
            "task-management-for-small-teams-in-2024",
            "Meet at 10:30 or call 380441234567.",
            "The tokens: counted by the provider in 2024-11-20T10:00:00",
        ] {
            assert_eq!(what(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn masks_byte_for_byte() {
        let text = "ключ sk-proj-Ab3dEf6hIj9kLmNoPq2s тут";
        assert_eq!(
            mask(text),
            "ключ **************************** тут".replace("****************************", &"*".repeat(28))
        );
        assert_eq!(mask(text).len(), text.len());
    }

    #[test]
    fn what_stands_beside_a_secret_word_is_not_shown() {
        let shown = |text: &str| -> Vec<String> {
            beside_words(text).into_iter().map(|span| text[span.start..span.end].to_owned()).collect()
        };
        assert_eq!(shown("token: hunter2\nmode: auto"), ["hunter2"]);
        assert_eq!(shown("{botToken: abc, x: 1}"), ["abc"]);
        assert_eq!(shown("token: {secret: MY_TOKEN}"), [""; 0]);
        assert_eq!(shown("maxOutputTokens: 800"), [""; 0]);
    }

    #[test]
    fn random_values_are_told_from_names() {
        assert!(is_random("Zm9vYmFyQmF6UXV4MTIzNDU2Nzg5MGFiY2RlZg=="));
        assert!(!is_random("1f2e3d4c5b6a79880123456789abcdef"));
        assert!(!is_random("a-quite-long-name-with-Words-and-1-digit"));
    }
}
