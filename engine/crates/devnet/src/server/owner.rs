//! The one task that has the node: takes commands and time to it, and what comes of them to the sockets.

use super::Witness;
use crate::node::{ConnectRefused, HttpAnswer, Node, OutKind, SessionId};
use calypte_venues::ambient::Ambient;
use calypte_venues::hyperliquid::protocol::Millis;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Most frames that wait for one socket to take them: a slow reader is cut.
pub(super) const SOCKET_FRAMES_MAX: usize = 4_096;

/// What connections ask of the node.
#[derive(Debug)]
pub(super) enum Command {
    /// A request. No answer: its connection ends.
    Post { from: IpAddr, path: String, body: Vec<u8>, answer: oneshot::Sender<HttpAnswer> },
    /// A request from behind.
    Control { method: String, path: String, body: Vec<u8>, answer: oneshot::Sender<HttpAnswer> },
    /// A new socket.
    Connect { from: IpAddr, answer: oneshot::Sender<Result<Place, ConnectRefused>> },
    /// A frame of a socket.
    Receive { id: SessionId, text: String },
    /// The end of a socket.
    Disconnect { id: SessionId },
    /// Something that whoever has it in the same process does with it.
    Do(Deed),
}

/// Something to do with a node.
pub(super) struct Deed(pub(super) Box<dyn FnOnce(&mut Node) + Send>);

impl fmt::Debug for Deed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Deed")
    }
}

/// A socket's place at the node.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: SessionId,
    /// What is to be done with it. It ends with this.
    pub(super) frames: mpsc::Receiver<OutKind>,
    /// Ends when the socket is to be cut at once, whatever still waits.
    pub(super) cut: oneshot::Receiver<()>,
}

/// The node's side of it.
#[derive(Debug)]
struct Socket {
    frames: mpsc::Sender<OutKind>,
    /// Dropped with it.
    _cut: oneshot::Sender<()>,
}

/// The owner of the node.
pub(super) struct Owner {
    node: Node,
    clock: Arc<dyn Ambient>,
    sockets: BTreeMap<SessionId, Socket>,
    /// Told of each frame before the node takes it; none: nobody is.
    witness: Option<Witness>,
}

impl Owner {
    pub(super) const fn new(node: Node, clock: Arc<dyn Ambient>) -> Self {
        Self { node, clock, sockets: BTreeMap::new(), witness: None }
    }

    pub(super) fn witnessed_by(self, witness: Option<Witness>) -> Self {
        Self { witness, ..self }
    }

    /// The time as the node is told it.
    fn now(&self) -> Millis {
        Millis::try_from(self.clock.now()).unwrap_or_default()
    }

    /// Serves until it is to stop, or nobody is left to command.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut stopped: watch::Receiver<bool>) {
        loop {
            self.node.advance(self.now());
            self.hand_out();
            let due = self.node.next_due().get().saturating_sub(self.now().get());
            tokio::select! {
                // In this order where several are ready, so that equal runs on a virtual clock are equal.
                biased;
                _ = stopped.changed() => break,
                command = commands.recv() => match command {
                    Some(command) => self.take(command),
                    None => break,
                },
                () = tokio::time::sleep(Duration::from_millis(due)) => {}
            }
        }
        for socket in self.sockets.values() {
            // A full queue is cut all the same, when this ends.
            drop(socket.frames.try_send(OutKind::Close { code: 1001, reason: "Going away" }));
        }
        // Until each has said that it has ended.
        while !self.sockets.is_empty()
            && let Some(command) = commands.recv().await
        {
            if let Command::Disconnect { id } = command {
                self.sockets.remove(&id);
            }
        }
    }

    fn take(&mut self, command: Command) {
        self.node.advance(self.now());
        // Whoever no longer waits for an answer needs none.
        match command {
            Command::Post { from, path, body, answer } => {
                if let Some(done) = self.node.post(from, &path, &body) {
                    drop(answer.send(done));
                }
            }
            Command::Control { method, path, body, answer } => drop(answer.send(self.node.control(&method, &path, &body))),
            Command::Connect { from, answer } => self.connect(from, answer),
            Command::Receive { id, text } => {
                if let Some(witness) = &mut self.witness {
                    witness(&text);
                }
                self.node.receive(id, &text);
            }
            Command::Disconnect { id } => {
                self.node.disconnect(id);
                self.sockets.remove(&id);
            }
            Command::Do(Deed(deed)) => deed(&mut self.node),
        }
        self.hand_out();
    }

    fn connect(&mut self, from: IpAddr, answer: oneshot::Sender<Result<Place, ConnectRefused>>) {
        let id = match self.node.connect(from) {
            Ok(id) => id,
            Err(refused) => return drop(answer.send(Err(refused))),
        };
        let (sender, frames) = mpsc::channel(SOCKET_FRAMES_MAX);
        let (cutter, cut) = oneshot::channel();
        self.sockets.insert(id, Socket { frames: sender, _cut: cutter });
        if answer.send(Ok(Place { id, frames, cut })).is_err() {
            self.node.disconnect(id);
            self.sockets.remove(&id);
        }
    }

    /// Gives sockets what is theirs. One that does not keep up is cut.
    fn hand_out(&mut self) {
        while let Some(out) = self.node.poll() {
            let Some(socket) = self.sockets.get(&out.session) else { continue };
            if out.kind == OutKind::Cut || socket.frames.try_send(out.kind).is_err() {
                self.node.disconnect(out.session);
                self.sockets.remove(&out.session);
            }
        }
    }
}
