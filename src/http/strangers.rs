//! How fast those may ask who show no token, or a wrong one, by the address that they come from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName};

use crate::accounts::Rate;
use crate::error::Result;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whoever has no good token.
#[derive(Debug, Default)]
pub struct Strangers {
    rate: Option<Rate<IpAddr>>,
    proxies: usize,
}

impl Strangers {
    /// So many requests a second from one address; `proxies` of ours stand before us, each of which adds the
    /// address that it was called from to `X-Forwarded-For`.
    pub fn new(per_second: Option<NonZeroU32>, proxies: usize) -> Self {
        Self { rate: per_second.map(Rate::new), proxies }
    }

    /// Where the request came from; `None` where there is no telling.
    pub(super) fn address(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let forwarded = self.proxies.checked_sub(1).and_then(|skipped| {
            let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
            let all: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
            all.iter().rev().nth(skipped)?.trim().parse::<IpAddr>().ok()
        });
        forwarded.or(peer).map(network)
    }

    /// Counts a request from there. `RateLimited` if it came too soon.
    pub(super) fn count(&self, address: Option<IpAddr>) -> Result<()> {
        match (&self.rate, address) {
            (Some(rate), Some(address)) => rate.count(&address, "an address without a good token"),
            _ => Ok(()),
        }
    }
}

/// Somebody with one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(proxies: usize, forwarded: &[&str], peer: &str) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        Strangers::new(None, proxies).address(&headers, &extensions).unwrap().to_string()
    }

    #[test]
    fn only_what_our_own_proxies_add_is_believed() {
        assert_eq!(address(0, &["1.1.1.1"], "9.9.9.9"), "9.9.9.9");
        assert_eq!(address(1, &["1.1.1.1, 2.2.2.2"], "9.9.9.9"), "2.2.2.2");
        assert_eq!(address(2, &["1.1.1.1", "2.2.2.2, 3.3.3.3"], "9.9.9.9"), "2.2.2.2");
        assert_eq!(address(1, &[], "9.9.9.9"), "9.9.9.9");
        assert_eq!(address(1, &["unknown"], "9.9.9.9"), "9.9.9.9");
    }

    #[test]
    fn a_network_is_one_address() {
        assert_eq!(address(0, &[], "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(address(0, &[], "::ffff:7.7.7.7"), "7.7.7.7");
    }
}
