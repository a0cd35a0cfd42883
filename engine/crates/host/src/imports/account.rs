//! `account`: the strategy's own share of the account, as of the event.

use crate::bindings::calypte::strategy::account::{self, Collateral, FeeRates};
use crate::bindings::calypte::strategy::types as wit;
use crate::convert;
use crate::guest::{Broken, Guest};
use crate::meter::{CALL_WORK, ITEM_WORK};
use calypte_kernel::{Decimal, InstrumentId, Views};
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};

impl Guest {
    /// The views of the event.
    fn account(&mut self, work: u64) -> Result<&Views> {
        self.read(CALL_WORK + work)?;
        self.views.as_ref().ok_or_else(|| Broken::contract("the account was asked for outside a hook"))
    }

    fn positions_len(&self) -> u64 {
        self.views.as_ref().map_or(0, |views| views.account.positions.len() as u64)
    }

    fn orders_len(&self) -> u64 {
        self.views.as_ref().map_or(0, |views| views.account.orders.len() as u64)
    }
}

fn position(views: &Views, index: usize) -> Result<wit::Position> {
    convert::position(&views.account.positions[index], views.unrealized_pnl(index))
}

/// What the account is worth. A position without a mark price counts at its entry price.
fn equity(views: &Views) -> Option<Decimal> {
    let mut sum = views.account.settled;
    for (index, position) in views.account.positions.iter().enumerate() {
        let price = views.marks.get(index).copied().flatten().map_or(position.entry_price, calypte_kernel::Price::get);
        sum = sum.checked_add(position.flow)?.checked_add(price.checked_mul(position.size)?)?;
    }
    Some(sum)
}

fn collateral(views: &Views) -> Option<(Decimal, Decimal, Decimal)> {
    let equity = equity(views)?;
    Some((views.account.cash()?, equity, equity.checked_sub(views.account.margin_used)?))
}

impl account::Host for Guest {
    fn position_in(&mut self, instrument: u32) -> Result<wit::Position> {
        let views = self.account(ITEM_WORK)?;
        if let Some((index, _)) = views.position(InstrumentId::new(instrument)) {
            return position(views, index);
        }
        let zero = wit::Decimal { mantissa: 0, scale: 0 };
        Ok(wit::Position {
            instrument,
            size: zero,
            entry_price: zero,
            unrealized_pnl: None,
            realized_pnl: zero,
            leverage: None,
            margin_mode: None,
            liquidation_price: None,
        })
    }

    fn positions(&mut self) -> Result<Vec<wit::Position>> {
        let work = ITEM_WORK * self.positions_len();
        let views = self.account(work)?;
        (0..views.account.positions.len()).map(|index| position(views, index)).collect()
    }

    fn balance(&mut self) -> Result<Collateral> {
        let work = ITEM_WORK * self.positions_len();
        let views = self.account(work)?;
        let (cash, equity, available) =
            collateral(views).ok_or_else(|| Broken::contract("the account's money overflows an exact decimal"))?;
        Ok(Collateral {
            cash: convert::derived(cash)?,
            equity: convert::derived(equity)?,
            margin_used: convert::derived(views.account.margin_used)?,
            available: convert::derived(available)?,
        })
    }

    fn open_orders(&mut self, instrument: Option<u32>) -> Result<Vec<wit::Order>> {
        let work = ITEM_WORK * self.orders_len();
        let views = self.account(work)?;
        let wanted = instrument.map(InstrumentId::new);
        let orders = views.account.orders.iter().filter(|order| wanted.is_none_or(|wanted| order.instrument == wanted));
        orders.map(convert::order).collect()
    }

    fn fees(&mut self) -> Result<FeeRates> {
        let views = self.account(0)?;
        let (taker, maker) = convert::fees(&views.account.fees)?;
        Ok(FeeRates { taker, maker })
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    account::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}
