//! From a word to its stem, by the script that it is written in: so a word has one stem wherever it stands, and a
//! text may mix languages.

use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer, TokenStream};

use crate::search::analyse::{fold, irregular, slavic};

/// The stemmers of one thread.
pub(super) struct Stemmers {
    english: TextAnalyzer,
}

impl Stemmers {
    pub(super) fn new() -> Self {
        let english = Stemmer::new(Language::English);
        Self { english: TextAnalyzer::builder(RawTokenizer::default()).filter(english).build() }
    }

    /// The stem of a folded word. Words of neither Latin nor Cyrillic letters stay as they are.
    pub(super) fn stem(&mut self, word: &str) -> String {
        if word.is_ascii() {
            return only_token(&mut self.english, irregular::plain(word).unwrap_or(word));
        }
        if word.chars().any(fold::is_cyrillic) { slavic::stem(word) } else { word.to_owned() }
    }
}

fn only_token(analyzer: &mut TextAnalyzer, word: &str) -> String {
    let mut stream = analyzer.token_stream(word);
    if stream.advance() { stream.token().text.clone() } else { word.to_owned() }
}
