//! Who asks: a client, not a page of somebody's that a browser shows.
//!
//! A browser sends what pages tell it to, to this machine too. Without a token nothing else keeps a page out, so the host has to be this
//! machine by name (a page's own name may be made to lead here, "DNS rebinding"); and what a page of another origin asks is refused always.

use std::net::IpAddr;

use super::answer::Failure;
use crate::http::Request;

/// Errors: 403 for a host that is not this machine where there is no token, and for an origin that is not the host.
pub fn check(request: &Request, has_token: bool) -> Result<(), Failure> {
    let host = request.header("host").unwrap_or_default();
    if !has_token && !host.is_empty() && !is_of_this_machine(name_of(host)) {
        let message = format!("`{host}` is not this machine: without a token it answers as localhost alone");
        return Err(Failure::foreign(message));
    }
    match request.header("origin") {
        Some(origin) if !is_of_host(origin, host) => {
            Err(Failure::foreign(format!("a page of `{origin}` asks, which is another's")))
        }
        _ => Ok(()),
    }
}

fn is_of_host(origin: &str, host: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host))
}

/// The host without its port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_of_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_few_names() {
        for host in ["localhost", "LOCALHOST:5000", "127.0.0.1:5000", "127.8.0.1", "[::1]:5000", "localhost.:1"] {
            assert!(is_of_this_machine(name_of(host)), "{host}");
        }
        for host in ["evil.com", "evil.com:5000", "localhost.evil.com", "10.0.0.1:5000", "[fe80::1]:1", "0.0.0.0:5000", "", ":80"]
        {
            assert!(!is_of_this_machine(name_of(host)), "{host}");
        }
        assert!(is_of_host("http://localhost:5000", "localhost:5000") && !is_of_host("http://evil.com", "localhost:5000"));
        assert!(!is_of_host("null", "localhost:5000"));
    }
}
