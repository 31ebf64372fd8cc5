//! From text to folded words: one spelling for what people write in several ways.

/// One folded word.
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// A run of a script that is written without spaces (Han, kana, Thai).
    pub(super) unspaced: bool,
}

/// Tokens of more characters are dropped: nobody asks for them (keys, hashes, base64).
const LONGEST_WORD: usize = 40;
/// The apostrophe that stays inside Cyrillic words, whichever was typed.
pub(super) const APOSTROPHE: char = '\u{02BC}';

/// Calls `sink` with each word of `text`, lower-cased and folded.
pub(super) fn each_word(text: &str, sink: &mut dyn FnMut(Word<'_>)) {
    let mut word = Building::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = narrow(c);
        if c.is_ascii_alphanumeric() {
            word.enter(false, sink);
            word.push(c.to_ascii_lowercase());
        } else if c.is_ascii() && c != '\'' && c != '`' {
            word.end(sink);
        } else if is_apostrophe(c) {
            if word.ends_cyrillic() && chars.peek().is_some_and(|&next| is_cyrillic(next)) {
                word.push(APOSTROPHE);
            } else {
                word.end(sink);
            }
        } else if is_ignorable(c) {
            word.mark(c);
        } else if is_unspaced(c) {
            word.enter(true, sink);
            word.push(c);
        } else if c.is_alphanumeric() || is_sign(c) {
            word.enter(false, sink);
            for lower in c.to_lowercase() {
                word.fold(lower);
            }
        } else {
            word.end(sink);
        }
    }
    word.end(sink);
}

/// The word that is being read.
#[derive(Default)]
struct Building {
    text: String,
    chars: usize,
    unspaced: bool,
}

impl Building {
    /// Makes ready for a character of this kind; one of the other kind ends the word.
    fn enter(&mut self, unspaced: bool, sink: &mut dyn FnMut(Word<'_>)) {
        if self.unspaced != unspaced {
            self.end(sink);
            self.unspaced = unspaced;
        }
    }

    fn push(&mut self, c: char) {
        self.chars += 1;
        // A wall of letters is not kept, only counted; a run without spaces has no words to count.
        if self.unspaced || self.chars <= LONGEST_WORD {
            self.text.push(c);
        }
    }

    /// Pushes a lower-case letter with its accents taken off.
    fn fold(&mut self, c: char) {
        match c {
            'ё' => self.push('е'),
            'ß' => "ss".chars().for_each(|c| self.push(c)),
            'æ' => "ae".chars().for_each(|c| self.push(c)),
            'œ' => "oe".chars().for_each(|c| self.push(c)),
            _ if is_ignorable(c) => self.mark(c),
            _ => self.push(unaccented(c)),
        }
    }

    /// A mark on the letter before it: part of the letter in Cyrillic (й, ї), dropped elsewhere.
    fn mark(&mut self, mark: char) {
        let composed = match (self.text.chars().next_back(), mark) {
            (Some('и'), '\u{0306}') => 'й',
            (Some('у'), '\u{0306}') => 'ў',
            (Some('і'), '\u{0308}') => 'ї',
            _ => return,
        };
        self.text.pop();
        self.text.push(composed);
    }

    fn ends_cyrillic(&self) -> bool {
        self.text.chars().next_back().is_some_and(is_cyrillic)
    }

    fn end(&mut self, sink: &mut dyn FnMut(Word<'_>)) {
        if !self.text.is_empty() && (self.unspaced || self.chars <= LONGEST_WORD) {
            sink(Word { text: &self.text, unspaced: self.unspaced });
        }
        self.text.clear();
        self.chars = 0;
    }
}

/// Full-width Latin, as typed beside Chinese and Japanese, as ASCII.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '`' | '\u{00B4}' | '\u{02B9}' | '\u{02BC}' | '\u{2018}' | '\u{2019}' | '\u{2032}')
}

/// Marks and invisible characters that are no part of a word's spelling: accents over letters, Hebrew points,
/// Arabic vowels, soft hyphens, joiners.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0591}'..='\u{05C7}' | '\u{0640}' | '\u{064B}'..='\u{065F}' | '\u{0670}'
        | '\u{00AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Signs inside the words of the scripts of India, which are not letters by themselves.
fn is_sign(c: char) -> bool {
    matches!(c, '\u{0900}'..='\u{0963}' | '\u{0970}'..='\u{0DFF}')
}

/// Scripts that are written without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0E4E}' | '\u{0E80}'..='\u{0ECD}' | '\u{1000}'..='\u{103F}' | '\u{1780}'..='\u{17D3}'
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FF9F}'
        | '\u{20000}'..='\u{323AF}')
        && !matches!(c, '\u{30A0}' | '\u{30FB}')
}

/// Whether `c` is a Cyrillic letter.
pub(super) fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{0400}'..='\u{052F}') && c.is_alphabetic()
}

/// The letter below the accents, for Latin letters; others as they are.
fn unaccented(c: char) -> char {
    if !matches!(c, '\u{00E0}'..='\u{024F}' | '\u{1E00}'..='\u{1EFF}') {
        return c;
    }
    let place = UNACCENTED.iter().find(|(accented, _)| accented.contains(c));
    place.map_or(c, |(_, plain)| *plain)
}

const UNACCENTED: &[(&str, char)] = &[
    ("àáâãäåāăąǎǟǡǻȁȃȧḁẚạảấầẩẫậắằẳẵặ", 'a'),
    ("ḃḅḇƀ", 'b'),
    ("çćĉċčḉ", 'c'),
    ("ďđḋḍḏḑḓð", 'd'),
    ("èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ", 'e'),
    ("ḟ", 'f'),
    ("ĝğġģǧǵḡ", 'g'),
    ("ĥħȟḣḥḧḩḫẖ", 'h'),
    ("ìíîïĩīĭįıǐȉȋḭḯỉị", 'i'),
    ("ĵǰ", 'j'),
    ("ķǩḱḳḵ", 'k'),
    ("ĺļľŀłḷḹḻḽ", 'l'),
    ("ḿṁṃ", 'm'),
    ("ñńņňǹṅṇṉṋ", 'n'),
    ("òóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ", 'o'),
    ("ṕṗ", 'p'),
    ("ŕŗřȑȓṙṛṝṟ", 'r'),
    ("śŝşšșṡṣṥṧṩſ", 's'),
    ("ţťŧțṫṭṯṱẗ", 't'),
    ("ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự", 'u'),
    ("ṽṿ", 'v'),
    ("ŵẁẃẅẇẉẘ", 'w'),
    ("ẋẍ", 'x'),
    ("ýÿŷȳẏẙỳỵỷỹ", 'y'),
    ("źżžẑẓẕ", 'z'),
];
