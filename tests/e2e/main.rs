//! All end-to-end tests in one binary, a module for each topic. `tests/src` is their harness.
//!
//! Each test runs the calypte binary as its user does, or reads the repository as its reader does. What a crate promises on
//! its own is tested at the foot of that crate's files instead.

// What is true of the repository itself.
mod arrows;
mod docs;
mod fresh_clone;
mod tidy;
mod wit;

// What holds of strategies whatever they do.
mod fast_path;
mod hostile;
mod in_process;

// What comes from outside, changed at random.
mod fuzz;

// What the examples do as components.
mod examples;

// What the services of a live system share.
mod bus;
mod collect;
mod deploy;
mod doctor;
mod record;
mod services;
mod supervisor;
mod system;
mod tenants;

// What happens to a live system.
mod chaos;

// What the program does as a whole.
mod backtest;
mod cli;
mod demo;
mod devnet;
mod dirty;
mod drift;
mod exchange;
mod imposter;
mod interrupt;
mod kill;
mod live;
mod margin;
mod models;
mod outputs;
mod page;
mod positions;
mod replay;
mod restore;
mod risk;
mod sweep;
mod timeframes;
