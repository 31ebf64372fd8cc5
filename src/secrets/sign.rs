//! Signatures that only holders of the master key can make: replicas with one key honour each other's.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretBox};

use crate::secrets::key::MasterKey;

/// Signs and checks for one purpose, with a key derived from the master key for it. Cheap to clone; shown
/// nowhere.
#[derive(Debug, Clone)]
pub struct Signer(Arc<SecretBox<[u8; 32]>>);

impl Signer {
    /// `purpose` is a name of our own; what is signed for one purpose is worth nothing for another.
    pub(super) fn new(key: &MasterKey, purpose: &'static str) -> Self {
        let derived = blake3::derive_key(&format!("botwright 2026-11 {purpose}"), key.bytes());
        Self(Arc::new(SecretBox::new(Box::new(derived))))
    }

    /// The signature of `parts` in this order: a keyed BLAKE3 hash.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.hash(parts).into()
    }

    /// Whether `signature` is that of `parts`; takes the same time for every wrong one.
    pub fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        // Hashes compare in constant time.
        <[u8; 32]>::try_from(signature).is_ok_and(|given| self.hash(parts) == blake3::Hash::from_bytes(given))
    }

    fn hash(&self, parts: &[&[u8]]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(self.0.expose_secret());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(byte: &str, purpose: &'static str) -> Signer {
        Signer::new(&MasterKey::parse(&byte.repeat(32).into()).unwrap(), purpose)
    }

    #[test]
    fn a_signature_holds_for_what_was_signed_and_for_nothing_else() {
        let ours = signer("11", "uploads");
        let signature = ours.sign(&[b"put", b"one"]);
        assert!(ours.verify(&[b"put", b"one"], &signature));
        assert!(signer("11", "uploads").verify(&[b"put", b"one"], &signature), "a replica's");
        for parts in
            [&[b"put".as_slice(), b"two"], &[b"putone".as_slice(), b""], &[b"pu".as_slice(), b"tone"]]
        {
            assert!(!ours.verify(parts, &signature));
        }
        assert!(!signer("12", "uploads").verify(&[b"put", b"one"], &signature));
        assert!(!signer("11", "downloads").verify(&[b"put", b"one"], &signature));
        for length in 0..32 {
            assert!(!ours.verify(&[b"put", b"one"], &signature[..length]));
        }
    }
}
