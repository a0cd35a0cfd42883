//! Leverage and margin mode, as the exchange says them, and what became of requests to change them.
//!
//! A request whose answer is lost is asked after once it can be admitted no longer. What holds then says whether it was taken;
//! it is never sent again.

use super::TradingCore;
use crate::leverage_asked::{LeverageRequest, Settled};
use crate::queue::Rank;
use crate::{Event, InstrumentId, MarginMode, OrderChange, OrderEvent, Output, PositionCause, Refusal, Timestamp};

impl TradingCore {
    /// What holds for an instrument, set just now or asked after.
    pub(super) fn leverage_holds(
        &mut self,
        instrument: InstrumentId,
        setting: (u32, MarginMode),
        as_of: Timestamp,
    ) -> Option<()> {
        *self.leverage.get_mut(instrument.get() as usize)? = Some(setting);
        self.settle_leverage(instrument, setting, as_of);
        self.tell_leverage(instrument);
        Some(())
    }

    /// Answers requests to which what holds is the answer.
    pub(super) fn settle_leverage(&mut self, instrument: InstrumentId, setting: (u32, MarginMode), as_of: Timestamp) {
        for settled in self.settings_asked.holds(instrument, setting, as_of) {
            match settled {
                Settled::Set(request) => self.answer_leverage(request, OrderChange::Accepted),
                Settled::NeverAdmitted(request) => {
                    let (asked, holds) = (request.leverage, setting.0);
                    let message = format!("the exchange did not take leverage {asked} before it expired; {holds} holds");
                    self.answer_leverage(request, OrderChange::Rejected(Refusal { code: "never-admitted".into(), message }));
                }
            }
        }
    }

    pub(super) fn leverage_rejected(&mut self, instrument: InstrumentId, refusal: Refusal) -> Option<()> {
        let asked = self.settings_asked.refused(instrument)?;
        self.answer_leverage(asked, OrderChange::Rejected(refusal));
        Some(())
    }

    fn answer_leverage(&mut self, LeverageRequest { strategy, answers, .. }: LeverageRequest, change: OrderChange) {
        let Some(place) = self.place_of(strategy) else { return };
        let event = OrderEvent { time: self.now, order: None, change, answers: Some(answers) };
        self.offer(place, Rank::Account, Event::Order(Box::new(event)));
    }

    /// Tells those who hold an instrument of its leverage.
    pub(super) fn tell_leverage(&mut self, instrument: InstrumentId) {
        for place in 0..self.slots.len() {
            let size = self.slots[place].ledger.size_in(instrument);
            if !size.is_zero() {
                self.changed(place);
                self.tell_position(place, instrument, size, PositionCause::Settings, self.now);
            }
        }
    }

    /// Asks after requests that are unanswered and can be admitted no longer.
    pub(super) fn ask_leverage(&mut self, until: Timestamp) {
        let next = self.now.saturating_add(self.settings.limits.doubt_ask_ms.max(1));
        for instrument in self.settings_asked.due(until, next) {
            self.outputs.push_back(Output::ResolveLeverage(instrument));
        }
    }
}
