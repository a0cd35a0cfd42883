//! Opening connections: to where, from which of our addresses, with TLS or without.

use async_trait::async_trait;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 8;
/// How long one address may take to answer before the next is tried: together they have ten seconds.
const ADDRESS_WAIT: Duration = Duration::from_secs(2);
/// Longest text of an endpoint.
const TEXT_BYTES_MAX: usize = 300;

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections to one place.
#[async_trait]
pub trait Dial: Send + Sync {
    /// Opens one. How long that may take is the caller's to say.
    ///
    /// # Errors
    /// Where nobody answers, or the other side cannot prove who it is.
    async fn dial(&self) -> io::Result<Box<dyn Stream>>;
}

/// Where something is served: scheme, host and port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    is_secure: bool,
    host: String,
    port: u16,
}

/// A text that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no endpoint: write a scheme and a host, such as https://api.example.org or http://127.0.0.1:3001")]
pub struct NotAnEndpoint(String);

impl FromStr for Endpoint {
    type Err = NotAnEndpoint;

    /// Reads `https://host`, `http://host:port` and the same with `wss` and `ws`.
    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let refuse = || NotAnEndpoint(text.chars().take(TEXT_BYTES_MAX).collect());
        let (scheme, rest) = text.split_once("://").filter(|_| text.len() <= TEXT_BYTES_MAX).ok_or_else(refuse)?;
        let is_secure = match scheme {
            "https" | "wss" => true,
            "http" | "ws" => false,
            _ => return Err(refuse()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        // An address of version 6 has colons of its own, and stands in brackets.
        let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| refuse())?),
            None => (authority, if is_secure { 443 } else { 80 }),
        };
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_name =
            |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        let sound = inner.map_or_else(|| is_name(host), |inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
        if !sound || port == 0 {
            return Err(refuse());
        }
        Ok(Self { is_secure, host: inner.unwrap_or(host).to_owned(), port })
    }
}

impl Endpoint {
    /// Host and port as a request names them.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.is_secure { 443 } else { 80 } { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", if self.is_secure { "https" } else { "http" }, self.authority())
    }
}

/// Dials an endpoint over TCP.
pub struct Dialer {
    endpoint: Endpoint,
    /// Which of our addresses to leave through: the exchange counts by it.
    from: Option<IpAddr>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Dialer {
    /// One that leaves through the address given, or through whichever the system chooses.
    ///
    /// # Errors
    /// Where the endpoint's name cannot be in a certificate.
    pub fn new(endpoint: Endpoint, from: Option<IpAddr>) -> Result<Self, NotAnEndpoint> {
        let tls = if endpoint.is_secure {
            let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| NotAnEndpoint(endpoint.to_string()))?;
            Some((trusting_browsers_roots(), name))
        } else {
            None
        };
        Ok(Self { endpoint, from, tls })
    }

    async fn connect(&self) -> io::Result<tokio::net::TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{} has no address that can be used", self.endpoint));
        let found = lookup_host((self.endpoint.host.as_str(), self.endpoint.port)).await?;
        for address in
            found.filter(|address| self.from.is_none_or(|from| from.is_ipv4() == address.is_ipv4())).take(ADDRESSES_MAX)
        {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            if let Some(from) = self.from {
                socket.bind(SocketAddr::new(from, 0))?;
            }
            match tokio::time::timeout(ADDRESS_WAIT, socket.connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                // One that swallows everything must not keep us from the next.
                Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, format!("{address} does not answer")),
            }
        }
        Err(last)
    }
}

/// TLS that trusts whom browsers trust.
fn trusting_browsers_roots() -> TlsConnector {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has ciphers for every version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[async_trait]
impl Dial for Dialer {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let stream = self.connect().await?;
        // An order is one small piece: it must not wait for more.
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            Some((tls, name)) => Box::new(tls.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    #[test]
    fn endpoints_are_read_and_written() {
        for (text, shown, authority) in [
            ("https://api.example.org", "https://api.example.org", "api.example.org"),
            ("wss://api.example.org/", "https://api.example.org", "api.example.org"),
            ("http://127.0.0.1:3001", "http://127.0.0.1:3001", "127.0.0.1:3001"),
            ("ws://[::1]:80", "http://[::1]", "[::1]"),
            ("http://[::1]:3001", "http://[::1]:3001", "[::1]:3001"),
        ] {
            let endpoint: Endpoint = text.parse().expect(text);
            assert_eq!((endpoint.to_string().as_str(), endpoint.authority().as_str()), (shown, authority));
        }
        for text in [
            "",
            "api.example.org",
            "ftp://a",
            "http://",
            "http://a:0",
            "http://a:99999",
            "http://a/info",
            "http://u@a",
            "http://[::1",
            "http://a b",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn it_leaves_through_the_address_it_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let endpoint: Endpoint = format!("http://127.0.0.1:{port}").parse().expect("an endpoint");
        let dialer = Dialer::new(endpoint, Some("127.0.0.5".parse().expect("an address"))).expect("it needs no certificate");
        let (dialed, accepted) = tokio::join!(dialer.dial(), listener.accept());
        let (mut stream, (mut served, from)) = (dialed.expect("it is served"), accepted.expect("it came"));
        assert_eq!(from.ip().to_string(), "127.0.0.5");
        stream.write_all(b"word").await.expect("it is open");
        let mut word = [0; 4];
        served.read_exact(&mut word).await.expect("it was sent");
        assert_eq!(&word, b"word");
    }

    #[tokio::test]
    async fn one_that_is_no_tls_is_no_exchange() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let dialer = Dialer::new(format!("https://127.0.0.1:{port}").parse().expect("an endpoint"), None).expect("a name");
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("it came");
            stream.write_all(b"HTTP/1.1 400 No\r\n\r\n").await.expect("it is open");
        };
        let (dialed, ()) = tokio::join!(dialer.dial(), serve);
        assert!(dialed.is_err());
    }
}
