//! The folder of the index: who may write it, what is opened there, and how it is begun anew.

use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::SystemTime;

use tantivy::index::SegmentComponent;
use tantivy::{Directory, IndexReader, ReloadPolicy, Searcher};

use crate::error::{Error, Result};
use crate::search::disk::Disk;
use crate::search::fault;
use crate::search::layout;

/// An opened index.
#[derive(Clone)]
pub(in crate::search) struct Live {
    pub(in crate::search) index: tantivy::Index,
    pub(in crate::search) disk: Disk,
    pub(in crate::search) reader: IndexReader,
    pub(in crate::search) seen: Seen,
}

impl Live {
    /// Opens tantivy's folder, which reads all of it; why not, in words for the log.
    pub(in crate::search) fn open(folder: &Path) -> Result<Self, String> {
        let opened = catch_unwind(|| {
            // Looked at first: what comes meanwhile is noticed the next time.
            let seen = seen(folder);
            let disk = Disk::open(folder).map_err(|error| error.to_string())?;
            let index = tantivy::Index::open(disk.clone()).map_err(|error| error.to_string())?;
            let (schema, _) = layout::schema();
            if index.schema() != schema {
                return Err("it has another layout".to_owned());
            }
            // The only file that tantivy does without when it opens a segment, and misses later.
            for segment in index.searchable_segment_metas().map_err(|error| error.to_string())? {
                disk.open_read(&segment.relative_path(SegmentComponent::Positions))
                    .map_err(|error| error.to_string())?;
            }
            layout::register(&index);
            let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
            let reader: IndexReader = reader.map_err(|error| error.to_string())?;
            Ok(Live { index, disk, reader, seen })
        });
        opened.unwrap_or_else(|_| Err("opening it ended in a panic".to_owned()))
    }

    /// A view of the last commit that was loaded.
    pub(in crate::search) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }
}

/// Tells one commit of another process from the next.
pub(in crate::search) type Seen = Option<(SystemTime, u64)>;

/// Deletes what is in the folder and begins an empty index there. Only for the holder of the lock.
pub(in crate::search) fn make(folder: &Path) -> Result<Live> {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(fault::io(folder, &error));
    }
    fs::create_dir_all(folder).map_err(|error| fault::io(folder, &error))?;
    let (schema, _) = layout::schema();
    let disk = Disk::open(folder).map_err(|error| fault::tantivy(error.into()))?;
    tantivy::Index::create(disk, schema, layout::settings()).map_err(fault::tantivy)?;
    Live::open(folder).map_err(Error::internal)
}

/// Takes the writer's lock of `dir`; `None` while another holds it.
pub(in crate::search) fn take_lock(dir: &Path) -> Result<Option<File>> {
    let path = dir.join("lock");
    // It may have been deleted under way.
    fs::create_dir_all(dir).map_err(|error| fault::io(dir, &error))?;
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| fault::io(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(fault::io(&path, &error)),
    }
}

/// Indexes of other versions are no use any more.
pub(in crate::search) fn remove_others(dir: &Path, folder: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_version = entry.file_name().to_str().is_some_and(|name| {
            name.strip_prefix('v')
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        });
        if is_version && path != *folder {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// The state of the file that every commit replaces.
pub(in crate::search) fn seen(folder: &Path) -> Seen {
    let metadata = fs::metadata(folder.join("meta.json")).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
