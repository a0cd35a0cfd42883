//! Answers properly, and leaves a task running behind.

use hostile::raw::Attack;

struct LeavesTask;

impl Attack for LeavesTask {
    const NAME: &'static str = "leaves-task";

    async fn on_candle() {
        wit_bindgen::spawn_local(async {
            loop {
                wit_bindgen::yield_async().await;
            }
        });
    }
}

hostile::export_attack!(LeavesTask);
