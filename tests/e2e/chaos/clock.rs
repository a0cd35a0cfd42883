//! Our clock and the exchange's differ: at the start, and while everything is at work.

use crate::devnet::Devnet;
use crate::system::System;
use calypte_kernel::{Input, VenueEvent};
use tests::{RedisServer, Relay};

/// Milliseconds that the clocks differ: more than a second is not borne.
const OFF_MS: i64 = 5_000;
/// Why nothing is opened while they do.
const CLOCK_WRONG: &str = "venue-clock-wrong";

/// Cuts every socket of the exchange: whoever comes back looks at everything anew, its clock too.
fn cut(devnet: &Devnet) {
    let (status, said) = devnet.ask("control", "POST", "/faults", r#"{"kind":"cut"}"#);
    assert_eq!(status, 200, "{said}");
}

fn is_refused_for_the_clock(input: &Input) -> bool {
    matches!(input, Input::Venue(VenueEvent::Rejected { refusal, .. }) if refusal.code == CLOCK_WRONG)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_opened_by_a_clock_that_is_wrong() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let mut relay = None;
    let before = |exchange: String| relay.insert(Relay::start(&exchange)).url("http");
    let mut system = System::new(&redis.url(), before, "");
    let relay = relay.expect("the system has an exchange");

    for (off, words) in [(OFF_MS, "behind"), (-OFF_MS, "ahead")] {
        relay.set_clock(off);
        system.start();
        for service in [system.market_data.take(), system.engine.take()] {
            let (said, code) = service.expect("it was started").ended();
            assert_eq!(code, Some(4), "{said}");
            let said = said.to_string();
            assert!(said.contains("our clock is") && said.contains(words), "{said}");
        }
    }

    relay.set_clock(0);
    system.start();
    system.recovers("clock wrong at the start").await;

    relay.set_clock(OFF_MS);
    cut(&system.devnet);
    system.until_input("an order is refused for the clock", is_refused_for_the_clock).await;
    relay.set_clock(0);
    cut(&system.devnet);
    system.recovers("clock wrong while it trades").await;

    assert_eq!(system.end(&redis).await.missing(), [vec![]]);
}
