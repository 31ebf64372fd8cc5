//! What may happen to the files of an index, while a server writes there and while none does.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Nobody writes so much that a folder does not get empty meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);

/// All below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Opens each file as it stands there and does something to it; one that goes meanwhile is gone anyway.
fn to_each_file(index: &Path, damage: impl Fn(&mut fs::File, u64)) {
    for path in files(index) {
        if let Ok(mut file) = fs::File::options().write(true).open(&path) {
            let length = file.metadata().unwrap().len();
            damage(&mut file, length);
        }
    }
}

/// Deletes a folder. Whoever writes there while that is done has it deleted once more.
pub(crate) fn delete(folder: &Path) {
    let since = Instant::now();
    while let Err(error) = fs::remove_dir_all(folder) {
        match error.kind() {
            ErrorKind::NotFound => return,
            _ => assert!(since.elapsed() < PATIENCE, "{}: {error}", folder.display()),
        }
    }
}

/// Deletes one file that documents are found by.
pub(crate) fn delete_one(index: &Path) {
    let is_segment = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem.len() == 32);
    let deleted = files(index).into_iter().filter(is_segment).any(|path| fs::remove_file(path).is_ok());
    assert!(deleted, "there is an index");
}

/// Half of each file takes the place of the whole one.
pub(crate) fn replace_by_halves(index: &Path) {
    for file in files(index) {
        let Ok(bytes) = fs::read(&file) else { continue };
        let half = file.with_extension("half");
        // Where the folder went meanwhile, so did the file.
        let _ = fs::write(&half, &bytes[..bytes.len() / 2]).and_then(|()| fs::rename(half, file));
    }
}

/// Under those who have it open.
pub(crate) fn cut_off(index: &Path) {
    to_each_file(index, |file, length| file.set_len(length / 2).unwrap());
}

pub(crate) fn empty(index: &Path) {
    to_each_file(index, |file, _| file.set_len(0).unwrap());
}

pub(crate) fn overwrite(index: &Path) {
    to_each_file(index, |file, length| file.write_all(&vec![7; usize::try_from(length).unwrap()]).unwrap());
}
