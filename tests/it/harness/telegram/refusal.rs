//! What the service says of a call that it does not carry out.

use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) description: String,
    pub(crate) parameters: Option<Value>,
}

impl Refusal {
    pub(crate) fn new(code: u16, description: &str) -> Self {
        Self { code, description: description.to_owned(), parameters: None }
    }

    /// 400, with the first letter as the service writes it.
    pub(crate) fn bad(description: &str) -> Self {
        Self::new(400, &format!("Bad Request: {description}"))
    }

    pub(crate) fn forbidden(description: &str) -> Self {
        Self::new(403, &format!("Forbidden: {description}"))
    }

    pub(crate) fn conflict(description: &str) -> Self {
        Self::new(409, &format!("Conflict: {description}"))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    pub(crate) fn too_many(retry_after: u64) -> Self {
        let mut refusal = Self::new(429, &format!("Too Many Requests: retry after {retry_after}"));
        refusal.parameters = Some(json!({ "retry_after": retry_after }));
        refusal
    }

    pub(crate) fn migrated(to: i64) -> Self {
        let mut refusal = Self::bad("group chat was upgraded to a supergroup chat");
        refusal.parameters = Some(json!({ "migrate_to_chat_id": to }));
        refusal
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "ok": false, "error_code": self.code, "description": self.description });
        if let Some(parameters) = &self.parameters {
            body["parameters"] = parameters.clone();
        }
        body
    }
}
