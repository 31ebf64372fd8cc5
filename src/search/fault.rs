//! What can go wrong on disk, in words for people.

use std::io;
use std::path::Path;

use tantivy::TantivyError;
use tantivy::directory::error::{OpenReadError, OpenWriteError};

use crate::error::Error;

/// The index was found broken.
pub(in crate::search) fn damaged() -> Error {
    Error::unavailable("the search index is broken and is about to be rebuilt")
}

/// A failure at `path`.
pub(in crate::search) fn io(path: &Path, error: &io::Error) -> Error {
    match is_full(error) {
        true => full(),
        false => {
            Error::unavailable(format!("the search index at `{}` cannot be used: {error}", path.display()))
        }
    }
}

/// A failure inside tantivy.
pub(in crate::search) fn tantivy(error: TantivyError) -> Error {
    let no_space = match &error {
        TantivyError::IoError(io) => is_full(io),
        TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. }) => is_full(io_error),
        // A worker's error comes back as its text.
        TantivyError::ErrorInThread(text) => text.contains("StorageFull") || text.contains("No space left"),
        _ => false,
    };
    if no_space { full() } else { Error::unavailable("the search index cannot be used").with_source(error) }
}

/// Whether the files themselves are at fault.
pub(in crate::search) fn is_corruption(error: &TantivyError) -> bool {
    match error {
        TantivyError::DataCorruption(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::SchemaError(_) => true,
        TantivyError::OpenReadError(error) => match error {
            OpenReadError::FileDoesNotExist(_) | OpenReadError::IncompatibleIndex(_) => true,
            OpenReadError::IoError { io_error, .. } => is_unreadable(io_error),
        },
        TantivyError::IoError(io) => is_unreadable(io),
        _ => false,
    }
}

/// What a disk says of a place that it cannot read (EIO); it has no name of its own.
const CANNOT_BE_READ: i32 = 5;

/// Whether a file is not there, or not what was written.
pub(in crate::search) fn is_unreadable(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData, io::ErrorKind::NotFound];
    kinds.contains(&error.kind()) || error.raw_os_error() == Some(CANNOT_BE_READ)
}

fn full() -> Error {
    Error::unavailable("the disk is full: the search index cannot take in what is new until there is room")
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
