//! Cron lines, their zones and their clocks.

use std::collections::BTreeSet;

use chrono::{Datelike, Timelike};
use proptest::prelude::*;

use super::*;

fn utc(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc()
}

/// The next `count` times after `after`, in UTC.
fn times(line: &str, timezone: &str, after: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(line, timezone).unwrap();
    let mut at = utc(after);
    (0..count)
        .map(|_| {
            at = cron.next_after(at).unwrap();
            at.format("%Y-%m-%d %H:%M").to_string()
        })
        .collect()
}

#[test]
fn lines_mean_what_cron_means_by_them() {
    // 2026-11-20 is a Friday.
    let table: [(&str, [&str; 3]); 17] = [
        ("*/15 * * * *", ["2026-11-20 10:15", "2026-11-20 10:30", "2026-11-20 10:45"]),
        ("5/20 9-10 * * *", ["2026-11-20 10:05", "2026-11-20 10:25", "2026-11-20 10:45"]),
        ("30 9 * * *", ["2026-11-21 09:30", "2026-11-22 09:30", "2026-11-23 09:30"]),
        ("0 9 * * 1", ["2026-11-23 09:00", "2026-11-30 09:00", "2026-12-07 09:00"]),
        ("0 9 * * 0", ["2026-11-22 09:00", "2026-11-29 09:00", "2026-12-06 09:00"]),
        ("0 9 * * 7", ["2026-11-22 09:00", "2026-11-29 09:00", "2026-12-06 09:00"]),
        ("0 9 * * sun", ["2026-11-22 09:00", "2026-11-29 09:00", "2026-12-06 09:00"]),
        ("0 9 * * MON-FRI", ["2026-11-23 09:00", "2026-11-24 09:00", "2026-11-25 09:00"]),
        ("0 9 * * 5-7", ["2026-11-21 09:00", "2026-11-22 09:00", "2026-11-27 09:00"]),
        ("0 9 * * fri-sun", ["2026-11-21 09:00", "2026-11-22 09:00", "2026-11-27 09:00"]),
        ("0 9 * * 1-7/3", ["2026-11-22 09:00", "2026-11-23 09:00", "2026-11-26 09:00"]),
        ("0 0 1 jan,Jul *", ["2027-01-01 00:00", "2027-07-01 00:00", "2028-01-01 00:00"]),
        // Either day field fits where both are restricted, both must where one begins with `*`.
        ("0 0 1 * MON", ["2026-11-23 00:00", "2026-11-30 00:00", "2026-12-01 00:00"]),
        ("0 0 */10 * MON", ["2026-12-21 00:00", "2027-01-11 00:00", "2027-02-01 00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("@Monthly", ["2026-12-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00"]),
        ("@weekly", ["2026-11-22 00:00", "2026-11-29 00:00", "2026-12-06 00:00"]),
    ];
    for (line, expected) in table {
        assert_eq!(times(line, "UTC", "2026-11-20 10:00", 3), expected, "{line}");
    }
}

#[test]
fn in_spring_a_skipped_time_fires_once_at_the_end_of_the_gap() {
    // In Kyiv 03:00 becomes 04:00 on 29 March 2026, at 01:00 UTC.
    let cases: [(&str, [&str; 3]); 6] = [
        ("30 3 * * *", ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),
        ("0 3 * * *", ["2026-03-28 01:00", "2026-03-29 01:00", "2026-03-30 00:00"]),
        ("0 4 * * *", ["2026-03-28 02:00", "2026-03-29 01:00", "2026-03-30 01:00"]),
        // Several skipped times, and one at the end of the gap, are one.
        ("*/30 3-4 29 3 *", ["2026-03-29 01:00", "2026-03-29 01:30", "2027-03-29 00:00"]),
        // Where every hour counts nothing was skipped.
        ("30 * * * *", ["2026-03-27 22:30", "2026-03-27 23:30", "2026-03-28 00:30"]),
        ("30 2 29 3 *", ["2026-03-29 00:30", "2027-03-28 23:30", "2028-03-28 23:30"]),
    ];
    for (line, expected) in cases {
        assert_eq!(times(line, "Europe/Kyiv", "2026-03-27 22:00", 3), expected, "{line}");
    }
    let hourly = times("30 * * * *", "Europe/Kyiv", "2026-03-29 00:00", 3);
    assert_eq!(hourly, ["2026-03-29 00:30", "2026-03-29 01:30", "2026-03-29 02:30"]);
}

#[test]
fn in_autumn_a_repeated_time_fires_once() {
    // In Kyiv 04:00 becomes 03:00 on 25 October 2026, at 01:00 UTC.
    let cases: [(&str, [&str; 3]); 4] = [
        ("30 3 * * *", ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
        ("0 3 * * *", ["2026-10-24 00:00", "2026-10-25 00:00", "2026-10-26 01:00"]),
        ("0 4 * * *", ["2026-10-24 01:00", "2026-10-25 02:00", "2026-10-26 02:00"]),
        ("0,30 3-4 25 10 *", ["2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 02:00"]),
    ];
    for (line, expected) in cases {
        assert_eq!(times(line, "Europe/Kyiv", "2026-10-23 22:00", 3), expected, "{line}");
    }
    // Asked in the middle of the second pass: the first one counted.
    assert_eq!(times("30 3 * * *", "Europe/Kyiv", "2026-10-25 01:10", 1), ["2026-10-26 01:30"]);
    // Where every hour counts, time goes on as it passes.
    let hourly = times("*/30 * * * *", "Europe/Kyiv", "2026-10-25 00:15", 4);
    assert_eq!(hourly, ["2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30", "2026-10-25 02:00"]);
}

#[test]
fn what_is_wrong_is_said_with_the_field_and_what_is_allowed() {
    let table = [
        ("60 * * * *", "`60` cannot stand for the minute: `60` is not one of them; allowed are 0–59, `*`"),
        ("* 24 * * *", "`24` cannot stand for the hour"),
        ("* * 0 * *", "`0` cannot stand for the day of the month"),
        ("* * * 13 *", "allowed are 1–12 (or JAN–DEC)"),
        (
            "* * * * 8",
            "`8` cannot stand for the weekday: `8` is not one of them; allowed are 0–7 (or SUN–SAT)",
        ),
        ("* * * * monday", "`monday` is not one of them"),
        ("* 22-2 * * *", "the range `22-2` runs backwards"),
        ("*/0 * * * *", "the step `0` is not one of 1–59"),
        ("*/90 * * * *", "the step `90` is not one of 1–59"),
        ("1,,2 * * * *", "something is missing"),
        ("1-2-3 * * * *", "`2-3` is not one of them"),
        ("-5 * * * *", "something is missing"),
        ("+5 * * * *", "`+5` is not one of them"),
        ("٣ * * * *", "`٣` is not one of them"),
        ("? * * * *", "`?` is not one of them"),
        ("30 9 * *", "has 4 fields, and a schedule has five: minute, hour, day of the month, month, weekday"),
        (
            "0 30 9 * * *",
            "has 6 fields, and a schedule has five: minute, hour, day of the month, month, weekday; there are no seconds",
        ),
        ("", "has 0 fields"),
        ("@reboot", "there are @hourly, @daily"),
        ("0 0 31 2 *", "never comes: no month `2` has a day `31`"),
        ("0 0 31 4,6,9,11 *", "never comes"),
    ];
    for (line, words) in table {
        let error = Cron::parse(line, "UTC").unwrap_err();
        assert!(error.contains(words), "{line}: {error}");
    }
    assert!(Cron::parse(&"1,".repeat(5000), "UTC").unwrap_err().contains("at most 200 characters"));
    let zones = [
        ("Europe/Kyev", "did you mean `Europe/Kyiv`?"),
        ("europe/kyiv", "`Europe/Kyiv`"),
        ("Kyiv time", "such as"),
    ];
    for (zone, words) in zones {
        let error = Cron::parse("@daily", zone).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

/// A field as a set, and how it is written.
fn field(stars: u32, from: u32, to: u32) -> impl Strategy<Value = (BTreeSet<u32>, String)> {
    prop_oneof![
        stars => Just(((from..=to).collect(), "*".to_owned())),
        3 => proptest::collection::btree_set(from..=to, 1..4).prop_map(|set| {
            let text = set.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            (set, text)
        }),
        2 => (from..=to, from..=to, 1..=4_u32).prop_map(|(one, other, step)| {
            let (low, high) = (one.min(other), one.max(other));
            ((low..=high).step_by(step as usize).collect(), format!("{low}-{high}/{step}"))
        }),
    ]
}

/// Walks minute by minute, which is slow and surely right.
fn walk(fields: &[(BTreeSet<u32>, String); 5], zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let [minutes, hours, days, months, weekdays] = fields;
    let fits = |local: NaiveDateTime| {
        let day = days.0.contains(&local.day());
        let weekday = weekdays.0.contains(&local.weekday().num_days_from_sunday());
        let either = !days.1.starts_with('*') && !weekdays.1.starts_with('*');
        minutes.0.contains(&local.minute())
            && hours.0.contains(&local.hour())
            && months.0.contains(&local.month())
            && if either { day || weekday } else { day && weekday }
    };
    (1..=4 * 24 * 60).map(|minutes| after + TimeDelta::minutes(minutes)).find(|moment| {
        let local = moment.with_timezone(&zone).naive_local();
        let before = (*moment - TimeDelta::minutes(1)).with_timezone(&zone).naive_local();
        if hours.1 == "*" {
            return fits(local);
        }
        let first = zone.from_local_datetime(&local).earliest().map(|time| time.to_utc()) == Some(*moment);
        let skipped = (local - before).num_minutes() - 1;
        first && (0..=skipped.max(0)).any(|minutes| fits(local - TimeDelta::minutes(minutes)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn the_next_time_is_the_one_that_a_minute_by_minute_walk_finds(
        fields in [field(1, 0, 59), field(2, 0, 23), field(9, 1, 31), field(30, 1, 12), field(9, 0, 6)].prop_map(|fields| fields),
        zone in prop::sample::select(vec!["UTC", "Europe/Kyiv", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        // Around the switches of 2026, and anywhere else.
        day in prop_oneof![Just("2026-03-07"), Just("2026-03-27"), Just("2026-04-03"), Just("2026-10-02"), Just("2026-10-23"), Just("2026-10-31"), Just("2027-12-30")],
        minute in 0..2 * 24 * 60_i64,
    ) {
        let line = fields.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ");
        let after = utc(&format!("{day} 00:00")) + TimeDelta::minutes(minute);
        if let (Ok(cron), Some(expected)) = (Cron::parse(&line, zone), walk(&fields, zone.parse().unwrap(), after)) {
            prop_assert_eq!(cron.next_after(after), Some(expected), "{} in {} after {}", line, zone, after);
        }
    }
}
