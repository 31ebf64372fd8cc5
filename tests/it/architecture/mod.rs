//! The shape of the house, held by tests: who may know whom, which room owns which outside library, and what
//! every file owes its reader.
//!
//! A failure names the file and the line. Where the code is right and the rule is not, change the table here, in
//! the same commit, and say why.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::Source;

/// Who may know whom: a room, and the rooms above it in this list that it may import. Every room may also use
/// the ground that knows nothing. `*` is everything above. The order is that of `lib.rs`.
const TABLE: &str = "
    error      →
    id         →
    clock      →
    tokens     →
    phrases    →
    config     →
    telemetry  → config
    net        → config
    dialog     →
    spec       → dialog
    store      → config dialog
    search     →
    secrets    → config store
    jobs       → store
    providers  → dialog net
    accounts   → config dialog store secrets jobs
    memory     → dialog spec store search providers jobs
    sync       → spec store secrets providers accounts memory jobs
    chat       → dialog spec store secrets providers accounts memory jobs
    http       → config telemetry store accounts
    graphql    → config dialog spec store secrets jobs providers accounts memory sync chat http
    channels   → dialog net spec store secrets accounts chat providers http
    worker     → store jobs accounts memory sync chat
    app        → *
    cli        → *
    main       → cli
";

/// The ground that knows nothing.
const GROUND: [&str; 5] = ["error", "id", "clock", "tokens", "phrases"];

/// Rooms that are still being written: permissions that they do not use yet are printed, not refused.
const UNFINISHED: [&str; 15] = [
    "spec",
    "telemetry",
    "net",
    "store",
    "search",
    "secrets",
    "jobs",
    "providers",
    "accounts",
    "sync",
    "chat",
    "http",
    "graphql",
    "worker",
    "main",
];

/// Outside libraries that belong to certain rooms.
const LIBRARIES: [(&str, &[&str]); 9] = [
    ("diesel", &["store"]),
    ("diesel_async", &["store"]),
    ("diesel_migrations", &["store"]),
    ("tantivy", &["search"]),
    ("async_graphql", &["graphql"]),
    ("axum", &["http", "graphql", "channels", "app"]),
    ("genai", &["providers"]),
    ("pulldown_cmark", &["channels"]),
    ("reqwest", &["net", "providers", "channels"]),
];

/// What does no input or output and never asks the time, and the words that would betray it.
const PURE: [&str; 3] = ["src/spec", "src/sync/plan", "src/chat/context"];
const IMPURE: [&str; 10] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::time",
    "std::io",
    "tokio",
    "crate::clock",
    "crate::store::Store",
    ".await",
];

/// The longest file that needs no reason, in lines without its tests.
const LONG: usize = 400;
/// Files that may be longer, and why.
const LONG_FILES: [(&str, &str); 1] =
    [("src/store/schema.rs", "a line a column of every table, and nothing else")];

type Edges = BTreeMap<(String, String), String>;

/// The table as room → permitted rooms, in order.
fn table() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = TABLE.lines().filter_map(|line| line.split_once('→'));
    rows.map(|(room, permitted)| (room.trim(), permitted.split_whitespace().collect())).collect()
}

/// Every import of one room by another, with the first place where it stands.
fn edges(sources: &[Source]) -> Edges {
    let mut edges = Edges::new();
    for source in sources.iter().filter(|source| source.room() != "lib") {
        for (line, room) in source.rooms_named() {
            if room != source.room() {
                edges.entry((source.room(), room)).or_insert_with(|| source.at(line));
            }
        }
    }
    edges
}

fn refuse(what: &str, places: Vec<String>) {
    assert!(places.is_empty(), "{what}:\n  {}\n", places.join("\n  "));
}

#[test]
fn rooms_import_only_what_the_table_permits() {
    let table = table();
    let mut refused = Vec::new();
    for ((from, to), place) in edges(&source::all("src")) {
        let row = table.iter().find(|(room, _)| *room == from);
        let permitted = row.is_some_and(|(_, rooms)| rooms.contains(&to.as_str()) || rooms.contains(&"*"));
        if !permitted && !GROUND.contains(&to.as_str()) {
            refused.push(format!("{place}: {from} → {to}"));
        }
    }
    refuse("imports that are not in the table", refused);
}

#[test]
fn the_table_permits_nothing_that_nobody_uses() {
    let used = edges(&source::all("src"));
    let (mut refused, mut awaited) = (Vec::new(), Vec::new());
    for (room, permitted) in table() {
        for other in permitted.into_iter().filter(|other| *other != "*") {
            if !used.contains_key(&(room.to_owned(), other.to_owned())) {
                let list = if UNFINISHED.contains(&room) { &mut awaited } else { &mut refused };
                list.push(format!("{room} → {other}"));
            }
        }
    }
    if !awaited.is_empty() {
        eprintln!("not used yet, by rooms that are still being written:\n  {}", awaited.join("\n  "));
    }
    refuse("permissions that nobody uses; take them out of the table", refused);
}

