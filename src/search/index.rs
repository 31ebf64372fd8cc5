//! The index on disk: open it, share it, notice when it is broken or somebody else writes it.
//!
//! `dir/lock` is held by the one process that writes; `dir/v<version>` is tantivy's folder. Everything here
//! can be rebuilt from Postgres, so what cannot be read is deleted, by the writer alone. What was open before
//! serves until the new index is complete.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tantivy::{Searcher, TantivyError};

use crate::error::{Error, Result};
use crate::search::columns::OpenColumns;
use crate::search::disk;
use crate::search::fault;
use crate::search::folder::{self, Live};
use crate::search::layout::{self, Fields, VERSION};
use crate::search::scope::Scopes;
use crate::search::writer::Writer;

/// Whether this process may write the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// This process holds the lock.
    Writer,
    /// Another process writes (or nobody); its commits are seen at the next search.
    Reader,
}

/// The full-text index. Cheap to clone; searches may run in any number at once and block for milliseconds.
#[derive(Clone)]
pub struct Index {
    pub(in crate::search) shared: Arc<Shared>,
}

/// What searches and the writer share.
pub(in crate::search) struct Shared {
    dir: PathBuf,
    pub(in crate::search) fields: Fields,
    live: RwLock<Option<Live>>,
    pub(in crate::search) scopes: Scopes,
    pub(in crate::search) columns: OpenColumns,
    /// Set when the files turned out not to be what was written: the index must be cleared and rebuilt. Searches, which
    /// do not read them any more, go on.
    lost: AtomicBool,
    /// Set when a search failed on what it has: the same, and searches fail until then.
    damaged: AtomicBool,
    writing: AtomicBool,
    /// The lock, from when it was taken until a writer takes it over.
    lock: Mutex<Option<File>>,
}

/// What a commit leaves beside the documents.
#[derive(Serialize, Deserialize)]
pub(in crate::search) struct Payload {
    pub(in crate::search) version: u32,
    pub(in crate::search) cursor: String,
}

impl Index {
    /// Opens the index in `dir`, making it where there is none, and says whether it must be rebuilt because
    /// it is new, of another version, or was broken (then it is empty now).
    ///
    /// Takes the lock where it is free; otherwise this is a reader, which never asks for a rebuild.
    ///
    /// # Errors
    /// `Unavailable` when the folder cannot be made or written, with the reason.
    pub fn open(dir: &Path) -> Result<(Self, bool)> {
        let index = Self::open_reader(dir);
        let Some(lock) = folder::take_lock(dir)? else { return Ok((index, false)) };
        let fresh = index.shared.open_or_make()?;
        index.shared.writing.store(true, Ordering::Release);
        *index.shared.lock() = Some(lock);
        Ok((index, fresh))
    }

