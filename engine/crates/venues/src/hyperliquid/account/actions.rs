//! What an account sends: commands to batches, batches to signed bytes, and what becomes of them.
//!
//! An action goes out at once where nothing went out just before; otherwise it waits for a moment, and shares an action with what
//! comes meanwhile. Cancels and closing orders never wait. What has no budget waits for it as long as it may be admitted.

use crate::connector::{News, Notice};
use crate::hyperliquid::ask::{AskError, may_have_run};
use crate::hyperliquid::assets::Assets;
use crate::hyperliquid::budget::{AccountLedger, Egress, Refused, Urgency};
use crate::hyperliquid::order::{Batch, Entry, Lane, Outbox, Planner, Signed, Step, unsent};
use crate::hyperliquid::protocol::{Address, Answer, EntryStatus, Envelope, Millis, PostAnswer, RefusalClass};
use crate::hyperliquid::sign::{Network, Nonces, SecretKey, Terms, sign_action};
use calypte_kernel::{Approved, ClientOrderId, Command, Timestamp};
use std::collections::{BTreeSet, VecDeque};

/// How long after an action the next commands are gathered, as the exchange advises.
pub const COALESCE_MS: u64 = 100;
/// How long after a refusal nothing but post-only orders is opened: after its upgrades the exchange takes nothing else.
pub const POST_ONLY_PHASE_MS: u64 = 10_000;
/// Most batches that wait for budget.
const WAITING_MAX: usize = 1_000;
/// How long before its expiry an action is sent at the latest: one that arrives late costs five requests.
const EXPIRY_MARGIN_MS: u64 = 1_000;

/// Who signs, and for whom.
#[derive(Debug)]
pub struct Signer {
    /// Signs.
    pub key: SecretKey,
    /// Its nonces.
    pub nonces: Nonces,
    /// On which network.
    pub network: Network,
    /// The sub-account or vault it signs for; none: the account above.
    pub vault: Option<Address>,
}

/// Something to do.
#[derive(Debug, PartialEq, Eq)]
pub enum ActionStep {
    /// Post these bytes over the socket.
    Post {
        /// Our number for it.
        id: u64,
        /// What.
        envelope: Box<Envelope>,
    },
    /// Send these bytes as a request.
    Rest {
        /// Our number for it.
        id: u64,
        /// What.
        envelope: Box<Envelope>,
    },
    /// Tell whoever listens.
    Tell(News),
}

/// What an account sends.
#[derive(Debug)]
pub struct Actions {
    signer: Signer,
    /// Makes batches.
    pub planner: Planner,
    /// What the account may still send.
    pub ledger: AccountLedger,
    outbox: Outbox,
    /// Commands that wait for company, as they came.
    held: Vec<Command>,
    /// Batches that wait for budget.
    waiting: VecDeque<Batch>,
    /// When waiting batches are looked at again.
    retry: Option<Timestamp>,
    /// When something last went out.
    sent: Option<Timestamp>,
    post_only_until: Option<Timestamp>,
    /// Posts that the exchange counts as waiting.
    posts: BTreeSet<u64>,
    steps: VecDeque<ActionStep>,
    /// Why our clock is wrong, if it is: then nothing is opened.
    pub clock_wrong: Option<String>,
}

/// What sending takes from around it.
pub struct Around<'a> {
    /// The time.
    pub now: Timestamp,
    /// What is traded.
    pub assets: &'a Assets,
    /// What may leave through our address.
    pub egress: &'a mut Egress,
    /// Whether the socket is open.
    pub socket: bool,
}

impl Actions {
    /// One that signs with this, and whose market orders may fill so far from the reference.
    pub fn new(signer: Signer, planner: Planner) -> Self {
        Self {
            signer,
            planner,
            ledger: AccountLedger::new(),
            outbox: Outbox::default(),
            held: Vec::new(),
            waiting: VecDeque::new(),
            retry: None,
            sent: None,
            post_only_until: None,
            posts: BTreeSet::new(),
            steps: VecDeque::new(),
            clock_wrong: None,
        }
    }

    /// The address of its key.
    pub const fn signer(&self) -> Address {
        self.signer.key.address()
    }

    /// Takes commands.
    pub fn commands(&mut self, mut around: Around<'_>, commands: Vec<Approved<Command>>) {
        let commands: Vec<Command> = commands.into_iter().map(Approved::into_inner).collect();
        self.take(&mut around, commands);
    }

    pub(super) fn take(&mut self, around: &mut Around<'_>, commands: Vec<Command>) {
        let hurries = commands.iter().any(hurries);
        if hurries {
            // What was held came first, and stays first: a cancel may be for one of them.
            self.flush(around);
        }
        for command in &commands {
            if let Command::Cancel { order, .. } = command {
                self.withdraw(*order);
            }
        }
        self.held.extend(commands);
        if hurries || self.flush_at().is_some_and(|at| at <= around.now) {
            self.flush(around);
        }
    }

    /// Notes the time.
    pub fn wake(&mut self, mut around: Around<'_>) {
        if self.flush_at().is_some_and(|at| at <= around.now) {
            self.flush(&mut around);
        }
        if self.retry.is_some_and(|at| at <= around.now) {
            self.send_waiting(&mut around);
        }
        let steps = self.outbox.wake(around.now);
        self.follow(&mut around, steps);
    }

