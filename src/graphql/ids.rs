//! Global ids: `conversation_AZq…`, the kind and then the UUID. Opaque to clients, stable for ever.

use async_graphql::ID;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::id::{
    AccountId, AttachmentId, AuditId, BotId, ConnectionId, ConversationId, DeliveryId, FactId, MessageId,
    PersonId, RevisionId, TurnId, UploadId,
};

/// An id that clients may hold.
pub(super) trait Global: From<Uuid> + Copy {
    /// What stands before the underscore.
    const KIND: &'static str;
    fn uuid(self) -> Uuid;
}

macro_rules! global {
    ($($id:ident = $kind:literal),+ $(,)?) => {$(
        impl Global for $id {
            const KIND: &'static str = $kind;
            fn uuid(self) -> Uuid {
                self.0
            }
        }
    )+
        const KINDS: &[&str] = &[$($kind),+];
    };
}

global! {
    AccountId = "account",
    PersonId = "person",
    BotId = "bot",
    RevisionId = "revision",
    ConversationId = "conversation",
    MessageId = "message",
    TurnId = "turn",
    FactId = "fact",
    AuditId = "audit",
    UploadId = "upload",
    AttachmentId = "attachment",
    ConnectionId = "connection",
    DeliveryId = "delivery",
}

/// As clients see it.
pub(super) fn write<T: Global>(id: T) -> ID {
    ID(format!("{}_{}", T::KIND, URL_SAFE_NO_PAD.encode(id.uuid().as_bytes())))
}

/// The message that clients know by this id.
pub fn message_id(global: &str) -> Result<MessageId> {
    read(&ID(global.to_owned()))
}

/// The conversation that clients know by this id.
pub fn conversation_id(global: &str) -> Result<ConversationId> {
    read(&ID(global.to_owned()))
}

/// The id by which clients know a conversation.
pub fn conversation_for_clients(id: ConversationId) -> String {
    write(id).0
}

/// The delivery that clients know by this id.
pub fn delivery_id(global: &str) -> Result<DeliveryId> {
    read(&ID(global.to_owned()))
}

/// The id by which clients know a delivery.
pub fn delivery_for_clients(id: DeliveryId) -> String {
    write(id).0
}

/// The id of a thing of one kind.
///
/// `Invalid` if it is no id at all, `NotFound` if it is one of another kind.
pub(super) fn read<T: Global>(id: &ID) -> Result<T> {
    let (kind, uuid) = split(id)?;
    if kind != T::KIND {
        return Err(Error::not_found(format!(
            "`{}` names a {kind}, and a {} is asked for",
            id.as_str(),
            T::KIND
        )));
    }
    Ok(T::from(uuid))
}

/// The kind and the UUID of any id. `Invalid` if it is none.
pub(super) fn split(id: &ID) -> Result<(&'static str, Uuid)> {
    let parts = || {
        // No kind holds an underscore; the UUID's letters may.
        let (kind, rest) = id.as_str().split_once('_')?;
        let kind = KINDS.iter().find(|known| **known == kind)?;
        Some((*kind, Uuid::from_slice(&URL_SAFE_NO_PAD.decode(rest).ok()?).ok()?))
    };
    parts().ok_or_else(|| {
        let shown: String = id.as_str().chars().take(60).collect();
        Error::invalid(format!("`{shown}` is no id: ids come from this API and stay as they are"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn ids_come_back_as_they_went() {
        for _ in 0..200 {
            let id = MessageId::new();
            let written = write(id);
            assert!(written.as_str().starts_with("message_") && written.len() == 30, "{written:?}");
            assert_eq!(read::<MessageId>(&written).unwrap(), id);
            assert_eq!(split(&written).unwrap(), ("message", id.0));
        }
        let underscores = TurnId(Uuid::from_bytes([0xff; 16]));
        assert_eq!(read::<TurnId>(&write(underscores)).unwrap(), underscores);
    }

    #[test]
    fn what_is_no_id_and_what_is_another_kind_are_told_apart() {
        let message = write(MessageId::new());
        let error = read::<TurnId>(&message).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert!(error.message().contains("names a message, and a turn is asked for"), "{error}");
        let long = "x".repeat(10_000);
        for wrong in
            ["", "_", "message", "message_", "message_AZ", "thing_AAAAAAAAAAAAAAAAAAAAAA", "7", &long]
        {
            let error = split(&ID(wrong.to_owned())).unwrap_err();
            assert_eq!(error.kind(), Kind::Invalid, "{wrong}");
            assert!(error.message().len() < 200);
        }
    }
}
