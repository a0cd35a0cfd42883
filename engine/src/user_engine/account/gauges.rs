//! What is looked at of an account now and then: how its journal grows, what waits for it, whether its database takes facts.

use crate::health::{AccountMetrics, DATABASE, Metrics, Peer, Queue};
use crate::journal::Written;
use crate::live::News;
use crate::record::{Progress, Recorder};
use tokio::sync::{mpsc, watch};

/// Shows an account. Dropped, what waits for it is shown no longer.
pub(super) struct Gauges {
    metrics: AccountMetrics,
    journal: Option<Written>,
    /// Bytes of the journal that have been counted.
    counted: u64,
    news: Queue,
    database: Option<Database>,
}

/// Where the account is recorded.
struct Database {
    progress: watch::Receiver<Progress>,
    line: Peer,
    /// What was read of the journal and is not in the database.
    facts: Queue,
}

impl Gauges {
    /// Of an account that begins to trade.
    pub(super) fn new(metrics: &Metrics, account: &str, journal: Option<Written>, recorder: Option<&Recorder>) -> Self {
        let database = recorder.map(|recorder| Database {
            progress: recorder.progress(),
            line: metrics.peer(DATABASE),
            facts: metrics.queue(&format!("facts of {account}")),
        });
        let news = metrics.queue(&format!("news of {account}"));
        Self { metrics: metrics.account(account), journal, counted: 0, news, database }
    }

    /// Looks once.
    pub(super) fn look(&mut self, news: &mpsc::Sender<News>) {
        if let Some(journal) = &self.journal {
            let bytes = journal.bytes();
            self.metrics.journalled(bytes.saturating_sub(self.counted));
            self.counted = bytes;
        }
        self.news.depth(news.max_capacity().saturating_sub(news.capacity()));
        if let Some(Database { progress, line, facts }) = &self.database {
            let progress = progress.borrow();
            facts.depth(progress.waiting);
            if progress.is_connected && progress.trouble.is_none() { line.stands(true) } else { line.lost() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_is_shown() {
        let metrics = Metrics::new("engine");
        let (told, progress) = watch::channel(Progress::default());
        let mut gauges = Gauges::new(&metrics, "alice", None, None);
        gauges.database = Some(Database { progress, line: metrics.peer(DATABASE), facts: metrics.queue("facts of alice") });
        let (news, _told) = mpsc::channel(8);
        let has = |line: &str| metrics.page().lines().any(|shown| shown == line);
        gauges.look(&news);
        assert!(has("calypte_connected{peer=\"database\"} 0") && has("calypte_queue_depth{queue=\"news of alice\"} 0"));

        news.try_send(News::Shutdown).expect("there is room");
        told.send_modify(|progress| (progress.is_connected, progress.waiting) = (true, 7));
        gauges.look(&news);
        for line in [
            "calypte_connected{peer=\"database\"} 1",
            "calypte_queue_depth{queue=\"news of alice\"} 1",
            "calypte_queue_depth{queue=\"facts of alice\"} 7",
        ] {
            assert!(has(line), "{line} is in {}", metrics.page());
        }
        told.send_modify(|progress| progress.trouble = Some("it is away".to_owned()));
        gauges.look(&news);
        gauges.look(&news);
        assert!(has("calypte_connected{peer=\"database\"} 0") && has("calypte_reconnects_total{peer=\"database\"} 1"));
    }
}
