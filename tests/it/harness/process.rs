//! The real program as a process of its own: to be talked to, killed and started again.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::harness::cluster::Database;
use crate::harness::scratch::Scratch;

/// Nothing in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A place where the program is run: a database, a data folder, a port.
pub(crate) struct Place {
    pub(crate) database: Arc<Database>,
    pub(crate) home: Scratch,
    pub(crate) port: u16,
    /// Further variables of the environment.
    pub(crate) variables: Vec<(String, String)>,
}

impl Place {
    pub(crate) fn new() -> Self {
        // Free now, and with luck still when the server wants it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { database: Arc::new(Database::new()), home: Scratch::new(), port, variables: Vec::new() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Writes a file below the home, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The program with `arguments`, in an environment that holds nothing but this place.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_botwright"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("DATABASE_URL", self.database.url())
            .env("BOTWRIGHT_MASTER_KEY", "11".repeat(32))
            .env("DATA_DIR", self.home.join("data"))
            .env("BOTS_DIR", self.home.join("bots"))
            .env("BIND", "127.0.0.1")
            .env("PORT", self.port.to_string())
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Another machine on the same database.
    pub(crate) fn beside(&self) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (database, variables) = (self.database.clone(), self.variables.clone());
        Self { database, home: Scratch::new(), port, variables }
    }

    /// Runs a command to its end, with `input` on its standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        Ran {
            code: status.code().unwrap(),
            out: String::from_utf8(stdout).unwrap(),
            talk: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Starts a server and waits until it is ready.
    pub(crate) async fn start(&self, arguments: &[&str]) -> Server {
        let log = self.home.join(&format!("server-{}.log", arguments[0]));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let server = Server { child: command.spawn().unwrap(), log };
        let ready = format!("{}/readyz", self.url());
        let since = Instant::now();
        while !reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(since.elapsed() < PATIENCE, "not ready within a minute:\n{}", server.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }
}

/// A command that came to its end.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) talk: String,
}

/// A server that runs. Killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Everything that it has said.
    pub(crate) fn said(&self) -> String {
        let mut text = String::new();
        File::open(&self.log).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Waits until it has said something.
    pub(crate) async fn will_say(&self, text: &str) {
        let since = Instant::now();
        while !self.said().contains(text) {
            assert!(since.elapsed() < PATIENCE, "`{text}` was not said in a minute:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Nanoseconds that all of its threads have been on a processor; Linux alone says.
    pub(crate) fn worked(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of_thread = |thread: std::io::Result<fs::DirEntry>| {
            let text = fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0)
        };
        threads.map(of_thread).sum()
    }

    /// Bytes of memory that it has in use.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Without a warning, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal by name: `STOP` puts it to sleep, `CONT` wakes it.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} $0");
        let pid = self.child.id().to_string();
        assert!(Command::new("sh").args(["-c", &line, &pid]).status().unwrap().success());
    }

    /// In good order; what it ended with.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(since.elapsed() < Duration::from_secs(20), "it goes on after 20 s:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
