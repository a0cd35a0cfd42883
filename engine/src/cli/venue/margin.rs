//! `calypte venue margin`: collateral of an isolated position.

use super::ByHandFlags;
use crate::cli::exit::{Ends, ExitStatus, Failure};
use crate::cli::output::Output;
use crate::cli::progress::obeying;
use crate::config::ExchangeNetwork;
use crate::control::Control;
use crate::request::parse_decimal;
use calypte_kernel::{Decimal, Symbol};
use calypte_venues::ambient::{Ambient as _, Machine};
use calypte_venues::hyperliquid::account::Signer;
use calypte_venues::hyperliquid::ask::Asker;
use calypte_venues::hyperliquid::budget::Urgency;
use calypte_venues::hyperliquid::by_hand::move_margin;
use calypte_venues::hyperliquid::protocol::{Address, ClearinghouseState, InfoRequest, Number};
use calypte_venues::hyperliquid::questions::{Account, open_account, open_market};
use calypte_venues::hyperliquid::sign::Nonces;
use clap::Args;
use serde::Serialize;
use std::slice;
use std::sync::Arc;

/// How long the exchange may take what was signed.
const EXPIRES_AFTER_MS: u64 = 10_000;

/// Adds collateral to an isolated position, or takes some out of it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calypte venue margin --network testnet --symbol BTC --usdc 50 --account 0x… --key-file agent.key\n  \
    CALYPTE_KEY=… calypte venue margin --symbol BTC --usdc=-12.5 --json\n\n\
    Exit codes: 0 moved; 1 the exchange refused it; 2 wrong usage; 3 the key file is not fit; 4 it is unknown whether it was\n\
    moved, or the exchange cannot be reached or refuses the account; 130 interrupted."
)]
pub(in crate::cli) struct MarginArgs {
    /// Whose position.
    #[arg(long)]
    symbol: Symbol,
    /// How much is added, in USDC, to a millionth; negative is taken out.
    #[arg(long, value_name = "AMOUNT", value_parser = parse_decimal, allow_negative_numbers = true)]
    usdc: Decimal,
    /// The account's own address, never an agent's [default: the one whose key signs].
    #[arg(long, value_name = "ADDRESS")]
    account: Option<Address>,
    /// Says that money on mainnet is to be moved.
    #[arg(long)]
    real_money: bool,
    #[command(flatten)]
    by_hand: ByHandFlags,
}

#[derive(Serialize)]
struct MarginRecord {
    network: ExchangeNetwork,
    account: String,
    symbol: String,
    /// What was added.
    usdc: String,
    /// What the position has of its own since then, with what it has gained; none: the exchange does not say.
    margin: Option<String>,
    /// Where it would be liquidated; none: nowhere, or the exchange does not say.
    liquidation_price: Option<String>,
}

pub(super) fn run(args: &MarginArgs, output: Output) -> anyhow::Result<ExitStatus> {
    if args.by_hand.network == ExchangeNetwork::Mainnet && !args.real_money {
        let words = "on mainnet this moves real money: add --real-money if that is meant";
        return Err(Failure::new(ExitStatus::Usage, words).into());
    }
    let control = Arc::new(Control::default());
    let record = obeying(&control, moved(args, output))?;
    output.answer(&record, || words_of(&record))?;
    Ok(ExitStatus::Ok)
}

async fn moved(args: &MarginArgs, output: Output) -> anyhow::Result<MarginRecord> {
    let key = args.by_hand.key(output)?;
    let user = args.account.unwrap_or(key.address());
    let asker = args.by_hand.exchange()?.asker();
    let assets = open_market(&asker, slice::from_ref(&args.symbol)).await.ends(ExitStatus::Environment)?;
    let asset = assets.of_coin(args.symbol.as_str());
    let asset = asset.ok_or_else(|| Failure::new(ExitStatus::Usage, format!("no perpetual called {}", args.symbol)))?;
    let opened = open_account(&asker, Account { user, signer: key.address() }).await.ends(ExitStatus::Environment)?;
    opened.warnings.iter().for_each(|warning| output.remark(&format!("warning: {warning}")));
    // Marks of nonces are those of the process that trades; by the time, this one's are above what it used.
    let folder = tempfile::tempdir().ends(ExitStatus::Environment)?;
    let nonces = Nonces::open(&folder.path().join("nonces")).ends(ExitStatus::Environment)?;
    let network = args.by_hand.place().settings().network;
    let mut signer = Signer { key, nonces, network, vault: opened.vault };
    let expires_after = Machine.now().saturating_add(EXPIRES_AFTER_MS);
    move_margin(&asker, &mut signer, asset, args.usdc, expires_after).await.map_err(super::failed)?;
    let (margin, liquidation_price) = held(&asker, user, &args.symbol).await?;
    let shown = |number: Option<Number>| number.map(|number| number.get().normalize().to_string());
    Ok(MarginRecord {
        network: args.by_hand.network,
        account: user.to_string(),
        symbol: args.symbol.to_string(),
        usdc: args.usdc.normalize().to_string(),
        margin: shown(margin),
        liquidation_price: shown(liquidation_price),
    })
}

/// What the position has of its own now, and where it would be liquidated.
async fn held(asker: &Asker, user: Address, symbol: &Symbol) -> Result<(Option<Number>, Option<Number>), Failure> {
    let question = InfoRequest::ClearinghouseState { user };
    let state: ClearinghouseState = asker.ask(&question, Urgency::Opening).await.map_err(|error| {
        Failure::new(ExitStatus::Environment, format!("moved, and what the position has now is unknown: {error}"))
    })?;
    let position = state.asset_positions.iter().map(|row| &row.position).find(|position| position.coin == symbol.as_str());
    Ok(position.map_or((None, None), |position| (position.margin_used, position.liquidation_px)))
}

fn words_of(record: &MarginRecord) -> String {
    let MarginRecord { symbol, usdc, margin, liquidation_price, .. } = record;
    let unknown = || "unknown".to_owned();
    let margin = margin.clone().unwrap_or_else(unknown);
    let liquidated = liquidation_price.as_ref().map_or_else(|| "no price".to_owned(), Clone::clone);
    format!("{usdc} USDC moved into the position in {symbol}; its margin is {margin} now, it is liquidated at {liquidated}\n")
}
