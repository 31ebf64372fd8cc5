//! The files of the index: each is read once, whole, and compared with the checksum at its end; what searches see
//! afterwards nobody else can reach.
//!
//! tantivy's own directory maps files. A mapped file that is cut off ends the process that looks at it, and one that is
//! overwritten makes its threads panic, which ends it as well. Here a small file is kept in memory, and a large one is
//! mapped from a copy that has no name any more; nothing that happens to the file reaches those who have it open. They go
//! on, and the writer, which looks at the files from time to time, builds the index anew. The price is disk: while it is
//! open, an index takes twice its size.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use crc32fast::Hasher;
use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError};
use tantivy::directory::footer::Footer;
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, FileSlice, Lock, MmapDirectory, OwnedBytes, WatchCallback,
    WatchHandle, WritePtr,
};

use crate::search::fault;

/// A folder of files, written as tantivy does.
#[derive(Clone)]
pub(in crate::search) struct Disk {
    folder: PathBuf,
    /// For everything but reading.
    writing: MmapDirectory,
    /// What somebody has open.
    open: Arc<Mutex<HashMap<PathBuf, Weak<Contents>>>>,
}

/// A file as it was read.
struct Contents {
    bytes: OwnedBytes,
    /// Of all of it.
    checksum: u32,
    /// How the file looked when it last was as it had been read.
    stamp: Mutex<Stamp>,
}

/// Tells a file from one that took its place or was written since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// A larger file is mapped, in bytes.
const LARGE: u64 = 1 << 20;
/// The beginning of the names that copies have until they are mapped.
const COPY: &str = ".copy-";
/// Tells copies of one process apart.
static COPIES: AtomicU64 = AtomicU64::new(0);

impl Disk {
    pub(in crate::search) fn open(folder: &Path) -> Result<Self, OpenDirectoryError> {
        let writing = MmapDirectory::open(folder)?;
        Ok(Self { folder: folder.to_owned(), writing, open: Arc::default() })
    }

    /// The first of the open files that does not stand on the disk any more as it was read. Without `thorough` only
    /// those are read again whose date or size changed; with it all, at about a second per gigabyte.
    pub(in crate::search) fn lost(&self, thorough: bool) -> Option<PathBuf> {
        let open: Vec<_> = self.files().iter().map(|(path, file)| (path.clone(), file.upgrade())).collect();
        let lost = open.into_iter().find(|(path, contents)| {
            let Some(contents) = contents else { return false };
            contents.is_lost(&self.folder.join(path), thorough)
                // What was deleted meanwhile is no loss.
                && self.files().contains_key(path)
        });
        lost.map(|(path, _)| path)
    }

    fn files(&self) -> MutexGuard<'_, HashMap<PathBuf, Weak<Contents>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes the copies that a process which died had no time to take the names of.
pub(in crate::search) fn remove_copies(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(COPY) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl Disk {
    fn read(&self, path: &Path) -> io::Result<Contents> {
        let mut file = File::open(self.folder.join(path))?;
        let stamp = Stamp::of(&file.metadata()?);
        let mapped = if stamp.length > LARGE { self.map(&mut file) } else { None };
        let (bytes, checksum) = match mapped {
            Some(mapped) => mapped,
            None => into_memory(&mut file, stamp.length)?,
        };
        Ok(Contents { bytes, checksum, stamp: Mutex::new(stamp) })
    }

    /// Maps a copy of the file; `None` where that cannot be, because the disk is full or the folder somebody else's.
    fn map(&self, file: &mut File) -> Option<(OwnedBytes, u32)> {
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let name = PathBuf::from(format!("{COPY}{}-{number}", std::process::id()));
        let path = self.folder.join(&name);
        let mut copy = File::options().write(true).create_new(true).open(&path).ok()?;
        let mapped = checked(file, |part| copy.write_all(part)).ok().and_then(|checksum| {
            let handle = self.writing.get_file_handle(&name).ok()?;
            Some((handle.read_bytes(0..handle.len()).ok()?, checksum))
        });
        let removed = fs::remove_file(&path);
        mapped.filter(|_| removed.is_ok())
    }
}

impl Contents {
    /// Whether the file at `path` is not this one any more. One that cannot be looked at just now may well be.
    fn is_lost(&self, path: &Path, thorough: bool) -> bool {
        let is_lost = || {
            let mut file = File::open(path)?;
            let stamp = Stamp::of(&file.metadata()?);
            if !thorough && stamp == *self.stamp() {
                return Ok(false);
            }
            let is_same =
                stamp.length == self.bytes.len() as u64 && checked(&mut file, |_| Ok(()))? == self.checksum;
            if is_same {
                *self.stamp() = stamp;
            }
            Ok(!is_same)
        };
        is_lost().unwrap_or_else(|error: io::Error| fault::is_unreadable(&error))
    }

    fn stamp(&self) -> MutexGuard<'_, Stamp> {
        self.stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { modified: metadata.modified().ok(), length: metadata.len() }
    }
}

fn into_memory(file: &mut File, length: u64) -> io::Result<(OwnedBytes, u32)> {
    let mut bytes = Vec::new();
    let length = usize::try_from(length).map_err(io::Error::other)?;
    bytes.try_reserve_exact(length).map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
    let checksum = checked(file, |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok((OwnedBytes::new(bytes), checksum))
}

/// So much is read at once, in bytes.
const PART: usize = 64 << 10;
/// No file is shorter: its end says how long its footer is, and that it is one.
const SHORTEST: usize = 8;

/// Reads a file from its beginning, hands it to `sink` part by part, and compares it with the checksum in its footer.
/// Gives the checksum of all of it.
fn checked(file: &mut File, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u32> {
    let (body, footer) = footer(file)?;
    file.rewind()?;
    let mut hasher = Hasher::new();
    let mut part = vec![0; PART];
    let mut left = body;
    while left > 0 {
        let part = &mut part[..usize::try_from(left).map_or(PART, |left| left.min(PART))];
        file.read_exact(part)?;
        hasher.update(part);
        sink(part)?;
        left -= part.len() as u64;
    }
    if hasher.clone().finalize() != footer.crc {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum does not match"));
    }
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    hasher.update(&end);
    sink(&end)?;
    Ok(hasher.finalize())
}

/// The footer of a file, and how many bytes stand before it.
fn footer(file: &mut File) -> io::Result<(u64, Footer)> {
    let length = file.metadata()?.len();
    let before = length.saturating_sub(PART as u64);
    file.seek(SeekFrom::Start(before))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    if end.len() < SHORTEST {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off"));
    }
    // A footer has at most 50,000 bytes.
    let (footer, body) = Footer::extract_footer(FileSlice::new(Arc::new(OwnedBytes::new(end))))?;
    Ok((before + body.len() as u64, footer))
}

impl Directory for Disk {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let known = self.files().get(path).and_then(Weak::upgrade);
        if let Some(contents) = known {
            return Ok(contents);
        }
        let contents = self.read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
            _ => OpenReadError::wrap_io_error(error, path.to_owned()),
        })?;
        let contents = Arc::new(contents);
        let mut files = self.files();
        files.retain(|_, contents| contents.strong_count() > 0);
        files.insert(path.to_owned(), Arc::downgrade(&contents));
        Ok(contents)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.files().remove(path);
        self.writing.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.writing.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.writing.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.writing.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.writing.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.writing.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.writing.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.writing.watch(callback)
    }
}

impl FileHandle for Contents {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end > self.bytes.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is asked for more than it has"));
        }
        Ok(self.bytes.slice(range))
    }
}

impl HasLen for Contents {
    fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Disk").field(&self.folder).finish()
    }
}
