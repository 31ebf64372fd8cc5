//! Hostile projects without end: whatever the files of a bundle hold, they are answered without a panic, within
//! a second and within 200 MB.
//!
//! A minute in `make test`, `BOTWRIGHT_FUZZ_SECONDS` in `make soak`. Each input comes from a number; a failure
//! says it, and `BOTWRIGHT_FUZZ_INPUT=number` tries that one again.

mod breed;
mod meter;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use botwright::spec::{self, Bundle};

use breed::Breeder;
use meter::Meter;

/// The most processor time that one project may take: a second as it ships. A debug build is some ten times
/// slower, and is still given no more than three.
const MOST_TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 3 } else { 1 });
/// The most memory that this process may take while it answers one, besides the project itself, in bytes.
const MOST_MEMORY: u64 = 200 * 1024 * 1024;
/// A project that takes longer is taken for one that never ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where numbers begin where nothing else was asked for.
const FIRST: u64 = 1;

/// What one project cost.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    time: Duration,
    memory: u64,
    /// Of the project itself.
    size: usize,
}

#[test]
fn no_project_is_answered_with_a_panic_late_or_at_length() {
    let number = |name| std::env::var_os(name).map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
    let seconds = number("BOTWRIGHT_FUZZ_SECONDS").unwrap_or(60);
    let only = number("BOTWRIGHT_FUZZ_INPUT");
    let (answers, answered) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let until = Instant::now() + Duration::from_secs(seconds);
        let breeder = Breeder::new();
        // What is made once, on the first use, is nobody's fault.
        answer(&breeder.ancestor());
        for input in only.unwrap_or(FIRST).. {
            answers.send((input, None)).unwrap();
            let bundle = breeder.project(input);
            let size = bundle.files.values().map(Vec::len).sum();
            let meter = Meter::start(size);
            answer(&bundle);
            answers.send((input, Some(meter.stop()))).unwrap();
            if only.is_some() || Instant::now() > until {
                return;
            }
        }
    });

    let (mut last, mut tried) = (0, 0_u64);
    let mut slowest = (0, Cost::default());
    let mut largest = slowest;
    while let Ok((input, cost)) = match answered.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("input {last} takes more than {PATIENCE:?}"),
        received => received,
    } {
        last = input;
        let Some(cost) = cost else { continue };
        tried += 1;
        assert!(cost.time < MOST_TIME, "input {input} took {:?}", cost.time);
        // What the inputs before it left behind is counted too: this one is asked again where there were none.
        if cost.memory >= MOST_MEMORY {
            assert!(only.is_none() && alone(input), "input {input} took {} MB", cost.memory / 1024 / 1024);
        }
        slowest = if cost.time > slowest.1.time { (input, cost) } else { slowest };
        largest = if cost.memory > largest.1.memory { (input, cost) } else { largest };
    }
    assert!(worker.join().is_ok(), "input {last} panics");
    let told = |(input, cost): (u64, Cost)| {
        let Cost { time, memory, size } = cost;
        format!("input {input} of {} kB took {time:?} and {} MB", size / 1024, memory / 1024 / 1024)
    };
    eprintln!(
        "{tried} projects in {seconds} s\nthe slowest: {}\nthe largest: {}",
        told(slowest),
        told(largest)
    );
}

/// Whether a process that was asked nothing else answers that input as it should.
fn alone(input: u64) -> bool {
    eprintln!("input {input} once more, in a process of its own");
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fuzz::no_project_is_answered_with_a_panic_late_or_at_length"])
        .env("BOTWRIGHT_FUZZ_INPUT", input.to_string())
        .status()
        .unwrap()
        .success()
}

/// Everything that is done with a project that came from outside, before anybody believes a word of it.
fn answer(bundle: &Bundle) {
    for (path, contents) in &bundle.files {
        spec::references(path, contents);
    }
    let parsed = spec::parse(bundle);
    assert_eq!(
        parsed.project.is_none(),
        parsed.has_errors(),
        "a project comes without errors, or not at all"
    );
    for problem in &parsed.problems {
        let shown = spec::render(problem, "bots");
        assert!(shown.len() < 8 * 1024, "one problem is told at length:\n{shown}");
        spec::github(problem, "bots");
    }
    spec::to_json(&parsed.problems, "bots");
    spec::summary(&parsed.problems);
}
