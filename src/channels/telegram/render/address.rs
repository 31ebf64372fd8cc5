//! Addresses that Telegram makes a link of. Of others it drops the address and keeps the text, without a word.

/// Longer addresses are shown as text, which can be cut.
const LONGEST: usize = 2048;

/// Whether Telegram would make a link of it: `http`, `https` with a host that has a dot, or `tg`.
pub(super) fn is_linkable(address: &str) -> bool {
    if address.len() > LONGEST || address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return false;
    }
    match address.split_once("://") {
        Some((scheme, rest)) if is(scheme, &["http", "https"]) => has_host(rest),
        Some((scheme, rest)) if is(scheme, &["tg"]) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        }
        _ => false,
    }
}

/// An address as a person would write it.
pub(super) fn shown(address: &str) -> &str {
    address.strip_prefix("mailto:").unwrap_or(address)
}

fn is(scheme: &str, known: &[&str]) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(scheme))
}

fn has_host(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    host.contains('.')
        && host.trim_matches('.') == host
        && host.chars().all(plain)
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::is_linkable;

    #[test]
    fn links_are_what_telegram_takes_for_links() {
        for address in
            ["https://example.org", "HTTP://a.b/c?d#e", "https://пример.укр:8080/", "tg://user?id=1"]
        {
            assert!(is_linkable(address), "{address}");
        }
        let others = [
            "",
            "a.b",
            "docs/a.md",
            "ftp://a.b",
            "javascript:alert(1)",
            "mailto:a@b.c",
            "http://localhost",
            "http://a.b:0/",
            "http://a.b:x/",
            "http://a b.c",
            "http://.",
            "http://u@a.b/",
            "http://[::1]/",
            "tg://",
        ];
        for address in others {
            assert!(!is_linkable(address), "{address}");
        }
    }
}
