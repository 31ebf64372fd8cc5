//! HTTP clients: one for addresses that the operator chose, one for addresses that an account chose.
//!
//! The second refuses private, loopback, link-local and other special addresses unless the operator allows
//! them: a literal in the URL before it is sent, a name after it is resolved, and a redirect before it is
//! followed. The addresses that were checked are the ones that are connected to, so a name that changes its
//! mind in between gains nothing. Neither client uses a proxy from the environment.
//!
//! Knows: nothing but ground. Never: what is asked of whom.

use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
pub use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, Response, Url, redirect};

use crate::error::{Error, Result};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection without work is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How many redirects a guarded client follows.
const MAX_REDIRECTS: usize = 5;

/// What a guarded client does when it is sent elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// The redirect is the answer. For calls that carry a key.
    Never,
    /// Up to five, each of which is checked.
    Checked,
}

/// A client for addresses that the operator chose: every address is allowed, redirects are not followed.
/// Time limits are the caller's, but for the one on connecting.
///
/// # Errors
/// When the machine has no root certificates.
pub fn operator_client() -> Result<Client> {
    build(builder().redirect(redirect::Policy::none()))
}

/// The same for a channel that is asked in long polls: each of them has a connection of its own, so that what is
/// sent meanwhile never waits behind them.
///
/// # Errors
/// As [`operator_client`].
pub fn channel_client() -> Result<Client> {
    build(builder().redirect(redirect::Policy::none()).http1_only())
}

/// A client for addresses that an account chose.
#[derive(Debug, Clone)]
pub struct Guarded {
    client: Client,
    allow_private: bool,
}

/// Builds a [`Guarded`]. With `allow_private` (`ALLOW_PRIVATE_ADDRESSES`) every address is allowed.
///
/// # Errors
/// When the machine has no root certificates.
pub fn guarded_client(allow_private: bool, redirects: Redirects) -> Result<Guarded> {
    let policy = match redirects {
        Redirects::Never => redirect::Policy::none(),
        Redirects::Checked => redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > MAX_REDIRECTS {
                return attempt.error("too many redirects");
            }
            match check(attempt.url(), allow_private) {
                Ok(()) => attempt.follow(),
                Err(forbidden) => attempt.error(forbidden),
            }
        }),
    };
    let client = build(builder().redirect(policy).dns_resolver(GuardedResolver { allow_private }))?;
    Ok(Guarded { client, allow_private })
}

impl Guarded {
    /// The client, for a request to `url` only: a literal address is never resolved, so it is checked here.
    ///
    /// # Errors
    /// `Forbidden` when the URL is not HTTP or names a special address.
    pub fn for_url(&self, url: &Url) -> Result<&Client> {
        check(url, self.allow_private).map_err(|forbidden| Error::forbidden(forbidden.to_string()))?;
        Ok(&self.client)
    }
}

/// The body, unless it is larger than `limit` bytes or takes longer than `time` from now on.
///
/// # Errors
/// `Invalid` when it is too large, `Unavailable` when it takes too long or breaks off.
pub async fn read_capped(mut response: Response, limit: usize, time: Duration) -> Result<Bytes> {
    let too_large = || Error::invalid(format!("the answer is larger than {limit} bytes"));
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let read = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    match tokio::time::timeout(time, read).await {
        Ok(body) => body,
        Err(_) => Err(Error::unavailable(format!("the answer took longer than {} s", time.as_secs()))),
    }
}

fn broken(error: reqwest::Error) -> Error {
    Error::unavailable("the answer broke off").with_source(error.without_url())
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("botwright/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .no_proxy()
}

fn build(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|error| {
        Error::unavailable(
            "cannot make an HTTPS client: are root certificates installed (`ca-certificates`)?",
        )
        .with_source(error)
    })
}

/// An address that an account may not reach.
#[derive(Debug)]
enum Forbidden {
    Scheme(String),
    Address { host: String },
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(scheme) => write!(f, "`{scheme}:` is not an address that can be asked; use https"),
            Self::Address { host } => write!(
                f,
                "`{host}` is a private or special address; the operator can allow those with ALLOW_PRIVATE_ADDRESSES"
            ),
        }
    }
}

impl StdError for Forbidden {}

