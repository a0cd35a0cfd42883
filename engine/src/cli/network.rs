//! Flags that say how an exchange is reached, and where the key lies that signs for an account there.

use super::exit::{ExitStatus, Failure};
use super::output::Output;
use crate::config::{Environment, Exchange, ExchangeNetwork, KeyError, KeySource};
use calypte_venues::hyperliquid::sign::SecretKey;
use calypte_venues::net::Endpoint;
use clap::Args;
use std::net::IpAddr;
use std::path::Path;

/// Names the key that signs, where no file does.
const KEY_VARIABLE: &str = "CALYPTE_KEY";

/// How the exchange is reached.
#[derive(Debug, Args)]
pub(super) struct ReachFlags {
    /// Where it is served, where that is not the network's own address.
    #[arg(long, value_name = "URL")]
    url: Option<Endpoint>,
    /// Which address of this machine to leave through.
    #[arg(long, value_name = "IP")]
    from_ip: Option<IpAddr>,
}

impl ReachFlags {
    /// The exchange of a network, reached like that.
    pub(super) fn place(&self, network: ExchangeNetwork) -> Exchange {
        Exchange { network, url: self.url.clone(), from: self.from_ip }
    }
}

/// The key that signs: in the file, else in the environment. Neither it nor what stands in its place is ever shown.
///
/// # Errors
/// Where there is none.
pub(super) fn signing_key(file: Option<&Path>, output: Output) -> Result<SecretKey, Failure> {
    let source = file.map_or_else(|| KeySource::Variable(KEY_VARIABLE.to_owned()), |file| KeySource::File(file.to_owned()));
    let (key, is_exposed) = source.read(&Environment::of_process()).map_err(|error| match (error, file) {
        (KeyError::NoVariable(name), _) => {
            Failure::new(ExitStatus::Usage, format!("there is no key to sign with: give --key-file, or set {name}"))
        }
        (error, Some(_)) => Failure::of(ExitStatus::BadInput, error),
        (error, None) => Failure::of(ExitStatus::Usage, error),
    })?;
    if is_exposed {
        output.remark("warning: others than its owner can read the key file: chmod 600 it");
    }
    Ok(key)
}
