//! Connections to a server: one that commands share, and one for each read that waits.

use super::answer::Odd;
use super::failure::{During, failed, refused, timed_out};
use super::scripts::Script;
use crate::bus::{BusError, GroupName, Misconfiguration, RedisSettings};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, IntoConnectionInfo as _, Pipeline, RedisError, TlsCertificates, Value,
    cmd,
};
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Connections of reads that are kept for the next ones.
const IDLE_MAX: usize = 16;

/// The way to a server.
pub(super) struct Link {
    client: Client,
    settings: RedisSettings,
    /// Host, port and database: how errors name it.
    server: String,
    /// What commands share; none: it was never made, or failed.
    shared: tokio::sync::Mutex<Shared>,
    /// Connections of reads that ended well. One that was given up half-way is never among them.
    idle: Mutex<Vec<MultiplexedConnection>>,
}

#[derive(Default)]
struct Shared {
    connection: Option<MultiplexedConnection>,
    /// Rises with each connection, so that the failure of an old one does not end a new one.
    generation: u64,
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Link").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(settings: RedisSettings) -> Result<Self, BusError> {
        let server = settings.url.to_string();
        let client = client(&settings).map_err(|cause| BusError::Misconfigured { server: server.clone(), cause })?;
        Ok(Self { client, settings, server, shared: tokio::sync::Mutex::default(), idle: Mutex::default() })
    }

    pub(super) fn settings(&self) -> &RedisSettings {
        &self.settings
    }

    /// Makes sure that there is a connection to a server that will do.
    pub(super) async fn ready(&self) -> Result<(), BusError> {
        self.shared().await.map(|_| ())
    }

    /// Asks one thing.
    pub(super) async fn ask(&self, command: &'static str, asked: &Cmd) -> Result<Value, BusError> {
        let (mut connection, generation) = self.shared().await?;
        let answer = self.answer(command, Duration::ZERO, connection.send_packed_command(asked)).await;
        self.note(answer, generation).await
    }

    /// Asks several things at once; the answers stand in their order, refusals among them.
    pub(super) async fn ask_all(&self, command: &'static str, asked: &Pipeline, count: usize) -> Result<Vec<Value>, BusError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let (mut connection, generation) = self.shared().await?;
        let answers = self.answer(command, Duration::ZERO, connection.send_packed_commands(asked, 0, count)).await;
        let answers = self.note(answers, generation).await?;
        if answers.len() == count {
            return Ok(answers);
        }
        Err(self.odd(command, &Odd(format!("{} answers to {count} commands", answers.len()))))
    }

    /// Asks something that may wait, on a connection of its own: nothing else waits with it.
    pub(super) async fn ask_and_wait(&self, command: &'static str, asked: &Cmd, wait: Duration) -> Result<Value, BusError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.dial().await?,
        };
        let answer = self.answer(command, wait, connection.send_packed_command(asked)).await?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }

    /// Runs scripts, which are given to the server first where it does not know them.
    pub(super) async fn run_all(&self, script: Script, asked: &Pipeline, count: usize) -> Result<Vec<Value>, BusError> {
        let answers = self.ask_all(script.name(), asked, count).await?;
        let unknown = |answer: &Value| matches!(answer, Value::ServerError(error) if error.code() == "NOSCRIPT");
        if !answers.iter().any(unknown) {
            return Ok(answers);
        }
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(script.code());
        let loaded = self.ask("SCRIPT LOAD", &load).await?;
        self.accepted("SCRIPT LOAD", &loaded, None)?;
        // A script runs whole or not at all: those that ran before are not repeated as they were, their entries are there already.
        self.ask_all(script.name(), asked, count).await
    }

    /// Runs a script.
    pub(super) async fn run(&self, script: Script, asked: Cmd) -> Result<Value, BusError> {
        let mut pipeline = Pipeline::new();
        pipeline.add_command(asked);
        let answers = self.run_all(script, &pipeline, 1).await?;
        Ok(answers.into_iter().next().unwrap_or(Value::Nil))
    }

    /// An answer that is no refusal.
    pub(super) fn accepted<'a>(
        &self,
        command: &'static str,
        answer: &'a Value,
        group: Option<&GroupName>,
    ) -> Result<&'a Value, BusError> {
        match answer {
            Value::ServerError(error) => {
                Err(refused(&self.server, command, error.code(), error.details().unwrap_or_default(), group))
            }
            answer => Ok(answer),
        }
    }

    /// An answer that means nothing.
    pub(super) fn odd(&self, command: &'static str, odd: &Odd) -> BusError {
        let cause = Misconfiguration::Unknown { command, said: odd.0.clone() };
        BusError::Misconfigured { server: self.server.clone(), cause }
    }

    pub(super) fn misconfigured(&self, cause: Misconfiguration) -> BusError {
        BusError::Misconfigured { server: self.server.clone(), cause }
    }

    /// The connection that commands share, made where there is none. Those who come meanwhile wait for the same one.
    async fn shared(&self) -> Result<(MultiplexedConnection, u64), BusError> {
        let mut shared = self.shared.lock().await;
        if let Some(connection) = &shared.connection {
            return Ok((connection.clone(), shared.generation));
        }
        let mut connection = self.dial().await?;
        self.check(&mut connection).await?;
        shared.connection = Some(connection.clone());
        shared.generation += 1;
        Ok((connection, shared.generation))
    }

    async fn dial(&self) -> Result<MultiplexedConnection, BusError> {
        // Both times are held here, so that nothing has two.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let waited = self.settings.connect_timeout;
        match timeout(waited, self.client.get_multiplexed_async_connection_with_config(&config)).await {
            Ok(connection) => connection.map_err(|error| failed(&self.server, During::Connecting, &error)),
            Err(_) => Err(timed_out(&self.server, waited)),
        }
    }

    /// Waits for an answer as long as one may take.
    pub(super) async fn answer<T>(
        &self,
        command: &'static str,
        wait: Duration,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, BusError> {
        let wait = wait.saturating_add(self.settings.answer_timeout);
        match timeout(wait, answer).await {
            Ok(answer) => answer.map_err(|error| failed(&self.server, During::Command(command), &error)),
            Err(_) => Err(timed_out(&self.server, wait)),
        }
    }

    /// Gives up the shared connection if it failed.
    async fn note<T>(&self, answer: Result<T, BusError>, generation: u64) -> Result<T, BusError> {
        if answer.is_err() {
            let mut shared = self.shared.lock().await;
            if shared.generation == generation {
                shared.connection = None;
            }
            // They led to the same server.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        answer
    }
}

/// A client, with its certificates read.
fn client(settings: &RedisSettings) -> Result<Client, Misconfiguration> {
    let tls = &settings.tls;
    let address = settings.url.secret().into_connection_info().map_err(|_| Misconfiguration::Address)?;
    // What is written goes out at once; the client's default keeps a small write back until the one before it has arrived.
    let address = address.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    // The client takes the process's provider of cryptography. One that is chosen already is as good.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    if tls.authorities.is_none() && tls.client.is_none() {
        return Client::open(address).map_err(|_| Misconfiguration::Address);
    }
    let read = |path: &Path| std::fs::read(path).map_err(|_| Misconfiguration::Certificates);
    let root_cert = tls.authorities.as_deref().map(read).transpose()?;
    let client_tls = match &tls.client {
        Some((certificate, key)) => Some(ClientTlsConfig { client_cert: read(certificate)?, client_key: read(key)? }),
        None => None,
    };
    Client::build_with_tls(address, TlsCertificates { client_tls, root_cert }).map_err(|_| Misconfiguration::Certificates)
}
