//! The threads over which runs are spread.

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Runs of the first batch: nobody knows yet how long one takes.
pub const FIRST_BATCH: usize = 16;
/// Runs between two looks at whether to stop, at most.
pub const LARGEST_BATCH: usize = 2_048;

/// A pool of so many threads, from 1. Errors when they cannot be had.
pub fn pool(jobs: usize) -> Result<ThreadPool, String> {
    let threads = ThreadPoolBuilder::new().num_threads(jobs).build();
    threads.map_err(|error| format!("cannot start threads: {error}"))
}
