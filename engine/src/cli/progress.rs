//! Shows how far a run has come, and lets an interrupt end it in good order.

use super::output::Output;
use crate::control::Control;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How often the bar is redrawn.
const REDRAW: Duration = Duration::from_millis(100);

/// What a bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes of files.
    Bytes,
    /// Whatever else.
    Things,
}

impl Unit {
    const fn template(self) -> &'static str {
        match self {
            Self::Bytes => {
                "{prefix} {wide_bar} {percent:>3} % {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}"
            }
            Self::Things => "{prefix} {wide_bar} {percent:>3} % {pos}/{len} {per_sec} {eta}",
        }
    }
}

/// Runs work on a runtime of its own, as [`obeying`] does, with a bar on a terminal.
pub(super) fn watch<T>(
    output: Output,
    (what, unit): (&'static str, Unit),
    control: &Arc<Control>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    obeying(control, async {
        let bar = tokio::spawn(show(output.shows_progress(), what, unit, Arc::clone(control)));
        let result = work.await;
        bar.abort();
        // It is ours and only looks on; that it was aborted is what is wanted.
        drop(bar.await);
        result
    })
}

/// Runs work on a runtime of its own. The first interrupt asks the work to end with what it has; the second ends the process.
pub(super) fn obeying<T>(control: &Arc<Control>, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let interrupt = runtime.spawn(interrupt(Arc::clone(control)));
        let result = work.await;
        interrupt.abort();
        // As above.
        drop(interrupt.await);
        result
    })
}

async fn interrupt(control: Arc<Control>) {
    for press in 0.. {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        if press > 0 {
            std::process::exit(i32::from(super::ExitStatus::Cancelled as u8));
        }
        control.cancel();
    }
}

async fn show(visible: bool, what: &'static str, unit: Unit, control: Arc<Control>) {
    if !visible {
        return;
    }
    let bar = Bar(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
    bar.0.set_style(ProgressStyle::with_template(unit.template()).expect("the templates are well formed"));
    bar.0.set_prefix(what);
    loop {
        let (done, total) = control.position();
        if total > 0 {
            bar.0.set_length(total);
            bar.0.set_position(done);
        } else {
            bar.0.tick();
        }
        tokio::time::sleep(REDRAW).await;
    }
}

/// Clears the line when the watcher ends, however that comes.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_well_formed() {
        for unit in [Unit::Bytes, Unit::Things] {
            let template = unit.template();
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
