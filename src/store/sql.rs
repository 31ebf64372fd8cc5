//! SQL written out, with typed binds and a cached plan.
//!
//! Diesel prepares a `sql_query` anew at every call. This fragment does the same work and stays in the
//! connection's statement cache, because its text never changes: values only ever enter as binds.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};

/// A statement whose `?` marks are filled in order by [`Sql::bind`].
pub(super) fn sql(text: &'static str) -> Sql {
    Sql { text, binds: Vec::new() }
}

pub(super) struct Sql {
    text: &'static str,
    binds: Vec<Box<dyn Bind>>,
}

impl Sql {
    /// Fills the next `?` with `value`, sent as `ST`.
    pub(super) fn bind<ST, T>(mut self, value: T) -> Self
    where
        ST: Send + 'static,
        T: ToSql<ST, Pg> + Send + 'static,
        Pg: HasSqlType<ST>,
    {
        self.binds.push(Box::new(Typed::<ST, T> { value, kind: std::marker::PhantomData }));
        self
    }
}

trait Bind: Send {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

struct Typed<ST, T> {
    value: T,
    kind: std::marker::PhantomData<ST>,
}

impl<ST, T> Bind for Typed<ST, T>
where
    ST: Send,
    T: ToSql<ST, Pg> + Send,
    Pg: HasSqlType<ST>,
{
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<ST, T>(&self.value)
    }
}

impl QueryFragment<Pg> for Sql {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut binds = self.binds.iter();
        for (index, part) in self.text.split('?').enumerate() {
            if index > 0 {
                let Some(bind) = binds.next() else {
                    return Err(diesel::result::Error::QueryBuilderError("too few binds".into()));
                };
                bind.push(&mut out)?;
            }
            out.push_sql(part);
        }
        match binds.next() {
            Some(_) => Err(diesel::result::Error::QueryBuilderError("too many binds".into())),
            None => Ok(()),
        }
    }
}

impl QueryId for Sql {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Sql {
    type SqlType = Untyped;
}