    /// When it wants [`Self::wake`].
    pub fn next_wake(&self) -> Option<Timestamp> {
        [self.flush_at(), self.retry, self.outbox.next_wake()].into_iter().flatten().min()
    }

    /// Takes what came of a post.
    pub fn post_answered(&mut self, mut around: Around<'_>, id: u64, answer: &PostAnswer) {
        self.post_done(id, around.egress);
        let now = around.now;
        let steps = match answer {
            PostAnswer::Action(answer) => {
                self.learn(now, answer, around.egress);
                self.outbox.answered(now, id, answer)
            }
            PostAnswer::Error(words) => {
                let class = RefusalClass::of(words);
                if class == RefusalClass::RateLimited {
                    around.egress.note_too_many(now);
                    self.outbox.not_let_through(now, id, words)
                } else {
                    self.outbox.unclear(now, id)
                }
            }
            PostAnswer::Info | PostAnswer::Unreadable => self.outbox.unclear(now, id),
        };
        self.follow(&mut around, steps);
    }

    /// Takes what came of a request.
    pub fn rest_answered(&mut self, mut around: Around<'_>, id: u64, answer: &Result<Answer, AskError>) {
        let now = around.now;
        let steps = match answer {
            Ok(answer) => {
                self.learn(now, answer, around.egress);
                self.outbox.answered(now, id, answer)
            }
            Err(error) if may_have_run(error) => self.outbox.unclear(now, id),
            Err(error) => self.outbox.not_let_through(now, id, &error.to_string()),
        };
        self.follow(&mut around, steps);
    }

    /// Notes that the socket is gone, and with it the answers to what was posted.
    pub fn socket_lost(&mut self, mut around: Around<'_>) {
        for id in std::mem::take(&mut self.posts) {
            around.egress.post_done();
            let steps = self.outbox.lost(around.now, id);
            self.follow(&mut around, steps);
        }
    }

    /// The next thing to do. Drain it after each call.
    pub fn poll(&mut self) -> Option<ActionStep> {
        self.steps.pop_front()
    }

    /// How many actions are on their way, or wait to be.
    pub fn unanswered(&self) -> usize {
        self.outbox.len() + self.waiting.len() + self.held.len()
    }

    fn flush_at(&self) -> Option<Timestamp> {
        let at = self.sent.map_or(Timestamp::default(), |sent| sent.saturating_add(COALESCE_MS));
        (!self.held.is_empty()).then_some(at)
    }

