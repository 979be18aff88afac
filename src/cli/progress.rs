//! Long work: a progress bar on a terminal, and Ctrl-C, which ends it with a summary.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::clock::Watch;
use super::printer::Printer;
use crate::explore::threads::LARGEST_BATCH;

/// Whether Ctrl-C was pressed.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C asks the work to end; a second one ends the process.
pub(super) fn catch_interrupts() {
    // A handler that is there already will do.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

/// Whether the work is to end.
pub(super) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// How many runs to do between two looks at the clock and at Ctrl-C: as many as take a fifth of a second.
pub(super) struct Pace {
    watch: Watch,
    /// How many were done at the last look, and when that was.
    last: (u64, Duration),
}

impl Pace {
    const BETWEEN_LOOKS: f64 = 0.2;

    pub(super) fn start() -> Pace {
        Pace {
            watch: Watch::start(),
            last: (0, Duration::ZERO),
        }
    }

    /// `done` runs are done: how many to do before the next look; None when the time is over, or somebody wants the end.
    pub(super) fn next(&mut self, done: u64, limit: Option<Duration>) -> Option<usize> {
        let now = self.watch.elapsed();
        if is_interrupted() || limit.is_some_and(|limit| now >= limit) {
            return None;
        }
        let (before, then) = std::mem::replace(&mut self.last, (done, now));
        let rate = (done - before) as f64 / (now - then).as_secs_f64().max(1e-6);
        Some(((rate * Pace::BETWEEN_LOOKS) as usize).clamp(1, LARGEST_BATCH))
    }
}

/// A bar over `total` runs (None: nobody knows), which hides itself where nobody looks.
pub(super) fn bar(printer: Printer, total: Option<u64>) -> ProgressBar {
    if !printer.shows_progress() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:40} {human_pos}/{human_len} runs, {per_sec}, {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} runs, {per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
