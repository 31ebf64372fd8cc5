//! A running server: how it is found, started and stopped.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::owner::Owner;
use super::programs::Programs;
use super::{ROLE, place};
use crate::error::{Error, Result};

/// The port in the socket's name; nothing listens on TCP.
const PORT: u16 = 5432;

/// What `postmaster.pid` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) pid: u32,
    directory: PathBuf,
    pub(super) port: u16,
    pub(super) socket_dir: PathBuf,
}

impl Server {
    /// The server that runs on `cluster`, if there is one. Its file may be a leftover, its process number
    /// another program's by now, and the whole folder a copy of one that is served elsewhere.
    pub(super) fn running_on(cluster: &Path) -> Option<Self> {
        let server = Self::parse(&fs::read_to_string(cluster.join("postmaster.pid")).ok()?)?;
        server.serves(cluster).then_some(server)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let directory = PathBuf::from(lines.next()?);
        let port = lines.nth(1)?.trim().parse().ok()?;
        let socket_dir = lines.next()?.split(',').next()?.trim();
        (!socket_dir.is_empty()).then(|| Self { pid, directory, port, socket_dir: PathBuf::from(socket_dir) })
    }

    fn serves(&self, cluster: &Path) -> bool {
        if !Path::new("/proc/self/cwd").exists() {
            return signal(self.pid, "0") && self.directory == cluster;
        }
        // A server works inside its cluster, also after the folder was moved.
        match (fs::metadata(format!("/proc/{}/cwd", self.pid)), fs::metadata(cluster)) {
            (Ok(theirs), Ok(ours)) => theirs.dev() == ours.dev() && theirs.ino() == ours.ino(),
            (Err(error), _) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                self.directory == cluster
            }
            _ => false,
        }
    }

    pub(super) fn socket(&self) -> PathBuf {
        place::socket_in(&self.socket_dir, self.port)
    }
}

/// Sends a signal (by its name without SIG, or `0` to ask whether the process lives).
pub(super) fn signal(pid: u32, name: &str) -> bool {
    // The shell has `kill` built in; the program of that name is often not installed.
    let mut command = Command::new("sh");
    command.args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &pid.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Everything that a start needs to know.
pub(super) struct Launch<'a> {
    pub(super) cluster: &'a Path,
    pub(super) socket_dir: &'a Path,
    pub(super) owner: &'a Owner,
    pub(super) programs: &'a Programs,
    /// Further settings, which win over ours.
    pub(super) settings: &'a [(&'a str, &'a str)],
    /// Takes what the server says before its own log is open, and when that is off.
    pub(super) log: &'a Path,
    /// Stays locked for as long as any process of the server lives.
    pub(super) alive: File,
}

/// For a machine of two cores that does other things too. `UTC` because times are shown by us, never by it.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("max_connections", "100"),
    ("shared_buffers", "128MB"),
    ("effective_cache_size", "1GB"),
    ("random_page_cost", "1.1"),
    ("jit", "off"),
    ("autovacuum", "on"),
    ("wal_compression", "on"),
    ("min_wal_size", "80MB"),
    ("max_wal_size", "1GB"),
    ("checkpoint_timeout", "15min"),
    ("log_checkpoints", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // A file for each day of the week, overwritten a week later.
    ("logging_collector", "on"),
    ("log_directory", "log"),
    ("log_filename", "postgres-%a.log"),
    ("log_rotation_age", "1d"),
    ("log_truncate_on_rotation", "on"),
];

