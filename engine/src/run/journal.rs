//! What strategies logged, drew, showed and said in a run, bounded: the beginning of the log and the end of it, and charts
//! thinned to what a picture can show.

use calypte_kernel::{Effects, HookEnded, LogLine, Status, StrategyId, Timestamp, Urgency};
use std::collections::{BTreeMap, VecDeque};

/// Log lines kept of the beginning, and as many of the end.
pub const LOG_LINES_KEPT: usize = 500;
/// Points kept of one chart line.
pub const CHART_POINTS_MAX: usize = 4_000;
/// Chart marks kept, the first ones.
pub const CHART_MARKS_MAX: usize = 1_000;
/// Notifications kept, the first ones.
pub const NOTIFICATIONS_MAX: usize = 1_000;

/// What strategies logged, drew, showed and said.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// First lines of the log.
    pub log_head: Vec<LogEntry>,
    /// Last lines of the log, after those of the head.
    pub log_tail: VecDeque<LogEntry>,
    /// Lines between head and tail that were let go.
    pub log_left_out: u64,
    /// Lines that strategies wrote past their limit, dropped by the sandbox.
    pub log_dropped: u64,
    /// Chart lines, by strategy, then in the order they were named.
    pub charts: BTreeMap<(StrategyId, u32), ChartLine>,
    /// Chart marks.
    pub marks: Vec<ChartMark>,
    /// Marks past the bound, and points and marks dropped by the sandbox.
    pub chart_dropped: u64,
    /// Notifications.
    pub notifications: Vec<Notification>,
    /// Notifications past the bound.
    pub notifications_left_out: u64,
    /// What each strategy last showed.
    pub statuses: BTreeMap<StrategyId, Status>,
}

/// A line of a strategy's log, with whose and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Whose.
    pub strategy: StrategyId,
    /// Time of the event.
    pub time: Timestamp,
    /// The line.
    pub line: LogLine,
}

/// A line that a strategy draws.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartLine {
    /// Its name.
    pub name: String,
    /// Whether it belongs on the price axis.
    pub on_price: bool,
    /// Its points in order, each the first of as many as `points_per_point`.
    pub points: Vec<(Timestamp, f64)>,
    /// How many points each stands for.
    pub points_per_point: u64,
    seen: u64,
}

/// A mark that a strategy set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartMark {
    /// Whose.
    pub strategy: StrategyId,
    /// Time of the event.
    pub time: Timestamp,
    /// Its text.
    pub text: String,
}

/// A message to the trader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Who says so.
    pub strategy: StrategyId,
    /// Time of the event.
    pub time: Timestamp,
    /// How urgent.
    pub urgency: Urgency,
    /// What.
    pub text: String,
}

impl ChartLine {
    /// Adds a point. The line keeps every n-th; when it is full, n doubles.
    fn add(&mut self, time: Timestamp, value: f64) {
        let place = self.seen;
        self.seen += 1;
        if !place.is_multiple_of(self.points_per_point) {
            return;
        }
        if self.points.len() == CHART_POINTS_MAX {
            let mut kept = 0_usize;
            self.points.retain(|_| {
                kept += 1;
                kept % 2 == 1
            });
            self.points_per_point *= 2;
            if !place.is_multiple_of(self.points_per_point) {
                return;
            }
        }
        self.points.push((time, value));
    }
}

impl Journal {
    /// Takes note of what a hook did besides answering. An event that did nothing costs one look.
    #[inline]
    pub(super) fn note(&mut self, time: Timestamp, ended: &HookEnded) {
        if let Some(effects) = &ended.effects {
            self.add(time, ended.strategy, effects);
        }
    }

    /// Takes note of a message to the trader.
    pub(super) fn notify(&mut self, notification: Notification) {
        if self.notifications.len() < NOTIFICATIONS_MAX {
            self.notifications.push(notification);
        } else {
            self.notifications_left_out += 1;
        }
    }

    fn add(&mut self, time: Timestamp, strategy: StrategyId, effects: &Effects) {
        for line in &effects.log {
            self.log(LogEntry { strategy, time, line: line.clone() });
        }
        self.log_dropped += u64::from(effects.log_dropped);
        self.chart_dropped += u64::from(effects.chart_dropped);
        if let Some(status) = &effects.status {
            self.statuses.insert(strategy, status.clone());
        }
        for (series, name, on_price) in &effects.chart_series {
            let line = ChartLine { name: name.clone(), on_price: *on_price, points: Vec::new(), points_per_point: 1, seen: 0 };
            self.charts.insert((strategy, *series), line);
        }
        for (series, value) in &effects.chart_points {
            if let Some(line) = self.charts.get_mut(&(strategy, *series)) {
                line.add(time, *value);
            }
        }
        for text in &effects.chart_marks {
            if self.marks.len() < CHART_MARKS_MAX {
                self.marks.push(ChartMark { strategy, time, text: text.clone() });
            } else {
                self.chart_dropped += 1;
            }
        }
    }

    fn log(&mut self, entry: LogEntry) {
        if self.log_head.len() < LOG_LINES_KEPT {
            self.log_head.push(entry);
            return;
        }
        if self.log_tail.len() == LOG_LINES_KEPT {
            self.log_tail.pop_front();
            self.log_left_out += 1;
        }
        self.log_tail.push_back(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_kernel::LogLevel;

    const STRATEGY: StrategyId = StrategyId::new(0);

    #[test]
    fn a_long_log_keeps_its_beginning_and_its_end() {
        let mut journal = Journal::default();
        for number in 0..2_000 {
            let line = LogLine { level: LogLevel::Info, text: number.to_string() };
            journal.add(Timestamp::from_millis(number), STRATEGY, &Effects { log: vec![line], ..Effects::default() });
        }
        assert_eq!(journal.log_head.last().map(|entry| entry.line.text.as_str()), Some("499"));
        assert_eq!(journal.log_tail.front().map(|entry| entry.line.text.as_str()), Some("1500"));
        assert_eq!(journal.log_left_out, 1_000);
    }

    #[test]
    fn a_long_chart_is_thinned_evenly() {
        let mut journal = Journal::default();
        let named = Effects { chart_series: vec![(0, "fast".to_owned(), true)], ..Effects::default() };
        journal.add(Timestamp::from_millis(0), STRATEGY, &named);
        for number in 0..100_000_i32 {
            let point = Effects { chart_points: vec![(0, f64::from(number))], ..Effects::default() };
            journal.add(Timestamp::from_millis(i64::from(number)), STRATEGY, &point);
        }
        let line = &journal.charts[&(STRATEGY, 0)];
        assert!(line.points.len() <= CHART_POINTS_MAX && line.points.len() > CHART_POINTS_MAX / 2);
        let step = i64::try_from(line.points_per_point).expect("small");
        assert!(line.points.windows(2).all(|pair| pair[1].0.as_millis() - pair[0].0.as_millis() == step));
    }
}
