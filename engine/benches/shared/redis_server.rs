//! A real `redis-server` on a free port of the loopback, which saves nothing and ends with whoever started it.

use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A server that ends with this.
#[derive(Debug)]
pub(crate) struct RedisServer {
    process: Child,
    port: u16,
}

impl RedisServer {
    /// Starts one.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut server = Command::new("redis-server");
        server.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        server.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Self { process: server.spawn().context("redis-server is needed")?, port };
        let output = server.process.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(output).lines();
        if !lines.any(|line| line.is_ok_and(|line| line.contains("Ready to accept connections"))) {
            bail!("redis-server did not start");
        }
        Ok(server)
    }

    /// Its port.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
