//! From seeds to scenarios: fuzzing with shrinking, sweeps, Monte Carlo, shards.
//!
//! A run is a number. Number and seed give its scenario, whatever else runs before, after or beside it; so results
//! depend neither on the number of threads nor on the number of machines.

pub mod chart;
pub mod fuzz;
pub mod generate;
pub mod measure;
pub mod merge;
pub mod mutate;
pub mod report;
pub mod shard;
pub mod shrink;
pub mod stream;
pub mod sweep;
pub mod threads;
pub mod vary;
pub mod weights;
pub mod write;
