//! What can be wrong with a change of the configuration.

use async_graphql::{SimpleObject, Union};

use crate::error::{Error, Kind, Result};
use crate::graphql::mutation::user_error::{
    BlockedByPolicy, Conflict, IdempotencyKeyReused, InvalidInput, LimitReached, Mendable, NotFound,
    UserErrorCode,
};
use crate::graphql::types::ConfigProblem;
use crate::spec::{self, Problem};

/// The bot, or a bot of the project, would not be valid: each problem says where and why.
#[derive(SimpleObject, Debug)]
#[graphql(name = "InvalidBotError")]
pub(in crate::graphql) struct InvalidBot {
    /// For the person.
    pub(super) message: String,
    /// For programs.
    pub(super) code: UserErrorCode,
    /// Which part of the input it is about: `["input", "config"]`.
    pub(super) path: Option<Vec<String>>,
    /// What is wrong, each in its place.
    problems: Vec<ConfigProblem>,
}

/// Files own these fields, and here they cannot be changed: the patch says what to write into the files.
#[derive(SimpleObject, Debug)]
#[graphql(name = "FieldOwnedByFilesError")]
pub(in crate::graphql) struct FieldOwnedByFiles {
    /// For the person.
    pub(super) message: String,
    /// For programs.
    pub(super) code: UserErrorCode,
    /// Which part of the input it is about: `["input", "set"]`.
    pub(super) path: Option<Vec<String>>,
    /// Who owns the bot: `git:<source id>`.
    source: String,
    /// The fields that files own, as JSON pointers into the bot's file.
    paths: Vec<String>,
    /// The change as it is made in the files.
    patch: String,
}

/// A failure of a change of the configuration that a person can mend.
#[derive(Debug)]
pub(super) enum ConfigMendable {
    Common(Mendable),
    InvalidBot(InvalidBot),
    FieldOwnedByFiles(Box<FieldOwnedByFiles>),
    BlockedByPolicy(BlockedByPolicy),
}

impl From<Mendable> for ConfigMendable {
    fn from(mendable: Mendable) -> Self {
        Self::Common(mendable)
    }
}

impl ConfigMendable {
    /// What is wrong with the part of the input called `path`; the error itself, if no person can mend it.
    /// Whoever calls has checked scopes before, so what is forbidden now is so by policy.
    pub(super) fn of(error: Error, path: &str) -> Result<Self> {
        match error.kind() {
            Kind::Forbidden => Ok(Self::BlockedByPolicy(BlockedByPolicy::new(error.message(), path))),
            _ => Mendable::of(error, path).map(Self::Common),
        }
    }

    pub(super) fn problems(problems: &[Problem], path: &str) -> Self {
        let first = problems.iter().find(|problem| problem.is_error());
        let first = first.map(|problem| format!(", first: {}", problem.message)).unwrap_or_default();
        Self::InvalidBot(InvalidBot {
            message: format!("not valid: {}{first}", spec::summary(problems)),
            code: UserErrorCode::InvalidBot,
            path: Some(vec!["input".into(), path.into()]),
            problems: problems.iter().map(ConfigProblem::from).collect(),
        })
    }

    pub(super) fn owned(source: String, paths: Vec<String>, patch: String) -> Self {
        let shown: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
        Self::FieldOwnedByFiles(Box::new(FieldOwnedByFiles {
            message: format!(
                "{} belongs to the files of `{source}`: change it there, or list it under `delegated`",
                shown.join(", ")
            ),
            code: UserErrorCode::FieldOwnedByFiles,
            path: Some(vec!["input".into(), "set".into()]),
            source,
            paths,
            patch,
        }))
    }
}

macro_rules! config_errors {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Union)]
        pub(super) enum $name {
            NotFound(NotFound),
            InvalidInput(InvalidInput),
            IdempotencyKeyReused(IdempotencyKeyReused),
            Conflict(Conflict),
            LimitReached(LimitReached),
            InvalidBot(InvalidBot),
            FieldOwnedByFiles(FieldOwnedByFiles),
            BlockedByPolicy(BlockedByPolicy),
        }

        impl From<ConfigMendable> for $name {
            fn from(mendable: ConfigMendable) -> Self {
                match mendable {
                    ConfigMendable::Common(Mendable::NotFound(error)) => Self::NotFound(error),
                    ConfigMendable::Common(Mendable::InvalidInput(error)) => Self::InvalidInput(error),
                    ConfigMendable::Common(Mendable::IdempotencyKeyReused(error)) => {
                        Self::IdempotencyKeyReused(error)
                    }
                    ConfigMendable::Common(Mendable::Conflict(error)) => Self::Conflict(error),
                    ConfigMendable::Common(Mendable::LimitReached(error)) => Self::LimitReached(error),
                    ConfigMendable::InvalidBot(error) => Self::InvalidBot(error),
                    ConfigMendable::FieldOwnedByFiles(error) => Self::FieldOwnedByFiles(*error),
                    ConfigMendable::BlockedByPolicy(error) => Self::BlockedByPolicy(error),
                }
            }
        }
    )+};
}

config_errors! {
    /// What can be wrong with `applyPlan`. All implement `UserError`; clients must expect others.
    ApplyPlanError,
    /// What can be wrong with `rollback`. All implement `UserError`; clients must expect others.
    RollbackError,
    /// What can be wrong with `resumeSource`. All implement `UserError`; clients must expect others.
    ResumeSourceError,
    /// What can be wrong with `createBot`. All implement `UserError`; clients must expect others.
    CreateBotError,
    /// What can be wrong with `updateBot`. All implement `UserError`; clients must expect others.
    UpdateBotError,
}
