//! XChaCha20-Poly1305. What is sealed opens only in the account and under the name that it was sealed for:
//! both are bound to it as associated data.
//!
//! Layout: one byte of version (1), 24 bytes of random nonce, the ciphertext with its tag.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::id::{AccountId, random_bytes};
use crate::secrets::key::MasterKey;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

pub(super) fn seal(key: &MasterKey, account: AccountId, name: &str, value: &SecretString) -> Result<Vec<u8>> {
    let [nonce @ .., _, _, _, _, _, _, _, _] = random_bytes();
    let nonce = XNonce::from(nonce);
    let payload = Payload { msg: value.expose_secret().as_bytes(), aad: &bound_to(account, name) };
    let ciphertext = cipher(key)
        .encrypt(&nonce, payload)
        .map_err(|_| Error::internal(format!("the secret `{name}` could not be sealed")))?;
    let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

pub(super) fn open(key: &MasterKey, account: AccountId, name: &str, sealed: &[u8]) -> Result<SecretString> {
    let opened = match sealed.split_first() {
        Some((&VERSION, rest)) => rest.split_first_chunk::<NONCE_BYTES>(),
        Some((version, _)) => {
            return Err(Error::conflict(format!(
                "the secret `{name}` was sealed by a newer Botwright (format {version}); start that one"
            )));
        }
        None => None,
    }
    .and_then(|(nonce, ciphertext)| {
        let payload = Payload { msg: ciphertext, aad: &bound_to(account, name) };
        cipher(key).decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    });
    opened.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()).map(SecretString::from).ok_or_else(
        || {
            Error::conflict(format!(
                "the secret `{name}` does not open with this master key: start with the key that sealed it \
             (BOTWRIGHT_MASTER_KEY, or the key file in DATA_DIR), or set the secret again with \
             `botwright secret set {name}`"
            ))
        },
    )
}

fn cipher(key: &MasterKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

/// The account's id has a fixed length, so no other account and name make the same bytes.
fn bound_to(account: AccountId, name: &str) -> Vec<u8> {
    let mut bound = account.0.as_bytes().to_vec();
    bound.extend_from_slice(name.as_bytes());
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: &str) -> MasterKey {
        MasterKey::parse(&SecretString::from(byte.repeat(32))).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_where_it_was_sealed_for_and_nowhere_else() {
        let (account, value) = (AccountId::new(), SecretString::from("sk-Ґанок"));
        let sealed = seal(&key("ab"), account, "OPENAI_KEY", &value).unwrap();
        let opened = open(&key("ab"), account, "OPENAI_KEY", &sealed).unwrap();
        assert_eq!(opened.expose_secret(), "sk-Ґанок");

        let elsewhere = [
            open(&key("ab"), AccountId::new(), "OPENAI_KEY", &sealed),
            open(&key("ab"), account, "OPENAI_KEY2", &sealed),
            open(&key("ac"), account, "OPENAI_KEY", &sealed),
        ];
        for refused in elsewhere {
            let error = refused.unwrap_err();
            assert!(error.message().contains("does not open with this master key"), "{error}");
            assert!(!error.chain().contains("Ґанок"));
        }
    }

    #[test]
    fn a_bit_that_flipped_anywhere_is_noticed() {
        let (account, value) = (AccountId::new(), SecretString::from("x"));
        let sealed = seal(&key("01"), account, "A", &value).unwrap();
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert!(open(&key("01"), account, "A", &damaged).is_err(), "byte {index}");
        }
        for length in 0..sealed.len() {
            assert!(open(&key("01"), account, "A", &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn the_same_value_never_looks_the_same_twice() {
        let (account, value) = (AccountId::new(), SecretString::from("same"));
        let once = seal(&key("01"), account, "A", &value).unwrap();
        assert_ne!(once, seal(&key("01"), account, "A", &value).unwrap());
        assert!(!once.windows(4).any(|window| window == b"same"));
    }
}
