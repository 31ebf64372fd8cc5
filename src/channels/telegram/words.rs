//! Words as the service takes them: in parts, as HTML of its own kind, and without any marks.

/// UTF-16 units that a message may have.
const UNITS: usize = 4_096;

/// What the system says, in which nothing is markup, in parts.
pub(super) fn plain_parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut units = 0;
    for line in text.split_inclusive('\n') {
        let length = line.encode_utf16().count();
        if units + length > UNITS && !part.trim().is_empty() {
            parts.push(std::mem::take(&mut part));
            units = 0;
        }
        for character in line.chars() {
            if units + character.len_utf16() > UNITS {
                parts.push(std::mem::take(&mut part));
                units = 0;
            }
            part.push(character);
            units += character.len_utf16();
        }
    }
    parts.push(part);
    parts.retain(|part| !part.trim().is_empty());
    parts.iter().map(|part| escaped(part.trim_end())).collect()
}

/// Text whose characters mean nothing in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A part without its marks, for a service that does not understand them. The addresses of links are kept.
pub(super) fn without_marks(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut address: Option<String> = None;
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        plain.push_str(&unescaped(&rest[..open]));
        let Some(close) = rest[open..].find('>') else {
            rest = &rest[open..];
            break;
        };
        let tag = &rest[open + 1..open + close];
        if let Some(link) = tag.strip_prefix("a href=\"") {
            address = Some(unescaped(link.trim_end_matches('"')));
        } else if tag == "/a"
            && let Some(address) = address.take()
            && !plain.ends_with(&address)
            && plain.encode_utf16().count() + address.len() + 3 < UNITS
        {
            plain.push_str(&format!(" ({address})"));
        }
        rest = &rest[open + close + 1..];
    }
    plain.push_str(&unescaped(rest));
    plain
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_are_cut_at_lines_and_never_lost() {
        assert_eq!(plain_parts("a < b & c"), ["a &lt; b &amp; c"]);
        assert!(plain_parts(" \n ").is_empty());
        let long = format!("{}\n{}", "a".repeat(4_000), "👋".repeat(3_000));
        let parts = plain_parts(&long);
        assert!(parts.iter().all(|part| part.encode_utf16().count() <= 4_096));
        let whole: String = parts.concat();
        assert_eq!(whole.matches('👋').count(), 3_000);
        assert_eq!(whole.matches('a').count(), 4_000);
    }

    #[test]
    fn marks_are_taken_away_and_addresses_kept() {
        let html = "<b>one</b> &lt;two&gt; <a href=\"https://e.org/?a=1&amp;b=2\">three</a> <pre><code class=\"language-rs\">x &amp;&amp; y</code></pre>";
        assert_eq!(without_marks(html), "one <two> three (https://e.org/?a=1&b=2) x && y");
        assert_eq!(without_marks("a < b"), "a < b");
    }
}
