//! From a request that was read to one that may be executed.

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request, Response, ServerError, Value};
use serde::Serialize;

use crate::config::Introspection;
use crate::error::Error;
use crate::graphql::transport::faults::{Code, Refusal, mend};
use crate::graphql::transport::guard::Checked;
use crate::graphql::transport::params::Params;
use crate::graphql::transport::phase::{Asked, Started};
use crate::graphql::transport::shape::Shape;
use crate::graphql::transport::{Transport, Visitor, guard};
use crate::http::RequestName;

/// A request that passed every check before execution.
pub(super) struct Prepared {
    pub(super) request: Request,
    pub(super) kind: OperationType,
    pub(super) started: Started,
}

impl<E: Executor> Transport<E> {
    /// Parses and weighs the document.
    pub(super) fn check(&self, params: &Params) -> Result<Checked, Refusal> {
        let Params { query, operation_name, variables, .. } = params;
        guard::check(query, operation_name.as_deref(), variables, &self.settings.limits)
    }

    /// Introduces the caller to the resolvers. A caller without a token sees what is public.
    pub(super) fn prepare(
        &self,
        params: Params,
        checked: Checked,
        visitor: Option<&Visitor>,
    ) -> Result<Prepared, Refusal> {
        let Params { query, operation_name, variables, .. } = params;
        let mut request = Request::new(query).variables(variables);
        request.operation_name = operation_name;
        let started = Started::default();
        match visitor {
            Some(visitor) => {
                (visitor.count)()?;
                request = visitor.introduce(request);
            }
            None => self.check_public(&checked.shape)?,
        }
        self.check_introspection(&checked.shape, visitor)?;
        let Checked { document, kind, shape } = checked;
        request = request.data(started.clone()).data(Asked { kind, shape });
        request.set_parsed_query(document);
        Ok(Prepared { request, kind, started })
    }

    fn check_public(&self, shape: &Shape) -> Result<(), Refusal> {
        let public = |root: &str| root.starts_with("__") || self.settings.public.contains(&root);
        match shape.names().find(|root| !public(root)) {
            None => Ok(()),
            Some(root) => Err(Refusal::from(Error::unauthenticated(format!(
                "`{root}` needs a token: send `Authorization: Bearer …`; make one with `botwright token create`"
            )))),
        }
    }

    fn check_introspection(&self, shape: &Shape, visitor: Option<&Visitor>) -> Result<(), Refusal> {
        let asked = shape.names().any(|root| root == "__schema" || root == "__type");
        match self.settings.introspection {
            _ if !asked => Ok(()),
            Introspection::Open => Ok(()),
            Introspection::Tokens if visitor.is_some() => Ok(()),
            Introspection::Tokens => Err(Refusal::from(Error::unauthenticated(
                "on this server, introspection needs a token: send `Authorization: Bearer …`",
            ))),
            Introspection::Off => Err(Refusal::from(Error::forbidden(
                "introspection is off on this server; its schema is `schema.graphql` of its version",
            ))),
        }
    }

    /// Executes a query or mutation, within the deadline.
    pub(super) async fn execute(&self, prepared: Prepared, name: &RequestName) -> Result<Response, Refusal> {
        let Prepared { request, started, .. } = prepared;
        let execution = tokio::time::timeout(self.settings.deadline, self.executor.execute(request)).await;
        let Ok(mut response) = execution else {
            tracing::warn!(request = name.as_str(), "an operation took too long");
            return Err(Refusal::from(too_slow()));
        };
        if !started.get() {
            return Err(Refusal::of_errors(response.errors));
        }
        mend(&mut response.errors, Code::BadUserInput, name);
        Ok(response)
    }
}

/// What a caller hears whose operation passed the deadline.
pub(super) fn too_slow() -> Error {
    Error::unavailable("this took too long and was given up; try again in a moment")
}

/// The body of an answer. `data` is left out where nothing was executed.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
}

impl<'a> Body<'a> {
    pub(super) fn of(response: &'a Response) -> Self {
        Self { data: Some(&response.data), errors: &response.errors }
    }
    pub(super) fn refused(errors: &'a [ServerError]) -> Self {
        Self { data: None, errors }
    }
}
