//! The index across restarts, processes and broken disks.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::Kind;
use crate::search::tests::{Folder, ids, lines, puts, somewhere};
use crate::search::{Change, Document, Index, Mode, Scope};

/// An index with three messages and the cursor "7", closed again.
fn filled(folder: &Folder) -> (Scope, Vec<Document>) {
    let (index, rebuild) = Index::open(folder.path()).unwrap();
    assert!(rebuild);
    let scope = somewhere();
    let documents = lines(&scope, "Olena: red apples\nBot: green apples\nOlena: plums");
    let mut writer = index.writer().unwrap().unwrap();
    assert_eq!(writer.checkpoint(), None);
    writer.apply(puts(&documents)).unwrap();
    writer.commit("7").unwrap();
    (scope, documents)
}

fn found(index: &Index, scope: &Scope, text: &str) -> usize {
    index.find(scope, text, 100, 0).unwrap().len()
}

fn files(folder: &Folder) -> Vec<PathBuf> {
    let inner =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
    let mut files: Vec<PathBuf> =
        fs::read_dir(inner.unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_checkpoint_is_that_of_the_last_commit() {
    let folder = Folder::new();
    let (scope, _) = filled(&folder);
    let (index, rebuild) = Index::open(folder.path()).unwrap();
    assert!(!rebuild);
    let mut writer = index.writer().unwrap().unwrap();
    assert_eq!(writer.checkpoint().as_deref(), Some("7"));
    // A commit that only moves the cursor, then changes that are never committed.
    writer.commit("{\"seq\": 8}").unwrap();
    writer.apply(puts(&lines(&scope, "Olena: cherries"))).unwrap();
    drop((writer, index));
    let (index, rebuild) = Index::open(folder.path()).unwrap();
    assert!(!rebuild);
    assert_eq!(index.checkpoint().as_deref(), Some("{\"seq\": 8}"));
    assert_eq!(found(&index, &scope, "cherries"), 0);
    assert_eq!(index.documents(), 3);
}

#[test]
fn what_was_merged_is_searched_without_another_commit() {
    let folder = Folder::new();
    let (index, _) = Index::open(folder.path()).unwrap();
    let mut writer = index.writer().unwrap().unwrap();
    let scope = somewhere();
    for number in 0..8 {
        writer.apply(puts(&lines(&scope, &format!("Olena: apples {number}")))).unwrap();
        writer.commit(&number.to_string()).unwrap();
    }
    // As many as are merged by a thread of its own, some time after the commit.
    let segments = || index.shared.searcher().unwrap().segment_readers().len();
    let begun = Instant::now();
    while segments() > 1 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} segments are searched", segments());
        std::thread::sleep(Duration::from_millis(5));
        writer.renew().unwrap();
    }
    assert_eq!(found(&index, &scope, "apples"), 8);
    let stems = files(&folder).into_iter().filter(|file| file.extension().is_some_and(|end| end == "idx"));
    assert_eq!(stems.count(), 1, "what was merged is deleted");
    assert_eq!(writer.checkpoint().as_deref(), Some("7"));
}

#[test]
fn a_later_document_replaces_and_a_deleted_one_is_gone() {
    let folder = Folder::new();
    let (scope, mut documents) = filled(&folder);
    let (index, _) = Index::open(folder.path()).unwrap();
    let mut writer = index.writer().unwrap().unwrap();
    let changed = &mut documents[0];
    changed.text = "yellow bananas".into();
    changed.context_2 = "yellow bananas".into();
    changed.context_5 = "yellow bananas".into();
    let twice = Document { text: "never seen".into(), ..changed.clone() };
    writer.apply(vec![Change::Put(twice), Change::Put(changed.clone())]).unwrap();
    assert_eq!(found(&index, &scope, "banana"), 0);
    writer.commit("8").unwrap();
    assert_eq!(found(&index, &scope, "banana"), 1);
    assert_eq!(index.find(&scope, "red", 10, 0).unwrap(), []);
    assert_eq!(index.find(&scope, "seen", 10, 0).unwrap(), []);
    writer.apply(vec![Change::Delete(documents[0].id)]).unwrap();
    writer.commit("9").unwrap();
    assert_eq!(found(&index, &scope, "banana"), 0);
    assert_eq!(index.documents(), 2);
}

