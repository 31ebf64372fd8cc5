//! The shapes of names: as regular expressions for editors, and as functions for us. A test holds them
//! together.

use super::near;

/// A name of our own: a DNS label.
pub(super) const NAME: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// The name of a secret.
pub(super) const SECRET: &str = "^[A-Z][A-Z0-9_]{0,63}$";
/// Who owns a project.
pub(super) const SOURCE_ID: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$";
/// An address without a login.
pub(super) const URL: &str = "^https?://[^\\s/@?#]+([/?#]\\S*)?$";
/// Five cron fields.
pub(super) const CRON: &str = "^\\s*\\S+(\\s+\\S+){4}\\s*$";
/// A timezone of the IANA database.
pub(super) const TIMEZONE: &str = "^[A-Za-z0-9_+/-]+$";
/// `auto` or a language's code.
pub(super) const LANGUAGE: &str = "^(auto|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$";
/// A JSON pointer into the file.
pub(super) const POINTER: &str = "^(/[A-Za-z0-9_-]+)+$";
/// Somebody on a channel.
pub(super) const IDENTITY: &str = "^[a-z]+:\\S+$";

/// A shape that a text has to be of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pattern {
    expression: &'static str,
    /// Whether a text is of it.
    pub(super) fits: fn(&str) -> bool,
    /// What it is, in words: `expected …`.
    pub(super) what: &'static str,
    /// What a wrong text was probably meant to be.
    pub(super) near: fn(&str) -> Option<String>,
    /// Whether a wrong value may itself be a secret, and is not shown.
    pub(super) secret: bool,
}

const PATTERNS: &[Pattern] = &[
    Pattern::new(NAME, is_name, "a name of small letters, digits and hyphens, at most 63").near(near::name),
    Pattern {
        expression: SECRET,
        fits: is_secret_name,
        what: "the name of a secret, in capitals, digits and underscores",
        near: |_| None,
        secret: true,
    },
    Pattern::new(SOURCE_ID, is_source_id, "an id such as `acme/bots`").near(near::source_id),
    Pattern::new(URL, is_url, "an address that begins with `https://` or `http://`, without a login in it")
        .near(near::url),
    Pattern::new(CRON, is_cron, "five cron fields: minute, hour, day of the month, month, day of the week")
        .near(near::cron),
    Pattern::new(TIMEZONE, is_timezone, "a timezone such as `Europe/Kyiv`").near(near::timezone),
    Pattern::new(LANGUAGE, is_language, "`auto` or a language's code such as `uk` or `pt-BR`")
        .near(near::language),
    Pattern::new(POINTER, is_pointer, "a JSON pointer such as `/model/temperature`").near(near::pointer),
    Pattern::new(IDENTITY, is_identity, "somebody on a channel, such as `telegram:12345`"),
];

impl Pattern {
    const fn new(expression: &'static str, fits: fn(&str) -> bool, what: &'static str) -> Self {
        Self { expression, fits, what, near: |_| None, secret: false }
    }

    const fn near(self, near: fn(&str) -> Option<String>) -> Self {
        Self { near, ..self }
    }

    /// The pattern with this expression.
    pub(super) fn by_expression(expression: &str) -> Option<Self> {
        PATTERNS.iter().find(|pattern| pattern.expression == expression).copied()
    }
}

/// Whether `name` may name a bot, a source, a module or a provider: a DNS label.
pub fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether `name` may name a secret: `UX_TELEGRAM_TOKEN`.
pub fn is_secret_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// A name made of whatever stands in `text`; empty where nothing fits.
pub(super) fn to_name(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-").chars().take(63).collect::<String>().trim_end_matches('-').to_owned()
}

fn is_source_id(id: &str) -> bool {
    id.split('/').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    })
}

fn is_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    !host.is_empty() && !host.contains('@') && !url.contains(char::is_whitespace)
}

fn is_timezone(name: &str) -> bool {
    name.parse::<chrono_tz::Tz>().is_ok()
}

