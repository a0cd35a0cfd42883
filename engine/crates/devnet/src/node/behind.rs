//! The control port's requests: faults, money, time, as JSON over HTTP. Not the exchange's protocol, and not for clients.

use super::{ControlError, HttpAnswer, Node};
use crate::exchange::AccountMode;
use crate::faults::Fault;
use calypte_venues::hyperliquid::protocol::{Address, Number};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deposit {
    user: Address,
    usdc: Number,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPrice {
    coin: String,
    price: Number,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSubAccount {
    user: Address,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMode {
    user: Address,
    mode: AccountMode,
}

/// One fault, or more.
#[derive(Deserialize)]
#[serde(untagged)]
enum Faults {
    One(Box<Fault>),
    More(Vec<Fault>),
}

/// Why a request is not done.
enum NotDone {
    Unknown,
    Unreadable(String),
    Refused(ControlError),
}

impl From<ControlError> for NotDone {
    fn from(error: ControlError) -> Self {
        Self::Refused(error)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, NotDone> {
    serde_json::from_slice(body).map_err(|error| NotDone::Unreadable(error.to_string()))
}

impl Node {
    /// Takes a request of the control port.
    pub fn control(&mut self, method: &str, path: &str, body: &[u8]) -> HttpAnswer {
        let (status, body) = match self.control_one(method, path, body) {
            Ok(body) => (200, body),
            Err(NotDone::Unknown) => (404, json!({ "error": format!("there is no {method} {path}") })),
            Err(NotDone::Unreadable(words)) => (400, json!({ "error": words })),
            Err(NotDone::Refused(error)) => (422, json!({ "error": error.to_string() })),
        };
        HttpAnswer { status, content_type: "application/json", body: body.to_string(), after_ms: 0 }
    }

    fn control_one(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Value, NotDone> {
        match (method, path) {
            ("GET", "/state") => {}
            ("POST", "/faults") => match read(body)? {
                Faults::One(fault) => self.order_fault(*fault)?,
                Faults::More(faults) => faults.into_iter().try_for_each(|fault| self.order_fault(fault))?,
            },
            ("DELETE", "/faults") => self.clear_faults(),
            ("POST", "/advance") => self.skip(read::<Advance>(body)?.ms)?,
            ("POST", "/deposit") => {
                let Deposit { user, usdc } = read(body)?;
                self.deposit(user, usdc.get())?;
            }
            ("POST", "/price") => {
                let NewPrice { coin, price } = read(body)?;
                self.set_price(&coin, price.get())?;
            }
            ("POST", "/mode") => {
                let NewMode { user, mode } = read(body)?;
                self.set_mode(user, mode)?;
            }
            ("POST", "/sub-account") => {
                let NewSubAccount { user, name } = read(body)?;
                return Ok(json!({ "address": self.sub_account(user, &name)? }));
            }
            _ => return Err(NotDone::Unknown),
        }
        Ok(json!(self.state()))
    }
}