    fn flush(&mut self, around: &mut Around<'_>) {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return;
        }
        let plan = self.planner.plan_commands(around.assets, held);
        self.steps.extend(plan.refused.into_iter().map(|event| ActionStep::Tell(News::Venue(event))));
        for batch in plan.batches {
            if self.waiting.len() >= WAITING_MAX {
                self.refuse(&batch, "venue-no-budget", "too many actions wait for budget already; nothing was sent");
            } else if let Some((code, words)) = self.forbids(around.now, &batch) {
                self.refuse(&batch, code, &words);
            } else {
                self.waiting.push_back(batch);
            }
        }
        self.send_waiting(around);
    }

    /// Why a batch is not to be sent as things are. What makes an account safer always is.
    fn forbids(&self, now: Timestamp, batch: &Batch) -> Option<(&'static str, String)> {
        if batch.urgency == Urgency::Closing {
            return None;
        }
        if let Some(why) = &self.clock_wrong {
            return Some(("venue-clock-wrong", why.clone()));
        }
        let phase = self.post_only_until.is_some_and(|until| now < until);
        (phase && !batch.is_post_only()).then(|| {
            let words = "the exchange takes only post-only orders for now, as after its upgrades; nothing was sent";
            (RefusalClass::PostOnlyPhase.code(), words.to_owned())
        })
    }

    /// Sends what has budget, what closes first; the rest waits, or is refused when it would come too late.
    fn send_waiting(&mut self, around: &mut Around<'_>) {
        self.retry = None;
        let mut waiting: Vec<Batch> = std::mem::take(&mut self.waiting).into();
        waiting.sort_by_key(|batch| std::cmp::Reverse(batch.urgency));
        for batch in waiting {
            match self.admit(around, &batch) {
                Ok(()) => self.sign_and_send(around, batch),
                Err(refused) => self.wait(around.now, batch, refused),
            }
        }
    }

    /// Refuses what waits for budget with an order that is to be cancelled: its cancel would arrive first, and find nothing.
    fn withdraw(&mut self, order: ClientOrderId) {
        let of_it = |batch: &Batch| batch.entries.contains(&Entry::Place { order });
        let (withdrawn, waiting): (VecDeque<_>, _) = std::mem::take(&mut self.waiting).into_iter().partition(of_it);
        self.waiting = waiting;
        for batch in withdrawn {
            self.refuse(&batch, "venue-no-budget", "cancelled before it was sent");
        }
    }

    fn admit(&mut self, around: &mut Around<'_>, batch: &Batch) -> Result<(), Refused> {
        let entries = batch.entries.len();
        self.ledger.check(around.now, entries, batch.urgency, batch.is_cancel())?;
        around.egress.act(around.now, entries, batch.urgency)
    }

    fn wait(&mut self, now: Timestamp, batch: Batch, refused: Refused) {
        let again = match refused {
            Refused::Wait { wait_ms, .. } => Some(now.saturating_add(wait_ms.max(1))),
            Refused::Full { .. } => Some(now.saturating_add(COALESCE_MS)),
            Refused::Never { .. } => None,
        };
        let last = batch.expires_after.map_or(Timestamp::MAX, Millis::timestamp);
        match again.filter(|again| again.saturating_add(EXPIRY_MARGIN_MS) < last) {
            Some(again) => {
                self.retry = Some(self.retry.map_or(again, |retry| retry.min(again)));
                self.waiting.push_back(batch);
            }
            None => self.refuse(&batch, "venue-no-budget", &format!("{refused}; nothing was sent")),
        }
    }

    fn sign_and_send(&mut self, around: &mut Around<'_>, batch: Batch) {
        let now_ms = u64::try_from(around.now.as_millis()).unwrap_or_default();
        let nonce = match self.signer.nonces.next(now_ms) {
            Ok(nonce) => nonce,
            Err(error) => return self.refuse(&batch, "venue-no-nonce", &format!("{error}; nothing was sent")),
        };
        let terms = Terms { nonce, vault: self.signer.vault, expires_after: batch.expires_after };
        let envelope = sign_action(&self.signer.key, self.signer.network, batch.action.clone(), terms);
        self.ledger.charge(around.now, batch.entries.len());
        self.sent = Some(around.now);
        let steps = self.outbox.submit(around.now, Signed { batch, envelope }, around.socket);
        self.follow(around, steps);
    }

    fn follow(&mut self, around: &mut Around<'_>, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Tell(events) => self.steps.extend(events.into_iter().map(|event| ActionStep::Tell(News::Venue(event)))),
                Step::Send { id, lane: Lane::Socket, envelope, .. } if self.may_post(around) => {
                    self.posts.insert(id);
                    self.steps.push_back(ActionStep::Post { id, envelope });
                }
                Step::Send { id, envelope, again, .. } => {
                    self.post_done(id, around.egress);
                    let room = again.map_or(Ok(()), |(entries, urgency)| around.egress.act(around.now, entries, urgency));
                    if let Err(refused) = room {
                        let wait_ms = if let Refused::Wait { wait_ms, .. } = refused { wait_ms } else { COALESCE_MS };
                        self.outbox.postpone(around.now.saturating_add(wait_ms.max(1)), id);
                        continue;
                    }
                    self.steps.push_back(ActionStep::Rest { id, envelope });
                }
            }
        }
    }

    fn may_post(&self, around: &mut Around<'_>) -> bool {
        // Which of the two lanes it is makes no difference to anybody but us.
        around.egress.message(around.now, Urgency::Closing).is_ok() && around.egress.post(Urgency::Closing).is_ok()
    }

    fn post_done(&mut self, id: u64, egress: &mut Egress) {
        if self.posts.remove(&id) {
            egress.post_done();
        }
    }

    /// What an answer says beyond its orders.
    fn learn(&mut self, now: Timestamp, answer: &Answer, egress: &mut Egress) {
        let words: Vec<&str> = match answer {
            Answer::Err(words) => vec![words],
            Answer::Ok(response) => {
                let statuses = response.data.iter().flat_map(|data| data.statuses.iter());
                statuses
                    .filter_map(|status| if let EntryStatus::Error(words) = status { Some(&**words) } else { None })
                    .collect()
            }
        };
        for words in words {
            match RefusalClass::of(words) {
                RefusalClass::Expired => self.ledger.note_expired(),
                RefusalClass::BudgetSpent => self.ledger.note_spent(now),
                RefusalClass::RateLimited => egress.note_too_many(now),
                RefusalClass::PostOnlyPhase => self.post_only_until = Some(now.saturating_add(POST_ONLY_PHASE_MS)),
                RefusalClass::WrongSigner => {
                    let ours = RefusalClass::named(words) == Some(self.signer());
                    let why = if ours {
                        "the key is no agent any more: approve another"
                    } else {
                        "the signature was taken for a stranger's"
                    };
                    self.steps.push_back(ActionStep::Tell(News::Notice(Notice::Complaint(format!("{words} ({why})")))));
                }
                _ => {}
            }
        }
    }

    fn refuse(&mut self, batch: &Batch, code: &'static str, words: &str) {
        let events = unsent(batch, code, words);
        self.steps.extend(events.into_iter().map(|event| ActionStep::Tell(News::Venue(event))));
    }
}

/// Whether a command makes the account safer, and so does not wait for company.
fn hurries(command: &Command) -> bool {
    match command {
        Command::Cancel { .. } | Command::CancelOutside { .. } | Command::ScheduleCancel { .. } => true,
        Command::Place(order) => order.reduce_only,
        Command::Amend { .. } | Command::SetLeverage { .. } => false,
    }
}
