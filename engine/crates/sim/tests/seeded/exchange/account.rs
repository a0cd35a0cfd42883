//! What the exchange says of the account beside its orders.

use super::{Exchange, INSTRUMENTS, Line, Random, instrument};
use calypte_kernel::{
    AccountSnapshot, BalanceCause, Decimal, MarginMode, PositionReport, Price, Timestamp, VenueEvent, VenueFill, VenueOrder,
};

/// Fills that a snapshot repeats although they were told.
const FILLS_REPEATED: usize = 8;

impl Exchange {
    fn position(&self, place: usize, time: Timestamp, random: &mut Random) -> PositionReport {
        let size = self.truth.positions[place];
        let leverage = random.chance(50).then_some(5);
        PositionReport {
            instrument: instrument(place),
            size,
            entry_price: random.chance(50).then(|| Price::new(self.prices[place]).expect("positive")),
            leverage,
            margin_mode: leverage.map(|_| MarginMode::Cross),
            liquidation_price: None,
            time,
        }
    }

    /// Says what is held of an instrument.
    pub(super) fn report(&mut self, place: usize, time: Timestamp, random: &mut Random) {
        let report = self.position(place, time, random);
        self.say(Line::Account, VenueEvent::Position(Box::new(report)));
    }

    /// Says so unasked.
    pub(crate) fn report_any(&mut self, random: &mut Random) {
        let time = self.tick();
        self.report(random.place(INSTRUMENTS), time, random);
    }

    /// Funding is due.
    pub(crate) fn fund(&mut self, random: &mut Random) {
        let place = random.place(INSTRUMENTS);
        let held = self.truth.positions[place];
        let rate = Decimal::new(i64::try_from(random.below(201)).expect("small") - 100, 6);
        let payment = -held * self.prices[place] * rate;
        if held.is_zero() {
            return;
        }
        self.truth.funding += payment;
        let time = self.tick();
        self.say(Line::Account, VenueEvent::Funding { instrument: instrument(place), time, rate, payment });
    }

    /// Money comes in or goes out.
    pub(crate) fn deposit(&mut self, random: &mut Random) {
        let change = Decimal::new(i64::try_from(random.below(20_000)).expect("small") - 8_000, 2);
        self.truth.paid_in += change;
        let time = self.tick();
        let cause = random.pick(&[BalanceCause::Deposit, BalanceCause::Withdrawal, BalanceCause::Transfer]);
        self.say(Line::Account, VenueEvent::Balance { time, change, cause });
    }

    /// Everything at once, with every fill that was not told and a few that were.
    pub(crate) fn snapshot(&mut self, cash_told: bool, random: &mut Random) {
        let time = self.tick();
        let held = (0..INSTRUMENTS).filter(|place| !self.truth.positions[*place].is_zero());
        let positions: Vec<PositionReport> = held.map(|place| self.position(place, time, random)).collect();
        let live = self.live.clone();
        let orders: Vec<VenueOrder> = live.into_iter().map(|at| self.show(at)).collect();
        let repeated = self.fills.len().saturating_sub(FILLS_REPEATED)..self.fills.len();
        let mut told: Vec<usize> = self.untold.iter().copied().chain(repeated).collect();
        told.sort_unstable();
        told.dedup();
        let fills: Vec<VenueFill> = told.into_iter().map(|place| self.fills[place].clone()).collect();
        let cash = cash_told.then(|| self.collateral());
        let snapshot = AccountSnapshot { time, positions, orders, fills, cash };
        self.say(Line::Answers, VenueEvent::Snapshot(Box::new(snapshot)));
    }

    /// Collateral without unrealized profit, by average entry prices over the fills in their order.
    fn collateral(&self) -> Decimal {
        let mut cost = [Decimal::ZERO; INSTRUMENTS];
        let mut size = [Decimal::ZERO; INSTRUMENTS];
        for fill in &self.fills {
            let place = fill.instrument.get() as usize;
            let (by, price) = (fill.side.signed(fill.size), fill.price.get());
            let next = size[place] + by;
            let grows = size[place].is_zero() || size[place].is_sign_negative() == by.is_sign_negative();
            cost[place] = if grows {
                cost[place] + by * price
            } else if next.is_zero() || next.is_sign_negative() != size[place].is_sign_negative() {
                next * price
            } else {
                (cost[place] * next / size[place]).round_dp(12)
            };
            size[place] = next;
        }
        let truth = &self.truth;
        truth.paid_in + truth.flow - truth.fees + truth.funding + cost.iter().sum::<Decimal>()
    }
}
