//! The harness of the end-to-end tests: where things lie, how the binary is run, how a skip is said.
//!
//! ```text
//! e2e/*.rs ──► component("ema-atr") ──► calypte build   (once per run, whoever asks first)
//!          ──► calypte(["backtest", …]) ──► Run { code, stdout, stderr }
//!          ──► shared() ──► folder of real market data, or a skip that is counted
//! ```
//!
//! It knows nothing of trading, and holds no test.

mod component;
mod market;
mod paths;
mod postgres_server;
mod process;
mod python;
mod redis_server;
pub mod reference;
mod relay;
mod skip;

pub use component::{component, hostile};
pub use market::{spec_candles, synth_candles};
pub use paths::{repository, shared, shared_file, temp_dir};
pub use postgres_server::{POSTGRES_PASSWORD, PostgresServer};
pub use process::{RUN_SECONDS_MAX, Run, calypte, calypte_in, calypte_path, is_installed, run};
pub use python::python_environment;
pub use redis_server::{RedisServer, free_port};
pub use relay::Relay;
pub use skip::skip;