#[test]
fn the_table_points_downward_and_is_the_order_of_the_map() {
    let table = table();
    let mut above = BTreeSet::new();
    for (room, permitted) in &table {
        let upward = permitted.iter().filter(|other| **other != "*" && !above.contains(*other));
        refuse(
            "rooms that would know something above them",
            upward.map(|other| format!("{room} → {other}")).collect(),
        );
        above.insert(*room);
    }
    let map = std::fs::read_to_string(source::root().join("src/lib.rs")).unwrap();
    let modules = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let rooms: Vec<&str> = table.iter().map(|(room, _)| *room).filter(|room| *room != "main").collect();
    assert_eq!(
        modules.collect::<Vec<_>>(),
        rooms,
        "`lib.rs` and the table list the same rooms in the same order"
    );
}

#[test]
fn paths_between_rooms_are_written_out() {
    let mut refused = Vec::new();
    for source in source::all("src") {
        refused.extend(source.grouped_crate_paths().map(|line| format!("{}: `crate::{{`", source.at(line))));
        refused
            .extend(source.finds("super::super").map(|line| format!("{}: `super::super`", source.at(line))));
        refused.extend(
            source.escapes_upward().map(|line| format!("{}: `super` leaves the room", source.at(line))),
        );
    }
    refuse("paths that hide which room they name; write `crate::room::…`", refused);
}

#[test]
fn queries_read_and_nothing_else() {
    let mut refused = Vec::new();
    let places =
        ["src/graphql/query", "src/graphql/loaders", "src/graphql/types", "src/graphql/subscription"];
    for source in
        source::all("src").into_iter().filter(|source| places.iter().any(|place| source.stands_in(place)))
    {
        refused.extend(source.finds(".tenant(").map(|line| source.at(line)));
    }
    refuse("transactions of queries that could write; begin them with `Store::reading`", refused);
}

#[test]
fn outside_libraries_stay_in_their_rooms() {
    let mut refused = Vec::new();
    // A test may speak to its room with whatever a stranger would use.
    for source in source::all("src").into_iter().filter(|source| !source.is_test()) {
        for (library, rooms) in LIBRARIES {
            if !rooms.contains(&source.room().as_str()) {
                refused.extend(
                    source.names_crate(library).map(|line| format!("{}: {library}", source.at(line))),
                );
            }
        }
    }
    refuse("libraries outside their rooms", refused);
}

#[test]
fn the_environment_is_read_in_config_alone() {
    let mut refused = Vec::new();
    let settings_elsewhere = |source: &&source::Source| source.room() != "config" && !source.is_test();
    for source in source::all("src").iter().filter(settings_elsewhere) {
        for call in ["env::var", "env::vars", "env::var_os", "env::vars_os"] {
            refused.extend(source.finds(call).map(|line| format!("{}: {call}", source.at(line))));
        }
    }
    refuse("settings that are read outside `config`", refused);
}

#[test]
fn what_is_pure_stays_pure() {
    let mut refused = Vec::new();
    for source in source::all("src").iter().filter(|source| PURE.iter().any(|pure| source.stands_in(pure))) {
        for word in IMPURE {
            let found = source.finds(word).filter(|line| *line <= source.lines_without_tests());
            refused.extend(found.map(|line| format!("{}: {word}", source.at(line))));
        }
    }
    refuse("input, output or time where there shall be none", refused);
}

#[test]
fn every_file_says_what_it_is_and_is_short_enough_to_be_one_thing() {
    let sources: Vec<Source> = ["src", "tests"].into_iter().flat_map(source::all).collect();
    let silent = sources.iter().filter(|source| !source.text.starts_with("//! "));
    refuse("files that do not open with `//!`", silent.map(|source| source.path.clone()).collect());

    let excused = |source: &Source| LONG_FILES.iter().any(|(path, _)| *path == source.path);
    let long = sources.iter().filter(|source| source.lines_without_tests() > LONG && !excused(source));
    let report = |source: &Source| format!("{}: {} lines", source.path, source.lines_without_tests());
    refuse("files that are too long to be one thing", long.map(report).collect());

    let is_long =
        |path: &str| sources.iter().any(|source| source.path == path && source.lines_without_tests() > LONG);
    let stale = LONG_FILES.iter().filter(|(path, _)| !is_long(path));
    refuse("excuses that are not needed any more", stale.map(|(path, _)| (*path).to_owned()).collect());
}

#[test]
fn every_purity_and_excuse_names_something_that_exists() {
    let missing = |path: &&str| {
        !Path::new(&source::root().join(path)).exists() && !source::root().join(format!("{path}.rs")).exists()
    };
    let unfinished = |path: &&str| UNFINISHED.iter().any(|room| path.starts_with(&format!("src/{room}/")));
    let gone = PURE.iter().filter(|path| missing(path) && !unfinished(path));
    refuse("rules about files that do not exist", gone.map(|path| (*path).to_owned()).collect());
}
