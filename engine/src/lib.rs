//! The shell around the core: command line, files, reports, and the loop that hands events from a simulated exchange to
//! sandboxed strategies. The only crate here that may fail with words alone (`anyhow`); what it decides about trading is nothing.

pub mod bus;
pub mod calendar;
pub mod cli;
pub mod collect;
pub mod component;
pub mod config;
pub mod control;
pub mod data;
pub mod doctor;
pub mod drift;
pub mod exchange;
pub mod file;
pub mod health;
pub mod journal;
pub mod kill;
pub mod live;
pub mod market_data;
pub mod notify;
pub mod past;
pub mod record;
pub mod replay;
pub mod report;
pub mod request;
pub mod run;
pub mod scaffold;
pub mod sweep;
pub mod upload;
pub mod user_engine;
