//! The threads over which runs are spread.

use rayon::{ThreadPool, ThreadPoolBuilder};

/// A pool of so many threads, from 1. Errors when they cannot be had.
pub fn pool(jobs: usize) -> Result<ThreadPool, String> {
    let threads = ThreadPoolBuilder::new().num_threads(jobs).build();
    threads.map_err(|error| format!("cannot start threads: {error}"))
}
