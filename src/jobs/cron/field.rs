//! One field of a cron line.

use std::collections::BTreeSet;

/// What may stand in a field, and what it is called.
pub(super) struct Field {
    name: &'static str,
    from: u32,
    to: u32,
    /// Names for the numbers from `from` on.
    names: &'static [&'static str],
    /// Whether it is the weekday, where 7 is 0 again.
    week: bool,
}

impl Field {
    pub(super) const MINUTE: Self = Self { name: "minute", from: 0, to: 59, names: &[], week: false };
    pub(super) const HOUR: Self = Self { name: "hour", from: 0, to: 23, names: &[], week: false };
    pub(super) const DAY: Self = Self { name: "day of the month", from: 1, to: 31, names: &[], week: false };
    pub(super) const MONTH: Self = Self {
        name: "month",
        from: 1,
        to: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        week: false,
    };
    pub(super) const WEEKDAY: Self = Self {
        name: "weekday",
        from: 0,
        to: 7,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        week: true,
    };

    /// The field in the words of the `cron` crate: `*`, or the plain list of what it allows.
    pub(super) fn parse(&self, text: &str) -> Result<String, String> {
        let mut numbers = BTreeSet::new();
        for item in text.split(',') {
            numbers.extend(self.item(item).map_err(|why| {
                format!("`{text}` cannot stand for the {}: {why}; allowed are {}", self.name, self.allowed())
            })?);
        }
        let last = if self.week { self.to - 1 } else { self.to };
        if (self.from..=last).all(|number| numbers.contains(&number)) {
            return Ok("*".into());
        }
        // The crate counts weekdays from Sunday = 1.
        let shift = u32::from(self.week);
        Ok(numbers.iter().map(|number| (number + shift).to_string()).collect::<Vec<_>>().join(","))
    }

    fn item(&self, item: &str) -> Result<Vec<u32>, String> {
        let (base, step) = match item.split_once('/') {
            Some((base, step)) => (base, Some(self.step(step)?)),
            None => (item, None),
        };
        let (from, to) = match base.split_once('-') {
            _ if base == "*" => (self.from, if self.week { self.to - 1 } else { self.to }),
            Some((from, to)) => (self.number(from)?, self.end_of_range(to)?),
            // As everywhere: `5/10` begins at 5 and goes on to the end.
            None if step.is_some() => (self.number(base)?, if self.week { self.to - 1 } else { self.to }),
            None => (self.number(base)?, self.number(base)?),
        };
        if from > to {
            return Err(format!("the range `{base}` runs backwards (`22-2` is written `22-23,0-2`)"));
        }
        let wrap = |number| if self.week { number % 7 } else { number };
        Ok((from..=to).step_by(step.unwrap_or(1)).map(wrap).collect())
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        let longest = self.to - self.from;
        match digits(text) {
            Some(step) if step >= 1 && step <= longest => Ok(step as usize),
            _ => Err(format!("the step `{text}` is not one of 1–{longest}")),
        }
    }

    /// A week may end on a Sunday: `FRI-SUN`.
    fn end_of_range(&self, text: &str) -> Result<u32, String> {
        match self.number(text)? {
            0 if self.week && digits(text).is_none() => Ok(7),
            number => Ok(number),
        }
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        if let Some(index) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.from + index as u32);
        }
        match digits(text) {
            Some(number) if (self.from..=self.to).contains(&number) => Ok(number),
            _ if text.is_empty() => Err("something is missing".into()),
            _ => Err(format!("`{text}` is not one of them")),
        }
    }

    fn allowed(&self) -> String {
        let (from, to) = (self.from, self.to);
        let names = match (self.names.first(), self.names.last()) {
            (Some(first), Some(last)) => format!(" (or {first}–{last})"),
            _ => String::new(),
        };
        format!(
            "{from}–{to}{names}, `*`, ranges such as `{from}-{}`, steps such as `*/2`, and lists of these with commas",
            from + 3
        )
    }
}

/// A short number without a sign.
fn digits(text: &str) -> Option<u32> {
    let well_formed = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if well_formed { text.parse().ok() } else { None }
}
