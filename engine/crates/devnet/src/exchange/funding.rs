//! Funding: every hour, those on the side that the market leans to pay the others.

use super::account::{LEDGER_MAX, keep};
use super::market::FUNDING_KEPT_MAX;
use super::shown::FundingDelta;
use super::{Event, Exchange, is_house, millis};
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{Address, FundingPayment, FundingRate, Ledger};
use rust_decimal::RoundingStrategy;

impl Exchange {
    /// Takes a sample of each coin's premium.
    pub(super) fn sample_premiums(&mut self) {
        for market in &mut self.markets {
            let (sum, count) = market.premiums;
            market.premiums = (sum.saturating_add(market.premium()), count.saturating_add(1));
        }
    }

    /// Pays an hour's funding of every coin: `size × oracle × rate`, in whole millionths. What is lost or won by rounding is the
    /// exchange's.
    pub(super) fn pay_funding(&mut self) {
        for coin in 0..self.markets.len() {
            let market = &mut self.markets[coin];
            let (rate, oracle, premium) = (market.funding_rate(), market.oracle, market.average_premium().round_dp(10));
            let name = market.coin.name.clone();
            let record = FundingRate {
                coin: name.clone(),
                funding_rate: rate.normalize().into(),
                premium: Some(premium.normalize().into()),
                time: millis(self.now),
            };
            keep(&mut market.funding, record, FUNDING_KEPT_MAX);
            market.premiums = (Decimal::ZERO, 0);
            let holders = self.accounts.iter().filter(|(_, account)| account.positions.contains_key(&coin));
            let holders: Vec<Address> = holders.map(|(user, _)| *user).collect();
            for user in holders {
                self.pay(user, coin, &name, oracle, rate);
            }
        }
    }

    fn pay(&mut self, user: Address, coin: usize, name: &str, oracle: Decimal, rate: Decimal) {
        let (time, hash) = (millis(self.now), self.hash());
        let Some(account) = self.accounts.get_mut(&user) else { return };
        let Some(position) = account.positions.get_mut(&coin) else { return };
        let paid = position.size.checked_mul(oracle).and_then(|worth| worth.checked_mul(rate));
        let paid = paid.map(|paid| paid.round_dp_with_strategy(super::MONEY_DECIMALS, RoundingStrategy::MidpointNearestEven));
        let from = position.isolated.as_mut().unwrap_or(&mut account.cash);
        // A number that cannot be counted is not paid.
        let Some((paid, left)) = paid.and_then(|paid| Some((paid, from.checked_sub(paid)?))) else { return };
        *from = left;
        self.collected = self.collected.saturating_add(paid);
        position.funding_since_open = position.funding_since_open.saturating_add(paid);
        position.funding_since_change = position.funding_since_change.saturating_add(paid);
        let ever = account.funding_paid.entry(coin).or_default();
        *ever = ever.saturating_add(paid);
        if is_house(user) {
            return;
        }
        let (usdc, szi, funding_rate) = ((-paid).normalize().into(), position.size.into(), rate.normalize().into());
        let delta = FundingDelta { coin: name.to_owned(), usdc, szi, funding_rate, n_samples: None };
        keep(&mut account.funding, Ledger { time, hash: Some(hash), delta }, LEDGER_MAX);
        let payment =
            FundingPayment { time: Some(time), coin: name.to_owned(), usdc, szi: Some(szi), funding_rate, n_samples: None };
        self.block.others.push(Event::Funding { user, payment });
        self.block.changed.insert(user);
    }
}
