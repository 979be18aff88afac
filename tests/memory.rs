//! Runs leave nothing behind: whoever fuzzes for a night does so in the memory of the first minute.

#![cfg(target_os = "linux")]

use std::fs;
use std::rc::Rc;

use podlapse::explore::fuzz::check;
use podlapse::explore::generate::Generator;
use podlapse::explore::weights::Weights;

/// Scenarios of one round, of every kind.
const SCENARIOS: u64 = 300;
/// Kilobytes by which the memory may grow from the second round on. A world that is kept makes it 1,500 each round.
const GROWTH: u64 = 4_000;

#[test]
fn what_a_run_takes_it_gives_back() {
    let generator = Generator::new(Weights {
        guests: 50,
        ..Weights::default()
    });
    let round = || {
        for run in 0..SCENARIOS {
            check(&Rc::new(generator.scenario(0, run)));
        }
    };
    round();
    round();
    let before = resident_kilobytes();
    (0..8).for_each(|_| round());
    let after = resident_kilobytes();
    assert!(after < before + GROWTH, "from {before} to {after} kB");
}

fn resident_kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let number = line.split_whitespace().nth(1).expect("a number");
    number.parse().expect("kilobytes")
}
