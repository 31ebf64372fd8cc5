//! A project's files as they travel: paths and contents, so that nothing here has to open a file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 256 * 1024;

/// The files of one project. Paths are relative to the project's folder, with `/` between their parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// Contents by path: the YAML files and what they refer to.
    #[serde(with = "contents")]
    pub files: BTreeMap<String, Vec<u8>>,
    /// Files that were not read, by path, with the reason: a sentence without a subject (`is larger than
    /// 256 KiB`).
    #[serde(default)]
    pub unread: BTreeMap<String, String>,
    /// Paths that are there and that nothing refers to; only their names, for *did you mean*.
    #[serde(default)]
    pub others: BTreeSet<String>,
}

/// Texts travel as text; what is not UTF-8 (and will be reported) as a list of bytes.
mod contents {
    use std::collections::BTreeMap;
    use std::fmt;

    use serde::de::{SeqAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    #[serde(untagged)]
    enum Content {
        Text(String),
        Bytes(Vec<u8>),
    }

    /// A list of bytes goes straight into bytes: by way of a tree it would take thirty times as much memory.
    impl<'de> Deserialize<'de> for Content {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Reader;
            impl<'de> Visitor<'de> for Reader {
                type Value = Content;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a file's text, or a list of its bytes")
                }
                fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                    Ok(Content::Text(text.to_owned()))
                }
                fn visit_string<E>(self, text: String) -> Result<Content, E> {
                    Ok(Content::Text(text))
                }
                fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
                    let mut bytes = Vec::new();
                    while let Some(byte) = list.next_element()? {
                        bytes.push(byte);
                    }
                    Ok(Content::Bytes(bytes))
                }
            }
            deserializer.deserialize_any(Reader)
        }
    }

    pub(super) fn serialize<S: Serializer>(
        files: &BTreeMap<String, Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(files.iter().map(|(path, bytes)| {
            let content = match std::str::from_utf8(bytes) {
                Ok(text) => Content::Text(text.into()),
                Err(_) => Content::Bytes(bytes.clone()),
            };
            (path, content)
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Vec<u8>>, D::Error> {
        let files = BTreeMap::<String, Content>::deserialize(deserializer)?;
        Ok(files
            .into_iter()
            .map(|(path, content)| match content {
                Content::Text(text) => (path, text.into_bytes()),
                Content::Bytes(bytes) => (path, bytes),
            })
            .collect())
    }
}
