//! Sending a file: the one call whose body is no JSON.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Api, Failure, failed, read_answer};

/// How long sending one may take: whoever writes meanwhile waits.
const UPLOAD: Duration = Duration::from_secs(30);

impl Api {
    /// Sends `content` as a file of that name, to the chat and topic in `fields`.
    pub(in crate::channels::telegram) async fn send_file(
        &self,
        token: &SecretString,
        fields: Vec<(&'static str, String)>,
        name: &'static str,
        content: String,
    ) -> Result<Value, Failure> {
        let url = format!("{}/bot{}/sendDocument", self.base, token.expose_secret());
        let form = fields.into_iter().fold(Form::new(), |form, (field, value)| form.text(field, value));
        let form = form.part("document", Part::text(content).file_name(name));
        let sent = self.client.post(url).multipart(form).timeout(UPLOAD).send().await;
        read_answer(sent.map_err(|error| failed(&error.without_url()))?, UPLOAD).await
    }
}
