//! A private PostgreSQL in the data folder, for whoever has none: made, started, shared, adopted, stopped.
//!
//! It listens on a Unix socket only and knows its callers by their system user, so there is no password and
//! no open port. It outlives a killed process of ours, and the next one adopts it. Several processes may use
//! it at once (an `up` and a `chat`); the last one that stops it does.
//!
//! Knows: nothing of what is stored. Never: a library; the programs that the system ships are run as they are.

mod bootstrap;
mod claim;
mod look;
mod owner;
mod place;
mod probe;
mod programs;
mod server;

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
pub use claim::Claim;
pub use look::{Look, look};
use owner::Owner;
use place::Place;
use probe::Answer;
use programs::Programs;
use server::{Launch, Server};

/// The role that owns the database: it may make roles and databases, and is no superuser.
const ROLE: &str = "botwright";
/// The database.
const DATABASE: &str = "botwright";

/// How long a server may take to recover or to stop before we give up on it.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a server may stay out of sight (its socket not open yet, its last processes still ending).
const GRACE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// How a cluster is made and started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where a new cluster goes if the server's user cannot reach the data folder.
    pub fallback: PathBuf,
    /// Further PostgreSQL settings, which win over ours.
    pub settings: Vec<(&'static str, &'static str)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { fallback: PathBuf::from("/var/lib/botwright"), settings: Vec::new() }
    }
}

/// A server that runs and that we may use. Dropped without [`Embedded::stop`], it goes on running.
#[derive(Debug)]
pub struct Embedded {
    data_dir: PathBuf,
    options: Options,
    cluster: PathBuf,
    /// Where it listened when we found it, which is where it is started again.
    server: Server,
    /// The process, where it is our child: it must be waited for.
    child: Mutex<Option<Child>>,
    /// Shared by all who use the server, so that the last one knows that it is.
    users: File,
}

impl Embedded {
    /// Makes sure that the server of `data_dir` runs: makes it, starts it, or adopts the one that runs.
    /// `progress` is told in a line whatever takes time. Blocks: some milliseconds to adopt, half a second to
    /// start, some seconds the first time.
    ///
    /// # Errors
    /// `Unavailable` if PostgreSQL is not installed or does not start, `Conflict` if the data is another major
    /// version's, `Forbidden` if it belongs to another user. The sentence says what to do.
    pub fn start(data_dir: &Path, progress: impl Fn(&str)) -> Result<Self> {
        Self::start_with(data_dir, &Options::default(), progress)
    }

    /// [`Embedded::start`] with other options. They count only where the cluster is made or started.
    pub fn start_with(data_dir: &Path, options: &Options, progress: impl Fn(&str)) -> Result<Self> {
        let cannot = |error: std::io::Error| {
            Error::unavailable(format!("`{}` cannot be used: {error}", data_dir.display()))
        };
        fs::create_dir_all(data_dir).map_err(cannot)?;
        let data_dir = fs::canonicalize(data_dir).map_err(cannot)?;
        let users = open_lock(&data_dir, "postgres.users")?;
        let _turn = take_turn(&data_dir, &progress)?;
        users.lock_shared().map_err(Error::internal)?;
        let (cluster, server, child) = bring_up(&data_dir, options, &progress)?;
        Ok(Self { data_dir, options: options.clone(), cluster, server, child: Mutex::new(child), users })
    }

    /// Where to connect: `postgres://botwright@%2Frun%2F…/botwright`. Holds no secret.
    pub fn url(&self) -> String {
        url_of(&self.server)
    }

    /// Where the cluster really lies.
    pub fn cluster(&self) -> &Path {
        &self.cluster
    }

    /// Whether the server's process lives. Cheap.
    pub fn is_running(&self) -> bool {
        Server::running_on(&self.cluster).is_some()
    }

