//! Telegram's HTML as Telegram reads it: a few tags, strictly closed, and its own words for what is wrong.

use crate::harness::telegram::text::{Entity, Formatted, units};

const TAGS: [&str; 17] = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "s",
    "strike",
    "del",
    "u",
    "ins",
    "tg-spoiler",
    "tg-emoji",
    "tg-time",
    "span",
    "pre",
    "code",
    "blockquote",
];

/// Reads HTML into a text and its entities, sorted; an error as `Bad Request: can't parse entities: …` goes on.
pub(crate) fn parse(html: &str) -> Result<Formatted, String> {
    let mut reader =
        Reader { html, at: 0, text: String::new(), offset: 0, open: Vec::new(), found: Vec::new() };
    while reader.at < html.len() {
        match reader.peek() {
            '<' if html[reader.at + 1..].starts_with('/') => reader.end_tag()?,
            '<' => reader.start_tag()?,
            '&' if reader.reference() => {}
            c => {
                reader.at += c.len_utf8();
                reader.write(c);
            }
        }
    }
    if let Some(open) = reader.open.last() {
        return Err(format!("Can't find end tag corresponding to start tag \"{}\"", open.name));
    }
    let mut entities = reader.found;
    let outer_first = |entity: &Entity| !entity.kind.ends_with("blockquote");
    entities.sort_by_key(|entity| (entity.offset, usize::MAX - entity.length, outer_first(entity)));
    Ok(Formatted { text: reader.text, entities })
}

/// A tag that was opened.
struct Open {
    name: String,
    /// An address, a language, `expandable`: what the tag's attribute says.
    argument: String,
    /// In UTF-16 units of the text.
    offset: usize,
    /// In bytes of the text.
    begin: usize,
}

struct Reader<'a> {
    html: &'a str,
    at: usize,
    text: String,
    offset: usize,
    open: Vec<Open>,
    found: Vec<Entity>,
}