fn check(url: &Url, allow_private: bool) -> Result<(), Forbidden> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Forbidden::Scheme(url.scheme().to_owned()));
    }
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match literal {
        Ok(address) if !allow_private && is_special(address) => {
            Err(Forbidden::Address { host: host.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Resolves as the system does, and leaves out what an account may not reach.
#[derive(Debug, Clone, Copy)]
struct GuardedResolver {
    allow_private: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| allow_private || !is_special(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Forbidden::Address { host }.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether a request failed because its address is forbidden: asking again cannot help.
pub fn is_forbidden(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<Forbidden>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether an address belongs to this machine, a local network, or a range that is not for public servers.
fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_special_v4(address),
        IpAddr::V6(address) => is_special_v6(address),
    }
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    matches!(
        (a, b, c),
        (0 | 10 | 127, ..)              // this network, private, loopback
            | (100, 64..=127, _)        // carrier-grade NAT
            | (169, 254, _)             // link-local, cloud metadata
            | (172, 16..=31, _)         // private
            | (192, 0, 0 | 2)           // protocol assignments, documentation
            | (192, 88, 99)             // 6to4 relays
            | (192, 168, _)             // private
            | (198, 18..=19, _)         // benchmarks
            | (198, 51, 100)            // documentation
            | (203, 0, 113)             // documentation
            | (224.., ..) // multicast, reserved, broadcast
    )
}

fn is_special_v6(address: Ipv6Addr) -> bool {
    if let Some(embedded) = embedded_v4(address) {
        return is_special_v4(embedded);
    }
    let segments = address.segments();
    // Global unicast is 2000::/3; everything outside of it is loopback, local, multicast or reserved.
    !(0x2000..0x4000).contains(&segments[0])
        || (segments[0] == 0x2001 && segments[1] < 0x0200) // Teredo, benchmarks and other protocol assignments
        || (segments[0] == 0x2001 && segments[1] == 0x0db8) // documentation
        || segments[0] == 0x3fff // documentation
}

/// The IPv4 address that an IPv6 address stands for: mapped, translated (NAT64) or 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::error::Kind;

    #[test]
    fn knows_special_addresses() {
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
            "100::1",
        ] {
            assert!(is_special(special.parse().unwrap()), "{special}");
        }
        for public in [
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "8.8.8.8",
            "2606:4700::1111",
            "64:ff9b::808:808",
        ] {
            assert!(!is_special(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn checks_literals_in_every_spelling() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1:8080/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest/meta-data",
            "ftp://example.org/",
            "file:///etc/passwd",
        ] {
            let guarded = guarded_client(false, Redirects::Never).unwrap();
            let refused = guarded.for_url(&url.parse().unwrap()).map(|_| ()).unwrap_err();
            assert_eq!(refused.kind(), Kind::Forbidden, "{url}");
        }
        let open = guarded_client(true, Redirects::Never).unwrap();
        assert!(open.for_url(&"http://127.0.0.1/".parse().unwrap()).is_ok());
    }

    #[tokio::test]
    async fn refuses_a_name_that_resolves_to_this_machine() {
        let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
        let url: Url = format!("http://localhost:{}/", server.port).parse().unwrap();
        let guarded = guarded_client(false, Redirects::Never).unwrap();
        let error = guarded.for_url(&url).unwrap().get(url.clone()).send().await.unwrap_err();
        assert!(is_forbidden(&error), "{error:?}");
        let open = guarded_client(true, Redirects::Never).unwrap();
        let response = open.for_url(&url).unwrap().get(url.clone()).send().await.unwrap();
        assert_eq!(read_capped(response, 10, Duration::from_secs(1)).await.unwrap(), "hi");
    }

    #[tokio::test]
    async fn caps_size_and_does_not_follow_for_operators() {
        let server =
            Server::answering("HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 5\r\n\r\nhello").await;
        let client = operator_client().unwrap();
        let response = client.get(format!("http://127.0.0.1:{}/", server.port)).send().await.unwrap();
        assert_eq!(response.status(), 302);
        assert_eq!(read_capped(response, 4, Duration::from_secs(1)).await.unwrap_err().kind(), Kind::Invalid);
    }

    struct Server {
        port: u16,
    }

    impl Server {
        async fn answering(answer: &'static str) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(async move {
                while let Ok((mut socket, _)) = listener.accept().await {
                    let mut request = [0; 2048];
                    let _ = socket.read(&mut request).await;
                    let _ = socket.write_all(answer.as_bytes()).await;
                }
            });
            Self { port }
        }
    }
}
