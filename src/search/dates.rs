//! The months and days that a question names, in English, Ukrainian and Russian and in digits.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Utc};

/// A month or a day, as far as it was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::search) struct Named {
    pub(in crate::search) year: Option<i32>,
    pub(in crate::search) month: u32,
    pub(in crate::search) day: Option<u32>,
}

impl Named {
    /// Whether `at` falls into the month (of the year, where one was named).
    pub(in crate::search) fn is_month(&self, at: DateTime<Utc>) -> bool {
        self.month == at.month() && self.year.is_none_or(|year| year == at.year())
    }

    /// Whether `at` falls on the day. False where no day was named.
    pub(in crate::search) fn is_day(&self, at: DateTime<Utc>) -> bool {
        self.day == Some(at.day()) && self.is_month(at)
    }
}

/// The dates that `text` names, in order.
pub(in crate::search) fn named(text: &str) -> Vec<Named> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (date, taken) = match digits(&tokens[at..]) {
            Some((date, taken)) => (Some(date), taken),
            None => (worded(&tokens, at), 1),
        };
        found.extend(date);
        at += taken;
    }
    found
}

/// A run of letters and digits.
struct Token {
    /// In lower case.
    text: String,
    capital: bool,
    /// What stands between it and the token before it.
    before: String,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut before = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            let capital = word.chars().next().is_some_and(char::is_uppercase);
            tokens.push(Token { text: word.to_lowercase(), capital, before: std::mem::take(&mut before) });
            word.clear();
        }
        before.push(c);
    }
    tokens
}

const DAYS: RangeInclusive<u32> = 1..=31;
const MONTHS: RangeInclusive<u32> = 1..=12;

/// `2026-05-07`, `2026-05`, `07.05.2026`: the date and how many tokens it takes.
fn digits(tokens: &[Token]) -> Option<(Named, usize)> {
    let number = |at: usize, mark: &str, length: usize| {
        let token = tokens.get(at)?;
        let fits = token.text.len() <= length && (at == 0 || token.before == mark);
        if fits { token.text.parse::<u32>().ok() } else { None }
    };
    if let Some(year) = year(&tokens[0].text) {
        let month = number(1, "-", 2).filter(|month| MONTHS.contains(month))?;
        let day = number(2, "-", 2).filter(|day| DAYS.contains(day));
        return Some((Named { year: Some(year), month, day }, if day.is_some() { 3 } else { 2 }));
    }
    let day = number(0, "", 2).filter(|day| DAYS.contains(day))?;
    let month = number(1, ".", 2).filter(|month| MONTHS.contains(month))?;
    let year = tokens.get(2).filter(|token| token.before == ".").and_then(|token| year(&token.text))?;
    Some((Named { year: Some(year), month, day: Some(day) }, 3))
}

/// `7 May`, `May 7th, 2026`, `the 7th of May`, `в мае`, `7 травня 2026`: a month's name with what is around it.
fn worded(tokens: &[Token], at: usize) -> Option<Named> {
    let token = &tokens[at];
    let (month, certainty) = month(&token.text)?;
    let text_at =
        |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.text.as_str());
    let previous = match text_at(at.checked_sub(1)) {
        "of" => text_at(at.checked_sub(2)),
        other => other,
    };
    let next = text_at(Some(at + 1));
    let day_after = day(next);
    let day = day(previous).or(day_after);
    let year = year(next).or_else(|| day_after.and_then(|_| year(text_at(Some(at + 2)))));
    let is_named = match certainty {
        Certainty::Name => true,
        Certainty::Word => {
            day.is_some() || year.is_some() || (token.capital && at > 0) || BEFORE_MONTHS.contains(&previous)
        }
        Certainty::Short => day.is_some() || year.is_some(),
    };
    is_named.then_some(Named { year, month, day })
}

/// How sure a name alone makes of a month.
#[derive(Clone, Copy)]
enum Certainty {
    Name,
    /// An everyday word too: needs a capital, a number or a preposition.
    Word,
    /// An abbreviation: needs a number.
    Short,
}

