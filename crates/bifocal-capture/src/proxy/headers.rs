//! Headers that belong to one connection and not to the message.

use http::header::{
    CONNECTION, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Makes the headers of a request those of the next hop.
pub(crate) fn to_upstream(headers: &mut HeaderMap, host: &HeaderValue) {
    let wants_trailers =
        headers.get_all(TE).iter().any(|te| names(te).any(|n| n.eq_ignore_ascii_case("trailers")));
    strip_hop_by_hop(headers);
    // The server side has answered 100 by itself as soon as the body is wanted.
    headers.remove(EXPECT);
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    headers.insert(HOST, host.clone());
}

/// Makes the headers of a response those of the client's connection.
pub(crate) fn to_client(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
}

/// Whether the client asks to leave HTTP for a protocol that cannot be passed on. Offers of HTTP/2 may be
/// ignored (RFC 9110, 7.8), and some clients make one with every request.
pub(crate) fn asks_for_another_protocol(headers: &HeaderMap) -> bool {
    headers.get_all(UPGRADE).iter().flat_map(names).any(|protocol| !protocol.eq_ignore_ascii_case("h2c"))
}

/// RFC 9110, 7.6.1.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(names)
            .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

fn names(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_what_belongs_to_the_connection_goes() {
        let mut headers = map(&[
            ("connection", "close, X-Only-Here"),
            ("x-only-here", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "gzip, trailers"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("host", "proxy"),
            ("authorization", "Bearer t"),
            ("traceparent", "00-1-2-01"),
            ("trailer", "x-checksum"),
        ]);
        to_upstream(&mut headers, &HeaderValue::from_static("upstream:1"));
        let mut left: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        left.sort();
        assert_eq!(
            left,
            [
                "authorization: Bearer t",
                "host: upstream:1",
                "te: trailers",
                "traceparent: 00-1-2-01",
                "trailer: x-checksum"
            ]
        );
    }

    #[test]
    fn an_offer_of_http_2_is_no_upgrade() {
        assert!(!asks_for_another_protocol(&map(&[("upgrade", "h2c")])));
        assert!(asks_for_another_protocol(&map(&[("upgrade", "websocket")])));
    }
}
