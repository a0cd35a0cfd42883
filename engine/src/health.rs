//! How a service is, for whoever watches it: metrics, health, the service manager, logs.
//!
//! ```text
//!   the service ──► Metrics ──────────────┐
//!               ──► Pulse, Readiness ──┬──┴─► /metrics, /healthz, /readyz
//!                                      └────► WATCHDOG=1, READY=1 of the service manager
//! ```
//!
//! What is counted is in [`METRICS`], which `engine/docs/metrics.md` shows. A service marks that its loop turns and that it
//! made progress; a service that makes none is no longer vouched for, and its manager starts it again.

mod connector;
mod handles;
pub mod logs;
mod manager;
mod meter;
mod metrics;
mod pages;
mod peer;
mod pulse;
mod readiness;
mod streams;
mod table;
mod vitals;

pub use connector::Watched;
pub use handles::{AccountMetrics, Lease, Outcome, Queue, StrategyStates, TopicMetrics};
pub use manager::{ManagerError, ServiceManager, State, WatchdogEnd, vouch};
pub use meter::Meter;
pub use metrics::{LABEL_VALUES_MAX, Metrics, OTHER};
pub use pages::{Bound, CONNECTIONS_MAX, PagesError};
pub use peer::{BUS, DATABASE, EXCHANGE, Peer};
pub use pulse::{FeedPulse, Pulse, Stalled, tolerance};
pub use readiness::{Missing, Readiness};
pub use streams::StreamVitals;
pub use table::{METRICS, Metric, MetricKind};
pub use vitals::{Vitals, VitalsError, Watch};
