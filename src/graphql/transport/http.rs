//! POST and GET.

use std::sync::Arc;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::body::Body as HttpBody;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use crate::graphql::explorer;
use crate::graphql::transport::accept::{Media, is_json, negotiate, wants_html};
use crate::graphql::transport::faults::{Code, Refusal, mend};
use crate::graphql::transport::params::{Params, UrlParams};
use crate::graphql::transport::run::Body;
use crate::graphql::transport::{Transport, Visitor};
use crate::http::{JSON_BYTES, RequestName, bearer, read_body};

/// Queries and mutations.
pub(super) async fn post<E: Executor>(
    State(transport): State<Arc<Transport<E>>>,
    name: RequestName,
    headers: HeaderMap,
    body: HttpBody,
) -> Response {
    let Some(media) = negotiate(&headers) else { return not_acceptable(&name) };
    let params = read_params(&headers, body).await;
    answer(&transport, &Method::POST, media, &headers, &name, params).await
}

/// Queries; for a person, the explorer.
pub(super) async fn get<E: Executor>(
    State(transport): State<Arc<Transport<E>>>,
    name: RequestName,
    headers: HeaderMap,
    url: Result<Query<UrlParams>, QueryRejection>,
) -> Response {
    if wants_html(&headers) {
        return (explorer::page_headers(), Html(transport.explorer)).into_response();
    }
    let Some(media) = negotiate(&headers) else { return not_acceptable(&name) };
    let params = read_url(url);
    answer(&transport, &Method::GET, media, &headers, &name, params).await
}

/// What the body of a POST asks for.
pub(super) async fn read_params(headers: &HeaderMap, body: HttpBody) -> Result<Params, Refusal> {
    // Only JSON: a browser sends it across sites with permission alone, other types it sends unasked.
    if !is_json(headers) {
        let message = "the body must be JSON: send `Content-Type: application/json`";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadUserInput, message));
    }
    Params::from_body(&read_body(headers, body, JSON_BYTES).await?)
}

/// What the parameters of a GET ask for.
pub(super) fn read_url(url: Result<Query<UrlParams>, QueryRejection>) -> Result<Params, Refusal> {
    match url {
        Ok(Query(url)) => Params::from_url(url),
        Err(rejection) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, Code::BadUserInput, rejection.body_text()))
        }
    }
}

async fn answer<E: Executor>(
    transport: &Transport<E>,
    method: &Method,
    media: Media,
    headers: &HeaderMap,
    name: &RequestName,
    params: Result<Params, Refusal>,
) -> Response {
    let executed = async {
        let params = params?;
        let checked = transport.check(&params)?;
        match checked.kind {
            OperationType::Mutation if method == Method::GET => Err(no_mutation()),
            OperationType::Subscription => {
                let message = "a subscription needs a stream: open a WebSocket at /graphql/ws \
                               (graphql-transport-ws), or send it to /graphql/stream (server-sent events)";
                Err(Refusal::new(StatusCode::BAD_REQUEST, Code::BadUserInput, message))
            }
            OperationType::Query | OperationType::Mutation => {
                let visitor = recognise(transport, headers).await?;
                let prepared = transport.prepare(params, checked, visitor.as_ref())?;
                transport.execute(prepared, name).await
            }
        }
    };
    match executed.await {
        Ok(response) => told(StatusCode::OK, media, &Body::of(&response)),
        Err(refusal) => refused(refusal, media, name),
    }
}

/// A mutation that came with GET.
pub(super) fn no_mutation() -> Refusal {
    let message = "a mutation changes something, and GET must not: send it with POST";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, message)
}

async fn recognise<E>(transport: &Transport<E>, headers: &HeaderMap) -> Result<Option<Visitor>, Refusal> {
    match bearer(headers)? {
        Some(token) => Ok(Some(transport.gate.admit(&token).await?)),
        None => Ok(None),
    }
}

fn not_acceptable(name: &RequestName) -> Response {
    let message = "the answer is JSON: accept `application/graphql-response+json` or `application/json`";
    refused(Refusal::new(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, message), Media::Json, name)
}

/// The answer to a request that is not executed.
pub(super) fn refused(mut refusal: Refusal, media: Media, name: &RequestName) -> Response {
    mend(&mut refusal.errors, Code::ValidationFailed, name);
    let status = match media {
        Media::Json if refusal.of_document => StatusCode::OK,
        _ => refusal.status,
    };
    let mut response = told(status, media, &Body::refused(&refusal.errors));
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn told(status: StatusCode, media: Media, body: &Body<'_>) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let headers = [(CONTENT_TYPE, media.content_type()), (VARY, "accept")];
            (status, headers, body).into_response()
        }
        Err(error) => crate::error::Error::internal(error).into_response(),
    }
}
