//! Cron lines as people write them: five fields, a timezone, Unix weekdays.
//!
//! The `cron` crate walks the calendar. It wants six fields, counts weekdays from Sunday = 1, joins the two
//! day fields by *and*, and loses times that the clock skips; what stands here makes up for that.

mod field;

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use field::Field;

/// When something is due, again and again.
///
/// - Five fields: minute, hour, day of the month, month, weekday (0 and 7 are Sunday). Lists, ranges, steps,
///   names (`MON-FRI`, `jan`), and `@hourly` to `@yearly`. If both day fields are restricted, either fits.
/// - A time that the clock skips in spring fires once, at the first moment after the gap; one that it
///   repeats in autumn fires at the first of the two. Only where the hour is `*` does the line follow time
///   as it passes: nothing is made up for, and both of the repeated hours count.
#[derive(Debug, Clone)]
pub struct Cron {
    text: String,
    timezone: Tz,
    /// Two where the day of the month and the weekday are alternatives.
    calendars: Vec<cron::Schedule>,
    every_hour: bool,
}

/// No clock goes back further than this at once, or forward further than a day (Samoa, 2011).
const LONGEST_FOLD: TimeDelta = TimeDelta::hours(3);
const LONGEST_GAP_MINUTES: i64 = 25 * 60;

const LONGEST_TEXT: usize = 200;

const ALIASES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Cron {
    /// Reads a line and the name of its timezone. The error names the field, what stands there and what may.
    pub fn parse(text: &str, timezone: &str) -> Result<Self, String> {
        let timezone = parse_timezone(timezone)?;
        let text = text.trim();
        let fields = split(text)?;
        let [minute, hour, day, month, weekday] = fields;
        let minutes = Field::MINUTE.parse(minute)?;
        let hours = Field::HOUR.parse(hour)?;
        let days = Field::DAY.parse(day)?;
        let months = Field::MONTH.parse(month)?;
        let weekdays = Field::WEEKDAY.parse(weekday)?;

        let calendar = |days: &str, weekdays: &str| {
            let line = format!("0 {minutes} {hours} {days} {months} {weekdays}");
            line.parse::<cron::Schedule>().map_err(|error| format!("`{text}` is no schedule: {error}"))
        };
        // As cron itself has it: a field that begins with `*` is no restriction, even `*/2`.
        let calendars = if day.starts_with('*') || weekday.starts_with('*') {
            vec![calendar(&days, &weekdays)?]
        } else {
            vec![calendar(&days, "*")?, calendar("*", &weekdays)?]
        };
        let cron = Self { text: text.into(), timezone, calendars, every_hour: hour == "*" };
        if cron.next_local(DateTime::UNIX_EPOCH.naive_utc()).is_none() {
            return Err(format!("`{text}` never comes: no month `{month}` has a day `{day}`"));
        }
        Ok(cron)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The IANA name, such as `Europe/Kyiv`.
    pub fn timezone(&self) -> &'static str {
        self.timezone.name()
    }

    /// The first time after `after`; `None` when there is none before the year 2100 ends.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&self.timezone).naive_local();
        // The second of two repeated times comes after local times that are later than itself.
        let mut candidate = local.checked_sub_signed(LONGEST_FOLD)?;
        let mut best: Option<DateTime<Utc>> = None;
        loop {
            candidate = match self.next_local(candidate) {
                Some(next) => next,
                None => return best,
            };
            let earliest = self.first_moment_of(candidate);
            if best.is_some() && earliest >= best {
                return best;
            }
            let times = match (self.every_hour, self.timezone.from_local_datetime(&candidate)) {
                (true, moments) => [moments.earliest(), moments.latest()],
                (false, _) => [None, earliest.map(|moment| moment.with_timezone(&self.timezone))],
            };
            let times = times.into_iter().flatten().map(|time| time.to_utc());
            best = times.filter(|time| *time > after).chain(best).min();
        }
    }

    /// The first local time after `after` that the fields allow, as if no clock were ever changed.
    fn next_local(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let after = after.and_utc();
        let times = self.calendars.iter().filter_map(|calendar| calendar.after(&after).next());
        times.min().map(|time| time.naive_utc())
    }

    /// The moment of a local time: the first of two, or the end of the gap that it falls into.
    fn first_moment_of(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        (0..=LONGEST_GAP_MINUTES).find_map(|minutes| {
            let local = local.checked_add_signed(TimeDelta::minutes(minutes))?;
            Some(self.timezone.from_local_datetime(&local).earliest()?.to_utc())
        })
    }
}

/// The five fields, aliases written out.
fn split(text: &str) -> Result<[&str; 5], String> {
    if text.len() > LONGEST_TEXT {
        return Err(format!("a schedule has at most {LONGEST_TEXT} characters"));
    }
    if text.starts_with('@') {
        let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(text));
        return match alias {
            Some((_, line)) => split(line),
            None => {
                let known = ALIASES.map(|(alias, _)| alias).join(", ");
                Err(format!("`{text}` is no schedule: there are {known}"))
            }
        };
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let found = fields.len();
    fields.try_into().map_err(|_| {
        let seconds = if found == 6 { "; there are no seconds" } else { "" };
        let fields = if found == 1 { "field" } else { "fields" };
        format!(
            "`{text}` has {found} {fields}, and a schedule has five: minute, hour, day of the month, month, weekday{seconds}"
        )
    })
}

fn parse_timezone(name: &str) -> Result<Tz, String> {
    let name = name.trim();
    name.parse().map_err(|_| {
        let lower = name.to_lowercase();
        let nearest = chrono_tz::TZ_VARIANTS
            .iter()
            .map(|zone| (strsim::jaro_winkler(&lower, &zone.name().to_lowercase()), zone.name()))
            .max_by(|one, other| one.0.total_cmp(&other.0))
            .filter(|(likeness, _)| *likeness > 0.85);
        match nearest {
            Some((_, zone)) => format!("`{name}` is no timezone; did you mean `{zone}`?"),
            None => format!("`{name}` is no timezone; write one such as `Europe/Kyiv` or `UTC`"),
        }
    })
}

#[cfg(test)]
mod tests;
