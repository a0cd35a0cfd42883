//! What a session listens to, and how its operator reaches it.

use super::session::News;
use crate::kill::{KillWatch, Standing};
use calypte_kernel::{OperatorCommand, TradingCore};
use tokio::sync::{mpsc, watch};

/// Most commands of an operator that wait for a session.
const OPERATOR_MAX: usize = 16;

/// What a session hears from outside, and where it says how it stands.
pub struct Ears {
    /// The market, the exchange, the end.
    pub news: mpsc::Receiver<News>,
    /// The operator, who does not wait in that line. What was said before the session begins is heard before a strategy starts.
    pub operator: mpsc::Receiver<OperatorCommand>,
    /// How the account stands while its kill switch is fired.
    pub standing: watch::Sender<Option<Standing>>,
}

impl Ears {
    /// Ears, and what speaks to them.
    pub fn new(news: mpsc::Receiver<News>) -> (Self, Operator) {
        let (command, operator) = mpsc::channel(OPERATOR_MAX);
        let (standing, seen) = watch::channel(None);
        (Self { news, operator, standing }, Operator { command, standing: seen })
    }

    /// Shows how the account stands, where that is new.
    pub(super) fn show(&self, core: &TradingCore) {
        let standing = Standing::of(core);
        self.standing.send_if_modified(|shown| {
            let is_new = *shown != standing;
            if is_new {
                *shown = standing;
            }
            is_new
        });
    }
}

/// The operator of a session.
#[derive(Debug, Clone)]
pub struct Operator {
    command: mpsc::Sender<OperatorCommand>,
    standing: watch::Receiver<Option<Standing>>,
}

impl Operator {
    /// Has the files of an account looked at once: what is new is told, and how the account stands is written down.
    pub fn obey(&self, kill: &mut KillWatch) {
        kill.look(|command| self.command.try_send(command).is_ok());
        kill.show(self.standing.borrow().as_ref());
    }
}
