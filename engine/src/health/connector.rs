//! A connector whose health is shown: what is left of the exchange's budgets, whether its connections stand, what is unanswered.

use super::handles::Queue;
use super::metrics::Metrics;
use super::peer::{EXCHANGE, Peer};
use async_trait::async_trait;
use calypte_venues::connector::{
    ACCOUNT_BUDGETS, CannotStart, Connector, Event, Health, News, NotTaken, Notice, Opened, Request,
};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often it is looked how the connector is.
const LOOK: Duration = Duration::from_secs(1);

/// A connector, and whoever looks at it while somebody waits for its events. Dropped, it is shown no longer.
pub struct Watched {
    connector: Box<dyn Connector>,
    metrics: Metrics,
    /// Whose; none: it brings market data alone.
    account: Option<String>,
    look: Interval,
    /// Budgets that are shown, by their labels.
    budgets: BTreeSet<String>,
    /// None: it has no connection and wants none.
    peer: Option<Peer>,
    unanswered: Option<Queue>,
}

impl Watched {
    /// Shows how a connector is, of an account or of none.
    pub fn new(connector: Box<dyn Connector>, metrics: &Metrics, account: Option<&str>) -> Self {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            connector,
            metrics: metrics.clone(),
            account: account.map(str::to_owned),
            look,
            budgets: BTreeSet::new(),
            peer: None,
            unanswered: account.map(|account| metrics.queue(&format!("unanswered of {account}"))),
        }
    }

    fn show(&mut self) {
        let Health { connections, budgets, unanswered, .. } = self.connector.health();
        for budget in budgets {
            // All but this one are shared by whatever leaves from one address.
            let name = match &self.account {
                Some(account) if ACCOUNT_BUDGETS.contains(&budget.name) => budget.name.replace("the account", account),
                _ => budget.name.to_owned(),
            };
            self.metrics.budget(&name, &budget);
            self.budgets.insert(name);
        }
        if let Some(queue) = &self.unanswered {
            queue.depth(unanswered);
        }
        self.peer = if connections.is_empty() {
            None
        } else {
            let peer = self.peer.take().unwrap_or_else(|| self.metrics.peer(EXCHANGE));
            peer.stands(connections.iter().all(|connection| connection.is_live));
            Some(peer)
        };
    }
}

#[async_trait]
impl Connector for Watched {
    async fn start(&mut self) -> Result<Opened, CannotStart> {
        let opened = self.connector.start().await;
        self.show();
        opened
    }

    async fn stop(&mut self) {
        self.connector.stop().await;
    }

    fn request(&mut self, request: Request) -> Result<(), NotTaken> {
        self.connector.request(request)
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                biased;
                _ = self.look.tick() => self.show(),
                event = self.connector.next() => {
                    // Between two looks one may be lost and made again.
                    if let (Some(Event { news: News::Notice(Notice::Lost { .. }), .. }), Some(peer)) = (&event, &self.peer) {
                        peer.lost();
                    }
                    return event;
                }
            }
        }
    }

    fn health(&self) -> Health {
        self.connector.health()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Other connectors that share one show it again at their next look.
        self.budgets.iter().for_each(|name| self.metrics.forget_budget(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_kernel::Timestamp;
    use calypte_venues::connector::{ACCOUNT_REQUESTS, Budget, ConnectionHealth};
    use tokio::sync::mpsc;

    /// A connector that is as it is told, and says what it is told.
    struct Puppet {
        health: Health,
        events: mpsc::Receiver<(Health, Option<Notice>)>,
    }

    #[async_trait]
    impl Connector for Puppet {
        async fn start(&mut self) -> Result<Opened, CannotStart> {
            Ok(Opened { instruments: Vec::new(), fees: None, warnings: Vec::new() })
        }

        async fn stop(&mut self) {}

        fn request(&mut self, request: Request) -> Result<(), NotTaken> {
            Err(NotTaken::NotRunning(Box::new(request)))
        }

        async fn next(&mut self) -> Option<Event> {
            loop {
                let (health, notice) = self.events.recv().await?;
                self.health = health;
                if let Some(notice) = notice {
                    return Some(Event { received: Timestamp::from_millis(0), news: News::Notice(notice) });
                }
            }
        }

        fn health(&self) -> Health {
            self.health.clone()
        }
    }

    fn health(is_live: bool, left: u64) -> Health {
        let budget = |name, left| Budget { name, left, of: 100, runs_out: None };
        Health {
            connections: vec![ConnectionHealth { name: "account", is_live, heard: None }],
            budgets: vec![budget("REST weight", 50), budget(ACCOUNT_REQUESTS, left)],
            unanswered: 3,
            ..Health::default()
        }
    }

    #[tokio::test]
    async fn what_a_connector_is_is_shown_until_it_is_gone() {
        let metrics = Metrics::new("engine");
        let (tell, events) = mpsc::channel(4);
        let puppet = Puppet { health: Health::default(), events };
        let mut watched = Watched::new(Box::new(puppet), &metrics, Some("alice"));
        watched.start().await.expect("it starts");
        let has = |line: &str| metrics.page().lines().any(|shown| shown == line);
        assert!(!metrics.page().contains("{peer=\"exchange\"}"), "it has no connection yet");

        let complaint = || Some(Notice::Complaint("slowly".to_owned()));
        tell.send((health(true, 75), complaint())).await.expect("there is room");
        assert!(watched.next().await.is_some());
        watched.show();
        for line in [
            "calypte_budget_left_ratio{budget=\"REST weight\"} 0.5",
            "calypte_budget_left_ratio{budget=\"requests of alice\"} 0.75",
            "calypte_queue_depth{queue=\"unanswered of alice\"} 3",
            "calypte_connected{peer=\"exchange\"} 1",
            "calypte_reconnects_total{peer=\"exchange\"} 0",
        ] {
            assert!(has(line), "{line} is in {}", metrics.page());
        }

        // It is back before anybody looks.
        let lost = Notice::Lost { connection: "account", why: "broken".to_owned() };
        tell.send((health(true, 74), Some(lost))).await.expect("there is room");
        assert!(watched.next().await.is_some());
        assert!(has("calypte_connected{peer=\"exchange\"} 0") && has("calypte_reconnects_total{peer=\"exchange\"} 1"));
        watched.show();
        assert!(has("calypte_connected{peer=\"exchange\"} 1") && has("calypte_reconnects_total{peer=\"exchange\"} 1"));

        drop(watched);
        for gone in ["calypte_budget_left_ratio{", "calypte_queue_depth{", "calypte_connected{"] {
            assert!(!metrics.page().contains(gone), "{gone} is in {}", metrics.page());
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_events_has_it_looked_at() {
        let metrics = Metrics::new("market-data");
        let (_tell, events) = mpsc::channel(1);
        let mut watched = Watched::new(Box::new(Puppet { health: health(true, 75), events }), &metrics, None);
        let shown = async {
            while !metrics.page().contains("calypte_connected{peer=\"exchange\"} 1") {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = watched.next() => panic!("there is no event"),
            shown = tokio::time::timeout(20 * LOOK, shown) => shown.expect("it is shown"),
        }
        assert!(!metrics.page().contains(" of alice"), "it is nobody's");
    }
}
