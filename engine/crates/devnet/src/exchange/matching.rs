//! Orders on their way through the book: trades, what they do to both sides, and what becomes of orders.

use super::account::{Filled, Purse, cut};
use super::orders::Stage;
use super::random::mixed;
use super::shown::LongUpdate;
use super::{Exchange, is_house};
use calypte_kernel::{Decimal, Side};
use calypte_sim::{BookTrade, Incoming, Rest, Step};
use calypte_venues::hyperliquid::protocol::{Address, Fill, FillLiquidation, OrderUpdate, Trade};

/// What an order traded on its way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Swept {
    pub(super) size: Decimal,
    pub(super) notional: Decimal,
}

/// One side of a trade.
#[derive(Debug, Clone, Copy)]
struct Party {
    owner: Address,
    oid: u64,
    side: Side,
    fee: Decimal,
    is_taker: bool,
}

/// A trade as both sides see it.
#[derive(Debug, Clone, Copy)]
struct Deal<'a> {
    coin: usize,
    price: Decimal,
    size: Decimal,
    tid: u64,
    liquidation: Option<&'a FillLiquidation>,
}

impl Exchange {
    /// Takes an order through the book. Where it is not one of the exchange's own, it stands among the live orders already.
    pub(super) fn sweep(
        &mut self,
        coin: usize,
        mut order: Incoming<Address>,
        liquidation: Option<&FillLiquidation>,
    ) -> (Swept, Rest) {
        let mut swept = Swept::default();
        self.block.books.insert(coin);
        while let Some(maker) = self.markets[coin].book.counterpart(&order).copied() {
            if maker.owner != order.owner
                && !self.can_take_fill(maker.owner, coin, maker.side.signed(maker.size.min(order.size)), maker.price.get())
            {
                self.cancel_by_exchange(maker.id, "marginCanceled");
                continue;
            }
            let Some((step, left)) = self.markets[coin].book.step(&order) else { break };
            match step {
                Step::SelfCancelled(resting) => self.cancel_by_exchange(resting.id, "selfTradeCanceled"),
                Step::Traded(trade) => {
                    let Some(notional) = self.trade(coin, &order, &trade, liquidation) else {
                        self.markets[coin].book.cancel(maker.id);
                        self.finish(maker.id, "internalCancel");
                        return (swept, Rest::Cancelled(order.size));
                    };
                    swept.size = swept.size.saturating_add(trade.size.get());
                    swept.notional = swept.notional.saturating_add(notional);
                }
            }
            match left {
                Some(left) => order.size = left,
                None => return (swept, Rest::Filled),
            }
        }
        (swept, self.markets[coin].book.rest(&order))
    }

    /// Settles a trade that the book made. None where its numbers cannot be counted: then neither side has it.
    fn trade(
        &mut self,
        coin: usize,
        order: &Incoming<Address>,
        trade: &BookTrade<Address>,
        liquidation: Option<&FillLiquidation>,
    ) -> Option<Decimal> {
        let (price, size) = (trade.maker.price.get(), trade.size.get());
        let notional = price.checked_mul(size)?;
        let fee = |rate: Decimal| notional.checked_mul(rate).map(cut);
        let taker_fee = fee(self.fees_of(order.owner).taker)?;
        let maker_fee = fee(self.fees_of(trade.maker.owner).maker)?;
        let taker = Party { owner: order.owner, oid: order.id, side: order.side, fee: taker_fee, is_taker: true };
        let maker =
            Party { owner: trade.maker.owner, oid: trade.maker.id, side: trade.maker.side, fee: maker_fee, is_taker: false };
        self.trades += 1;
        let deal = Deal { coin, price, size, tid: tid(self.trades), liquidation };
        let (taken, made) = (self.try_party(&deal, &taker), self.try_party(&deal, &maker));
        let (taken, made) = (taken?, made?);
        self.collected = self.collected.saturating_add(taker_fee).saturating_add(maker_fee);
        self.settle_party(&deal, &taker, &taken, notional);
        self.settle_party(&deal, &maker, &made, notional);
        let (buyer, seller) = if order.side == Side::Buy { (taker.owner, maker.owner) } else { (maker.owner, taker.owner) };
        let public = Trade {
            coin: self.markets[coin].coin.name.clone(),
            side: order.side.into(),
            px: price.into(),
            sz: size.into(),
            time: self.now(),
            tid: deal.tid,
            hash: Some(self.hash()),
            users: Some((buyer, seller)),
        };
        self.markets[coin].traded(self.now, public.clone());
        self.block.trades.entry(coin).or_default().push(public);
        if !is_house(maker.owner) {
            self.order_filled(maker.oid, size);
            self.follow_position(maker.owner, coin);
        }
        if !is_house(taker.owner)
            && let Some(order) = self.orders.get_mut(taker.oid)
        {
            order.size = order.size.saturating_sub(size);
        }
        Some(notional)
    }