#[test]
fn a_reader_follows_the_writer_and_takes_over() {
    let folder = Folder::new();
    let absent = Index::open_reader(folder.path());
    let (scope, _) = filled(&folder);
    assert_eq!(found(&absent, &scope, "apple"), 2);

    let (index, _) = Index::open(folder.path()).unwrap();
    let mut writer = index.writer().unwrap().unwrap();
    let (other, rebuild) = Index::open(folder.path()).unwrap();
    assert!(!rebuild);
    assert_eq!((index.mode(), other.mode()), (Mode::Writer, Mode::Reader));
    assert!(other.writer().unwrap().is_none());
    assert!(index.writer().unwrap().is_none());
    writer.apply(puts(&lines(&scope, "Olena: cherries"))).unwrap();
    assert_eq!(found(&other, &scope, "cherries"), 0);
    writer.commit("8").unwrap();
    assert_eq!(found(&other, &scope, "cherries"), 1);
    assert_eq!(found(&absent, &scope, "cherries"), 1);

    drop(writer);
    assert_eq!(index.mode(), Mode::Reader);
    let mut writer = other.writer().unwrap().unwrap();
    assert_eq!((other.mode(), writer.checkpoint().as_deref()), (Mode::Writer, Some("8")));
    writer.apply(puts(&lines(&scope, "Olena: walnuts"))).unwrap();
    writer.commit("9").unwrap();
    assert_eq!(found(&index, &scope, "walnut"), 1);
}

#[test]
fn clearing_keeps_the_old_index_until_the_commit() {
    let folder = Folder::new();
    let (scope, documents) = filled(&folder);
    let (index, _) = Index::open(folder.path()).unwrap();
    let reader = Index::open_reader(folder.path());
    let mut writer = index.writer().unwrap().unwrap();
    writer.clear().unwrap();
    assert_eq!(writer.checkpoint(), None);
    writer.apply(puts(&documents[..1])).unwrap();
    assert_eq!(found(&index, &scope, "apple"), 2);
    writer.commit("new").unwrap();
    assert_eq!(writer.checkpoint().as_deref(), Some("new"));
    for index in [&index, &reader] {
        assert_eq!(ids(&index.find(&scope, "apple", 10, 0).unwrap()), [documents[0].id]);
    }
}

/// Breaks each file in turn by `how` and opens the index: it must come up, whole or empty, and work.
fn broken_by(how: impl Fn(&Path)) {
    let count = {
        let folder = Folder::new();
        filled(&folder);
        files(&folder).len()
    };
    for number in 0..count {
        let folder = Folder::new();
        let (scope, documents) = filled(&folder);
        let Some(file) = files(&folder).get(number).cloned() else { continue };
        how(&file);
        let (index, rebuild) = Index::open(folder.path()).unwrap();
        let before = found(&index, &scope, "apple");
        assert_eq!(before, if rebuild { 0 } else { 2 }, "{}", file.display());
        let mut writer = index.writer().unwrap().unwrap();
        assert_eq!(writer.checkpoint().is_none(), rebuild);
        writer.apply(puts(&documents)).unwrap();
        writer.commit("again").unwrap();
        assert_eq!(found(&index, &scope, "apple"), 2, "{}", file.display());
        // Beside it a reader never fails.
        assert_eq!(found(&Index::open_reader(folder.path()), &scope, "apple"), 2);
    }
}

#[test]
fn a_missing_file_is_survived() {
    broken_by(|file| fs::remove_file(file).unwrap());
}

#[test]
fn an_empty_file_is_survived() {
    broken_by(|file| fs::write(file, "").unwrap());
}

#[test]
fn half_a_file_is_survived() {
    broken_by(|file| {
        let bytes = fs::read(file).unwrap();
        fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
    });
}

#[test]
fn a_changed_byte_is_survived() {
    broken_by(|file| {
        let mut bytes = fs::read(file).unwrap();
        if let Some(byte) = bytes.first_mut() {
            *byte ^= 0x55;
            fs::write(file, &bytes).unwrap();
        }
    });
}

/// Overwrites a file in place, as a disk would.
fn overwrite(file: &Path) {
    let length = usize::try_from(fs::metadata(file).unwrap().len()).unwrap();
    fs::File::options().write(true).open(file).unwrap().write_all(&vec![7; length]).unwrap();
}

