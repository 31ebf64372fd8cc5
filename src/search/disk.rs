//! The files of the index: each is read once, whole, and compared with the checksum at its end; what searches see
//! afterwards is memory.
//!
//! tantivy's own directory maps files. A mapped file that is cut off, or that the disk cannot read, ends the process
//! that looks at it, and one that is overwritten makes its threads panic, which ends it as well. Here nothing that
//! happens to a file reaches those who read it: they go on with what was read, and the writer, which looks at the files
//! from time to time, builds the index anew. It takes as much memory as the index is large: some 300 bytes a message.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

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
    /// For everything but reading: it maps nothing that it is not asked to read.
    writing: MmapDirectory,
    /// What somebody has open.
    open: Arc<Mutex<HashMap<PathBuf, Weak<Contents>>>>,
}

/// A file as it was read.
struct Contents {
    bytes: OwnedBytes,
    /// How the file looked when it last was as it had been read.
    stamp: Mutex<Stamp>,
}

/// Tells a file from one that took its place or was written since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

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

impl Contents {
    fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let mut bytes = Vec::new();
        let length = usize::try_from(stamp.length).map_err(io::Error::other)?;
        bytes.try_reserve_exact(length).map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
        file.read_to_end(&mut bytes)?;
        let bytes = OwnedBytes::new(bytes);
        check(&bytes)?;
        Ok(Self { bytes, stamp: Mutex::new(stamp) })
    }

    /// Whether the file at `path` is not this one any more. One that cannot be looked at just now may well be.
    fn is_lost(&self, path: &Path, thorough: bool) -> bool {
        let is_lost = || {
            let mut file = File::open(path)?;
            let stamp = Stamp::of(&file.metadata()?);
            if !thorough && stamp == *self.stamp() {
                return Ok(false);
            }
            let is_same = stamp.length == self.bytes.len() as u64 && is_same(&mut file, &self.bytes)?;
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

/// No file is shorter: its end says how long its footer is, and that it is one.
const SHORTEST: usize = 8;

/// Compares a file with its checksum.
fn check(bytes: &OwnedBytes) -> io::Result<()> {
    if bytes.len() < SHORTEST {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off"));
    }
    let (footer, body) = Footer::extract_footer(FileSlice::new(Arc::new(bytes.clone())))?;
    if crc32fast::hash(&body.read_bytes()?) != footer.crc {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum does not match"));
    }
    Ok(())
}

/// Whether the file goes on as `bytes` do, for as long as they do.
fn is_same(file: &mut File, bytes: &[u8]) -> io::Result<bool> {
    let mut there = vec![0; 64 << 10];
    for part in bytes.chunks(there.len()) {
        let there = &mut there[..part.len()];
        file.read_exact(there)?;
        if there != part {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Directory for Disk {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let known = self.files().get(path).and_then(Weak::upgrade);
        if let Some(contents) = known {
            return Ok(contents);
        }
        let contents = Contents::read(&self.folder.join(path)).map_err(|error| match error.kind() {
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
