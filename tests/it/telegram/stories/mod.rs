//! What people do on Telegram, through the whole server: each story is told twice, over polling and over a webhook.

mod access;
mod commands;
mod course;
mod groups;
mod talking;

const OPEN: &str = "access: {default: open}";

/// Stories that take the way in which the server hears.
macro_rules! in_both_modes {
    ($($story:ident),+ $(,)?) => {
        mod polling {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story(crate::telegram::stage::Mode::Polling).await;
            })+
        }
        mod webhook {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story(crate::telegram::stage::Mode::Webhook).await;
            })+
        }
    };
}
use in_both_modes;
