//! Long work: a progress bar on a terminal, and Ctrl-C, which ends it with a summary.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::printer::Printer;

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