    /// Starts the server again if it died; `true` if that was so. The address stays. Blocks as `start` does.
    pub fn revive(&self, progress: impl Fn(&str)) -> Result<bool> {
        if self.is_running() {
            return Ok(false);
        }
        let _turn = take_turn(&self.data_dir, &progress)?;
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut dead) = child.take() {
            let _ = dead.try_wait();
        }
        let (_, server, new_child) = bring_up(&self.data_dir, &self.options, &progress)?;
        *child = new_child;
        if server.socket() != self.server.socket() {
            return Err(Error::unavailable(
                "PostgreSQL was started again at another address; start Botwright again",
            ));
        }
        Ok(true)
    }

    /// Lets go of the server, and stops it if nobody else uses it: `true` if it was stopped. Open connections
    /// are cut, everything committed is safe. Blocks for as long as the server takes to write it all down.
    pub fn stop(self) -> Result<bool> {
        let _turn = take_turn(&self.data_dir, &|_: &str| ())?;
        self.users.unlock().map_err(Error::internal)?;
        if self.users.try_lock().is_err() {
            return Ok(false);
        }
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(server) = Server::running_on(&self.cluster) else { return Ok(false) };
        if !server::signal(server.pid, "INT") {
            return Err(Error::unavailable(format!("PostgreSQL (process {}) cannot be stopped", server.pid)));
        }
        let since = Instant::now();
        let alive = open_lock(&self.data_dir, "postgres.alive")?;
        while Server::running_on(&self.cluster).is_some() || alive.try_lock().is_err() {
            if since.elapsed() > GRACE {
                return Err(Error::unavailable(format!("PostgreSQL (process {}) still stops", server.pid)));
            }
            if let Some(child) = &mut child {
                let _ = child.try_wait();
            }
            sleep(POLL);
        }
        if let Some(child) = &mut child {
            let _ = child.wait();
        }
        let _ = fs::remove_dir(&server.socket_dir);
        Ok(true)
    }
}

/// The cluster's place, its server, and the process if it is our child.
fn bring_up(
    data_dir: &Path,
    options: &Options,
    progress: &impl Fn(&str),
) -> Result<(PathBuf, Server, Option<Child>)> {
    let link = data_dir.join("postgres");
    let cluster = match place::look(&link)? {
        Place::Cluster(cluster) => cluster,
        Place::Free(wanted) => make(&link, &wanted, options, progress)?,
    };
    let owner = Owner::of(&cluster)?;
    if !owner.can_enter(&cluster) {
        return Err(Error::unavailable(format!(
            "the user `{}`, who runs PostgreSQL, cannot reach the database in `{}` any more; let everybody enter \
             (`chmod a+x`) the folders above it, or move it to where they may",
            owner.name,
            cluster.display()
        )));
    }
    let mut start = Start { data_dir, options, cluster: &cluster, owner: &owner, child: None };
    let server = start.until_ready(progress)?;
    let child = start.child;
    Ok((cluster, server, child))
}

fn make(link: &Path, wanted: &Path, options: &Options, progress: &impl Fn(&str)) -> Result<PathBuf> {
    let owner = Owner::of(wanted)?;
    let programs = Programs::find(None, wanted)?;
    let place = place::choose(wanted, &owner, &options.fallback)?;
    let (place_shown, link_shown) = (place.display(), link.display());
    if place != wanted {
        progress(&format!(
            "the user `{}`, who runs PostgreSQL, cannot reach `{link_shown}`: the database lies in `{place_shown}`, \
             and `{link_shown}` links there",
            owner.name
        ));
    }
    progress(&format!(
        "making the database in `{place_shown}` with PostgreSQL {} (once, some seconds)",
        programs.major
    ));
    let durable = !options.settings.contains(&("fsync", "off"));
    bootstrap::create(&place, &owner, &programs, durable)?;
    place::link(link, &place)?;
    fs::canonicalize(&place).map_err(Error::internal)
}

/// The way from a cluster to a server that takes us in.
struct Start<'a> {
    data_dir: &'a Path,
    options: &'a Options,
    cluster: &'a Path,
    owner: &'a Owner,
    child: Option<Child>,
}

