//! Secrets: sealed under one master key, kept by name, opened only where they are needed.
//!
//! Knows: `store`, and how the environment writes a key. Never: a log line or an error with a value in it.

mod key;
mod seal;
mod sign;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::id::AccountId;
use crate::store::{Audit, Hint, Secret, Store, Tenant};
pub use key::{KEY_FILE, MasterKey};
pub use sign::Signer;

/// Longer values belong in files.
const VALUE_BYTES: usize = 64 * 1024;
const NAME_BYTES: usize = 64;

/// The secrets of all accounts. Cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    store: Store,
    clock: SharedClock,
    key: MasterKey,
}

impl Secrets {
    pub fn new(store: Store, clock: SharedClock, key: MasterKey) -> Self {
        Self { store, clock, key }
    }

    /// What signs for `purpose`, a name of our own.
    pub fn signer(&self, purpose: &'static str) -> Signer {
        self.key.signer(purpose)
    }

    /// What stands for a value where the value itself may not stand: the same for the same value, and worth
    /// nothing to whoever lacks the master key.
    pub fn fingerprint(&self, value: &SecretString) -> Vec<u8> {
        self.signer("fingerprints").sign(&[value.expose_secret().as_bytes()]).to_vec()
    }

    /// Sets the secret `name`, replacing an older value. `by` is the principal whom the audit log will name.
    ///
    /// `Invalid` for a name that bot files could not write, and for an empty or huge value.
    pub async fn put(&self, account: AccountId, by: &str, name: &str, value: SecretString) -> Result<()> {
        let mut tx = self.store.tenant(account).await?;
        self.put_within(&mut tx, by, name, value).await?;
        tx.commit().await
    }

    /// The same as a part of what `tx` does.
    pub async fn put_within(&self, tx: &mut Tenant, by: &str, name: &str, value: SecretString) -> Result<()> {
        check(name, &value)?;
        let sealed = seal::seal(&self.key, tx.account(), name, &value)?;
        let now = self.clock.now();
        Secret::put(tx, name, sealed, now).await?;
        Audit::record(tx, now, by, "secret.set", name, json!({})).await?;
        // Connections that wait for it begin.
        tx.wake(Hint::Config);
        Ok(())
    }

    /// The value of the secret `name`; `None` where it is not set.
    ///
    /// `Conflict` if it was sealed under another master key; the words say what to do.
    pub async fn reveal(&self, account: AccountId, name: &str) -> Result<Option<SecretString>> {
        let mut tx = self.store.tenant(account).await?;
        let secret = Secret::find(&mut tx, name).await?;
        tx.commit().await?;
        secret.map(|secret| seal::open(&self.key, account, name, &secret.sealed)).transpose()
    }

    /// The names that are set, in order.
    pub async fn names(&self, account: AccountId) -> Result<Vec<String>> {
        let mut tx = self.store.tenant(account).await?;
        let secrets = Secret::list(&mut tx).await?;
        tx.commit().await?;
        Ok(secrets.into_iter().map(|secret| secret.name).collect())
    }

    /// Forgets the secret `name`; whether there was one. `by` as in [`Secrets::put`].
    pub async fn delete(&self, account: AccountId, by: &str, name: &str) -> Result<bool> {
        let mut tx = self.store.tenant(account).await?;
        let deleted = self.delete_within(&mut tx, by, name).await?;
        tx.commit().await?;
        Ok(deleted)
    }

    /// The same as a part of what `tx` does.
    pub async fn delete_within(&self, tx: &mut Tenant, by: &str, name: &str) -> Result<bool> {
        let deleted = Secret::delete(tx, name).await?;
        if deleted {
            Audit::record(tx, self.clock.now(), by, "secret.delete", name, json!({})).await?;
        }
        Ok(deleted)
    }
}

fn check(name: &str, value: &SecretString) -> Result<()> {
    let well_formed = name.len() <= NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !well_formed {
        let shown: String = name.chars().take(NAME_BYTES).collect();
        return Err(Error::invalid(format!(
            "`{shown}` cannot name a secret: capital letters, digits and `_`, a letter first, at most {NAME_BYTES}, such as `TELEGRAM_TOKEN`"
        )));
    }
    let length = value.expose_secret().len();
    if length == 0 {
        return Err(Error::invalid(format!("the value of the secret `{name}` is empty")));
    }
    if length > VALUE_BYTES {
        return Err(Error::invalid(format!(
            "the value of the secret `{name}` has {length} bytes; at most {VALUE_BYTES} are kept"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_bot_files_could_not_write_is_refused_and_the_value_never_shown() {
        let value = SecretString::from("hunter2");
        for name in ["TOKEN", "T", "UX_TELEGRAM_TOKEN_2", &"A".repeat(64)] {
            assert!(check(name, &value).is_ok(), "{name}");
        }
        for name in ["", "token", "_A", "2FA", "A-B", "КЛЮЧ", "A B", "A\0", &"A".repeat(65)] {
            let error = check(name, &value).unwrap_err();
            assert!(error.message().contains("cannot name a secret"), "{name}");
            assert!(!error.chain().contains("hunter2"));
        }
        assert!(check("TOKEN", &SecretString::from("")).is_err());
        assert!(check("TOKEN", &SecretString::from("x".repeat(VALUE_BYTES + 1))).is_err());
    }
}