    fn try_party(&self, deal: &Deal<'_>, party: &Party) -> Option<(Purse, Filled)> {
        let account = self.accounts.get(&party.owner)?;
        let signed = if party.side == Side::Buy { deal.size } else { -deal.size };
        account.try_fill(deal.coin, self.chosen(Some(account), deal.coin), signed, deal.price, party.fee).ok()
    }

    fn settle_party(&mut self, deal: &Deal<'_>, party: &Party, (purse, filled): &(Purse, Filled), notional: Decimal) {
        let (day, hash) = (self.day(), self.hash());
        let market = &mut self.markets[deal.coin];
        let longs = filled.after.max(Decimal::ZERO) - filled.before.max(Decimal::ZERO);
        market.open_interest = market.open_interest.saturating_add(longs);
        let name = market.coin.name.clone();
        let Some(account) = self.accounts.get_mut(&party.owner) else { return };
        let was_isolated = account.positions.get(&deal.coin).is_some_and(|position| position.isolated.is_some());
        account.settle(deal.coin, purse);
        if is_house(party.owner) {
            return;
        }
        account.trade(day, notional, party.is_taker);
        let is_liquidated = deal.liquidation.is_some_and(|liquidation| liquidation.liquidated_user == Some(party.owner));
        let fill = Fill {
            coin: name,
            px: deal.price.into(),
            sz: deal.size.into(),
            side: party.side.into(),
            time: super::millis(self.now),
            oid: party.oid,
            tid: Some(deal.tid),
            crossed: party.is_taker,
            fee: party.fee.into(),
            fee_token: Some("USDC".to_owned()),
            builder_fee: None,
            start_position: Some(filled.before.into()),
            dir: Some(direction(filled, is_liquidated.then_some(was_isolated))),
            closed_pnl: Some(filled.closed_pnl.into()),
            hash: Some(hash),
            cloid: self.orders.get(party.oid).and_then(|order| order.cloid),
            liquidation: deal.liquidation.cloned(),
            twap_id: None,
        };
        account.remember_fill(fill.clone());
        self.block.fill(party.owner, fill);
    }

    /// A resting order filled by so much.
    fn order_filled(&mut self, oid: u64, size: Decimal) {
        let Some(order) = self.orders.get_mut(oid) else { return };
        order.size = order.size.saturating_sub(size);
        if order.size.is_zero() {
            self.finish(oid, "filled");
        } else {
            self.tell(oid, "open");
        }
    }

    /// Tells the status of a live order.
    pub(super) fn tell(&mut self, oid: u64, status: &str) {
        let Some(order) = self.orders.get(oid) else { return };
        let shown = order.shown(&self.markets[order.coin].coin.name, Vec::new());
        let update = OrderUpdate { order: shown.short(), status: status.to_owned(), status_timestamp: super::millis(self.now) };
        self.block.update(order.user, update);
    }

