//! Writing a file so that it is the old one or the new one at any time.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a file, with the permissions that it had; its folder is made if need be. Of a link, the file that it
/// leads to is written.
pub(super) fn replace(path: &Path, text: &str) -> Result<()> {
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let there = fs::canonicalize(path).ok();
        let target = there.as_deref().unwrap_or(path);
        let beside = target.with_extension(format!("{}.new", std::process::id()));
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
            file.write_all(text.as_bytes())?;
            if let Some(there) = &there {
                file.set_permissions(fs::metadata(there)?.permissions())?;
            }
            file.sync_all()?;
            fs::rename(&beside, target)
        })();
        if written.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&beside);
        }
        written
    };
    write().map_err(|error| {
        Error::unavailable(format!("the file `{}` cannot be written", path.display())).with_source(error)
    })
}
