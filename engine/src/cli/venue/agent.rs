//! `calypte venue agent`: a new key, and the account's word that it may sign.

use super::ByHandFlags;
use crate::cli::exit::{Ends, ExitStatus, Failure};
use crate::cli::output::Output;
use crate::config::ExchangeNetwork;
use crate::control::Control;
use calypte_kernel::Timestamp;
use calypte_venues::ambient::{Ambient as _, Machine};
use calypte_venues::hyperliquid::by_hand::{ByHandError, approve};
use calypte_venues::hyperliquid::protocol::Millis;
use calypte_venues::hyperliquid::sign::{AGENT_NAME_BYTES_MAX, SecretKey, approve_agent};
use clap::Args;
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const DAY_MS: u64 = 86_400_000;
/// How far the exchange's clock may be behind ours.
const CLOCKS_APART_MS: u64 = 600_000;

/// Makes a key for an agent, and approves the agent with the account's own key: it may then sign orders, and move no money.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  calypte venue agent --network testnet --key-file account.key --agent-key-file agent.key --name bot --days 30\n\n\
    Mainnet is refused: there, approve an agent in the account's wallet, so that the key that moves money stays in it.\n\n\
    Exit codes: 0 approved; 1 the exchange refused it; 2 wrong usage; 3 the key file is not fit; 4 it is unknown whether it is\n\
    approved, or the exchange cannot be reached; 130 interrupted."
)]
pub(in crate::cli) struct AgentArgs {
    /// The file for the agent's key. It must not be there yet: the address of an agent is never to be used again.
    #[arg(long, value_name = "FILE")]
    agent_key_file: PathBuf,
    /// Its name; an agent of that name before it is replaced at once.
    #[arg(long)]
    name: String,
    /// After how many days it ends.
    #[arg(long, value_name = "N", default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=180))]
    days: u32,
    #[command(flatten)]
    by_hand: ByHandFlags,
}

#[derive(Serialize)]
struct AgentRecord {
    network: ExchangeNetwork,
    account: String,
    agent: String,
    name: String,
    /// Unix time in milliseconds.
    valid_until: u64,
    key_file: PathBuf,
}

pub(super) fn run(args: &AgentArgs, output: Output) -> anyhow::Result<ExitStatus> {
    if args.by_hand.network == ExchangeNetwork::Mainnet {
        let words = "the account's own key moves money, and is not to come here: approve an agent in the account's wallet";
        return Err(Failure::new(ExitStatus::Usage, words).into());
    }
    let master = args.by_hand.key(output)?;
    let agent = new_key(&args.agent_key_file)?;
    let now = Machine.now();
    let until = valid_until(now, args.days);
    let nonce = u64::try_from(now.as_millis()).unwrap_or_default();
    let network = args.by_hand.place().settings().network;
    let approval = approve_agent(&master, network, agent.address(), Some(&args.name), Some(until), nonce);
    let Some(approval) = approval else {
        discard(&args.agent_key_file)?;
        let words = format!("--name has 1 to {AGENT_NAME_BYTES_MAX} bytes");
        return Err(Failure::new(ExitStatus::Usage, words).into());
    };
    let asker = args.by_hand.exchange()?.asker();
    let control = Arc::new(Control::default());
    let said = crate::cli::progress::obeying(&control, async { Ok(approve(&asker, &approval).await) })?;
    match said {
        Ok(()) => {}
        // It may sign already: then its key is worth keeping.
        Err(error @ ByHandError::Unknown(_)) => {
            let kept = format!("the agent's key stays in {}, in case it was approved", args.agent_key_file.display());
            return Err(Failure::of(ExitStatus::Environment, anyhow::Error::new(error).context(kept)).into());
        }
        Err(error) => {
            discard(&args.agent_key_file)?;
            return Err(super::failed(error).into());
        }
    }
    let record = AgentRecord {
        network: args.by_hand.network,
        account: master.address().to_string(),
        agent: agent.address().to_string(),
        name: args.name.clone(),
        valid_until: until.get(),
        key_file: args.agent_key_file.clone(),
    };
    output.answer(&record, || {
        let AgentRecord { account, agent, key_file, valid_until, .. } = &record;
        let days = args.days;
        format!(
            "the agent {agent} may sign for {account} for {days} days (until {valid_until}); its key is in {}\n",
            key_file.display()
        )
    })?;
    Ok(ExitStatus::Ok)
}

/// A little less than so many days: the exchange takes 180 by its own clock, which may be behind ours.
fn valid_until(now: Timestamp, days: u32) -> Millis {
    Millis::try_from(now.saturating_add(u64::from(days) * DAY_MS - CLOCKS_APART_MS)).unwrap_or_default()
}

/// A key that nobody had, in a file that only its owner reads.
fn new_key(path: &Path) -> Result<SecretKey, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|error| Failure::new(ExitStatus::Environment, error.to_string()))?;
    let key = SecretKey::from_bytes(&bytes).ends(ExitStatus::Environment)?;
    let named = |error: std::io::Error| Failure::new(ExitStatus::Environment, format!("{}: {error}", path.display()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(named)?;
    let mut text = Zeroizing::new(String::with_capacity(67));
    text.push_str("0x");
    for byte in bytes.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    text.push('\n');
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(named)?;
    Ok(key)
}

fn discard(path: &Path) -> Result<(), Failure> {
    fs::remove_file(path).map_err(|error| Failure::new(ExitStatus::Environment, format!("{}: {error}", path.display())))
}
