//! Settings that contradict themselves.

use super::script::settings;
use crate::*;

fn refusal(change: impl FnOnce(&mut CoreSettings)) -> String {
    let mut settings = settings(Limits::default());
    change(&mut settings);
    TradingCore::new(settings).expect_err("the settings contradict themselves").to_string()
}

#[test]
fn settings_that_contradict_themselves_are_refused_in_words() {
    let swapped = refusal(|settings| settings.instruments = settings.instruments.iter().rev().cloned().collect());
    assert_eq!(swapped, "instrument ETH has number 1 but stands at place 0: number instruments by their place, from 0");
    let swapped = refusal(|settings| settings.series = settings.series.iter().rev().copied().collect());
    assert_eq!(swapped, "series 2 stands at place 0: number series by their place, from 0");
    let fewer = refusal(|settings| settings.instruments = settings.instruments[..1].into());
    assert_eq!(fewer, "series 2 is of instrument 1, which is not listed: list it or leave the series out");
    let large = refusal(|settings| settings.account = AccountId::new(1 << 24));
    assert_eq!(large, "account number 16777216 does not fit a client order id: use numbers below 2^24");
    let short = refusal(|settings| settings.limits.queue_max = settings.limits.intents_per_event_max);
    assert_eq!(short, "queue_max is 256, not above intents_per_event_max 256: each intent of one answer may queue an event");
}
