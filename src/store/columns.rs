//! How typed ids and closed sets of words stand in columns.

use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Nullable, Uuid};

use crate::id::{
    AccountId, AuditId, BotId, ConnectionId, ConversationId, DeliveryId, DocumentId, FactId, GenerationId,
    JobId, MessageId, PassageId, PersonId, QuarantineId, ReplicaId, RevisionId, ScheduleId, SecretId,
    SummaryId, TokenId, TurnId, UploadId, UsageId,
};

macro_rules! column {
    ($sql:ty, $($name:ty),+ $(,)?) => {$(
        impl AsExpression<$sql> for $name {
            type Expression = Bound<$sql, $name>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<'a> AsExpression<$sql> for &'a $name {
            type Expression = Bound<$sql, &'a $name>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl AsExpression<Nullable<$sql>> for $name {
            type Expression = Bound<Nullable<$sql>, $name>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<'a> AsExpression<Nullable<$sql>> for &'a $name {
            type Expression = Bound<Nullable<$sql>, &'a $name>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl ToSql<Nullable<$sql>, Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                ToSql::<$sql, Pg>::to_sql(self, out)
            }
        }
        impl Queryable<$sql, Pg> for $name {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    )+};
}
pub(super) use column;

macro_rules! id_columns {
    ($($name:ident),+ $(,)?) => {
        column!(Uuid, $($name),+);
        $(
            impl ToSql<Uuid, Pg> for $name {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                    ToSql::<Uuid, Pg>::to_sql(&self.0, out)
                }
            }
            impl FromSql<Uuid, Pg> for $name {
                fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                    <uuid::Uuid as FromSql<Uuid, Pg>>::from_sql(value).map(Self)
                }
            }
        )+
    };
}

id_columns!(
    AccountId,
    AuditId,
    BotId,
    ConnectionId,
    ConversationId,
    DeliveryId,
    DocumentId,
    FactId,
    GenerationId,
    JobId,
    MessageId,
    PassageId,
    PersonId,
    QuarantineId,
    ReplicaId,
    RevisionId,
    ScheduleId,
    SecretId,
    SummaryId,
    TokenId,
    TurnId,
    UploadId,
    UsageId,
);

/// A closed set of words, kept as text.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }
        impl $name {
            /// The word that stands in the database.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
        impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                <str as diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg>>::to_sql(
                    self.as_str(),
                    out,
                )
            }
        }
        impl diesel::deserialize::FromSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn from_sql(value: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                match value.as_bytes() {
                    $(bytes if bytes == $word.as_bytes() => Ok(Self::$variant),)+
                    bytes => Err(format!("`{}` is no {}", String::from_utf8_lossy(bytes), stringify!($name)).into()),
                }
            }
        }
        $crate::store::columns::column_of_words!($name);
    };
}
pub(super) use words;

macro_rules! column_of_words {
    ($name:ident) => {
        const _: () = {
            use diesel::deserialize::{self, Queryable};
            use diesel::expression::AsExpression;
            use diesel::internal::derives::as_expression::Bound;
            use diesel::pg::Pg;
            use diesel::serialize::{self, Output, ToSql};
            use diesel::sql_types::Nullable;
            $crate::store::columns::column!(diesel::sql_types::Text, $name);
        };
    };
}
pub(super) use column_of_words;
