//! Leases, the registry of what is wanted, signs of life.

use super::{Kind, battery, entries, entry, eventually, minutes, numbers};
use calypte::bus::limits::WANT_MAX;
use calypte::bus::{
    Acquired, Bus, BusError, EntryId, HolderName, Lease, LeaseName, Published, Retention, ServiceName, StreamName,
};
use std::time::Duration;

const LONG: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_millis(40);

battery!(
    a_lease_has_one_holder_and_rising_numbers,
    a_lease_runs_out_unless_it_is_renewed,
    who_lost_a_lease_writes_nothing,
    what_is_wanted_is_counted_by_holder,
    what_is_wanted_runs_out,
    services_say_that_they_are_alive,
);

fn lease_name() -> LeaseName {
    "account-7".parse().expect("a name")
}

fn holder(name: &str) -> HolderName {
    name.parse().expect("a name")
}

async fn acquire(bus: &dyn Bus, who: &str, life: Duration) -> Option<Lease> {
    match bus.acquire(&lease_name(), &holder(who), life).await.expect("it answers") {
        Acquired::Ours(lease) => Some(lease),
        Acquired::Taken { .. } => None,
    }
}

async fn a_lease_has_one_holder_and_rising_numbers(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let bus = bench.bus.as_ref();
    let first = acquire(bus, "one", LONG).await.expect("nobody has it");
    assert_eq!((first.name(), first.holder()), (&lease_name(), &holder("one")));
    for who in ["two", "one"] {
        let taken = bus.acquire(&lease_name(), &holder(who), LONG).await.expect("it answers");
        let Acquired::Taken { holder: by, remaining } = taken else { panic!("{taken:?}") };
        assert_eq!(by, holder("one"), "also to a holder that forgot that it has it");
        assert!(remaining <= LONG && remaining > LONG / 2, "{remaining:?}");
    }
    let other = bus.acquire(&"account-8".parse().expect("a name"), &holder("two"), LONG).await.expect("it answers");
    assert!(matches!(other, Acquired::Ours(_)), "another lease is free");
    assert_eq!(bus.release(&first).await, Ok(true));
    assert_eq!(bus.release(&first).await, Ok(false));
    let second = acquire(bus, "two", LONG).await.expect("it was given back");
    assert!(second.fence() > first.fence());
    assert_eq!(bus.release(&first).await, Ok(false), "an old one does not end a new one");
    assert_eq!(bus.renew(&mut first.clone(), LONG).await, Err(BusError::LeaseLost { lease: lease_name() }));
    assert_eq!(bus.renew(&mut second.clone(), LONG).await, Ok(()));
}

async fn a_lease_runs_out_unless_it_is_renewed(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let bus = bench.bus.as_ref();
    let mut lease = acquire(bus, "one", SHORT).await.expect("nobody has it");
    let first_end = lease.valid_until();
    bus.renew(&mut lease, LONG).await.expect("it has not run out yet");
    assert!(lease.valid_until() > first_end);
    bus.renew(&mut lease, SHORT).await.expect("it is held");
    eventually("it runs out", || async { acquire(bus, "two", LONG).await.is_some() }).await;
    assert!(tokio::time::Instant::now() >= lease.valid_until(), "it was not given away while we were sure of it");
    assert_eq!(bus.renew(&mut lease, LONG).await, Err(BusError::LeaseLost { lease: lease_name() }));
}

async fn who_lost_a_lease_writes_nothing(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, stream) = (bench.bus.as_ref(), minutes("BTC"));
    let old = acquire(bus, "one", LONG).await.expect("nobody has it");
    assert_eq!(bus.publish(&[entry(&stream, 1)], Some(&old)).await, Ok(vec![Published::New]));
    bus.release(&old).await.expect("it answers");
    let lost = BusError::LeaseLost { lease: lease_name() };
    assert_eq!(bus.publish(&entries(&stream, [2]), Some(&old)).await, Err(lost.clone()), "nobody has it");
    let new = acquire(bus, "two", LONG).await.expect("it was given back");
    assert_eq!(bus.publish(&entries(&stream, [1, 2, 3]), Some(&old)).await, Err(lost), "another has it");
    assert_eq!(bus.publish(&entries(&stream, [1, 2]), Some(&new)).await, Ok(vec![Published::Already, Published::New]));
    let read = bus.range(&stream, EntryId::ZERO, EntryId::MAX, 10).await.expect("it answers");
    assert_eq!(numbers(&read), [1, 2]);
}

/// What is wanted, as one line.
async fn wanted(bus: &dyn Bus) -> String {
    let wanted = bus.wanted().await.expect("it answers");
    let lines = wanted.iter().map(|wanted| format!("{}:{:?}", wanted.stream, wanted.holders));
    lines.collect::<Vec<_>>().join(" ")
}

async fn what_is_wanted_is_counted_by_holder(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let bus = bench.bus.as_ref();
    let (btc, eth) = (minutes("BTC"), minutes("ETH"));
    assert_eq!(wanted(bus).await, "");
    bus.want(&holder("two"), &[eth.clone(), btc.clone()], LONG).await.expect("it answers");
    bus.want(&holder("one"), &[btc.clone(), btc.clone()], LONG).await.expect("it answers");
    assert_eq!(wanted(bus).await, "md.BTC.1m:[one, two] md.ETH.1m:[two]");
    bus.unwant(&holder("two"), &[btc.clone(), eth.clone()]).await.expect("it answers");
    bus.unwant(&holder("three"), std::slice::from_ref(&btc)).await.expect("what was not wanted need not be given up");
    assert_eq!(wanted(bus).await, "md.BTC.1m:[one]");
    bus.want(&holder("one"), &[], LONG).await.expect("it answers");
    bus.unwant(&holder("one"), &[]).await.expect("it answers");
    let many = vec![btc; WANT_MAX + 1];
    assert!(matches!(bus.want(&holder("one"), &many, LONG).await, Err(BusError::OverLimit { .. })));
}

async fn what_is_wanted_runs_out(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let bus = bench.bus.as_ref();
    let streams: [StreamName; 2] = [minutes("BTC"), minutes("ETH")];
    bus.want(&holder("one"), &streams, SHORT).await.expect("it answers");
    bus.want(&holder("one"), &streams[..1], LONG).await.expect("it answers");
    eventually("one runs out", || async { wanted(bus).await == "md.BTC.1m:[one]" }).await;
}

async fn services_say_that_they_are_alive(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let bus = bench.bus.as_ref();
    assert_eq!(bus.heartbeats().await, Ok(Vec::new()));
    let names: [ServiceName; 2] = ["market-data", "engine-1"].map(|name| name.parse().expect("a name"));
    for name in &names {
        bus.beat(name).await.expect("it answers");
    }
    let of = async |place: usize| {
        let beats = bus.heartbeats().await.expect("it answers");
        assert_eq!(beats.len(), 2);
        beats.into_iter().find(|beat| beat.service == names[place]).expect("it beat").age
    };
    eventually("both age", || async { of(0).await > SHORT && of(1).await > SHORT }).await;
    bus.beat(&names[0]).await.expect("it answers");
    assert!(of(0).await < of(1).await, "a new sign of life is younger");
}
