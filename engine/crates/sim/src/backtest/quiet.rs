//! The way to the close of a candle on which nothing else happens: most of a backtest over one series.
//!
//! It does what the steps of time would do one by one, in their order, where these would only look and find nothing: no order
//! stands at the exchange, no timer is due (the core sees to that), no other series has a say.

use super::{Backtest, Stage};
use calypte_kernel::Deliver;

/// The lane of the only series.
const SOLE: usize = 0;

impl Backtest {
    /// Goes to the close of the next candle at once, and hands it to the one strategy that hears it, where that is all there
    /// is. None: nothing was done.
    #[inline]
    pub(super) fn pass_quietly(&mut self) -> Option<Deliver> {
        let close = self.timeline.sole_opening()?;
        let info = self.timeline.info(SOLE);
        let alone = matches!(self.stage, Stage::Running) && self.models.is_none() && self.recording.is_none();
        let undisturbed = self.ready.is_empty() && !self.exchange.expects_anything(info.instrument);
        if !(alone && undisturbed) {
            return None;
        }
        let deliver = self.core.candle_closed(close, info.id, self.timeline.candle(SOLE))?;
        self.settle_moment();
        self.now = close;
        let candle = self.timeline.candle(SOLE);
        self.exchange.walk(close, info.instrument, candle);
        self.accounting.candle(info.instrument, candle);
        self.counts.candles += 1;
        self.timeline.pass_sole(close);
        Some(deliver)
    }
}