pub(super) fn is_language(language: &str) -> bool {
    let mut parts = language.split('-');
    let primary = parts.next().unwrap_or("");
    language == "auto"
        || ((2..=3).contains(&primary.len())
            && primary.bytes().all(|b| b.is_ascii_lowercase())
            && parts
                .all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())))
}

fn is_pointer(pointer: &str) -> bool {
    pointer.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        })
    })
}

fn is_identity(identity: &str) -> bool {
    identity.split_once(':').is_some_and(|(channel, id)| {
        !channel.is_empty()
            && channel.bytes().all(|b| b.is_ascii_lowercase())
            && !id.is_empty()
            && !id.contains(char::is_whitespace)
    })
}

/// The five fields: what they are counted in, and the names that they know.
const CRON_FIELDS: [(u32, u32, &[&str]); 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    (0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// Whether `line` is five cron fields. The queue's own parser has the last word; it knows no more than this.
fn is_cron(line: &str) -> bool {
    let fields: Vec<&str> = line.split_whitespace().collect();
    fields.len() == CRON_FIELDS.len()
        && fields.iter().zip(CRON_FIELDS).all(|(field, (low, high, names))| {
            field.split(',').all(|part| is_cron_part(part, low, high, names))
        })
}

/// `*`, `5`, `mon`, `1-5`, each with an optional `/step`.
fn is_cron_part(part: &str, low: u32, high: u32, names: &[&str]) -> bool {
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    let value = |text: &str| -> Option<u32> {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        // January is 1 and Sunday is 0: names count from the lowest value of their field.
        match named {
            Some(at) => u32::try_from(at).ok().map(|at| at + low),
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            None => None,
        }
        .filter(|value| (low..=high).contains(value))
    };
    let range_fits = match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => matches!((value(from), value(to)), (Some(from), Some(to)) if from <= to),
        None => value(range).is_some(),
    };
    range_fits && step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| (1..=high).contains(&step)))
}

#[cfg(test)]
mod tests {
    use super::{Pattern, is_cron, is_language, is_name, is_secret_name, is_timezone, is_url, to_name};

    #[test]
    fn every_expression_has_a_function() {
        for schema in [crate::spec::schema::bot(), crate::spec::schema::project()] {
            let mut left = vec![&schema];
            while let Some(value) = left.pop() {
                if let Some(expression) = value.get("pattern").and_then(|pattern| pattern.as_str()) {
                    assert!(Pattern::by_expression(expression).is_some(), "{expression}");
                }
                left.extend(value.as_object().into_iter().flat_map(|object| object.values()));
                left.extend(value.as_array().into_iter().flatten());
            }
        }
    }

    #[test]
    fn names() {
        assert!(is_name("ux-advisor") && is_name("a") && is_name("2nd"));
        assert!(!is_name("") && !is_name("-a") && !is_name("a-") && !is_name("A") && !is_name("a_b"));
        assert!(!is_name(&"a".repeat(64)) && !is_name("бот"));
        assert!(is_secret_name("NOTION_TOKEN") && !is_secret_name("notion") && !is_secret_name("1A"));
        assert_eq!(to_name("UX Advisor_2"), "ux-advisor-2");
        assert_eq!(to_name("бот"), "");
    }

    #[test]
    fn cron_lines() {
        for good in ["0 4 * * *", "*/30 * * * *", "0 9 * * mon-fri", "15,45 8-18/2 1 jan,jul 0", "0 0 * * 7"]
        {
            assert!(is_cron(good), "{good}");
        }
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "0 24 * * *",
            "0 0 0 * *",
            "a * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "@daily",
        ] {
            assert!(!is_cron(bad), "{bad}");
        }
    }

    #[test]
    fn other_shapes() {
        assert!(is_timezone("Europe/Kyiv") && is_timezone("UTC") && !is_timezone("Kyiv"));
        assert!(
            is_language("auto") && is_language("no") && is_language("pt-BR") && !is_language("Ukrainian")
        );
        assert!(
            is_url("http://127.0.0.1:8080/v1")
                && !is_url("ftp://x")
                && !is_url("https://a@b")
                && !is_url("https://")
        );
    }
}