impl Reader<'_> {
    /// The next character; NUL at the end.
    fn peek(&self) -> char {
        self.html[self.at..].chars().next().unwrap_or('\0')
    }

    fn write(&mut self, c: char) {
        self.text.push(c);
        self.offset += c.len_utf16();
    }

    /// Takes characters as long as they are so, but not beyond the end.
    fn take_while(&mut self, so: impl Fn(char) -> bool) -> &str {
        let rest = &self.html[self.at..];
        let end = rest.find(|c| !so(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_spaces(&mut self) {
        self.take_while(is_space);
    }

    /// A character reference in the text; false if it is none, and stands for itself.
    fn reference(&mut self) -> bool {
        let Some((c, length)) = decode(&self.html[self.at..]) else { return false };
        self.at += length;
        self.write(c);
        true
    }

    fn start_tag(&mut self) -> Result<(), String> {
        let begin = self.at;
        self.at += 1;
        let name = self.take_while(|c| !is_space(c) && c != '>').to_ascii_lowercase();
        if self.at == self.html.len() {
            return Err(format!("Unclosed start tag at byte offset {begin}"));
        }
        if !TAGS.contains(&name.as_str()) {
            return Err(format!("Unsupported start tag \"{name}\" at byte offset {begin}"));
        }
        let mut argument = String::new();
        loop {
            self.skip_spaces();
            if self.peek() == '>' {
                break;
            }
            let (attribute, value) = self.attribute(&name, begin)?;
            match (name.as_str(), attribute.as_str()) {
                ("a", "href") | ("tg-emoji", "emoji-id") | ("tg-time", "format") => {
                    argument = value.unwrap_or_default()
                }
                ("code", "class") => argument = after(value, "language-").unwrap_or(argument),
                ("span", "class") => argument = after(value, "tg-").unwrap_or(argument),
                ("blockquote", "expandable") => argument = "expandable".to_owned(),
                _ => {}
            }
        }
        if name == "span" && argument != "spoiler" {
            return Err(format!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"));
        }
        self.at += 1;
        self.open.push(Open { name, argument, offset: self.offset, begin: self.text.len() });
        Ok(())
    }

    /// A name and its value, if it has one.
    fn attribute(&mut self, tag: &str, begin: usize) -> Result<(String, Option<String>), String> {
        let part_of_name = |c| !is_space(c) && !matches!(c, '=' | '>' | '/' | '"' | '\'');
        let name = self.take_while(part_of_name).to_owned();
        if name.is_empty() {
            return Err(format!("Empty attribute name in the tag \"{tag}\" at byte offset {begin}"));
        }
        self.skip_spaces();
        if self.peek() != '=' {
            return match self.at == self.html.len() {
                true => Err(format!("Unclosed start tag \"{tag}\" at byte offset {begin}")),
                false => Ok((name, None)),
            };
        }
        self.at += 1;
        self.skip_spaces();
        let quote = self.peek();
        if !matches!(quote, '"' | '\'') {
            let token = self.at;
            let value = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
            let value = value.to_ascii_lowercase();
            if !is_space(self.peek()) && self.peek() != '>' {
                return Err(format!("Unexpected end of name token at byte offset {token}"));
            }
            return Ok((name, Some(value)));
        }
        self.at += 1;
        let value = self.quoted(quote);
        if self.at >= self.html.len() {
            return Err(format!("Unclosed start tag at byte offset {begin}"));
        }
        Ok((name, Some(value)))
    }

    fn quoted(&mut self, quote: char) -> String {
        let mut value = String::new();
        while self.at < self.html.len() && self.peek() != quote {
            let c = self.peek();
            let (c, length) = decode(&self.html[self.at..]).unwrap_or((c, c.len_utf8()));
            self.at += length;
            value.push(c);
        }
        self.at += usize::from(self.at < self.html.len());
        value
    }

    fn end_tag(&mut self) -> Result<(), String> {
        let begin = self.at;
        let Some(open) = self.open.pop() else {
            return Err(format!("Unexpected end tag at byte offset {begin}"));
        };
        self.at += 2;
        let name = self.take_while(|c| !is_space(c) && c != '>').to_ascii_lowercase();
        self.skip_spaces();
        if self.peek() != '>' {
            return Err(format!("Unclosed end tag at byte offset {begin}"));
        }
        self.at += 1;
        if !name.is_empty() && name != open.name {
            let expected = &open.name;
            return Err(format!(
                "Unmatched end tag at byte offset {begin}, expected \"</{expected}>\", found \"</{name}>\""
            ));
        }
        self.close(open);
        Ok(())
    }

    fn close(&mut self, open: Open) {
        let length = self.offset - open.offset;
        if length == 0 {
            return;
        }
        let twin = |found: &&mut Entity| found.offset == open.offset && found.length == length;
        let last = self.found.last_mut().filter(twin);
        let argument = Some(open.argument.clone()).filter(|argument| !argument.is_empty());
        let (kind, argument) = match open.name.as_str() {
            "b" | "strong" => ("bold", None),
            "i" | "em" => ("italic", None),
            "u" | "ins" => ("underline", None),
            "s" | "strike" | "del" => ("strikethrough", None),
            "tg-spoiler" | "span" => ("spoiler", None),
            "blockquote" if argument.is_some() => ("expandable_blockquote", None),
            "blockquote" => ("blockquote", None),
            "a" => match checked(argument.as_deref().unwrap_or(&self.text[open.begin..])) {
                Some(address) => ("text_link", Some(address)),
                None => return,
            },
            "pre" => match last {
                // `<pre><code class="language-…">`: one entity, which is there already.
                Some(code) if code.kind == "code" && code.argument.is_some() => {
                    code.kind = "pre".to_owned();
                    return;
                }
                _ => ("pre", None),
            },
            "code" => ("code", argument),
            // Emoji and dates of the service's own: shown as they are.
            _ => return,
        };
        self.found.push(Entity { kind: kind.to_owned(), offset: open.offset, length, argument });
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\0' | '\u{b}')
}

fn after(value: Option<String>, prefix: &str) -> Option<String> {
    value?.strip_prefix(prefix).map(str::to_owned)
}

/// A character reference at the beginning of `text`: what it stands for, and how many bytes it takes.
fn decode(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('&')?;
    let (c, length) = if let Some(number) = rest.strip_prefix('#') {
        let (digits, base, sign) = match number.strip_prefix('x') {
            Some(hex) => (hex, 16, 3),
            None => (number, 10, 2),
        };
        let end = digits.find(|c: char| !c.is_digit(base)).unwrap_or(digits.len());
        let code = u32::from_str_radix(&digits[..end], base).ok().filter(|_| sign + end < 10)?;
        (char::from_u32(code).filter(|c| *c != '\0' && *c < '\u{10ffff}')?, sign + end)
    } else {
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let c = match &rest[..end] {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            _ => return None,
        };
        (c, 1 + end)
    };
    Some((c, length + usize::from(text[length..].starts_with(';'))))
}

/// An address as the service keeps it; none if it drops it without a word.
fn checked(address: &str) -> Option<String> {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => match address.strip_prefix("tg:") {
            Some(rest) => ("tg".to_owned(), rest),
            None => ("http".to_owned(), address),
        },
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, query) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host);
    let plain = |c: char| c.is_alphanumeric() || "._-!$,~*'();&+=%".contains(c);
    let known = match scheme.as_str() {
        "http" | "https" => host.contains('.') && host != ".",
        "tg" | "ton" => {
            !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        }
        _ => false,
    };
    let slash = if query.starts_with('/') || scheme == "tg" { "" } else { "/" };
    (known && host.chars().all(plain)).then(|| format!("{scheme}://{authority}{slash}{query}"))
}

/// What an author should not have asked for, though the service puts up with it: entities that cross, quotations
/// in quotations, anything in code, links in links.
pub(crate) fn unnested(formatted: &Formatted) -> Result<(), String> {
    let mut open: Vec<&Entity> = Vec::new();
    for entity in &formatted.entities {
        if entity.offset + entity.length > units(&formatted.text) {
            return Err(format!("{entity:?} goes beyond the text"));
        }
        open.retain(|outer| outer.offset + outer.length > entity.offset);
        for outer in &open {
            let solid = |kind: &str| matches!(kind, "code" | "pre" | "text_link");
            let quotes = |kind: &str| kind.ends_with("blockquote");
            let crosses = entity.offset + entity.length > outer.offset + outer.length;
            let inner_code = matches!(entity.kind.as_str(), "code" | "pre") && !quotes(&outer.kind);
            let nested = (solid(&outer.kind) && solid(&entity.kind))
                || matches!(outer.kind.as_str(), "code" | "pre")
                || quotes(&entity.kind) && quotes(&outer.kind)
                || outer.kind == entity.kind;
            if crosses || inner_code || nested {
                return Err(format!("{entity:?} may not stand in {outer:?}"));
            }
        }
        open.push(entity);
    }
    Ok(())
}