    /// An order is over. Its exits come to life where it filled, and go with it otherwise.
    pub(super) fn finish(&mut self, oid: u64, status: &str) {
        self.tell(oid, status);
        let Some(order) = self.orders.remove(oid) else { return };
        let market = &mut self.markets[order.coin];
        market.triggers.remove(&oid);
        let shown = order.shown(&market.coin.name, Vec::new());
        if let Some(account) = self.accounts.get_mut(&order.user) {
            account.open.remove(&oid);
            account.remember(LongUpdate { order: shown, status: status.to_owned(), status_timestamp: super::millis(self.now) });
        }
        let filled = order.orig_size.saturating_sub(order.size);
        if status == "filled" {
            self.release_children(&order.kin.children, filled);
            self.end_siblings(&order);
        } else {
            for child in order.kin.children {
                self.orders.remove(child);
            }
        }
    }

    /// Takes a live order out of the book or off its trigger; it is over.
    pub(super) fn cancel_live(&mut self, oid: u64, status: &str) {
        let Some(order) = self.orders.get(oid) else { return };
        let (coin, stage) = (order.coin, order.stage);
        if stage == Stage::Book {
            self.markets[coin].book.cancel(oid);
            self.block.books.insert(coin);
        }
        self.finish(oid, status);
    }

    /// Cancels an order for a reason that its owner did not give.
    pub(super) fn cancel_by_exchange(&mut self, oid: u64, status: &str) {
        let Some(order) = self.orders.get(oid) else {
            // One of the exchange's own.
            for market in &mut self.markets {
                market.book.cancel(oid);
            }
            return;
        };
        let (user, coin) = (order.user, order.coin);
        self.block.cancel(user, &self.markets[coin].coin.name, oid);
        self.cancel_live(oid, status);
    }

    /// Makes reduce-only orders follow a position that changed: none is larger than it, and none outlives it.
    pub(super) fn follow_position(&mut self, user: Address, coin: usize) {
        let Some(account) = self.accounts.get(&user) else { return };
        let position = account.size_of(coin);
        let following = |oid: &&u64| {
            self.orders.get(**oid).is_some_and(|order| order.coin == coin && order.reduce_only && order.stage != Stage::Parent)
        };
        let oids: Vec<u64> = account.open.iter().filter(following).copied().collect();
        for oid in oids {
            let Some(order) = self.orders.get_mut(oid) else { continue };
            let reduces = !position.is_zero() && position.is_sign_negative() == (order.side == Side::Buy);
            if !reduces {
                self.cancel_live(oid, "reduceOnlyCanceled");
                continue;
            }
            let beyond = order.size.saturating_sub(position.abs());
            if beyond > Decimal::ZERO {
                order.size = position.abs();
                if order.stage == Stage::Book {
                    self.markets[coin].book.reduce(oid, beyond);
                }
                self.tell(oid, "open");
            }
        }
    }

    /// The hash of the transaction that is being made.
    pub(super) fn hash(&self) -> String {
        let word = |place: u64| format!("{:016x}", mixed(self.blocks.wrapping_mul(4).wrapping_add(place) ^ self.settings.seed));
        (0..4).map(word).fold("0x".to_owned(), |text, word| text + &word)
    }
}

/// A trade's number: another for each, of 50 bits, in no order, as the exchange's are.
pub(super) fn tid(count: u64) -> u64 {
    const BITS: u64 = (1 << 50) - 1;
    count.wrapping_mul(0x2545_f491_4f6c_dd1d) & BITS
}

/// What a fill did, in the exchange's words; `liquidated` says whether the position that was taken was isolated.
pub(super) fn direction(filled: &Filled, liquidated: Option<bool>) -> String {
    let Filled { before, after, .. } = *filled;
    let side = |size: Decimal| if size.is_sign_negative() { "Short" } else { "Long" };
    if let Some(is_isolated) = liquidated {
        let mode = if is_isolated { "Isolated" } else { "Cross" };
        return format!("Liquidated {mode} {}", side(before));
    }
    let flips = !before.is_zero() && !after.is_zero() && before.is_sign_negative() != after.is_sign_negative();
    if flips {
        format!("{} > {}", side(before), side(after))
    } else if after.abs() > before.abs() {
        format!("Open {}", side(after))
    } else {
        format!("Close {}", side(before))
    }
}
