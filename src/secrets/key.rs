//! The master key: 32 bytes from the environment, or from a file that only its owner can read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use crate::config::key_bytes;
use crate::error::{Error, Result};
use crate::id::{SecretId, random_bytes};
use crate::secrets::sign::Signer;

/// The name of the key file in `DATA_DIR`.
pub const KEY_FILE: &str = "master.key";

const HOW_TO_MAKE: &str = "`openssl rand -base64 32` makes one";

/// Seals and opens every secret of this server. Cheap to clone; shown nowhere.
#[derive(Debug, Clone)]
pub struct MasterKey(Arc<SecretBox<[u8; 32]>>);

impl MasterKey {
    /// The key `given`, else the one in `file`, else (where `may_create`) a new one that is written there,
    /// readable by its owner alone.
    ///
    /// `Invalid` if there is none, or if it is not 32 bytes in base64 or hex; `Conflict` if the file cannot
    /// be read or written.
    pub fn load(given: Option<&SecretString>, file: &Path, may_create: bool) -> Result<Self> {
        if let Some(given) = given {
            return Self::parse(given);
        }
        if let Some(key) = read(file)? {
            return Ok(key);
        }
        if !may_create {
            return Err(Error::invalid(format!(
                "no key to seal secrets with: set BOTWRIGHT_MASTER_KEY ({HOW_TO_MAKE}) and keep it safe, for without it no secret opens again"
            )));
        }
        create(file).map_err(|error| unusable("written", file, &error))?;
        // Another process may have been faster: what stands in the file is the key.
        read(file)?.ok_or_else(|| unusable("written", file, &io::ErrorKind::NotFound.into()))
    }

    /// Reads 32 bytes in base64 or hex.
    pub fn parse(text: &SecretString) -> Result<Self> {
        match key_bytes(text.expose_secret().trim()) {
            Some(bytes) => Ok(Self(Arc::new(SecretBox::new(Box::new(bytes))))),
            None => Err(Error::invalid(format!(
                "BOTWRIGHT_MASTER_KEY must be 32 bytes in base64 or hex; {HOW_TO_MAKE}"
            ))),
        }
    }

    /// What signs for `purpose`, a name of our own.
    pub fn signer(&self, purpose: &'static str) -> Signer {
        Signer::new(self, purpose)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

/// The key in `file`, if there is such a file.
fn read(file: &Path) -> Result<Option<MasterKey>> {
    let text = match fs::read(file) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable("read", file, &error)),
    };
    let mode = fs::metadata(file).map_err(|error| unusable("read", file, &error))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(
            file = %file.display(),
            "others may read the key file; `chmod 600` it, and change its secrets if somebody did"
        );
    }
    let key = std::str::from_utf8(&text).ok().and_then(|text| key_bytes(text.trim()));
    match key {
        Some(bytes) => Ok(Some(MasterKey(Arc::new(SecretBox::new(Box::new(bytes)))))),
        None => Err(Error::invalid(format!(
            "the key file {} does not hold 32 bytes in base64 or hex: put the right one back, or remove it and set every secret again",
            file.display()
        ))),
    }
}

/// Writes a new key beside `file` and links it into place: the file is there whole or not at all, and is
/// never replaced.
fn create(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".{KEY_FILE}.{}", SecretId::new()));
    let written = write(&draft).and_then(|()| match fs::hard_link(&draft, file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    fs::remove_file(&draft).ok();
    written?;
    fs::File::open(folder)?.sync_all()
}

fn write(draft: &Path) -> io::Result<()> {
    let text = Zeroizing::new(STANDARD.encode(random_bytes()));
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.sync_all()
}

fn unusable(what: &str, file: &Path, error: &io::Error) -> Error {
    Error::conflict(format!(
        "the key file {} could not be {what}: {error}; or set BOTWRIGHT_MASTER_KEY ({HOW_TO_MAKE})",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder that is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let folder = std::env::temp_dir().join(format!("botwright-key-{}", SecretId::new()));
            fs::create_dir(&folder).unwrap();
            Self(folder)
        }
        fn file(&self) -> PathBuf {
            self.0.join("data").join(KEY_FILE)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    #[test]
    fn a_new_key_is_kept_for_its_owner_alone_and_found_again() {
        let folder = Folder::new();
        let made = MasterKey::load(None, &folder.file(), true).unwrap();
        assert_eq!(fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
        let found = MasterKey::load(None, &folder.file(), false).unwrap();
        assert_eq!(made.bytes(), found.bytes());
        let files = fs::read_dir(folder.0.join("data")).unwrap().count();
        assert_eq!(files, 1, "no draft is left behind");
    }

    #[test]
    fn of_many_that_start_at_once_all_take_the_same_key() {
        let folder = Folder::new();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| *MasterKey::load(None, &folder.file(), true).unwrap().bytes()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn the_given_key_goes_before_the_file_in_base64_or_hex() {
        let folder = Folder::new();
        let hex = SecretString::from("07".repeat(32));
        let base64 = SecretString::from(format!("{}\n", STANDARD.encode([7; 32])));
        for given in [hex, base64] {
            assert_eq!(MasterKey::load(Some(&given), &folder.file(), true).unwrap().bytes(), &[7; 32]);
        }
        assert!(!folder.file().exists());
    }

    #[test]
    fn a_missing_or_broken_key_says_what_to_do_and_shows_nothing() {
        let folder = Folder::new();
        let error = MasterKey::load(None, &folder.file(), false).unwrap_err();
        assert!(error.message().contains("openssl rand -base64 32"), "{error}");
        let error = MasterKey::load(Some(&SecretString::from("hunter2")), &folder.file(), true).unwrap_err();
        assert!(error.message().contains("32 bytes") && !error.message().contains("hunter2"), "{error}");
        fs::create_dir(folder.0.join("data")).unwrap();
        fs::write(folder.file(), "hunter2").unwrap();
        let error = MasterKey::load(None, &folder.file(), true).unwrap_err();
        assert!(error.message().contains("put the right one back"), "{error}");
        assert!(!error.message().contains("hunter2"), "{error}");
        assert!(!format!("{:?}", MasterKey::parse(&SecretString::from("07".repeat(32)))).contains('7'));
    }
}