fn cut_off(file: &Path) {
    let there = fs::File::options().write(true).open(file).unwrap();
    there.set_len(there.metadata().unwrap().len() / 2).unwrap();
}

fn empty(file: &Path) {
    fs::File::options().write(true).open(file).unwrap().set_len(0).unwrap();
}

/// What an index consists of, apart from what tantivy notes about it.
fn segment_files(folder: &Folder) -> Vec<PathBuf> {
    let is_segment = |file: &PathBuf| file.file_stem().is_some_and(|stem| stem.len() >= 32);
    files(folder).into_iter().filter(is_segment).collect()
}

#[test]
fn an_index_whose_files_break_in_use_serves_until_it_was_built_anew() {
    type Damage = fn(&Path);
    let damages: [Damage; 4] = [overwrite, cut_off, empty, |file| fs::remove_file(file).unwrap()];
    for damage in damages {
        for number in 0.. {
            let folder = Folder::new();
            let (scope, documents) = filled(&folder);
            let (index, _) = Index::open(folder.path()).unwrap();
            let mut writer = index.writer().unwrap().unwrap();
            // So that there is a file of what was taken out, too.
            writer.apply(vec![Change::Delete(documents[2].id)]).unwrap();
            writer.commit("8").unwrap();
            let Some(file) = segment_files(&folder).get(number).cloned() else { break };
            let name = file.display().to_string();
            assert!(index.watch() && index.verify());

            damage(&file);
            // Nobody has noticed, and changes are taken in.
            assert_eq!(found(&index, &scope, "apple"), 2, "{name}");
            let _ = writer.apply(puts(&documents)).and_then(|()| writer.commit("9"));
            assert_eq!(found(&index, &scope, "apple"), 2, "{name}");
            // Somebody has. Then there may be another index already, if that file was not needed for it any more.
            if !index.watch() {
                assert_eq!(writer.checkpoint(), None);
                assert_eq!(found(&index, &scope, "apple"), 2, "{name}");
                writer.clear().unwrap();
                writer.apply(puts(&documents[..2])).unwrap();
                writer.apply(puts(&lines(&scope, "Bot: pears"))).unwrap();
                assert_eq!((found(&index, &scope, "apple"), found(&index, &scope, "pear")), (2, 0));
                writer.commit("again").unwrap();
            } else {
                writer.apply(puts(&lines(&scope, "Bot: pears"))).unwrap();
                writer.commit("10").unwrap();
            }
            assert!(index.watch() && index.verify() && writer.checkpoint().is_some(), "{name}");
            assert_eq!((found(&index, &scope, "apple"), found(&index, &scope, "pear")), (2, 1), "{name}");
            drop((writer, index));
            let (index, rebuild) = Index::open(folder.path()).unwrap();
            assert!(!rebuild, "{name}");
            assert_eq!((found(&index, &scope, "apple"), found(&index, &scope, "pear")), (2, 1), "{name}");
        }
    }
}

#[test]
fn a_large_file_that_is_cut_off_in_use_is_read_on() {
    let folder = Folder::new();
    let (index, _) = Index::open(folder.path()).unwrap();
    let mut writer = index.writer().unwrap().unwrap();
    let scope = somewhere();
    let mut documents = lines(&scope, &"Olena: apples\n".repeat(8));
    for (number, document) in documents.iter_mut().enumerate() {
        let words: Vec<String> = (0..20_000_u32)
            .map(|word| format!("w{:08x}", (word ^ (number as u32) << 20).wrapping_mul(2_654_435_761)))
            .collect();
        document.text = words.join(" ");
        document.context_2.clone_from(&document.text);
    }
    writer.apply(puts(&documents)).unwrap();
    writer.commit("7").unwrap();
    // They are merged after the commit.
    let begun = Instant::now();
    while index.shared.searcher().unwrap().segment_readers().len() > 1 {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(5));
        writer.renew().unwrap();
    }
    let is_large = |file: &PathBuf| fs::metadata(file).unwrap().len() > 1 << 20;
    let large: Vec<PathBuf> = segment_files(&folder).into_iter().filter(is_large).collect();
    assert!(!large.is_empty());
    assert!(index.watch() && index.verify());
    let is_copy = |file: &PathBuf| file.display().to_string().contains("copy");
    assert!(!files(&folder).iter().any(is_copy), "copies have no names");
    for file in &large {
        cut_off(file);
    }
    let rare = documents[5].text.split(' ').nth(777).unwrap();
    assert_eq!(ids(&index.find(&scope, rare, 10, 0).unwrap()), [documents[5].id]);
    assert!(!index.watch());
    writer.clear().unwrap();
    writer.apply(puts(&documents[5..])).unwrap();
    writer.commit("8").unwrap();
    assert_eq!(ids(&index.find(&scope, rare, 10, 0).unwrap()), [documents[5].id]);
    // What a process that was killed left behind.
    drop((writer, index));
    let left = large[0].parent().unwrap().join(".copy-1-0");
    fs::write(&left, "half a file").unwrap();
    let (index, rebuild) = Index::open(folder.path()).unwrap();
    assert!(!rebuild && !left.exists());
    assert_eq!(index.documents(), 3);
}