impl Start<'_> {
    fn until_ready(&mut self, progress: &impl Fn(&str)) -> Result<Server> {
        let since = Instant::now();
        let mut told = 0;
        let mut unseen_since = None;
        loop {
            let seen = Server::running_on(self.cluster);
            let answer = seen.as_ref().map_or(Answer::Nobody, |server| probe::ask(&server.socket()));
            match (seen, answer) {
                (Some(server), Answer::Ready) => {
                    if self.child.is_none() {
                        tracing::info!(process = server.pid, "using the PostgreSQL that runs already");
                    }
                    return Ok(server);
                }
                (_, Answer::Refused(why)) => {
                    return Err(Error::unavailable(format!("PostgreSQL does not take us in: {why}")));
                }
                (_, Answer::NotNow) if since.elapsed() > PATIENCE => {
                    return Err(Error::unavailable("PostgreSQL has been starting or stopping for ten minutes"));
                }
                (_, Answer::NotNow) => unseen_since = None,
                (Some(server), _) => self.bear(&mut unseen_since, || format!(
                    "PostgreSQL runs (process {}), but its socket in `{}` is gone; stop it with `kill -INT {}` and \
                     start again",
                    server.pid, server.socket_dir.display(), server.pid
                ))?,
                (None, _) if self.child.is_none() && self.launch(progress)? => unseen_since = None,
                (None, _) => self.bear(&mut unseen_since, || format!(
                    "processes of a PostgreSQL that cannot be seen from here (in another container?) use `{}`",
                    self.cluster.display()
                ))?,
            }
            self.check_child()?;
            if since.elapsed().as_secs() >= told + 5 {
                told = since.elapsed().as_secs();
                progress(&format!("still waiting for PostgreSQL, which is starting or stopping ({told} s)"));
            }
            sleep(POLL);
        }
    }

    /// Starts the server unless processes of an earlier one still live.
    fn launch(&mut self, progress: &impl Fn(&str)) -> Result<bool> {
        let alive = open_lock(self.data_dir, "postgres.alive")?;
        if alive.try_lock().is_err() {
            return Ok(false);
        }
        let programs = Programs::find(Some(cluster_version(self.cluster)?), self.cluster)?;
        progress(&format!("starting PostgreSQL {}", programs.major));
        let launch = Launch {
            cluster: self.cluster,
            socket_dir: &place::socket_dir(self.cluster, self.owner)?,
            owner: self.owner,
            programs: &programs,
            settings: &self.options.settings,
            log: &self.log(),
            alive,
        };
        self.child = Some(launch.start()?);
        Ok(true)
    }

    fn check_child(&mut self) -> Result<()> {
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(Some(_))) => Err(Error::unavailable(format!(
                "PostgreSQL did not start: {}",
                server::last_words(&self.log(), self.cluster)
            ))),
            _ => Ok(()),
        }
    }

    fn bear(&self, since: &mut Option<Instant>, complaint: impl Fn() -> String) -> Result<()> {
        if since.get_or_insert_with(Instant::now).elapsed() < GRACE {
            Ok(())
        } else {
            Err(Error::unavailable(complaint()))
        }
    }

    fn log(&self) -> PathBuf {
        self.data_dir.join("postgres.log")
    }
}

/// One process at a time makes, starts or stops the server. Held until the file is dropped.
fn take_turn(data_dir: &Path, progress: &impl Fn(&str)) -> Result<File> {
    let turn = open_lock(data_dir, "postgres.lock")?;
    if turn.try_lock().is_err() {
        progress("waiting for another Botwright that starts or stops the database");
        turn.lock().map_err(Error::internal)?;
    }
    Ok(turn)
}

/// Opens a file that exists to be locked. Locks vanish with their process, whatever ends it.
fn open_lock(data_dir: &Path, name: &str) -> Result<File> {
    let path = data_dir.join(name);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    // Somebody else's file can be locked too.
    opened.or_else(|_| File::open(&path)).map_err(|error| {
        Error::unavailable(format!("`{}` cannot be opened: {error}", path.display())).with_source(error)
    })
}

/// The major version that made the cluster.
fn cluster_version(cluster: &Path) -> Result<u32> {
    let path = cluster.join("PG_VERSION");
    let text = fs::read_to_string(&path).unwrap_or_default();
    text.trim().parse().map_err(|_| Error::conflict(format!("`{}` holds no version", path.display())))
}

fn url_of(server: &Server) -> String {
    let port = if server.port == 5432 { String::new() } else { format!(":{}", server.port) };
    format!("postgres://{ROLE}@{}{port}/{DATABASE}", percent_encoded(&server.socket_dir))
}

/// A path as the host of a URL.
fn percent_encoded(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
