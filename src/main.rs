//! The `podlapse` command.

use std::process::ExitCode;

// A run takes and gives back hundreds of small pieces of memory: docs/performance.md says what this is worth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    podlapse::cli::main()
}
