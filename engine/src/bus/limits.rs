//! Every limit of the bus that is not a setting.

use std::time::Duration;

/// Most fields of an entry, its number among them.
pub const FIELDS_MAX: usize = 24;
/// Longest name of a field.
pub const FIELD_NAME_BYTES_MAX: usize = 32;
/// Longest value of a field: one side of the largest book fits.
pub const FIELD_BYTES_MAX: usize = 16 << 10;
/// Longest name of a group, a consumer, a service or a lease.
pub const NAME_BYTES_MAX: usize = 64;
/// Most entries of one call to publish.
pub const PUBLISH_MAX: usize = 4_096;
/// Most streams of one call to read.
pub const READ_STREAMS_MAX: usize = 4_096;
/// Most entries that one call returns.
pub const READ_MAX: usize = 10_000;
/// Most ids of one call to acknowledge.
pub const ACKNOWLEDGE_MAX: usize = 20_000;
/// Longest that a read waits for something new.
pub const WAIT_MAX: Duration = Duration::from_secs(30);
/// Longest life of a lease, and of what somebody wants.
pub const LIFE_MAX: Duration = Duration::from_hours(24);
/// Most things that are wanted, counted once for each holder.
pub const WANTED_MAX: usize = 100_000;
/// Most streams that one call asks for or gives up.
pub const WANT_MAX: usize = 4_096;
/// Most services whose heartbeats are kept.
pub const SERVICES_MAX: usize = 10_000;
/// For how long a heartbeat is remembered.
pub const HEARTBEAT_LIFE: Duration = Duration::from_hours(1);
/// Most streams of a bus in memory.
pub const STREAMS_MAX: usize = 16_384;
/// Most groups of one stream in memory.
pub const GROUPS_MAX: usize = 1_024;
/// Most entries of one group that were read and not acknowledged, in memory; then nothing new is handed out.
pub const PENDING_MAX: usize = 100_000;
/// Longest text of a server that an error repeats.
pub const SAID_BYTES_MAX: usize = 200;