    /// Opens the index in `dir` to search only, whoever writes it, at the first search. Where there is none yet (or
    /// none that can be read) searches find nothing until there is.
    pub fn open_reader(dir: &Path) -> Self {
        let (_, fields) = layout::schema();
        let shared = Shared {
            dir: dir.to_owned(),
            fields,
            live: RwLock::new(None),
            scopes: Scopes::default(),
            columns: OpenColumns::default(),
            lost: AtomicBool::new(false),
            damaged: AtomicBool::new(false),
            writing: AtomicBool::new(false),
            lock: Mutex::new(None),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether this process writes.
    pub fn mode(&self) -> Mode {
        if self.shared.writing.load(Ordering::Acquire) { Mode::Writer } else { Mode::Reader }
    }

    /// The writer. There is one at a time in all processes: `None` while another has it. A reader that gets
    /// one has become the writer; `Writer::checkpoint` tells it whether to rebuild.
    ///
    /// # Errors
    /// `Unavailable` when the folder cannot be written.
    pub fn writer(&self) -> Result<Option<Writer>> {
        let held = self.shared.lock().take();
        let lock = match held {
            Some(lock) => lock,
            None => {
                let Some(lock) = folder::take_lock(&self.shared.dir)? else { return Ok(None) };
                self.shared.open_or_make()?;
                self.shared.writing.store(true, Ordering::Release);
                lock
            }
        };
        Ok(Some(Writer::new(Arc::clone(&self.shared), lock)))
    }

    /// How many documents can be found.
    pub fn documents(&self) -> u64 {
        self.shared.searcher().map_or(0, |searcher| searcher.num_docs())
    }

    /// The cursor of the last commit, whoever made it; `None` for an index that must be (re)built.
    pub fn checkpoint(&self) -> Option<String> {
        if self.mode() == Mode::Reader {
            self.shared.follow();
        }
        self.shared.checkpoint()
    }

    /// Whether a search found the index broken. Searches fail until the writer clears it.
    pub fn is_damaged(&self) -> bool {
        self.shared.is_damaged()
    }

    /// Looks whether the files of the index are still what was written; where not, false, and the writer must rebuild it.
    /// Costs next to nothing: only what has another date or size is read again. Only for the writer's process.
    pub fn watch(&self) -> bool {
        self.shared.look_at_files(false)
    }

    /// Reads every file again, at about a second per gigabyte: false where one is not what was written. Then the writer,
    /// if that is this process, must rebuild the index.
    pub fn verify(&self) -> bool {
        match self.mode() {
            Mode::Writer => self.shared.look_at_files(true),
            // Another process replaces files while we read them; that looks broken once, not three times.
            Mode::Reader => (0..3).any(|_| self.shared.is_readable()),
        }
    }
}

impl Shared {
    /// The folder of this version's index.
    fn folder(&self) -> PathBuf {
        self.dir.join(format!("v{VERSION}"))
    }

    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::search) fn live(&self) -> Option<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(in crate::search) fn set_live(&self, live: Live) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live);
        self.damaged.store(false, Ordering::Release);
        self.lost.store(false, Ordering::Release);
    }

    /// Whether the index need not be rebuilt.
    pub(in crate::search) fn is_sound(&self) -> bool {
        !self.is_damaged() && !self.lost.load(Ordering::Acquire)
    }

    pub(in crate::search) fn lose(&self, reason: &str) {
        if !self.lost.swap(true, Ordering::AcqRel) {
            tracing::warn!(
                reason,
                "files of the search index are broken: it is rebuilt; what was open serves meanwhile"
            );
        }
    }

    /// Whether the index need not be rebuilt, as far as its files tell.
    fn look_at_files(&self, thorough: bool) -> bool {
        if let Some(file) = self.live().and_then(|live| live.disk.lost(thorough)) {
            self.lose(&format!("`{}` is not what was written", file.display()));
        }
        self.is_sound()
    }

    pub(in crate::search) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    fn damage(&self, reason: &str) {
        if !self.damaged.swap(true, Ordering::AcqRel) {
            tracing::warn!(reason, "the search index is broken and must be rebuilt");
        }
    }

    /// Called when the writer has gone and its lock with it.
    pub(in crate::search) fn stop_writing(&self) {
        self.writing.store(false, Ordering::Release);
    }

    /// Opens what is on disk, or makes it anew where it is missing, broken or of another version. What was open before
    /// goes on serving where the files are gone. Only for the holder of the lock. Says whether it must be filled.
    fn open_or_make(&self) -> Result<bool> {
        if self.is_open() {
            return Ok(false);
        }
        let folder = self.folder();
        folder::remove_others(&self.dir, &folder);
        disk::remove_copies(&folder);
        let opened = folder.exists().then(|| Live::open(&folder));
        match opened {
            Some(Ok(live)) => {
                self.set_live(live);
                if self.checkpoint().is_some() {
                    return Ok(false);
                }
            }
            Some(Err(reason)) if self.live().is_some() => self.lose(&reason),
            None if self.live().is_some() => self.lose("its folder is gone"),
            Some(Err(reason)) => tracing::warn!(%reason, "the search index cannot be read and is rebuilt"),
            None => {}
        }
        if self.is_sound() {
            self.set_live(self.make_anew()?);
        }
        Ok(true)
    }

    /// Whether what was open before is what is on disk, or could be brought up to date with it.
    fn is_open(&self) -> bool {
        self.live().is_some_and(|live| live.disk.lost(false).is_none())
            && self.is_sound()
            && self.reload().is_ok()
            && self.checkpoint().is_some()
    }

    /// Deletes what is on disk and begins an empty index. Only for the holder of the lock.
    pub(in crate::search) fn make_anew(&self) -> Result<Live> {
        folder::make(&self.folder())
    }

    /// For a reader: opens the index, or looks whether another process committed since.
    fn follow(&self) {
        let Some(seen) = folder::seen(&self.folder()) else { return };
        let live = self.live();
        if live.as_ref().is_some_and(|live| live.seen == Some(seen)) {
            return;
        }
        let reloaded = live.and_then(|live| match live.reader.reload() {
            Ok(()) => Some(Live { seen: Some(seen), ..live }),
            Err(_) => None,
        });
        let live = reloaded.or_else(|| Live::open(&self.folder()).ok());
        // What cannot be read leaves what was open before. In the meantime this process may have begun to write.
        if let Some(live) = live
            && !self.writing.load(Ordering::Acquire)
        {
            self.set_live(live);
        }
    }

    /// For a reader: whether all files can be read, if there are any.
    fn is_readable(&self) -> bool {
        let folder = self.folder();
        folder::seen(&folder).is_none() || Live::open(&folder).is_ok()
    }

    /// A view of the last commit.
    pub(in crate::search) fn searcher(&self) -> Option<Searcher> {
        if !self.writing.load(Ordering::Acquire) {
            self.follow();
        }
        self.live().map(|live| live.searcher())
    }

    /// Makes the commit that was just done visible to searches. Only for the writer.
    pub(in crate::search) fn reload(&self) -> Result<()> {
        let Some(live) = self.live() else { return Ok(()) };
        // Looked at first: what comes meanwhile is noticed the next time.
        let seen = folder::seen(&self.folder());
        live.reader.reload().map_err(|error| self.fault(error))?;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(Live { seen, ..live });
        Ok(())
    }

    /// Whether what is on disk is not what searches see. Only for the writer.
    pub(in crate::search) fn is_old(&self) -> bool {
        self.live().is_some_and(|live| live.seen != folder::seen(&self.folder()))
    }

    pub(in crate::search) fn checkpoint(&self) -> Option<String> {
        let metas = self.live()?.index.load_metas().ok()?;
        let payload: Payload = serde_json::from_str(&metas.payload?).ok()?;
        (payload.version == VERSION && self.is_sound()).then_some(payload.cursor)
    }

    /// A failure of the writer. Where the files are at fault the index must be rebuilt.
    pub(in crate::search) fn fault(&self, error: TantivyError) -> Error {
        if fault::is_corruption(&error) {
            self.lose(&error.to_string());
        }
        fault::tantivy(error)
    }

    /// Runs a search so that broken files end in an error, never in a crash: tantivy panics on some of them.
    pub(in crate::search) fn guarded<T>(
        &self,
        search: impl FnOnce(&Searcher) -> tantivy::Result<T>,
    ) -> Result<T>
    where
        T: Default,
    {
        let Some(searcher) = self.searcher() else { return Ok(T::default()) };
        if self.is_damaged() {
            return Err(fault::damaged());
        }
        match catch_unwind(AssertUnwindSafe(|| search(&searcher))) {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                if fault::is_corruption(&error) {
                    self.damage(&error.to_string());
                    return Err(fault::damaged());
                }
                Err(fault::tantivy(error))
            }
            Err(_) => {
                self.damage("a search ended in a panic");
                Err(fault::damaged())
            }
        }
    }
}
