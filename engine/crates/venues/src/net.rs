//! Connections: dialing with TLS, requests over HTTP, messages over a WebSocket. Nothing here knows an exchange.
//!
//! Whatever comes from outside has a limit, and whatever goes wrong has a name that says whether what was sent may have arrived.

mod dial;
mod rest;
mod socket;

pub use dial::{Dial, Dialer, Endpoint, NotAnEndpoint, Stream};
pub use rest::{Reply, Rest, RestError};
pub use socket::{OUTGOING_MAX, Socket, SocketEnd, SocketNews, SocketReport, Target};

use tokio::task::JoinHandle;

/// A task that ends when this is dropped.
#[derive(Debug)]
struct Tied(JoinHandle<()>);

impl Drop for Tied {
    fn drop(&mut self) {
        self.0.abort();
    }
}
