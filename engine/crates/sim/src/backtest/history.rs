//! History from before the clock of a run begins: the latest candles of each series, as many as somebody asked for.

use crate::backtest::{Backtest, BacktestError};
use crate::timeline::Step;
use calypte_kernel::{Answer, Candle, HookEnded, SeriesId, Subscription, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// Candles to hand over, in the order of their closes.
#[derive(Debug, Default)]
pub(super) struct History {
    candles: VecDeque<(SeriesId, Candle)>,
    /// How many there are of each series.
    available: BTreeMap<SeriesId, u32>,
}

impl History {
    pub(super) fn pop(&mut self) -> Option<(SeriesId, Candle)> {
        self.candles.pop_front()
    }

    /// The answers to `init`, with warm-ups as long as the history that will be handed over. Where strategies asked for
    /// different lengths of one series, all of them get the longest that there is, so that nothing old reaches anybody as new.
    pub(super) fn with_what_there_is(&self, answers: Vec<HookEnded>) -> impl Iterator<Item = HookEnded> {
        answers.into_iter().map(|mut ended| {
            if let Answer::Subscriptions(subscriptions) = &mut ended.answer {
                for subscription in subscriptions {
                    if let Subscription::Candles { series, warm_up } = subscription {
                        *warm_up = self.available.get(series).map_or(*warm_up, |available| (*available).max(*warm_up));
                    }
                }
            }
            ended
        })
    }
}

impl Backtest {
    /// Reads up to where the clock begins, and keeps what was asked for.
    pub(super) fn read_history(&mut self, from: Timestamp, answers: &[HookEnded]) -> Result<History, BacktestError> {
        let wanted = wanted(answers, self.warm_up_max);
        let mut kept: BTreeMap<SeriesId, VecDeque<(usize, Candle)>> = BTreeMap::new();
        let mut order = 0;
        while let Some(next) = self.timeline.peek() {
            if next.moment.time > from || (next.moment.time == from && next.moment.step == Step::Open) {
                break;
            }
            let (info, candle) = (self.timeline.info(next.lane), *self.timeline.candle(next.lane));
            match next.moment.step {
                // No order stands yet: the exchange only learns the price.
                Step::Walk => self.exchange.walk(from, info.instrument, &candle),
                Step::Close => {
                    if !self.timeline.is_derived(next.lane) {
                        self.counts.history_candles += 1;
                    }
                    let length = wanted.get(&info.id).map_or(0, |length| *length as usize);
                    let series = kept.entry(info.id).or_default();
                    series.push_back((order, candle));
                    if series.len() > length {
                        series.pop_front();
                    }
                    order += 1;
                }
                Step::Gap | Step::Open => {}
            }
            self.timeline.advance(next.lane)?;
        }
        let count = |series: &VecDeque<_>| u32::try_from(series.len()).unwrap_or(u32::MAX);
        let available = kept.iter().map(|(id, series)| (*id, count(series))).collect();
        let mut candles =
            kept.into_iter().flat_map(|(id, series)| series.into_iter().map(move |(order, candle)| (order, id, candle)));
        let mut sorted = candles.by_ref().collect::<Vec<_>>();
        sorted.sort_by_key(|(order, ..)| *order);
        Ok(History { candles: sorted.into_iter().map(|(_, id, candle)| (id, candle)).collect(), available })
    }
}

/// The longest history that anybody wants of each series.
fn wanted(answers: &[HookEnded], warm_up_max: u32) -> BTreeMap<SeriesId, u32> {
    let mut wanted = BTreeMap::new();
    for ended in answers {
        let Answer::Subscriptions(subscriptions) = &ended.answer else { continue };
        for subscription in subscriptions {
            if let Subscription::Candles { series, warm_up } = *subscription {
                let length: &mut u32 = wanted.entry(series).or_default();
                *length = (*length).max(warm_up.min(warm_up_max));
            }
        }
    }
    wanted
}
