//! The threads over which runs are spread.

use std::hint::black_box;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Bytes of freed memory that are worth keeping: more than any usual run takes.
const KEPT: usize = 16 << 20;

/// A pool of so many threads, or of as many as there are cores (0). Errors when they cannot be had.
pub fn pool(jobs: usize) -> Result<ThreadPool, String> {
    keep_freed_memory();
    let threads = ThreadPoolBuilder::new().num_threads(jobs).build();
    threads.map_err(|error| format!("cannot start threads: {error}"))
}

/// A run takes some memory and gives all of it back. glibc would hand it to the system after each and ask for it
/// again, page by page. Once a large block has come and gone it keeps as much (mallopt(3), `M_TRIM_THRESHOLD`); other
/// allocators take no notice.
fn keep_freed_memory() {
    drop(black_box(Vec::<u8>::with_capacity(KEPT)));
}
