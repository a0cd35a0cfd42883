//! Orders that are placed: what they must be, whether the account may, and where they go.

use super::margin::{Change, Waiting};
use super::orders::{Kin, LiveOrder, Stage, Trigger};
use super::refusal::Refusal;
use super::shown::LongUpdate;
use super::{Exchange, millis};
use calypte_kernel::{Decimal, Price, Side, Size, TimeInForce};
use calypte_sim::{Incoming, Rest};
use calypte_venues::hyperliquid::protocol::{Address, Cloid, EntryStatus, OrderTypeWire, PlaceWire, Tif};

/// Open orders that every account may have.
pub const OPEN_ORDERS_MIN: usize = 1_000;
/// Open orders that no account may have more than.
pub const OPEN_ORDERS_MAX: usize = 5_000;
/// Volume for which an account may have one open order more.
const VOLUME_PER_ORDER: u32 = 5_000_000;
/// Smallest worth of an order that can make a position larger, in dollars.
const MIN_VALUE: Decimal = Decimal::TEN;
/// How much more an order that may rest can be worth than one for the market.
const LIMIT_ORDER_FACTOR: u64 = 10;
/// Largest worth of an order for the market, by the largest leverage of its coin from which it holds.
/// <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/contract-specifications>
pub(super) const MARKET_ORDER_MAX: [(u32, u64); 4] = [(25, 15_000_000), (20, 5_000_000), (10, 2_000_000), (0, 500_000)];

/// An order that is one: its numbers fit the coin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft {
    pub(super) coin: usize,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) size: Decimal,
    pub(super) tif: Tif,
    pub(super) reduce_only: bool,
    pub(super) trigger: Option<Trigger>,
    pub(super) cloid: Option<Cloid>,
    pub(super) is_position_tpsl: bool,
}

impl Draft {
    /// As it comes to the book, whose order it is and how much of it.
    fn incoming(&self, oid: u64, user: Address, size: Size) -> Incoming<Address> {
        let time_in_force = match self.tif {
            Tif::Gtc => TimeInForce::Gtc,
            Tif::Alo => TimeInForce::Alo,
            Tif::Ioc | Tif::FrontendMarket => TimeInForce::Ioc,
        };
        Incoming { id: oid, owner: user, side: self.side, price: self.price, size, time_in_force }
    }

    pub(super) fn live(&self, oid: u64, user: Address, now: u64) -> LiveOrder {
        LiveOrder {
            user,
            coin: self.coin,
            oid,
            side: self.side,
            price: self.price.get(),
            size: self.size,
            orig_size: self.size,
            placed: now,
            reduce_only: self.reduce_only,
            cloid: self.cloid,
            tif: self.tif,
            trigger: self.trigger,
            stage: if self.trigger.is_some() { Stage::Trigger } else { Stage::Book },
            kin: Kin::default(),
            is_position_tpsl: self.is_position_tpsl,
        }
    }
}

impl Exchange {
    /// What an order is, where its numbers fit the coin.
    pub(super) fn draft(&self, wire: &PlaceWire, is_position_tpsl: bool) -> Result<Draft, Refusal> {
        let coin = usize::try_from(wire.asset).map_err(|_| Refusal::Asset)?;
        let market = self.markets.get(coin).ok_or(Refusal::Asset)?;
        let price = Price::new(wire.price.get()).map_err(|_| Refusal::Price)?;
        if !market.rules.allows_price(price.get()) {
            return Err(Refusal::Tick);
        }
        let size = wire.size.get();
        if size.is_zero() && !is_position_tpsl {
            return Err(Refusal::ZeroSize);
        }
        if size.is_sign_negative() || !market.rules.allows_size(size) {
            return Err(Refusal::Size);
        }
        let side = if wire.is_buy { Side::Buy } else { Side::Sell };
        let (tif, trigger) = match wire.kind {
            OrderTypeWire::Limit { tif } => (tif, None),
            OrderTypeWire::Trigger { is_market, trigger_px, tpsl } => {
                if !market.rules.allows_price(trigger_px.get()) {
                    return Err(if trigger_px.get() > Decimal::ZERO { Refusal::Tick } else { Refusal::Trigger });
                }
                (Tif::Gtc, Some(Trigger { price: trigger_px.get(), tpsl, is_market }))
            }
        };
        let is_position_tpsl = is_position_tpsl && trigger.is_some();
        let size = if is_position_tpsl { Decimal::ZERO } else { size };
        Ok(Draft { coin, side, price, size, tif, reduce_only: wire.reduce_only, trigger, cloid: wire.cloid, is_position_tpsl })
    }

