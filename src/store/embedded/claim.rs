//! At most one `up` on a data folder.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::open_lock;
use crate::error::{Error, Result};

/// The right to be the one server of a data folder. It ends with the value, or with the process.
#[derive(Debug)]
pub struct Claim {
    _file: File,
}

impl Claim {
    /// Claims `data_dir`, which is made if need be.
    ///
    /// # Errors
    /// `Conflict` if another process holds it; the sentence names the process.
    pub fn take(data_dir: &Path) -> Result<Self> {
        let shown = data_dir.display();
        std::fs::create_dir_all(data_dir)
            .map_err(|error| Error::unavailable(format!("`{shown}` cannot be made: {error}")))?;
        let mut file = open_lock(data_dir, "up.lock")?;
        if file.try_lock().is_err() {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let who = if holder.trim().is_empty() {
                String::new()
            } else {
                format!(" (process {})", holder.trim())
            };
            return Err(Error::conflict(format!(
                "another `botwright up`{who} runs on `{shown}`; stop it, or set DATA_DIR and PORT to others"
            )));
        }
        // For that sentence only, so it does not matter if it fails.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
