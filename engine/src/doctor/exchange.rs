//! The exchange: whether it can be reached, whether our clock is right, and whether each live account may trade with its key.

use super::{CHECK_TIME_MAX, Finding};
use crate::config::{Account, Config, Environment, Exchange, Mode, Services};
use calypte_kernel::Symbol;
use calypte_venues::ambient::Machine;
use calypte_venues::hyperliquid::ask::Asker;
use calypte_venues::hyperliquid::budget::{Egress, EgressLimits};
use calypte_venues::hyperliquid::protocol::MESSAGE_BYTES_MAX;
use calypte_venues::hyperliquid::questions::{Account as Who, OpenError, open_account, open_market};
use calypte_venues::net::{NotAnEndpoint, Rest};
use std::sync::{Arc, Mutex};
use tokio::time::timeout;

/// Looks at the exchange, and at the live accounts there.
pub(super) async fn examine(config: &Config<Services>) -> Vec<Finding> {
    let asker = match asker(&config.exchange) {
        Ok(asker) => asker,
        Err(error) => return vec![Finding::failed("exchange", error.to_string(), "write another url below [exchange]")],
    };
    let accounts = || config.service.engine.iter().flat_map(|engine| &engine.accounts);
    let mut symbols: Vec<Symbol> = Vec::new();
    for symbol in accounts().flat_map(|account| &account.symbols) {
        if !symbols.contains(symbol) {
            symbols.push(symbol.clone());
        }
    }
    let mut findings = vec![market(&config.exchange, &asker, &symbols).await];
    for account in accounts() {
        findings.extend(self::account(&asker, account).await);
    }
    findings
}

fn asker(exchange: &Exchange) -> Result<Asker, NotAnEndpoint> {
    let wires = exchange.settings().wires()?;
    let rest = Rest::new(wires.requests, wires.authority, MESSAGE_BYTES_MAX);
    let egress = Arc::new(Mutex::new(Egress::new(EgressLimits::default())));
    Ok(Asker::new(Arc::new(rest), egress, Arc::new(Machine)))
}

async fn market(exchange: &Exchange, asker: &Asker, symbols: &[Symbol]) -> Finding {
    let place = format!("{} at {}", exchange.network, exchange.settings().endpoint());
    match timeout(CHECK_TIME_MAX, open_market(asker, symbols)).await {
        Ok(Ok(_)) => {
            let names = symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ");
            let traded = if names.is_empty() { String::new() } else { format!(", {names} can be traded") };
            Finding::ok("exchange", format!("{place} answers, the clocks agree{traded}"))
        }
        Ok(Err(error)) => {
            let remedy = match &error {
                OpenError::Account(_) => "set the clock: timedatectl set-ntp true",
                OpenError::Assets(_) => "take out of symbols what this exchange does not trade",
                OpenError::Ask(_) => "look at the network, the firewall, and url and from-ip below [exchange]",
            };
            Finding::failed("exchange", format!("{place}: {error}"), remedy)
        }
        Err(_) => {
            let found = format!("{place}: no answer within {} s", CHECK_TIME_MAX.as_secs());
            Finding::failed("exchange", found, "look at the network, the firewall, and url and from-ip below [exchange]")
        }
    }
}

/// A live account with its key.
async fn account(asker: &Asker, account: &Account) -> Vec<Finding> {
    let Mode::Live { address, key } = &account.mode else { return Vec::new() };
    let of = format!("account {}", account.name);
    let signer = match key.read(&Environment::of_process()) {
        Ok((key, _)) => key.address(),
        Err(error) => return vec![Finding::failed(of, format!("{key}: {error}"), "name the file of the agent's key")],
    };
    let who = Who { user: *address, signer };
    match timeout(CHECK_TIME_MAX, open_account(asker, who)).await {
        Ok(Ok(opened)) => {
            let mut findings = vec![Finding::ok(&of, format!("{address} may trade, signed by {signer}"))];
            findings.extend(opened.warnings.into_iter().map(|words| Finding::warning(&of, words, "see to it before it runs")));
            findings
        }
        Ok(Err(error @ OpenError::Account(_))) => {
            let remedy = "write the account's own address and a key that it has approved";
            vec![Finding::failed(of, error.to_string(), remedy)]
        }
        Ok(Err(error)) => vec![Finding::failed(of, error.to_string(), "see what is said of the exchange")],
        Err(_) => vec![Finding::failed(of, "the exchange does not answer", "see what is said of the exchange")],
    }
}
