//! The node on sockets: moves bytes and time, and decides nothing.
//!
//! ```text
//!   listener ──► a task for each connection ──► commands (bounded) ──► the node's one task
//!                       ▲                                                     │
//!                       └──────────── frames (bounded, or it is cut) ◄────────┘
//! ```

mod connection;
mod in_process;
mod owner;
mod socket;

pub use in_process::{InProcess, PIPE_BYTES};

use crate::node::{Node, NodeSettings};
use calypte_venues::ambient::{Ambient as _, Machine};
use calypte_venues::hyperliquid::protocol::Millis;
use owner::Owner;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// Most connections at once, over both ports.
pub const CONNECTIONS_MAX: usize = 1_024;
/// Most requests and frames that wait for the node.
const COMMANDS_MAX: usize = 1_024;
/// How long connections have for their end, once the server is to stop.
const STOP_SECONDS_MAX: u64 = 2;

/// Where a server listens, and what it serves.
#[derive(Debug)]
pub struct ServerSettings {
    /// Where clients find `/info`, `/exchange` and `/ws`.
    pub listen: SocketAddr,
    /// Where it takes orders from behind; a loopback address only.
    pub control: Option<SocketAddr>,
    /// What it serves. Its exchange opens at its start, which should be [`wall_clock`].
    pub node: NodeSettings,
}

/// Why a server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, or not of this machine.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The control port would be open to others.
    #[error("the control port obeys whoever reaches it: {0} is no loopback address")]
    ControlNotLoopback(SocketAddr),
    /// The node.
    #[error("the local exchange cannot be started")]
    Node(#[from] crate::node::NodeError),
}

/// Told of each frame of a client as the node gets it, on the node's own task: it must be quick.
pub type Witness = Box<dyn FnMut(&str) + Send>;

/// A server that listens and does not serve yet.
pub struct Server {
    clients: TcpListener,
    control: Option<TcpListener>,
    node: Node,
    witness: Option<Witness>,
}

/// What comes in on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Clients,
    Control,
}

impl Server {
    /// Listens. Clients that connect from now on are served once [`Self::run`] is called.
    ///
    /// # Errors
    /// Where an address cannot be had, or the settings make no sense.
    pub async fn bind(settings: ServerSettings) -> Result<Self, ServerError> {
        if let Some(address) = settings.control.filter(|address| !address.ip().is_loopback()) {
            return Err(ServerError::ControlNotLoopback(address));
        }
        let clients = listen(settings.listen).await?;
        let control = match settings.control {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        Ok(Self { clients, control, node: Node::new(settings.node)?, witness: None })
    }

    /// One with a witness of what clients send over their sockets.
    #[must_use]
    pub fn witnessed_by(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Where clients find it; with the port it was given if it asked for any.
    ///
    /// # Errors
    /// Where the operating system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.clients.local_addr()
    }

    /// Where it takes orders from behind.
    ///
    /// # Errors
    /// Where the operating system does not say.
    pub fn control_address(&self) -> std::io::Result<Option<SocketAddr>> {
        self.control.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Serves until it is to stop; then sockets are closed, and connections are waited for a little.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (stopping, stopped) = watch::channel(false);
        let owner = Owner::new(self.node, Arc::new(Machine)).witnessed_by(self.witness);
        let owner = tokio::spawn(owner.run(inbox, stopped.clone()));
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let (stream, port) = tokio::select! {
                () = &mut stop => break,
                stream = accept(&self.clients) => (stream, Port::Clients),
                stream = accept_if(self.control.as_ref()) => (stream, Port::Control),
                Some(_) = connections.join_next() => continue,
            };
            // One connection more than there may be is dropped, which its client sees at once.
            if let Some((stream, from)) = stream
                && let Ok(place) = Arc::clone(&places).try_acquire_owned()
            {
                let (commands, stopped) = (commands.clone(), stopped.clone());
                connections.spawn(async move {
                    connection::serve(stream, from, port, commands, stopped).await;
                    drop(place);
                });
            }
        }
        // Nobody is left to be told where all have gone.
        let _ = stopping.send(true);
        drop(commands);
        let ended = async { while connections.join_next().await.is_some() {} };
        drop(tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), ended).await);
        connections.abort_all();
        drop(owner.await);
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|source| ServerError::Listen { address, source })
}

/// The next connection; none where one failed before it was there.
async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    let accepted = listener.accept().await.ok()?;
    // Without it, a frame may wait for the acknowledgement of the one before. Where it fails, it is only slow.
    drop(accepted.0.set_nodelay(true));
    Some(accepted)
}

async fn accept_if(listener: Option<&TcpListener>) -> Option<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => accept(listener).await,
        None => std::future::pending().await,
    }
}

/// The time as clients have it.
pub fn wall_clock() -> Millis {
    Millis::try_from(Machine.now()).unwrap_or_default()
}
