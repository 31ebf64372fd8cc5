//! Taking credentials out of text that leaves the process: by their well-known beginnings, and by what stands
//! before them.

use std::borrow::Cow;

/// What stands where a credential stood.
const MASK: &str = "[redacted]";

/// How keys and tokens of well-known makers begin, and how long they are at least.
const BEGINNINGS: [(&str, usize); 18] = [
    ("sk-", 12),
    ("sk_", 12),
    ("pk-", 20),
    ("key-", 20),
    ("xai-", 16),
    ("gsk_", 16),
    ("AIza", 30),
    ("bw_", 30),
    ("ghp_", 20),
    ("gho_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("ntn_", 20),
    ("secret_", 30),
    ("tvly-", 16),
    ("hf_", 20),
];

/// Names whose value is a credential, whatever it looks like.
const NAMES: [&str; 10] = [
    "password",
    "passwd",
    "authorization",
    "api_key",
    "apikey",
    "x-api-key",
    "x-goog-api-key",
    "access_token",
    "client_secret",
    "master_key",
];

/// `text` without what looks like a credential: keys of known makers, bot tokens, signed tokens, what follows
/// `Bearer`, passwords in URLs and in `password=…`. A guess, and the last net: nothing shall need it.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut result = String::new();
    let mut copied = 0;
    let mut previous = "";
    for (start, word) in words(text) {
        let end = start + word.len();
        if start < copied {
            continue;
        }
        if let Some((from, to)) = credential(text, start, word, previous) {
            result.push_str(&text[copied..from]);
            result.push_str(MASK);
            copied = to;
        }
        previous = &text[start..end];
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    result.push_str(&text[copied..]);
    Cow::Owned(result)
}

/// The pieces between marks that no credential contains.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '+' | '~' | '@' | '%');
    text.split(move |c| !is_part(c))
        .map(|word| word.trim_matches([':', '.']))
        .filter(|word| word.contains(char::is_alphanumeric))
        .map(move |word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}

/// Where the credential in this word begins and ends, if there is one.
fn credential(text: &str, start: usize, word: &str, previous: &str) -> Option<(usize, usize)> {
    let end = start + word.len();
    let before = &text[..start];
    // postgres://user:password@host
    if before.ends_with("://")
        && let Some((user, _)) = word.rsplit_once('@')
    {
        let secret = user.find(':').map_or(0, |colon| colon + 1);
        // A name alone is no secret; a token in its place is.
        return (secret > 0 || user.len() >= 20).then_some((start + secret, start + user.len()));
    }
    if ["bearer", "basic"].iter().any(|scheme| previous.eq_ignore_ascii_case(scheme)) && word.len() >= 8 {
        return Some((start, end));
    }
    let value_follows = before.trim_end_matches(['"', '\'', ' ', '\\']).ends_with(['=', ':']);
    if value_follows && NAMES.iter().any(|name| previous.eq_ignore_ascii_case(name)) {
        let scheme = ["bearer", "basic"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
        return (!scheme).then_some((start, end));
    }
    // password:value in one word
    if let Some((name, value)) = word.split_once(':')
        && !value.is_empty()
        && NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
    {
        return Some((end - value.len(), end));
    }
    let known =
        BEGINNINGS.iter().any(|(beginning, length)| word.starts_with(beginning) && word.len() >= *length);
    (known || is_bot_token(word) || is_signed_token(word)).then_some((start, end))
}

/// Telegram's: `123456789:AA…`, in URLs after `bot`.
fn is_bot_token(word: &str) -> bool {
    let word = word.strip_prefix("bot").unwrap_or(word);
    word.split_once(':').is_some_and(|(id, secret)| {
        id.len() >= 6
            && id.bytes().all(|byte| byte.is_ascii_digit())
            && secret.len() >= 30
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

/// A JSON Web Token: three parts, the first of which begins with `{"` in base64.
fn is_signed_token(word: &str) -> bool {
    word.starts_with("eyJ") && word.len() >= 40 && word.matches('.').count() == 2
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::redact;

    #[test]
    fn credentials_are_taken_out() {
        for (text, wanted) in [
            ("key sk-proj-abcdefghij1234 refused", "key [redacted] refused"),
            ("url=postgres://bw:hun:ter2@db.local/x now", "url=postgres://bw:[redacted]@db.local/x now"),
            ("https://0123456789abcdefghij@host/", "https://[redacted]@host/"),
            (
                "POST https://api.telegram.org/bot123456789:AAF-abcdefghijklmnopqrstuvwxyz01234/getMe",
                "POST https://api.telegram.org/[redacted]/getMe",
            ),
            ("authorization: Bearer abcdefgh12345678", "authorization: Bearer [redacted]"),
            (r#"{"password":"hunter2","n":1}"#, r#"{"password":"[redacted]","n":1}"#),
            (r#"api_key="Zm9v" x=1"#, r#"api_key="[redacted]" x=1"#),
            ("?access_token=abc&x=1", "?access_token=[redacted]&x=1"),
            ("x-api-key: abc", "x-api-key: [redacted]"),
            (
                "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
                "got [redacted]",
            ),
            ("Невірний ключ «sk-ant-0123456789»", "Невірний ключ «[redacted]»"),
        ] {
            assert_eq!(redact(text), wanted);
        }
    }

    #[test]
    fn everything_else_is_left_alone() {
        for text in [
            "",
            "claimed turn=0196f2a4-0000-7000-8000-000000000000 tokens=120 input_tokens=3",
            "2026-11-20T14:03:11.123456Z  INFO botwright::chat: listening on http://127.0.0.1:8080",
            "secret LOCAL_KEY is not set; a task-list, the desk-lamp and sk-1",
            "https://git@host/ postgres://botwright@%2Frun%2Fbotwright-1/botwright",
            "error: the token is wrong, expired or revoked",
            "12:30:45.123 ratio 16:9",
        ] {
            assert!(matches!(redact(text), Cow::Borrowed(_)), "{}", redact(text));
        }
    }
}
