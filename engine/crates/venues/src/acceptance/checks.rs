//! The checks.

use super::{Bench, Check, Checked, Failed};
use crate::connector::{News, Request};
use calypte_kernel::{
    AccountSnapshot, Batch, ClientOrderId, Decimal, Feed, FeedChange, MarginMode, MarketEvent, Price, ReconcileCause, Resolve,
    Rounding, Side, TimeInForce, Timestamp, VenueEvent,
};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

macro_rules! checks {
    ($($check:ident: $name:literal,)*) => {
        /// All checks, in the order in which they are run.
        pub const CHECKS: &[Check] = &[$(Check { name: $name, run: |bench| Box::pin($check(bench)) as Checked<'_> }),*];
    };
}

checks! {
    starting_again: "starting it again says the same",
    quotes: "a quote comes, its best bid below its best offer",
    picture: "everything at once is told when it is asked for",
    leverage: "leverage is set, and what holds is told when it is asked after",
    market_order: "a market order fills, and the position is pushed",
    limit_order: "a limit order rests, is amended, and is cancelled by its name",
    post_only: "a post-only order that would trade is refused",
    never_was: "an order that never was is told to be absent",
    unknown_cancel: "the cancel of an order that is not there is refused, and leaves it in doubt",
    reconnect: "after a cut the account and quotes flow again, and the order that rested is still there",
    closing: "a position that is closed is told to be none, without being asked for",
}

/// An order far enough from the market to rest.
const REST_AT: Decimal = Decimal::from_parts(9, 0, 0, false, 1);
/// An order so far above the market that it would trade though the market moves before it arrives.
const TRADES_AT: Decimal = Decimal::from_parts(103, 0, 0, false, 2);
/// And a little nearer.
const AMEND_TO: Decimal = Decimal::from_parts(92, 0, 0, false, 2);

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err, which gives the error away")]
fn other(error: impl ToString) -> Failed {
    Failed::Other(error.to_string())
}

impl Bench<'_> {
    fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    fn send(&mut self, batch: Batch) -> Result<(), Failed> {
        self.request(Request::Send(batch))
    }

    async fn best(&mut self) -> Result<(Price, Price), Failed> {
        if let Some(best) = self.best {
            return Ok(best);
        }
        self.request(Request::Subscribe { feed: Feed::Quotes(self.instrument), after: None })?;
        self.wait("a quote", |news| match news {
            News::Market(MarketEvent::Quote(quote)) => Some((quote.bid.price, quote.ask.price)),
            _ => None,
        })
        .await
    }

    /// So much of the best bid, on the grid.
    async fn of_bid(&mut self, part: Decimal) -> Result<Price, Failed> {
        let (bid, _) = self.best().await?;
        let rules = self.trader.instrument(self.instrument).ok_or_else(|| other("no such instrument"))?.rules;
        let price = bid.get().checked_mul(part).and_then(|price| rules.round_price(price, Rounding::Down));
        price.and_then(|price| Price::new(price).ok()).ok_or_else(|| other("no price of the grid"))
    }

    async fn snapshot(&mut self) -> Result<AccountSnapshot, Failed> {
        self.request(Request::Reconcile(ReconcileCause::Start))?;
        self.hear("everything at once", |event| match event {
            VenueEvent::Snapshot(snapshot) => Some((**snapshot).clone()),
            _ => None,
        })
        .await
    }

    async fn held(&mut self) -> Result<Decimal, Failed> {
        let instrument = self.instrument;
        let snapshot = self.snapshot().await?;
        Ok(snapshot.positions.iter().find(|report| report.instrument == instrument).map_or(Decimal::ZERO, |report| report.size))
    }

    /// Rests a limit order for the size of the bench.
    async fn rest(&mut self) -> Result<(ClientOrderId, Price), Failed> {
        let price = self.of_bid(REST_AT).await?;
        // Worth as much as it would be at the market.
        let size = self.resting_size();
        let limit = Some((price, TimeInForce::Gtc));
        let now = self.now();
        let (order, batch) = self.trader.place(now, (self.instrument, Side::Buy, size), limit, (price, None)).map_err(other)?;
        self.send(batch)?;
        self.hear("the order to rest", |event| match event {
            VenueEvent::Accepted { order: named, .. } if *named == order => Some(Ok(())),
            VenueEvent::Rejected { order: named, refusal } if *named == order => Some(Err(other(&refusal.message))),
            _ => None,
        })
        .await??;
        Ok((order, price))
    }

    fn resting_size(&self) -> Decimal {
        self.size.saturating_mul(Decimal::TWO)
    }

    async fn end(&mut self, order: ClientOrderId) -> Result<(), Failed> {
        let batch = self.trader.cancel(self.now(), self.instrument, order).map_err(other)?;
        self.send(batch)?;
        self.hear("the order to be cancelled", |event| match event {
            VenueEvent::Cancelled { order: named, .. } if *named == order => Some(()),
            _ => None,
        })
        .await
    }
}

async fn starting_again(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let first = bench.connector.start().await.map_err(other)?;
    let second = bench.connector.start().await.map_err(other)?;
    if first == second { Ok(()) } else { Err(other("the second start said something else")) }
}

async fn quotes(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let (bid, ask) = bench.best().await?;
    if bid < ask { Ok(()) } else { Err(other(format!("the best bid {bid} is not below the best offer {ask}"))) }
}

async fn picture(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let snapshot = bench.snapshot().await?;
    if snapshot.cash.is_some() { Ok(()) } else { Err(other("the collateral is not said")) }
}

async fn leverage(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let instrument = bench.instrument;
    let set = |event: &VenueEvent| match event {
        VenueEvent::LeverageSet { instrument: of, leverage, mode, .. } if *of == instrument => Some(Ok((*leverage, *mode))),
        VenueEvent::LeverageRejected { refusal, .. } => Some(Err(other(&refusal.message))),
        _ => None,
    };
    bench.request(Request::ResolveLeverage(instrument))?;
    let (before, mode) = bench.hear("the leverage that holds", set).await??;
    let wanted = if before == 2 { 3 } else { 2 };
    for leverage in [wanted, before] {
        let batch = bench.trader.leverage(bench.now(), instrument, leverage, mode).map_err(other)?;
        bench.send(batch)?;
        let holds: (u32, MarginMode) = bench.hear("the leverage to be set", set).await??;
        bench.request(Request::ResolveLeverage(instrument))?;
        let asked = bench.hear("the leverage that holds", set).await??;
        if (holds, asked) != ((leverage, mode), (leverage, mode)) {
            return Err(other(format!("{leverage} was asked for, {holds:?} said to be set, and {asked:?} holds")));
        }
    }
    Ok(())
}

async fn market_order(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let (instrument, size, now) = (bench.instrument, bench.size, bench.now());
    let before = bench.held().await?;
    let (_, ask) = bench.best().await?;
    let (order, batch) = bench.trader.place(now, (instrument, Side::Buy, size), None, (ask, None)).map_err(other)?;
    bench.send(batch)?;
    let (mut filled, mut held) = (Decimal::ZERO, before);
    // The fill and the position come in any order.
    bench
        .hear("the fills and the position", |event| {
            match event {
                VenueEvent::Fill(fill) if fill.order == Some(order) => filled = filled.saturating_add(fill.size.get()),
                VenueEvent::Position(report) if report.instrument == instrument => held = report.size,
                VenueEvent::Rejected { order: named, refusal } if *named == order => return Some(Err(other(&refusal.message))),
                _ => {}
            }
            (filled == size && held == before.saturating_add(size)).then_some(Ok(()))
        })
        .await?
}

async fn limit_order(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let (order, price) = bench.rest().await?;
    let nearer = bench.of_bid(AMEND_TO).await?;
    let terms = (bench.instrument, Side::Buy, bench.resting_size());
    let batch = bench.trader.amend(bench.now(), order, terms, (price, nearer)).map_err(other)?;
    bench.send(batch)?;
    bench
        .hear("the order to be amended", |event| match event {
            VenueEvent::Amended { order: named, .. } if *named == order => Some(Ok(())),
            VenueEvent::RequestRejected { order: named, refusal, .. } if *named == order => Some(Err(other(&refusal.message))),
            _ => None,
        })
        .await??;
    let open = bench.snapshot().await?.orders;
    if open.iter().filter(|open| open.order == Some(order)).count() != 1 {
        return Err(other("the order that was amended is not open exactly once"));
    }
    bench.end(order).await?;
    let open = bench.snapshot().await?.orders;
    if open.iter().any(|open| open.order == Some(order)) { Err(other("the order that was cancelled is open")) } else { Ok(()) }
}

async fn post_only(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let price = bench.of_bid(TRADES_AT).await?;
    let (now, limit) = (bench.now(), Some((price, TimeInForce::Alo)));
    let (order, batch) =
        bench.trader.place(now, (bench.instrument, Side::Buy, bench.size), limit, (price, None)).map_err(other)?;
    bench.send(batch)?;
    let code = bench
        .hear("the refusal", |event| match event {
            VenueEvent::Rejected { order: named, refusal } if *named == order => Some(Some(refusal.code.to_string())),
            VenueEvent::Accepted { order: named, .. } if *named == order => Some(None),
            _ => None,
        })
        .await?;
    match code {
        Some(code) if code == "venue-would-trade" => Ok(()),
        Some(code) => Err(other(format!("refused as {code}"))),
        None => {
            bench.end(order).await?;
            Err(other("it rests, though it would have traded"))
        }
    }
}

async fn never_was(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let now = bench.now();
    let (_, ask) = bench.best().await?;
    // Approved, and never sent.
    let (order, _) = bench.trader.place(now, (bench.instrument, Side::Buy, bench.size), None, (ask, None)).map_err(other)?;
    let repeat_until = Timestamp::from_millis(now.as_millis().saturating_sub(60_000));
    bench.request(Request::Resolve(Resolve { order, instrument: bench.instrument, repeat_until }))?;
    bench
        .hear("the order to be absent", |event| match event {
            VenueEvent::Absent { order: named, .. } if *named == order => Some(()),
            _ => None,
        })
        .await
}

async fn unknown_cancel(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let now = bench.now();
    let (_, ask) = bench.best().await?;
    let (order, _) = bench.trader.place(now, (bench.instrument, Side::Buy, bench.size), None, (ask, None)).map_err(other)?;
    let batch = bench.trader.cancel(now, bench.instrument, order).map_err(other)?;
    bench.send(batch)?;
    let mut refused = false;
    bench
        .hear("the refusal, and the doubt", |event| match event {
            VenueEvent::RequestRejected { order: named, .. } if *named == order => {
                refused = true;
                None
            }
            VenueEvent::Unanswered { order: named } if *named == order => refused.then_some(()),
            _ => None,
        })
        .await
}

async fn reconnect(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let breaks = bench.breaks.ok_or(Failed::LeftOut { needs: "an exchange whose sockets can be cut" })?;
    let (order, _) = bench.rest().await?;
    breaks.cut();
    let is_quote = |news: &News| matches!(news, News::Market(MarketEvent::Quote(_)));
    let quoted = AtomicBool::new(false);
    for wanted in [FeedChange::Lost, FeedChange::Recovered] {
        quoted.store(false, Relaxed);
        bench
            .wait("the connection to be lost and back", |news| {
                quoted.fetch_or(is_quote(news), Relaxed);
                match news {
                    News::Market(MarketEvent::Feed { feed: Feed::Connection, change }) if *change == wanted => Some(()),
                    _ => None,
                }
            })
            .await?;
    }
    if !quoted.load(Relaxed) {
        bench.wait("a quote after the cut", |news| is_quote(news).then_some(())).await?;
    }
    let open = bench.snapshot().await?.orders;
    if open.iter().filter(|open| open.order == Some(order)).count() != 1 {
        return Err(other("the order that rested is not open exactly once"));
    }
    bench.end(order).await
}

async fn closing(bench: &mut Bench<'_>) -> Result<(), Failed> {
    let (instrument, held) = (bench.instrument, bench.held().await?);
    if held.is_zero() {
        return Err(other("nothing is held that could be closed"));
    }
    let (bid, ask) = bench.best().await?;
    let (side, reference) = if held > Decimal::ZERO { (Side::Sell, bid) } else { (Side::Buy, ask) };
    let now = bench.now();
    let (_, batch) = bench.trader.place(now, (instrument, side, held.abs()), None, (reference, Some(held))).map_err(other)?;
    bench.send(batch)?;
    bench
        .hear("the position to be none", |event| match event {
            VenueEvent::Position(report) if report.instrument == instrument && report.size.is_zero() => Some(()),
            _ => None,
        })
        .await
}
