//! Leases, the registry and heartbeats in memory.

use super::MemoryBus;
use crate::bus::limits::{HEARTBEAT_LIFE, SERVICES_MAX, WANTED_MAX};
use crate::bus::{
    Acquired, BusError, Heartbeat, HolderName, Lease, LeaseName, Leases, Registry, ServiceName, StreamName, Wanted, check,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Who holds what, who wants what, who was alive when.
#[derive(Debug, Default)]
pub(super) struct Office {
    leases: BTreeMap<LeaseName, Held>,
    /// The last fencing number of each lease: it rises also after the lease ended.
    fences: BTreeMap<LeaseName, u64>,
    wanted: BTreeMap<(StreamName, HolderName), Instant>,
    beats: BTreeMap<ServiceName, Instant>,
}

#[derive(Debug)]
struct Held {
    holder: HolderName,
    fence: u64,
    until: Instant,
}

impl Office {
    /// Whether a lease holds.
    pub(super) fn check(&self, lease: &Lease, now: Instant) -> Result<(), BusError> {
        let held = self.leases.get(lease.name()).filter(|held| held.until > now && held.fence == lease.fence());
        held.map(|_| ()).ok_or_else(|| BusError::LeaseLost { lease: lease.name().clone() })
    }
}

#[async_trait]
impl Leases for MemoryBus {
    async fn acquire(&self, name: &LeaseName, holder: &HolderName, life: Duration) -> Result<Acquired, BusError> {
        let (now, office) = (Instant::now(), &mut self.state().office);
        if let Some(held) = office.leases.get(name).filter(|held| held.until > now) {
            return Ok(Acquired::Taken { holder: held.holder.clone(), remaining: held.until - now });
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        let fence = office.fences.get(name).map_or(0, |last| last + 1).max(millis);
        let until = now + check::life(life);
        office.fences.insert(name.clone(), fence);
        office.leases.insert(name.clone(), Held { holder: holder.clone(), fence, until });
        Ok(Acquired::Ours(Lease::new(name.clone(), holder.clone(), fence, until)))
    }

    async fn renew(&self, lease: &mut Lease, life: Duration) -> Result<(), BusError> {
        let (now, office) = (Instant::now(), &mut self.state().office);
        office.check(lease, now)?;
        let until = now + check::life(life);
        if let Some(held) = office.leases.get_mut(lease.name()) {
            held.until = until;
        }
        *lease = Lease::new(lease.name().clone(), lease.holder().clone(), lease.fence(), until);
        Ok(())
    }

    async fn release(&self, lease: &Lease) -> Result<bool, BusError> {
        let office = &mut self.state().office;
        let ours = office.check(lease, Instant::now()).is_ok();
        if ours {
            office.leases.remove(lease.name());
        }
        Ok(ours)
    }
}

#[async_trait]
impl Registry for MemoryBus {
    async fn want(&self, holder: &HolderName, streams: &[StreamName], life: Duration) -> Result<(), BusError> {
        check::want(streams)?;
        let (now, office) = (Instant::now(), &mut self.state().office);
        office.wanted.retain(|_, until| *until > now);
        check::at_most("wanted streams", office.wanted.len() + streams.len(), WANTED_MAX)?;
        for stream in streams {
            office.wanted.insert((stream.clone(), holder.clone()), now + check::life(life));
        }
        Ok(())
    }

    async fn unwant(&self, holder: &HolderName, streams: &[StreamName]) -> Result<(), BusError> {
        check::want(streams)?;
        let office = &mut self.state().office;
        for stream in streams {
            office.wanted.remove(&(stream.clone(), holder.clone()));
        }
        Ok(())
    }

    async fn wanted(&self) -> Result<Vec<Wanted>, BusError> {
        let (now, office) = (Instant::now(), &mut self.state().office);
        office.wanted.retain(|_, until| *until > now);
        let mut wanted: Vec<Wanted> = Vec::new();
        for (stream, holder) in office.wanted.keys() {
            match wanted.last_mut().filter(|last| last.stream == *stream) {
                Some(last) => last.holders.push(holder.clone()),
                None => wanted.push(Wanted { stream: stream.clone(), holders: vec![holder.clone()] }),
            }
        }
        Ok(wanted)
    }

    async fn beat(&self, service: &ServiceName) -> Result<(), BusError> {
        let (now, office) = (Instant::now(), &mut self.state().office);
        office.beats.retain(|_, at| now.saturating_duration_since(*at) < HEARTBEAT_LIFE);
        check::at_most("services with a heartbeat", office.beats.len() + 1, SERVICES_MAX)?;
        office.beats.insert(service.clone(), now);
        Ok(())
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, BusError> {
        let (now, office) = (Instant::now(), &self.state().office);
        let beats = office.beats.iter().map(|(service, at)| (service, now.saturating_duration_since(*at)));
        let kept = beats.filter(|(_, age)| *age < HEARTBEAT_LIFE);
        Ok(kept.map(|(service, age)| Heartbeat { service: service.clone(), age }).collect())
    }
}
