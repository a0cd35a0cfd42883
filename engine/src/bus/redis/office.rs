//! Leases, the registry and heartbeats on a server, counted by its clock.

use super::RedisBus;
use super::answer::{Odd, list, text, whole};
use super::scripts::{Script, beats_key, fence_key, lease_key, wanted_key};
use crate::bus::limits::{HEARTBEAT_LIFE, SERVICES_MAX, WANTED_MAX};
use crate::bus::{
    Acquired, BusError, Heartbeat, HolderName, Lease, LeaseName, Leases, Registry, ServiceName, StreamName, Wanted, check,
};
use async_trait::async_trait;
use redis::{Cmd, Value, cmd};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

impl RedisBus {
    async fn run(&self, script: Script, asked: Cmd) -> Result<Value, BusError> {
        let answer = self.link.run(script, asked).await?;
        self.link.accepted(script.name(), &answer, None)?;
        Ok(answer)
    }
}

#[async_trait]
impl Leases for RedisBus {
    async fn acquire(&self, name: &LeaseName, holder: &HolderName, life: Duration) -> Result<Acquired, BusError> {
        let (asked_at, life) = (Instant::now(), check::life(life));
        let mut command = Script::Acquire.with_keys(&[&lease_key(name), &fence_key(name)]);
        command.arg(holder.as_str()).arg(millis(life));
        let answer = self.run(Script::Acquire, command).await?;
        let held = self.read_as("acquire", held(&answer))?;
        if held.ours {
            return Ok(Acquired::Ours(Lease::new(name.clone(), holder.clone(), held.fence, asked_at + life)));
        }
        Ok(Acquired::Taken { holder: held.holder, remaining: held.remaining })
    }

    async fn renew(&self, lease: &mut Lease, life: Duration) -> Result<(), BusError> {
        let (asked_at, life) = (Instant::now(), check::life(life));
        let mut command = Script::Renew.with_keys(&[&lease_key(lease.name())]);
        command.arg(lease.fence()).arg(millis(life));
        let answer = self.run(Script::Renew, command).await?;
        if self.read_as("renew", whole(&answer))? == 0 {
            return Err(BusError::LeaseLost { lease: lease.name().clone() });
        }
        *lease = Lease::new(lease.name().clone(), lease.holder().clone(), lease.fence(), asked_at + life);
        Ok(())
    }

    async fn release(&self, lease: &Lease) -> Result<bool, BusError> {
        let mut command = Script::Release.with_keys(&[&lease_key(lease.name())]);
        command.arg(lease.fence());
        let answer = self.run(Script::Release, command).await?;
        Ok(self.read_as("release", whole(&answer))? > 0)
    }
}

#[async_trait]
impl Registry for RedisBus {
    async fn want(&self, holder: &HolderName, streams: &[StreamName], life: Duration) -> Result<(), BusError> {
        check::want(streams)?;
        if streams.is_empty() {
            return Ok(());
        }
        let mut command = Script::Want.with_keys(&[&wanted_key()]);
        command.arg(millis(check::life(life))).arg(WANTED_MAX);
        for stream in streams {
            command.arg(member(stream, holder));
        }
        let answer = self.run(Script::Want, command).await?;
        let asked = self.read_as("want", whole(&answer))?;
        check::at_most("wanted streams", usize::try_from(asked).unwrap_or(usize::MAX), WANTED_MAX)
    }

    async fn unwant(&self, holder: &HolderName, streams: &[StreamName]) -> Result<(), BusError> {
        check::want(streams)?;
        if streams.is_empty() {
            return Ok(());
        }
        let mut command = cmd("ZREM");
        command.arg(wanted_key());
        for stream in streams {
            command.arg(member(stream, holder));
        }
        let answer = self.link.ask("ZREM", &command).await?;
        self.link.accepted("ZREM", &answer, None).map(|_| ())
    }

    async fn wanted(&self) -> Result<Vec<Wanted>, BusError> {
        let mut command = Script::Wanted.with_keys(&[&wanted_key()]);
        command.arg(WANTED_MAX);
        let answer = self.run(Script::Wanted, command).await?;
        self.read_as("wanted", wanted(&answer))
    }

    async fn beat(&self, service: &ServiceName) -> Result<(), BusError> {
        let mut command = Script::Beat.with_keys(&[&beats_key()]);
        command.arg(service.as_str()).arg(millis(HEARTBEAT_LIFE)).arg(SERVICES_MAX);
        let answer = self.run(Script::Beat, command).await?;
        let asked = self.read_as("beat", whole(&answer))?;
        check::at_most("services with a heartbeat", usize::try_from(asked).unwrap_or(usize::MAX), SERVICES_MAX)
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, BusError> {
        let mut command = Script::Heartbeats.with_keys(&[&beats_key()]);
        command.arg(millis(HEARTBEAT_LIFE)).arg(SERVICES_MAX);
        let answer = self.run(Script::Heartbeats, command).await?;
        self.read_as("heartbeats", heartbeats(&answer))
    }
}

/// What a server says of a lease.
struct Held {
    ours: bool,
    holder: HolderName,
    fence: u64,
    remaining: Duration,
}

fn held(value: &Value) -> Result<Held, Odd> {
    let [ours, holder, fence, remaining] = list(value)? else { return Err(Odd("a lease has four parts".to_owned())) };
    let holder = text(holder)?.parse().map_err(|_| Odd("the holder of a lease has no name".to_owned()))?;
    // Below zero: it ends at this moment.
    let remaining = Duration::from_millis(whole(remaining).unwrap_or(0));
    Ok(Held { ours: whole(ours)? == 1, holder, fence: whole(fence)?, remaining })
}

/// How the registry writes who wants what.
fn member(stream: &StreamName, holder: &HolderName) -> String {
    format!("{stream} {holder}")
}

/// What is wanted. A member that is not one of ours was put there by somebody else, and wants nothing of us.
fn wanted(value: &Value) -> Result<Vec<Wanted>, Odd> {
    let mut wanted: BTreeMap<StreamName, Vec<HolderName>> = BTreeMap::new();
    for member in list(value)? {
        let parts = text(member).ok().and_then(|member| member.split_once(' '));
        let ours = parts.and_then(|(stream, holder)| Some((stream.parse().ok()?, holder.parse().ok()?)));
        if let Some((stream, holder)) = ours {
            wanted.entry(stream).or_default().push(holder);
        }
    }
    let sorted = |(stream, mut holders): (StreamName, Vec<HolderName>)| {
        holders.sort();
        Wanted { stream, holders }
    };
    Ok(wanted.into_iter().map(sorted).collect())
}

fn heartbeats(value: &Value) -> Result<Vec<Heartbeat>, Odd> {
    let mut beats = Vec::new();
    for pair in list(value)?.chunks_exact(2) {
        if let Ok(service) = text(&pair[0])?.parse() {
            beats.push(Heartbeat { service, age: Duration::from_millis(whole(&pair[1])?) });
        }
    }
    beats.sort_by(|one: &Heartbeat, other| one.service.cmp(&other.service));
    Ok(beats)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
