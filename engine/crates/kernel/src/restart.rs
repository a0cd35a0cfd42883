//! What becomes of a strategy when its process was started again, or when it failed.

use crate::{KillAction, Order};

/// What a strategy does after the core came back from its journal, and what becomes of its orders and positions after a fault.
///
/// | policy | a new process took over ([`Input::Opened`](crate::Input::Opened)) | it failed |
/// | --- | --- | --- |
/// | `Resume` | it goes on as it was | its orders that could open are cancelled; those that only reduce stay, and so do its positions |
/// | `ReduceOnly` | its orders that could open are cancelled, and it may only reduce | the same |
/// | `Flatten` | its orders are cancelled and its positions closed | the same |
/// | `Hold` | orders and positions stay as they are, and it may only cancel | the same |
///
/// All but `Resume` fire the strategy's kill switch, which closes and cancels as it always does, also while the connection is
/// lost or the account is not reconciled yet, and which only the operator arms again. The strategy hears its events all the
/// same after a restart. After a fault nothing runs until it is started again; orders that stayed are let go when it is stopped.
///
/// A strategy that a shutdown stopped is at work again after a restart, under the same policy. One that failed while it was
/// being stopped ends as a stop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// It goes on.
    #[default]
    Resume,
    /// It may only make its positions smaller.
    ReduceOnly,
    /// Its positions are closed.
    Flatten,
    /// Nothing is done until the operator says so.
    Hold,
}

impl RestartPolicy {
    /// What its kill switch is to do; none: it does not fire.
    pub(crate) const fn action(self) -> Option<KillAction> {
        match self {
            Self::Resume => None,
            Self::ReduceOnly => Some(KillAction::ReduceOnly),
            Self::Flatten => Some(KillAction::Flatten),
            Self::Hold => Some(KillAction::Pause),
        }
    }

    /// Whether an order outlives the fault of its strategy.
    pub(crate) const fn keeps(self, order: &Order) -> bool {
        match self {
            Self::Resume | Self::ReduceOnly => order.reduce_only,
            Self::Flatten => false,
            Self::Hold => true,
        }
    }
}
