//! `calypte market-data`: the service that hears the exchange and writes to the bus what user engines ask for.

use super::exit::{Ends, ExitStatus};
use super::output::Output;
use super::service::{ServiceArgs, bus, serve};
use crate::config::{Config, Environment, MarketData};
use crate::exchange::{Exchange, time_ahead_ms_max};
use crate::health::{BUS, Vitals};
use crate::market_data::{READY_LEASE, Service, ServiceSettings};
use calypte_kernel::Timeframe;
use calypte_venues::ambient::Machine;
use clap::Args;
use serde::Serialize;
use std::sync::Arc;

/// Hears the exchange and writes to the bus what user engines ask for, until it is told to end.
///
/// Of several with the same bus one publishes, and the others stand by.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte market-data --config calypte.toml\n\n\
    Exit codes: 0 told to end (SIGINT, SIGTERM); 3 the configuration is not fit; 4 the bus or the exchange refuses.")]
pub(super) struct MarketDataArgs {
    #[command(flatten)]
    service: ServiceArgs,
}

/// That it works: the first line of what it prints.
#[derive(Serialize)]
struct Working<'a> {
    service: &'a str,
    bus: String,
    network: String,
}

/// What it did.
#[derive(Serialize)]
struct Served {
    published: u64,
    terms: u64,
}

pub(super) fn run(args: &MarketDataArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let config = Config::<MarketData>::read_for_market_data(&args.service.config, &Environment::of_process())?;
    config.warnings.iter().for_each(|warning| output.remark(&format!("warning: {warning}")));
    let name = config.service.name.to_string();
    serve(async |control| {
        let ambient = Arc::new(Machine);
        let exchange = Exchange::new(&config.exchange, ambient.clone()).ends(ExitStatus::BadInput)?;
        let network = config.exchange.network;
        let working = Working { service: &name, bus: config.bus.to_string(), network: network.to_string() };
        let words = || format!("{name}: market data of {network} to the bus at {}", config.bus);
        output.first_line(&working, words)?;
        let vitals = Vitals::new(&name, Timeframe::MINUTE, [(READY_LEASE, "neither publishing nor standing by yet")]);
        let mut watch = vitals.show(config.service.listen).await.ends(ExitStatus::Environment)?;
        let line = vitals.metrics.peer(BUS);
        let Some(bus) = bus(&config.bus, &control, output).await? else { return Ok(ExitStatus::Ok) };
        let settings = ServiceSettings {
            history: config.service.history,
            time_ahead_ms_max: time_ahead_ms_max(network),
            ..ServiceSettings::new(config.service.name.holder.clone())
        };
        let service = Service::new(bus, Box::new(exchange), ambient, settings, vitals);
        // From here on the service knows.
        drop(line);
        let tally = service.tally();
        tokio::select! {
            ended = service.run(&control) => ended.ends(ExitStatus::Environment)?,
            stalled = watch.stalled() => return Err(stalled).ends(ExitStatus::Environment).map_err(Into::into),
        }
        watch.stopping();
        let served = Served { published: tally.published(), terms: tally.terms() };
        output.first_line(&served, || format!("{} entries written", served.published))?;
        Ok(ExitStatus::Ok)
    })
}
