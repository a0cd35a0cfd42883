//! The core, driven by scripts: one line is one input, and what follows from it is written down beside it.

mod account;
mod answers;
mod denials;
mod hostile;
mod lifecycle;
mod market;
mod money;
mod orders;
mod queues;
mod script;
mod settings;
mod upgrade;