#[test]
fn a_folder_that_is_gone_serves_until_the_index_was_built_anew_by_the_next_writer() {
    let folder = Folder::new();
    let (scope, documents) = filled(&folder);
    let (index, _) = Index::open(folder.path()).unwrap();
    let writer = index.writer().unwrap().unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(!index.watch());
    drop(writer);
    let mut writer = index.writer().unwrap().unwrap();
    assert_eq!((writer.checkpoint(), index.checkpoint()), (None, None));
    assert_eq!(found(&index, &scope, "apple"), 2);
    writer.clear().unwrap();
    writer.apply(puts(&documents)).unwrap();
    assert_eq!(found(&index, &scope, "apple"), 2);
    writer.commit("again").unwrap();
    assert_eq!(index.checkpoint().as_deref(), Some("again"));
    assert_eq!((found(&index, &scope, "apple"), index.documents()), (2, 3));
    assert!(index.verify());
}

#[test]
fn a_file_that_was_only_touched_is_what_it_was() {
    let folder = Folder::new();
    let (scope, _) = filled(&folder);
    let (index, _) = Index::open(folder.path()).unwrap();
    let _writer = index.writer().unwrap().unwrap();
    for file in segment_files(&folder) {
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    }
    assert!(index.watch() && index.verify());
    assert_eq!(found(&index, &scope, "apple"), 2);
}

#[test]
fn a_change_that_leaves_date_and_size_is_found_by_reading_everything() {
    let folder = Folder::new();
    filled(&folder);
    let (index, _) = Index::open(folder.path()).unwrap();
    let _writer = index.writer().unwrap().unwrap();
    let file = segment_files(&folder).remove(0);
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    overwrite(&file);
    fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    assert!(index.watch());
    assert!(!index.verify());
    assert!(!index.watch());
}

#[test]
fn a_reader_tells_a_broken_index() {
    let folder = Folder::new();
    assert!(Index::open_reader(folder.path()).verify(), "none yet");
    let (scope, _) = filled(&folder);
    assert!(Index::open_reader(folder.path()).verify());
    overwrite(&segment_files(&folder)[0]);
    let reader = Index::open_reader(folder.path());
    assert!(!reader.verify());
    assert_eq!(found(&reader, &scope, "apple"), 0);
}

#[test]
fn a_commit_that_fails_leaves_searches_alone() {
    let folder = Folder::new();
    let (scope, documents) = filled(&folder);
    let (index, _) = Index::open(folder.path()).unwrap();
    let mut writer = index.writer().unwrap().unwrap();
    assert_eq!(found(&index, &scope, "apple"), 2);
    fs::remove_dir_all(files(&folder)[0].parent().unwrap()).unwrap();
    let failed = writer.apply(puts(&documents)).and_then(|()| writer.commit("8"));
    assert_eq!(failed.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(found(&index, &scope, "apple"), 2);
}

#[test]
fn indexes_of_other_versions_are_removed() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path().join("v0")).unwrap();
    fs::create_dir_all(folder.path().join("very-different")).unwrap();
    let (_, rebuild) = Index::open(folder.path()).unwrap();
    assert!(rebuild);
    assert!(!folder.path().join("v0").exists());
    assert!(folder.path().join("very-different").exists());
}

#[test]
fn a_folder_that_cannot_be_is_a_clear_error() {
    let folder = Folder::new();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let error = Index::open(&path).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.message().contains("file"), "{}", error.message());
}