const BEFORE_MONTHS: [&str; 16] = [
    "in", "during", "since", "until", "till", "last", "this", "next", "early", "late", "mid", "у", "в",
    "від", "до", "за",
];

fn day(text: &str) -> Option<u32> {
    let bare = ["st", "nd", "rd", "th", "го", "е"].iter().find_map(|ending| text.strip_suffix(ending));
    let bare = bare.unwrap_or(text);
    if bare.len() > 2 { None } else { bare.parse().ok().filter(|day| DAYS.contains(day)) }
}

fn year(text: &str) -> Option<i32> {
    if text.len() != 4 { None } else { text.parse().ok().filter(|year| (1900..=2100).contains(year)) }
}

fn month(word: &str) -> Option<(u32, Certainty)> {
    const ENGLISH: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if word.is_ascii() {
        let place =
            ENGLISH.iter().position(|name| *name == word || (word.len() == 3 && name.starts_with(word)));
        let place = place.or_else(|| (word == "sept").then_some(8))?;
        let certainty = match word {
            "may" | "march" | "august" => Certainty::Word,
            _ if word == ENGLISH[place] => Certainty::Name,
            _ => Certainty::Short,
        };
        return Some((place as u32 + 1, certainty));
    }
    let place = SLAVIC.iter().position(|(beginnings, endings)| {
        beginnings.iter().any(|beginning| {
            word.strip_prefix(beginning).is_some_and(|rest| endings.split(' ').any(|ending| ending == rest))
        })
    })?;
    Some((place as u32 % 12 + 1, Certainty::Name))
}

/// Ukrainian, then Russian: how each month begins, and how it may go on.
const SLAVIC: [(&[&str], &str); 24] = [
    (&["січ"], NEN),
    (&["лют"], "ий ого ому им"),
    (&["берез"], NEN),
    (&["квіт"], NEN),
    (&["трав"], NEN),
    (&["черв"], NEN),
    (&["лип"], NEN),
    (&["серп"], NEN),
    (&["верес"], NEN),
    (&["жовт"], NEN),
    (&["листопад"], " а у і ом"),
    (&["груд"], NEN),
    (&["январ"], SOFT),
    (&["феврал"], SOFT),
    (&["март"], " а е у ом"),
    (&["апрел"], SOFT),
    (&["ма"], "й я е ю ем"),
    (&["июн"], SOFT),
    (&["июл"], SOFT),
    (&["август"], " а е у ом"),
    (&["сентябр"], SOFT),
    (&["октябр"], SOFT),
    (&["ноябр"], SOFT),
    (&["декабр"], SOFT),
];
const NEN: &str = "ень ня ні ню нем";
const SOFT: &str = "ь я е ю ем ём";

#[cfg(test)]
mod tests {
    use super::{Named, named};

    fn of(year: Option<i32>, month: u32, day: Option<u32>) -> Vec<Named> {
        vec![Named { year, month, day }]
    }

    #[test]
    fn dates_are_read_in_three_languages() {
        let may_7 = of(Some(2023), 5, Some(7));
        for text in [
            "What happened on 7 May 2023?",
            "on May 7, 2023",
            "on the 7th of May 2023",
            "2023-05-07",
            "07.05.2023",
            "7 травня 2023 року",
            "Что было 7 мая 2023?",
            "May 7th 2023",
        ] {
            assert_eq!(named(text), may_7, "{text}");
        }
        for text in ["in May 2023", "2023-05", "у травні 2023", "в мае 2023"] {
            assert_eq!(named(text), of(Some(2023), 5, None), "{text}");
        }
        for text in ["in june", "June?", "у червні", "в июне", "наприкінці червня"]
        {
            assert_eq!(named(text), of(None, 6, None), "{text}");
        }
        assert_eq!(named("on 3 Mar"), of(None, 3, Some(3)));
        assert_eq!(named("what about May"), of(None, 5, None));
    }

    #[test]
    fn everyday_words_are_no_months() {
        for text in [
            "may I ask",
            "May I ask?",
            "we march on",
            "mar the day",
            "the march of time",
            "версія 1.2",
            "10.5 km",
            "",
        ] {
            assert_eq!(named(text), [], "{text}");
        }
    }
}
