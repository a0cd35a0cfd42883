//! The core, driven by scripts: one line is one input, and what follows from it is written down beside it.

mod account;
mod answered;
mod answers;
mod dead_man;
mod denials;
mod exits;
mod external;
mod hostile;
mod kill;
mod leverage;
mod lifecycle;
mod market;
mod money;
mod order_table;
mod orders;
mod queues;
mod races;
mod restart;
mod risk;
mod risk_words;
mod script;
mod seeds;
mod settings;
mod sharing;
mod taken_over;
mod upgrade;