impl Launch<'_> {
    /// Starts the server. It outlives us if we die.
    pub(super) fn start(self) -> Result<Child> {
        self.clear_leftovers();
        self.write_access_rules().map_err(|error| {
            Error::unavailable(format!("`{}` cannot be written: {error}", self.cluster.display()))
        })?;
        let log = File::create(self.log).map_err(|error| {
            Error::unavailable(format!("`{}` cannot be written: {error}", self.log.display()))
        })?;
        let mut command = self.owner.command(&self.programs.postgres());
        command.arg("-D").arg(self.cluster);
        command.arg("-c").arg(format!("port={PORT}"));
        command.arg("-c").arg(format!("unix_socket_directories={}", self.socket_dir.display()));
        for (name, value) in SETTINGS.iter().chain(self.settings) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let stdout = log.try_clone().map_err(Error::internal)?;
        command.stdin(self.alive).stdout(stdout).stderr(log);
        command.spawn().map_err(|error| Error::unavailable(format!("PostgreSQL cannot be started: {error}")))
    }

    /// Nothing of the server lives any more, so whatever names a process here names a stranger, and PostgreSQL
    /// would refuse to start where that stranger is the same user's.
    fn clear_leftovers(&self) {
        let socket = place::socket_in(self.socket_dir, PORT);
        let mut lock = socket.clone().into_os_string();
        lock.push(".lock");
        for leftover in [self.cluster.join("postmaster.pid"), socket, PathBuf::from(lock)] {
            let _ = fs::remove_file(leftover);
        }
    }

    /// Who may sign in: over the socket only, and as whom the operating system says. Root and the server's user
    /// may also be the superuser, to mend things by hand.
    fn write_access_rules(&self) -> std::io::Result<()> {
        let me = Owner::current_name().unwrap_or_else(|_| self.owner.name.clone());
        let mut users = vec!["root", "postgres", &self.owner.name, &me];
        users.sort_unstable();
        users.dedup();
        let mut map = String::from("# Written at every start: system user, database role.\n");
        for user in users {
            map.push_str(&format!("botwright \"{user}\" {ROLE}\n"));
        }
        for user in ["root", &self.owner.name] {
            map.push_str(&format!("botwright \"{user}\" postgres\n"));
        }
        let rules = "# Written at every start.\nlocal all all peer map=botwright\n";
        for (name, text) in [("pg_hba.conf", rules), ("pg_ident.conf", &map)] {
            // As a new file: the folder is another user's, and where we are root we must not follow its links.
            let path = self.cluster.join(name);
            let _ = fs::remove_file(&path);
            File::create_new(&path)?.write_all(text.as_bytes())?;
            self.owner.take(&path)?;
        }
        Ok(())
    }
}

/// What the server complained about last, for a person who wants to know why it did not start.
pub(super) fn last_words(log: &Path, cluster: &Path) -> String {
    let newest = fs::read_dir(cluster.join("log"))
        .ok()
        .and_then(|entries| {
            entries.flatten().max_by_key(|entry| entry.metadata().and_then(|m| m.modified()).ok())
        })
        .map(|entry| entry.path());
    let (first, second) = (end_of(log), newest.map(|path| end_of(&path)).unwrap_or_default());
    complaints(&first).or_else(|| complaints(&second)).unwrap_or_else(|| format!("see `{}`", log.display()))
}

/// The last lines of a log that say that something failed.
fn complaints(text: &str) -> Option<String> {
    let telling =
        |line: &&str| ["FATAL:", "PANIC:", "ERROR:", "DETAIL:"].iter().any(|mark| line.contains(mark));
    let lines: Vec<&str> = text.lines().filter(telling).collect();
    let last = lines.get(lines.len().saturating_sub(3)..)?;
    (!last.is_empty()).then(|| last.join("; "))
}

fn end_of(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Server;

    #[test]
    fn the_pid_file_is_read_and_half_of_one_is_not() {
        let text = "4711\n/srv/data/postgres\n1763600000\n5432\n/run/botwright-1\n\n  123 456\nready   \n";
        let server = Server::parse(text).unwrap();
        assert_eq!((server.pid, server.port), (4711, 5432));
        assert_eq!(server.socket(), Path::new("/run/botwright-1/.s.PGSQL.5432"));
        assert!(Server::parse("4711\n/srv/data/postgres\n17636").is_none());
        assert!(Server::parse("").is_none());
    }

    #[test]
    fn a_process_number_that_is_somebody_elses_now_is_no_server() {
        let text = format!("{}\n/nowhere\n1\n5432\n/run/x\n", std::process::id());
        assert!(!Server::parse(&text).unwrap().serves(Path::new("/usr")));
    }
}
