//! What a person can mend, as data.

use async_graphql::{Enum, Interface, SimpleObject};

use crate::error::{Error, Kind, Result};
use crate::graphql::mutation::config_error::{FieldOwnedByFiles, InvalidBot};
use crate::graphql::types::Node;
use crate::store::KEY_REUSED;

/// For programs. Clients must expect codes that they do not know.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum UserErrorCode {
    /// What the input names does not exist, or the caller may not know of it.
    NotFound,
    /// The input is wrong.
    InvalidInput,
    /// The idempotency key came with another input before.
    IdempotencyKeyReused,
    /// The input is right, the present state forbids it.
    Conflict,
    /// The thing was changed since the version that the input names.
    VersionConflict,
    /// Too much, too fast, or over a budget.
    LimitReached,
    /// The bot, or a bot of the project, would not be valid.
    InvalidBot,
    /// Files own the field: change it there.
    FieldOwnedByFiles,
    /// A policy forbids it: a protected bot, too many deletions, a source that is held.
    BlockedByPolicy,
}

/// Something that a person can mend. `message` can be shown as it is.
#[derive(Interface)]
#[graphql(
    field(name = "message", ty = "&String", desc = "For the person."),
    field(name = "code", ty = "&UserErrorCode", desc = "For programs."),
    field(
        name = "path",
        ty = "&Option<Vec<String>>",
        desc = "Which part of the input it is about: `[\"input\", \"text\"]`."
    )
)]
pub(in crate::graphql) enum UserError {
    NotFound(NotFound),
    InvalidInput(InvalidInput),
    IdempotencyKeyReused(IdempotencyKeyReused),
    Conflict(Conflict),
    VersionConflict(VersionConflict),
    LimitReached(LimitReached),
    InvalidBot(InvalidBot),
    FieldOwnedByFiles(FieldOwnedByFiles),
    BlockedByPolicy(BlockedByPolicy),
}

macro_rules! members {
    ($($(#[$doc:meta])* $name:ident as $shown:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(SimpleObject, Debug)]
        #[graphql(name = $shown)]
        pub(in crate::graphql) struct $name {
            /// For the person.
            message: String,
            /// For programs.
            code: UserErrorCode,
            /// Which part of the input it is about: `["input", "text"]`.
            path: Option<Vec<String>>,
        }

        impl $name {
            pub(in crate::graphql) fn new(message: &str, path: &str) -> Self {
                let path = Some(vec!["input".to_owned(), path.to_owned()]);
                Self { message: message.to_owned(), code: UserErrorCode::$name, path }
            }
        }
    )+};
}

members! {
    /// What the input names does not exist, or the caller may not know of it.
    NotFound as "NotFoundError",
    /// The input is wrong; sending it again unchanged cannot help.
    InvalidInput as "InvalidInputError",
    /// The idempotency key came with another input before: make a new one.
    IdempotencyKeyReused as "IdempotencyKeyReusedError",
    /// The input is right, the present state forbids it.
    Conflict as "ConflictError",
    /// Too much, too fast, or over a budget: later it may go through.
    LimitReached as "LimitReachedError",
    /// A policy forbids it: a protected bot, too many deletions, a source that is held. The message says which.
    BlockedByPolicy as "BlockedByPolicyError",
}

/// Somebody changed the thing since the version that the input names, so nothing was done. `current` is how it
/// stands now: merge, and send the change again with that version.
#[derive(SimpleObject)]
#[graphql(name = "VersionConflictError")]
pub(in crate::graphql) struct VersionConflict {
    /// For the person.
    message: String,
    /// For programs.
    code: UserErrorCode,
    /// Which part of the input it is about: `["input", "expectedVersion"]`.
    path: Option<Vec<String>>,
    /// The thing as it stands now.
    current: Box<Node>,
}

impl VersionConflict {
    pub(in crate::graphql) fn new(current: Node) -> Self {
        Self {
            message: "it was changed meanwhile: look at how it stands now".into(),
            code: UserErrorCode::VersionConflict,
            path: Some(vec!["input".into(), "expectedVersion".into()]),
            current: Box::new(current),
        }
    }
}

/// A failure that a person can mend.
#[derive(Debug)]
pub(in crate::graphql) enum Mendable {
    NotFound(NotFound),
    InvalidInput(InvalidInput),
    IdempotencyKeyReused(IdempotencyKeyReused),
    Conflict(Conflict),
    LimitReached(LimitReached),
}

impl Mendable {
    /// What is wrong with the part of the input called `path`; the error itself, if no person can mend it.
    pub(in crate::graphql) fn of(error: Error, path: &str) -> Result<Self> {
        match error.kind() {
            Kind::Unauthenticated | Kind::Forbidden | Kind::Unavailable | Kind::Internal => Err(error),
            Kind::NotFound | Kind::Invalid | Kind::Conflict | Kind::RateLimited => {
                Ok(Self::told(&error, path))
            }
        }
    }

    /// The same, of an error that can be mended.
    pub(in crate::graphql) fn told(error: &Error, path: &str) -> Self {
        let message = error.message();
        match error.kind() {
            Kind::NotFound => Self::NotFound(NotFound::new(message, path)),
            Kind::Conflict if message == KEY_REUSED => {
                Self::IdempotencyKeyReused(IdempotencyKeyReused::new(message, "idempotencyKey"))
            }
            Kind::Conflict => Self::Conflict(Conflict::new(message, path)),
            Kind::RateLimited => Self::LimitReached(LimitReached::new(message, path)),
            _ => Self::InvalidInput(InvalidInput::new(message, path)),
        }
    }

    pub(in crate::graphql) fn invalid(message: &str, path: &str) -> Self {
        Self::InvalidInput(InvalidInput::new(message, path))
    }
}

/// What can be wrong with a mutation: a union of the common errors, and of those that are named beside it.
macro_rules! user_errors {
    ($($(#[$doc:meta])* $name:ident $(+ $more:ident)*),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(async_graphql::Union)]
        enum $name {
            NotFound($crate::graphql::mutation::user_error::NotFound),
            InvalidInput($crate::graphql::mutation::user_error::InvalidInput),
            IdempotencyKeyReused($crate::graphql::mutation::user_error::IdempotencyKeyReused),
            Conflict($crate::graphql::mutation::user_error::Conflict),
            LimitReached($crate::graphql::mutation::user_error::LimitReached),
            $($more($crate::graphql::mutation::user_error::$more),)*
        }

        impl From<$crate::graphql::mutation::user_error::Mendable> for $name {
            fn from(mendable: $crate::graphql::mutation::user_error::Mendable) -> Self {
                use $crate::graphql::mutation::user_error::Mendable;
                match mendable {
                    Mendable::NotFound(error) => Self::NotFound(error),
                    Mendable::InvalidInput(error) => Self::InvalidInput(error),
                    Mendable::IdempotencyKeyReused(error) => Self::IdempotencyKeyReused(error),
                    Mendable::Conflict(error) => Self::Conflict(error),
                    Mendable::LimitReached(error) => Self::LimitReached(error),
                }
            }
        }
    )+};
}
pub(super) use user_errors;
