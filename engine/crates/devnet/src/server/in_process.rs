//! The node in the process of its clients: over pipes, by a clock of the caller's.
//!
//! All but the listener is what serves over the network: HTTP, upgrades, sockets, the one task that has the node. On a clock that
//! stands still until everybody waits, hours pass in a moment, and equal runs are equal.

use super::owner::{Command, Deed, Owner};
use super::{COMMANDS_MAX, Port, connection};
use crate::node::Node;
use async_trait::async_trait;
use calypte_venues::ambient::Ambient;
use calypte_venues::hyperliquid::Wires;
use calypte_venues::net::{Dial, Stream};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// Bytes that are on their way in a connection at most, each way.
pub const PIPE_BYTES: usize = 1 << 20;

/// A node that is served in this process. Clones are the same one, which ends with the last of them.
#[derive(Clone)]
pub struct InProcess(Arc<Shared>);

struct Shared {
    commands: mpsc::Sender<Command>,
    /// Dropped with it, which ends everybody who listens to it.
    stopping: watch::Sender<bool>,
    /// Its owner and its connections: they end with it.
    tasks: Mutex<JoinSet<()>>,
}

impl InProcess {
    /// Serves a node. Its time is that of the clock, from which its exchange's start should be taken. It needs a runtime around it.
    pub fn serve(node: Node, clock: Arc<dyn Ambient>) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (stopping, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(Owner::new(node, clock).run(inbox, stopped));
        Self(Arc::new(Shared { commands, stopping, tasks: Mutex::new(tasks) }))
    }

    /// Opens a connection, as a client that comes from that address.
    pub fn connect(&self, from: IpAddr) -> DuplexStream {
        let (ours, theirs) = duplex(PIPE_BYTES);
        let (commands, stopped) = (self.0.commands.clone(), self.0.stopping.subscribe());
        let mut tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended are forgotten.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(connection::serve(theirs, SocketAddr::new(from, 0), Port::Clients, commands, stopped));
        ours
    }

    /// How a client reaches it that comes from that address.
    pub fn wires(&self, from: IpAddr) -> Wires {
        let dial: Arc<dyn Dial> = Arc::new(Pipe { served: self.clone(), from });
        Wires { requests: Arc::clone(&dial), sockets: dial, authority: "devnet".to_owned() }
    }

    /// How a client on this machine reaches it.
    pub fn local_wires(&self) -> Wires {
        self.wires(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Looks at the node, or does something to it from behind, between two requests of clients.
    pub async fn with<T: Send + 'static>(&self, deed: impl FnOnce(&mut Node) -> T + Send + 'static) -> T {
        let (answer, answered) = oneshot::channel();
        let deed = Deed(Box::new(move |node: &mut Node| drop(answer.send(deed(node)))));
        self.0.commands.send(Command::Do(deed)).await.expect("its owner runs as long as this does");
        answered.await.expect("its owner does what it is told")
    }
}

/// Opens connections to it.
struct Pipe {
    served: InProcess,
    from: IpAddr,
}

#[async_trait]
impl Dial for Pipe {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(self.served.connect(self.from)))
    }
}
