//! Marked stretches of a text. The service counts in UTF-16 units.

use serde::Deserialize;

/// A marked stretch. Kinds that we do not know are kept and mean nothing.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct Entity {
    #[serde(rename = "type")]
    pub(in crate::channels::telegram) kind: String,
    /// In UTF-16 units, as the length.
    pub(in crate::channels::telegram) offset: usize,
    pub(in crate::channels::telegram) length: usize,
    /// Where a link leads that its text does not show.
    #[serde(default)]
    pub(in crate::channels::telegram) url: Option<String>,
    /// Somebody without a username who is mentioned.
    #[serde(default)]
    pub(in crate::channels::telegram) user: Option<Mentioned>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct Mentioned {
    pub(in crate::channels::telegram) id: i64,
}

impl Entity {
    /// Where it stands in `text`, in bytes; none where it stands beside it, or cuts a character.
    pub(in crate::channels::telegram) fn range(&self, text: &str) -> Option<std::ops::Range<usize>> {
        let end = self.offset.checked_add(self.length)?;
        Some(byte_at(text, self.offset)?..byte_at(text, end)?)
    }
}

/// The byte where the UTF-16 unit of that number begins.
fn byte_at(text: &str, unit: usize) -> Option<usize> {
    let mut units = 0;
    for (byte, character) in text.char_indices() {
        if units == unit {
            return Some(byte);
        }
        units += character.len_utf16();
    }
    (units == unit).then_some(text.len())
}

/// The text with the addresses of links that it only hides, after each of them.
pub(in crate::channels::telegram) fn with_links(text: &str, entities: &[Entity]) -> String {
    let mut links: Vec<(usize, &str)> = entities
        .iter()
        .filter(|entity| entity.kind == "text_link")
        .filter_map(|entity| Some((entity.range(text)?, entity.url.as_deref()?)))
        .filter(|(range, url)| text.get(range.clone()) != Some(*url))
        .map(|(range, url)| (range.end, url))
        .collect();
    links.sort_by_key(|(end, _)| *end);
    let mut whole = String::with_capacity(text.len());
    let mut from = 0;
    for (end, url) in links {
        whole.push_str(text.get(from..end).unwrap_or_default());
        whole.push_str(&format!(" ({url})"));
        from = end;
    }
    whole.push_str(text.get(from..).unwrap_or_default());
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(kind: &str, offset: usize, length: usize) -> Entity {
        let url = (kind == "text_link").then(|| "https://example.org".to_owned());
        Entity { kind: kind.into(), offset, length, url, user: None }
    }

    #[test]
    fn ranges_count_in_utf_16_units() {
        let text = "👋🏽 ні @bot!";
        let range = entity("mention", 8, 4).range(text).unwrap();
        assert_eq!(&text[range], "@bot");
        assert_eq!(entity("mention", 1, 2).range(text), None, "in the middle of a character");
        assert_eq!(entity("mention", 9, 40).range(text), None, "beyond the end");
        assert_eq!(entity("mention", usize::MAX, 2).range(text), None);
        assert_eq!(entity("bold", 0, 13).range(text), Some(0..text.len()));
    }

    #[test]
    fn hidden_links_are_shown() {
        let links = [entity("text_link", 6, 4), entity("text_link", 0, 3)];
        assert_eq!(
            with_links("one и two.", &links),
            "one (https://example.org) и two. (https://example.org)"
        );
        assert_eq!(with_links("plain", &[entity("bold", 0, 5)]), "plain");
    }
}