    /// Whether an account may place an order now, and how much of it: reduce-only ones are cut to the position. `instead_of` is the
    /// order that it takes the place of.
    pub(super) fn admit(&self, user: Address, draft: &Draft, instead_of: Option<u64>) -> Result<Decimal, Refusal> {
        let market = &self.markets[draft.coin];
        let account = self.accounts.get(&user).ok_or(Refusal::Margin)?;
        self.check_worth(draft)?;
        let open = account.open.len() - usize::from(instead_of.is_some_and(|oid| account.open.contains(&oid)));
        self.check_open_orders(account.volume, open, draft)?;
        let reference = draft.trigger.map_or(market.mark, |trigger| trigger.price);
        let away = draft.price.get().saturating_sub(reference).abs();
        if away > reference.saturating_mul(Decimal::new(8, 1)) {
            return Err(Refusal::Band);
        }
        if let Some(trigger) = draft.trigger {
            if trigger.is_reached(draft.side, market.mark) {
                return Err(Refusal::Trigger);
            }
            return Ok(draft.size);
        }
        let mut size = draft.size;
        if draft.reduce_only {
            let position = account.size_of(draft.coin);
            let reduces = !position.is_zero() && position.is_sign_negative() == (draft.side == Side::Buy);
            if !reduces {
                return Err(Refusal::ReduceOnly);
            }
            size = size.min(position.abs());
        }
        let (bid, ask) = (market.book.best(Side::Buy), market.book.best(Side::Sell));
        let crosses = market.book.crosses(draft.side, draft.price);
        match draft.tif {
            Tif::Alo if crosses => {
                return Err(Refusal::PostOnly { bid: bid.map(Price::get), ask: ask.map(Price::get) });
            }
            Tif::FrontendMarket if market.book.best(draft.side.opposite()).is_none() => return Err(Refusal::NoLiquidity),
            Tif::Ioc | Tif::FrontendMarket if !crosses => return Err(Refusal::NoCounterpart),
            _ => {}
        }
        self.check_margin(user, draft, size, instead_of)?;
        Ok(size)
    }

    fn check_worth(&self, draft: &Draft) -> Result<(), Refusal> {
        let leverage = self.markets[draft.coin].coin.max_leverage();
        let most = MARKET_ORDER_MAX.iter().find(|(from, _)| leverage >= *from).map_or(0, |(_, most)| *most);
        let rests = matches!(draft.tif, Tif::Gtc | Tif::Alo) && draft.trigger.is_none_or(|trigger| !trigger.is_market);
        let most = if rests { most * LIMIT_ORDER_FACTOR } else { most };
        let worth = draft.price.get().checked_mul(draft.size).ok_or(Refusal::MaxValue(most))?;
        if worth > Decimal::from(most) {
            return Err(Refusal::MaxValue(most));
        }
        if worth < MIN_VALUE && !draft.reduce_only {
            return Err(Refusal::MinValue);
        }
        Ok(())
    }

    fn check_open_orders(&self, volume: Decimal, open: usize, draft: &Draft) -> Result<(), Refusal> {
        let earned = (volume / Decimal::from(VOLUME_PER_ORDER)).trunc();
        let earned = usize::try_from(earned).unwrap_or(OPEN_ORDERS_MAX);
        if open >= OPEN_ORDERS_MIN.saturating_add(earned).min(OPEN_ORDERS_MAX) {
            return Err(Refusal::TooMany);
        }
        if open >= OPEN_ORDERS_MIN && (draft.reduce_only || draft.trigger.is_some()) {
            return Err(Refusal::TooManyForThese);
        }
        Ok(())
    }

