//! A server of a few lines: each connection gets the next reply, byte for byte.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::sleep;

/// What one connection is answered.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pieces: Vec<String>,
    pause: Duration,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum End {
    /// The body is closed as HTTP wants it.
    Whole,
    /// The connection is closed in the middle of the body.
    Torn,
    /// Nothing more comes.
    Hanging,
}

/// A streamed answer, chunk by chunk.
pub(super) fn sse(chunks: impl IntoIterator<Item = String>) -> Reply {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let chunks = chunks.into_iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    Reply {
        pieces: std::iter::once(head.to_owned()).chain(chunks).collect(),
        pause: Duration::ZERO,
        end: End::Whole,
    }
}

pub(super) fn chunk(value: &Value) -> String {
    format!("data: {value}\n\n")
}

pub(super) fn done() -> String {
    "data: [DONE]\n\n".into()
}

impl Reply {
    pub(super) fn status(status: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let piece = format!(
            "HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { pieces: vec![piece], pause: Duration::ZERO, end: End::Torn }
    }
    /// No answer at all, and the connection stays open.
    pub(super) fn silence() -> Self {
        Self { pieces: Vec::new(), pause: Duration::ZERO, end: End::Hanging }
    }
    /// No answer at all, and the connection is closed.
    pub(super) fn hang_up() -> Self {
        Self { pieces: Vec::new(), pause: Duration::ZERO, end: End::Torn }
    }
    pub(super) fn torn(mut self) -> Self {
        self.end = End::Torn;
        self
    }
    pub(super) fn hanging(mut self) -> Self {
        self.end = End::Hanging;
        self
    }
    pub(super) fn slowly(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }
}

/// Stops when it is dropped.
pub(super) struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

impl Server {
    /// Connections beyond the replies are closed without one.
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let journal = heard.clone();
        let task = tokio::spawn(async move {
            let mut replies = replies.into_iter();
            while let Ok((mut socket, _)) = listener.accept().await {
                let Some(reply) = replies.next() else { continue };
                let request = receive(&mut socket).await;
                journal.lock().unwrap().push(request);
                tokio::spawn(answer(socket, reply));
            }
        });
        Self { port, heard, task: task.abort_handle() }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// The requests so far, head and body.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = socket.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return text;
            }
            continue;
        };
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

async fn answer(mut socket: TcpStream, reply: Reply) {
    for piece in &reply.pieces {
        if socket.write_all(piece.as_bytes()).await.is_err() {
            return;
        }
        if !reply.pause.is_zero() {
            sleep(reply.pause).await;
        }
    }
    match reply.end {
        End::Whole => drop(socket.write_all(b"0\r\n\r\n").await),
        End::Torn => {}
        End::Hanging => sleep(Duration::from_secs(600)).await,
    }
    let _ = socket.shutdown().await;
}
