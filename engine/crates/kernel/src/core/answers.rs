//! A hook ended: its writes are applied and its answer is acted on, both or neither.

use super::TradingCore;
use crate::slot::{Out, OutHook};
use crate::{Answer, FaultKind, HookEnded};

impl TradingCore {
    #[inline]
    pub(super) fn hook_ended(&mut self, ended: HookEnded) {
        let place = self.place_of(ended.strategy);
        let out = place.and_then(|place| Some((place, self.slots[place].out?)));
        let Some((place, out)) = out.filter(|(_, out)| out.number == ended.number) else {
            self.strays += 1;
            return;
        };
        // What nearly every candle comes to.
        let nothing = matches!(&ended.answer, Answer::Intents(intents) if intents.is_empty()) && ended.effects.is_none();
        if nothing && out.hook == OutHook::Event {
            self.slots[place].out = None;
        } else {
            self.answering = Some(out.number);
            self.apply(place, out, ended);
            (self.answering, self.batch) = (None, None);
        }
        self.deliver_next(place);
    }

    fn apply(&mut self, place: usize, out: Out, ended: HookEnded) {
        if let Answer::Fault(fault) = ended.answer {
            return self.fault(place, fault);
        }
        let writes = ended.effects.map(|effects| effects.state).unwrap_or_default();
        if !writes.is_empty()
            && let Err(full) = self.slots[place].store.apply(writes, self.settings.limits.state_bytes_max)
        {
            return self.fault_of(place, FaultKind::Contract, hook_name(out.hook), full.to_string());
        }
        match (out.hook, ended.answer) {
            (OutHook::Init, Answer::Subscriptions(wanted)) => {
                self.slots[place].out = None;
                self.begin(place, wanted);
            }
            (OutHook::Params, Answer::Accepted) => {
                self.slots[place].out = None;
                self.parameters_answered(place, None);
            }
            (OutHook::Params, Answer::Refused(words)) => {
                self.slots[place].out = None;
                self.parameters_answered(place, Some(words));
            }
            (OutHook::Save, Answer::Saved(state)) => {
                self.slots[place].out = None;
                self.saved(place, state);
            }
            (OutHook::Init, Answer::Refused(words)) => {
                self.slots[place].out = None;
                self.refuse(place, words);
            }
            (OutHook::Event | OutHook::Trial | OutHook::WarmUp | OutHook::Stop, Answer::Intents(intents)) => {
                // The hook counts as out while its intents are taken, so that what they cause waits behind what waits already.
                self.intents(place, out, intents);
                if self.slots[place].out.take().is_some() {
                    self.event_ended(place, out.hook);
                }
            }
            (hook, answer) => {
                let detail = format!("{} was answered with {}", hook_name(hook), answer_in_words(&answer));
                self.fault_of(place, FaultKind::Contract, hook_name(hook), detail);
            }
        }
    }

    fn event_ended(&mut self, place: usize, hook: OutHook) {
        match hook {
            OutHook::WarmUp => {
                let slot = &mut self.slots[place];
                slot.warm_up_waiting = slot.warm_up_waiting.saturating_sub(1);
                self.check_warm(place);
            }
            OutHook::Stop => self.stop_ended(place),
            OutHook::Trial => self.slots[place].previous = None,
            OutHook::Init | OutHook::Event | OutHook::Params | OutHook::Save => {}
        }
    }
}

const fn hook_name(hook: OutHook) -> &'static str {
    match hook {
        OutHook::Init => "init",
        OutHook::Event | OutHook::Trial | OutHook::WarmUp => "an event",
        OutHook::Params => "on-params",
        OutHook::Save => "save",
        OutHook::Stop => "on-stop",
    }
}

const fn answer_in_words(answer: &Answer) -> &'static str {
    match answer {
        Answer::Intents(_) => "intents",
        Answer::Subscriptions(_) => "subscriptions",
        Answer::Refused(_) => "a refusal",
        Answer::Accepted => "an acceptance",
        Answer::Saved(_) => "saved state",
        Answer::Fault(_) => "a fault",
    }
}