    pub(super) fn check_margin(
        &self,
        user: Address,
        draft: &Draft,
        size: Decimal,
        instead_of: Option<u64>,
    ) -> Result<(), Refusal> {
        if draft.reduce_only {
            return Ok(());
        }
        let account = self.accounts.get(&user).ok_or(Refusal::Margin)?;
        let order = draft.incoming(0, user, Size::new(size).map_err(|_| Refusal::ZeroSize)?);
        let waiting = match draft.side {
            Side::Buy => Waiting { buys: size, ..Waiting::default() },
            Side::Sell => Waiting { sells: size, ..Waiting::default() },
        };
        let loss = self.loss_of(draft.coin, &order);
        let change = Change { coin: draft.coin, waiting, loss, without: instead_of };
        match self.can_carry(account, change) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::Margin),
            Err(_) => Err(Refusal::OutOfRange),
        }
    }

    /// Places an order.
    pub(super) fn place(
        &mut self,
        user: Address,
        wire: &PlaceWire,
        is_position_tpsl: bool,
    ) -> Result<(u64, EntryStatus), Refusal> {
        let draft = self.draft(wire, is_position_tpsl)?;
        match self.admit(user, &draft, None) {
            Ok(size) => Ok(self.enter(user, &draft, size, Kin::default())),
            Err(refusal) => {
                self.remember_refused(user, &draft, refusal);
                Err(refusal)
            }
        }
    }

    /// Lets an order in that was admitted with this size. Gives its number and what is answered.
    pub(super) fn enter(&mut self, user: Address, draft: &Draft, size: Decimal, kin: Kin) -> (u64, EntryStatus) {
        let oid = self.orders.next_oid();
        self.orders.insert(LiveOrder { size, kin, ..draft.live(oid, user, self.now) });
        if let Some(account) = self.accounts.get_mut(&user) {
            account.open.insert(oid);
        }
        if draft.trigger.is_some() {
            self.markets[draft.coin].triggers.insert(oid);
            self.tell(oid, "open");
            return (oid, EntryStatus::WaitingForTrigger);
        }
        (oid, self.run(oid, draft))
    }

    /// Takes a live order to the book and through it.
    pub(super) fn run(&mut self, oid: u64, draft: &Draft) -> EntryStatus {
        let Some((user, size)) = self.orders.get(oid).map(|order| (order.user, order.size)) else {
            return EntryStatus::Unknown;
        };
        let Ok(size) = Size::new(size) else {
            self.finish(oid, "reduceOnlyRejected");
            return EntryStatus::Error(Refusal::ReduceOnly.words());
        };
        let (swept, rest) = self.sweep(draft.coin, draft.incoming(oid, user, size), None);
        let average = swept.notional.checked_div(swept.size).unwrap_or_default().round_dp(8);
        let filled = EntryStatus::Filled {
            oid,
            total_sz: swept.size.normalize().into(),
            avg_px: average.normalize().into(),
            cloid: draft.cloid,
        };
        let status = match rest {
            Rest::Filled => {
                self.finish(oid, "filled");
                filled
            }
            Rest::Resting(_) => {
                self.tell(oid, "open");
                EntryStatus::Resting { oid, cloid: draft.cloid }
            }
            Rest::Cancelled(_) if swept.size > Decimal::ZERO => {
                let children =
                    self.orders.get_mut(oid).map(|order| std::mem::take(&mut order.kin.children)).unwrap_or_default();
                self.finish(oid, "canceled");
                // What filled of it has its exits.
                self.release_children(&children, swept.size);
                filled
            }
            Rest::Cancelled(_) => {
                self.finish(oid, "iocCancelRejected");
                EntryStatus::Error(Refusal::NoCounterpart.words())
            }
        };
        if swept.size > Decimal::ZERO {
            self.follow_position(user, draft.coin);
        }
        status
    }

    /// An order that was refused has a number all the same, and is told of and remembered.
    fn remember_refused(&mut self, user: Address, draft: &Draft, refusal: Refusal) {
        let Some(status) = refusal.status() else { return };
        let oid = self.orders.next_oid();
        let order = draft.live(oid, user, self.now);
        self.orders.insert(order);
        self.tell(oid, status);
        let Some(order) = self.orders.remove(oid) else { return };
        let shown = order.shown(&self.markets[order.coin].coin.name, Vec::new());
        if let Some(account) = self.accounts.get_mut(&user) {
            account.remember(LongUpdate { order: shown, status: status.to_owned(), status_timestamp: millis(self.now) });
        }
    }
}
