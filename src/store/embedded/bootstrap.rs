//! Making a new cluster. It is built beside its place and moved there when it is complete, so that a cluster
//! that was interrupted in the making is never mistaken for one.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::owner::Owner;
use super::programs::Programs;
use super::{DATABASE, ROLE};
use crate::error::{Error, Result};

/// Makes a cluster at `place`, with the database and a role for us that is no superuser.
pub(super) fn create(place: &Path, owner: &Owner, programs: &Programs, durable: bool) -> Result<()> {
    clear_remains(place);
    let building = building_path(place, &std::process::id().to_string());
    let built = build(&building, owner, programs, durable).and_then(|()| {
        // An empty folder at the place gives way to the cluster.
        fs::rename(&building, place)
            .and_then(|()| File::open(place.parent().unwrap_or(place))?.sync_all())
            .map_err(|error| failed(&format!("`{}` cannot be made: {error}", place.display())))
    });
    if built.is_err() {
        let _ = fs::remove_dir_all(&building);
    }
    built
}

fn build(building: &Path, owner: &Owner, programs: &Programs, durable: bool) -> Result<()> {
    owner
        .create_private_dir(building)
        .map_err(|error| failed(&format!("`{}`: {error}", building.display())))?;
    initdb(building, owner, programs, durable)?;
    // Without a shell in between and before anybody can connect: the server's single-user mode. A line is a
    // command, and the first that fails ends it.
    let mut command = owner.command(&programs.postgres());
    command.arg("--single").arg("-D").arg(building).args([
        "-c",
        "exit_on_error=on",
        "-c",
        "log_checkpoints=off",
    ]);
    if !durable {
        command.args(["-c", "fsync=off"]);
    }
    let sql = format!(
        "CREATE ROLE {ROLE} LOGIN NOSUPERUSER CREATEROLE CREATEDB\n\
         CREATE DATABASE {DATABASE} OWNER {ROLE}\n"
    );
    let output = feed(command.arg("postgres"), &sql).map_err(|error| failed(&error.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(failed(&complaint(&output))) }
}

fn initdb(building: &Path, owner: &Owner, programs: &Programs, durable: bool) -> Result<()> {
    // Sorted by code point and lower-cased by Unicode, which does not change when the system's library does.
    let locales: &[&[&str]] = if programs.major >= 17 {
        &[&["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    } else {
        &[&["--locale=C.UTF-8"], &["--locale=C"]]
    };
    let mut last = String::new();
    for locale in locales {
        let mut command = owner.command(&programs.initdb());
        command.arg("-D").arg(building).args(*locale);
        command.args(["--username=postgres", "--encoding=UTF8", "--data-checksums", "--no-instructions"]);
        command.args(["--auth-local=peer", "--auth-host=reject"]);
        if !durable {
            command.arg("--no-sync");
        }
        let output = command.output().map_err(|error| failed(&error.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        last = complaint(&output);
        if !last.contains("locale") {
            break;
        }
    }
    Err(failed(&last))
}

fn feed(command: &mut Command, text: &str) -> std::io::Result<Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A server that died early says why itself.
        let _ = stdin.write_all(text.as_bytes());
    }
    child.wait_with_output()
}

/// Removes what interrupted attempts left. One that an orphaned `initdb` still writes to stays for next time.
fn clear_remains(place: &Path) {
    let Some(entries) = place.parent().and_then(|parent| fs::read_dir(parent).ok()) else { return };
    let prefix = building_path(place, "");
    let prefix = prefix.file_name().unwrap_or_default().as_encoded_bytes();
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(prefix) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn building_path(place: &Path, mark: &str) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".new-");
    name.push(mark);
    place.with_file_name(name)
}

/// What a program complained about: what went wrong first, which the rest follows from, or else its last lines.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let telling =
        |line: &&&str| ["FATAL:", "PANIC:", "ERROR:", "error:", "could not"].iter().any(|m| line.contains(m));
    let first: Vec<&str> = lines.iter().filter(telling).take(2).copied().collect();
    let last = lines.get(lines.len().saturating_sub(4)..).unwrap_or_default();
    if first.is_empty() { last.join("; ") } else { first.join("; ") }
}

fn failed(why: &str) -> Error {
    Error::unavailable(format!("the database could not be made: {why}"))
}
