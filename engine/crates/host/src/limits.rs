//! What one instance may use. Each limit has a name, a default, and a fault or a refusal of its own.

/// Most events handed out in one hook call; the hook then returns and is called again, so that no call lasts for ever.
pub const EVENTS_PER_CALL: u32 = 4_096;

/// Fuel after which a guest hands its thread back, about a quarter of a millisecond. A hook call that has used this much is
/// handed no further events, since refilling fuel for the next event starts the runtime's own interval anew.
pub const YIELD_FUEL: u64 = 1_000_000;

/// Limits of one instance, set per tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceLimits {
    /// Fuel of one event; beyond it the instance faults with `event-fuel`.
    pub fuel_per_event: u64,
    /// Fuel of instantiation, of `describe` and of `init`, each: they build tables and parse parameters.
    pub fuel_init: u64,
    /// Fuel of the whole run: an event gets the smaller of its own budget and what the run has left. None: not limited.
    pub fuel_per_run: Option<u64>,
    /// Wall-clock milliseconds of one event. It is looked at whenever the guest yields, so it may be passed by one yield interval.
    pub wall_ms_per_event: u64,
    /// The same of instantiation, of `describe` and of `init`, each: longer, as their fuel is more.
    pub wall_ms_init: u64,
    /// Bytes of all linear memories and all tables of the instance together (a table element counts as a pointer). Growing past
    /// it fails inside the guest, which may cope. At most what the sandbox has room for.
    pub memory_bytes_max: usize,
    /// Elements of all tables together.
    pub table_elements_max: usize,
    /// Live component-model handles: tasks, waitable sets. Bounds fork bombs.
    pub handles_max: usize,
    /// Bytes that one call may copy from the guest to the host.
    pub lift_bytes_max: usize,
    /// Intents in one answer.
    pub intents_per_event_max: usize,
    /// Subscriptions in the answer of `init`.
    pub subscriptions_max: usize,
    /// Bytes of a refusal or of a notification to the trader; longer texts are cut.
    pub text_bytes_max: usize,
    /// Bytes of what `save` returns.
    pub save_bytes_max: usize,
    /// Log lines of one event; further ones are counted and dropped.
    pub log_lines_per_event_max: usize,
    /// Log bytes of one event; a line past it is counted and dropped.
    pub log_bytes_per_event_max: usize,
    /// Bytes of one log line; the rest is cut.
    pub log_line_bytes_max: usize,
    /// Bytes of a status, all cells together; the rest is cut.
    pub status_bytes_max: usize,
    /// Chart series an instance may name.
    pub chart_series_max: u32,
    /// Chart points and marks of one event together; further ones are counted and dropped.
    pub chart_points_per_event_max: usize,
    /// Bytes of a chart series' name or of a mark; the rest is cut.
    pub chart_text_bytes_max: usize,
    /// Bytes of a key of the state.
    pub state_key_bytes_max: usize,
    /// Bytes of a value of the state.
    pub state_value_bytes_max: usize,
    /// Bytes of the state, keys and values together.
    pub state_bytes_max: usize,
    /// Closed candles kept of each series for `market.candles`, at least; a longer warm-up keeps as many as it asked for.
    pub candles_kept_min: usize,
    /// Closed candles kept of each series, at most.
    pub candles_kept_max: usize,
}

impl Default for InstanceLimits {
    fn default() -> Self {
        Self {
            fuel_per_event: 50_000_000,
            fuel_init: 500_000_000,
            fuel_per_run: None,
            wall_ms_per_event: 2_000,
            wall_ms_init: 20_000,
            memory_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            handles_max: 1_000,
            lift_bytes_max: 1 << 20,
            intents_per_event_max: 256,
            subscriptions_max: 1_024,
            text_bytes_max: 1_024,
            save_bytes_max: 512 << 10,
            log_lines_per_event_max: 100,
            log_bytes_per_event_max: 16 << 10,
            log_line_bytes_max: 1_024,
            status_bytes_max: 16 << 10,
            chart_series_max: 64,
            chart_points_per_event_max: 256,
            chart_text_bytes_max: 128,
            state_key_bytes_max: 256,
            state_value_bytes_max: 64 << 10,
            state_bytes_max: 1 << 20,
            candles_kept_min: 64,
            candles_kept_max: 10_000,
        }
    }
}
