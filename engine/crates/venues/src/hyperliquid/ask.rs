//! Questions over REST: weighed before they are asked, and read within limits.

use super::budget::{Egress, Refused, Urgency};
use super::protocol::{Answer, InfoRequest, ParseError, Rows, parse};
use crate::ambient::Ambient;
use crate::net::{Rest, RestError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the answer to a question is waited for.
const QUESTION_WAIT: Duration = Duration::from_secs(10);
/// How long the answer to an action is waited for: what stays open is settled by the outbox.
const ACTION_WAIT: Duration = Duration::from_secs(10);
/// Most characters of a refusal.
const WORDS_MAX: usize = 200;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It was not asked: there is no budget for it now.
    #[error(transparent)]
    NoBudget(#[from] Refused),
    /// The exchange cannot be reached.
    #[error(transparent)]
    NoReply(#[from] RestError),
    /// The exchange refused it for too many.
    #[error("too many requests from this address")]
    TooMany,
    /// The exchange refused it.
    #[error("refused with {status}: {words}")]
    Refused {
        /// The status.
        status: u16,
        /// The beginning of what it said.
        words: String,
    },
    /// The answer cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// The answer is not whole, or contradicts itself.
    #[error("the answer is not whole: {0}")]
    NotWhole(&'static str),
}

/// Asks. Cloned freely: all ask through one address of ours.
#[derive(Clone)]
pub struct Asker {
    rest: Arc<Rest>,
    egress: Arc<Mutex<Egress>>,
    pub(super) ambient: Arc<dyn Ambient>,
}

impl Asker {
    /// One that asks there, out of this budget.
    pub fn new(rest: Arc<Rest>, egress: Arc<Mutex<Egress>>, ambient: Arc<dyn Ambient>) -> Self {
        Self { rest, egress, ambient }
    }

    pub(super) fn egress(&self) -> MutexGuard<'_, Egress> {
        // What it counts stays true whoever panicked.
        self.egress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks something that has one answer.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn ask<T: DeserializeOwned>(&self, request: &InfoRequest, urgency: Urgency) -> Result<T, AskError> {
        self.egress().ask(self.ambient.now(), request, urgency)?;
        let answer = self.info(request).await;
        self.egress().answered(self.ambient.now(), request, 0);
        answer
    }

    /// Asks for a list, whose rows weigh something each.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn rows<T: DeserializeOwned>(&self, request: &InfoRequest, urgency: Urgency) -> Result<Rows<T>, AskError> {
        self.egress().ask(self.ambient.now(), request, urgency)?;
        let answer: Result<Rows<T>, AskError> = self.info(request).await;
        let count = answer.as_ref().map_or(0, |rows| rows.len() + rows.unreadable);
        self.egress().answered(self.ambient.now(), request, count);
        answer
    }

    async fn info<T: DeserializeOwned>(&self, request: &InfoRequest) -> Result<T, AskError> {
        let body = self.post("/info", request, QUESTION_WAIT).await?;
        Ok(parse(&body)?)
    }

    /// Sends a signed action. Its weight has been taken.
    ///
    /// # Errors
    /// Where there is no answer; whether it was looked at, [`may_have_run`] says.
    pub async fn act(&self, envelope: &impl Serialize) -> Result<Answer, AskError> {
        let body = self.post("/exchange", envelope, ACTION_WAIT).await?;
        Ok(parse(&body)?)
    }

    async fn post(&self, path: &'static str, of: &impl Serialize, wait: Duration) -> Result<hyper::body::Bytes, AskError> {
        let json = serde_json::to_vec(of).expect("requests are maps of texts and numbers");
        let reply = self.rest.post(path, json.into(), wait).await?;
        let now = self.ambient.now();
        match reply.status {
            200 => {
                self.egress().note_let_through(now);
                Ok(reply.body)
            }
            429 => {
                self.egress().note_too_many(now);
                Err(AskError::TooMany)
            }
            status => {
                let words = String::from_utf8_lossy(&reply.body).chars().take(WORDS_MAX).collect();
                Err(AskError::Refused { status, words })
            }
        }
    }
}

/// Whether an action without an answer may have been looked at.
pub fn may_have_run(error: &AskError) -> bool {
    match error {
        AskError::NoBudget(_) | AskError::TooMany | AskError::NoReply(RestError::NotSent(_)) => false,
        // What is refused as no request at all was not looked at; a server that fails may have.
        AskError::Refused { status, .. } => !(400..500).contains(status),
        AskError::NoReply(_) | AskError::Unreadable(_) | AskError::NotWhole(_) => true,
    }
}
