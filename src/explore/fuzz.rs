//! Fuzzing: many generated runs, each judged by the invariants; what breaks one is shrunk.

use std::borrow::Cow;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use rayon::prelude::*;

use super::generate::Generator;
use super::mutate::mutated;
use super::shard::Shard;
use super::shrink::shrunk;
use super::threads::{self, FIRST_BATCH};
use super::weights::Weights;
use super::write;
use crate::api::features::Version;
use crate::check::expectations::{Compiled, compile, describe, judge};
use crate::check::invariants::Checker;
use crate::scenario::types::{Input, Sabotage, Schedule};
use crate::sim;
use crate::trace::Record;
use crate::views::humane::count_of;

/// What is to be fuzzed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// seed of all runs
    pub seed: u64,
    /// the first run
    pub first: u64,
    /// the runs end before this number; `u64::MAX` goes on until it is stopped
    pub end: u64,
    /// which of those runs are done here
    pub shard: Shard,
    /// threads
    pub jobs: usize,
    /// what the generator makes use of
    pub weights: Weights,
    /// mutations of this input in place of generated ones; its expectations must hold as the invariants do
    pub around: Option<Input>,
    /// a rule broken on purpose
    #[doc(hidden)]
    pub sabotage: Option<Sabotage>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            seed: 0,
            first: 0,
            end: 10_000,
            shard: Shard::WHOLE,
            jobs: 1,
            weights: Weights::default(),
            around: None,
            sabotage: None,
        }
    }
}

/// What did not hold in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// the invariant's name, or `expect[0]`
    pub invariant: Cow<'static, str>,
    /// where and what
    pub text: String,
    /// an expectation of which the run says nothing, which is another failure than one that is wrong
    pub undecided: bool,
}

/// An invariant that was broken, by its first run.
#[derive(Clone, Debug)]
pub struct Finding {
    /// what was broken
    pub broken: Broken,
    /// the first run that broke it
    pub run: u64,
    /// how many runs broke it
    pub runs: u64,
    /// the input of that run
    pub input: Input,
    /// a small input that breaks it, and how
    pub small: (Input, Broken),
}

/// What fuzzing has found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// runs that were checked
    pub checked: u64,
    /// by the number of their first run
    pub findings: Vec<Finding>,
    /// it was stopped before its end
    pub stopped: bool,
}

/// Inputs that shrinking tries at most.
const SHRINK_TRIES: usize = 1_500;
/// A run with more records than this, and more than so many a second for each pod, goes round in circles.
const MOST_RECORDS: u64 = 500_000;
const MOST_RECORDS_PER_SECOND: u64 = 2_000;
/// Inputs that are made one after another, then run one after another, at most; and records that are then checked one after
/// another. A processor does one thing again and again sooner than several in turn, each with code of its own.
const RUNS_AT_A_TIME: usize = 16;
const RECORDS_AT_A_TIME: usize = 64;
/// The engine has panicked, or a run does not come to an end.
pub const NO_PANIC: &str = "no-panic";
/// How the names of expectations begin.
const EXPECTATION: &str = "expect[";

/// Runs an input and says which invariants do not hold.
pub fn check(input: &Rc<Input>) -> Vec<Broken> {
    check_all(input, &[])
}

/// Runs an input and says what does not hold: of the invariants, and of these expectations of the input.
pub fn check_all(input: &Rc<Input>, expectations: &[Compiled]) -> Vec<Broken> {
    let keeps = !expectations.is_empty();
    let seen = Rc::new(RefCell::new(Seen {
        checker: Checker::new(input.clone()),
        records: Vec::with_capacity(RECORDS_AT_A_TIME),
        checked: 0,
    }));
    let sink = seen.clone();
    let per_second = MOST_RECORDS_PER_SECOND * input.pods.len() as u64;
    let ended = panic_of(|| {
        sim::run_with(input, move |record| {
            if record.seq >= MOST_RECORDS {
                let seconds = u64::try_from(record.at.as_nanos() / 1_000_000_000).unwrap_or(0);
                let most = MOST_RECORDS + seconds * per_second;
                assert!(record.seq < most, "the run does not come to an end");
            }
            let mut seen = sink.borrow_mut();
            seen.records.push(record);
            if seen.records.len() - seen.checked == RECORDS_AT_A_TIME {
                seen.check(keeps);
            }
        });
    });
    let mut seen = seen.borrow_mut();
    // What was recorded before a panic counts as well.
    let checked = panic_of(|| seen.check(keeps));
    let violations = seen.checker.violations().iter();
    let mut broken: Vec<Broken> = violations
        .map(|v| Broken {
            invariant: v.invariant.into(),
            text: v.to_string(),
            undecided: false,
        })
        .collect();
    match ended.or(checked) {
        None => broken.extend(not_held(input, expectations, &seen.records)),
        panic => broken.extend(panic),
    }
    broken
}

/// What a run has recorded.
struct Seen {
    checker: Checker,
    /// What is kept or not yet checked.
    records: Vec<Record>,
    /// How many of those the checker has looked at.
    checked: usize,
}

impl Seen {
    /// Checks what was not checked yet; afterwards the records are only kept for somebody else.
    fn check(&mut self, keeps: bool) {
        for record in &self.records[self.checked..] {
            self.checker.observe(record);
        }
        if !keeps {
            self.records.clear();
        }
        self.checked = self.records.len();
    }
}

/// What a panic says, if there is one.
fn panic_of(work: impl FnOnce()) -> Option<Broken> {
    let panic = catch_unwind(AssertUnwindSafe(work)).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    Some(Broken {
        invariant: NO_PANIC.into(),
        text: text.unwrap_or_default(),
        undecided: false,
    })
}

/// The expectations that do not hold, by their places in the scenario.
fn not_held(input: &Input, expectations: &[Compiled], records: &[Record]) -> Vec<Broken> {
    if expectations.is_empty() {
        // Even for none a world would be built.
        return Vec::new();
    }
    let verdicts = judge(expectations, input, records).into_iter().enumerate();
    let broken = verdicts.filter_map(|(place, verdict)| {
        let failure = verdict.failure?;
        Some(Broken {
            invariant: format!("{EXPECTATION}{place}]").into(),
            text: format!("{}: {}", describe(&verdict.expectation), failure.why),
            undecided: failure.undecided,
        })
    });
    broken.collect()
}

/// What the expectations of an input come to; none if they do not fit it.
fn compiled(input: &Input) -> Vec<Compiled> {
    compile(input).unwrap_or_default()
}

impl Plan {
    fn input(&self, generator: &Generator, run: u64) -> Input {
        let mut input = match &self.around {
            None => generator.scenario(self.seed, run),
            Some(around) => {
                let mut input = mutated(around, self.seed, run);
                write::keep_in_step(&mut input, around);
                input
            }
        };
        if self.sabotage.is_some() {
            input.scenario.kubelet.sabotage = self.sabotage;
            for node in &mut input.scenario.nodes {
                node.kubelet.sabotage = self.sabotage;
            }
        }
        input
    }

    /// The inputs of the shard's runs, in order.
    pub fn inputs(&self) -> impl Iterator<Item = Input> {
        let generator = Generator::new(self.weights.clone());
        self.runs().map(move |run| self.input(&generator, run))
    }

    /// The shard's runs, in order.
    fn runs(&self) -> impl Iterator<Item = u64> {
        let (shard, first, end) = (self.shard, self.first, self.end);
        let position = first.saturating_sub(shard.index).div_ceil(shard.count);
        (position..)
            .map(move |position| shard.run_at(position))
            .take_while(move |run| *run < end)
    }

    /// Fuzzes. `pace` is told after each batch how many runs are done, and says how many more to do before it is asked
    /// again; None stops. The result depends on neither threads nor batches. Errors when the threads cannot be had.
    pub fn fuzz(&self, mut pace: impl FnMut(u64) -> Option<usize>) -> Result<Report, String> {
        let threads = threads::pool(self.jobs)?;
        let generator = Generator::new(self.weights.clone());
        let expectations = self.around.as_ref().map(compiled).unwrap_or_default();
        let mut report = Report::default();
        let mut found: Vec<(Broken, u64, u64)> = Vec::new();
        let mut runs = self.runs();
        let mut size = FIRST_BATCH;
        loop {
            let batch: Vec<u64> = runs.by_ref().take(size).collect();
            if batch.is_empty() {
                break;
            }
            for (run, broken) in threads.install(|| self.judge(&generator, &expectations, &batch)) {
                for broken in broken {
                    match found.iter_mut().find(|(known, ..)| known.invariant == broken.invariant) {
                        Some((_, _, runs)) => *runs += 1,
                        None => found.push((broken, run, 1)),
                    }
                }
            }
            report.checked += batch.len() as u64;
            match pace(report.checked) {
                Some(next) => size = next,
                None => {
                    report.stopped = true;
                    break;
                }
            }
        }
        let findings = found.into_iter().map(|(broken, run, runs)| {
            let input = self.input(&generator, run);
            let small = shrink(&input, &broken, self.around.as_ref());
            Finding {
                broken,
                run,
                runs,
                input,
                small,
            }
        });
        report.findings = findings.collect();
        Ok(report)
    }

    /// The runs of a batch that break something, in order.
    fn judge(&self, generator: &Generator, expectations: &[Compiled], batch: &[u64]) -> Vec<(u64, Vec<Broken>)> {
        // Of few runs, which may be long ones, each thread has some.
        let at_a_time = (batch.len() / (4 * self.jobs.max(1))).clamp(1, RUNS_AT_A_TIME);
        let judged = batch.par_chunks(at_a_time).flat_map_iter(|runs| {
            let inputs: Vec<_> = runs.iter().map(|run| Rc::new(self.input(generator, *run))).collect();
            let broken = inputs.iter().map(|input| check_all(input, expectations));
            runs.iter().copied().zip(broken.collect::<Vec<_>>())
        });
        judged.filter(|(_, broken)| !broken.is_empty()).collect()
    }
}

/// A small input that breaks the same invariant in the same way. `original`: what the input is a mutation of, if it is one.
fn shrink(input: &Input, broken: &Broken, original: Option<&Input>) -> (Input, Broken) {
    let mut last = broken.clone();
    let is_expectation = broken.invariant.starts_with(EXPECTATION);
    let original = original.unwrap_or(input);
    let in_step = |small: &Input| {
        let mut small = small.clone();
        write::keep_in_step(&mut small, original);
        small
    };
    let small = shrunk(input, SHRINK_TRIES, |candidate| {
        let candidate = in_step(candidate);
        // An expectation that speaks of what is not there any more says nothing.
        let expectations = if is_expectation {
            compiled(&candidate)
        } else {
            Vec::new()
        };
        let found = check_all(&Rc::new(candidate), &expectations);
        let same = |b: &Broken| b.invariant == broken.invariant && b.undecided == broken.undecided;
        match found.into_iter().find(same) {
            Some(found) => {
                last = found;
                true
            }
            None => false,
        }
    });
    (in_step(&small), last)
}

/// What was drawn, in one line.
pub fn drawn(input: &Input) -> String {
    let scenario = &input.scenario;
    let containers: usize = input.pods.iter().map(|p| p.pod.all_containers().count()).sum();
    let mut parts = vec![
        count_of(input.pods.len(), "pod"),
        count_of(containers, "container"),
        count_of(scenario.actions.len(), "action"),
    ];
    if let Some(length) = scenario.run_for {
        parts.push(format!("runFor {length}"));
    }
    if scenario.schedule == Schedule::Seeded {
        parts.push("schedule Seeded".to_owned());
    }
    if scenario.kubelet.seeded_phases {
        parts.push("phases Seeded".to_owned());
    }
    if !scenario.nodes.is_empty() {
        parts.push(count_of(scenario.nodes.len(), "node"));
    }
    let features = &scenario.kubelet.features;
    if features.version != Version::LATEST {
        parts.push(format!("version {}", features.version));
    }
    parts.extend(
        scenario
            .kubelet
            .feature_gates
            .iter()
            .map(|(gate, on)| format!("{gate}={on}")),
    );
    if scenario.jitter {
        parts.push("jitter".to_owned());
    }
    if scenario.seed != 0 {
        parts.push(format!("seed {}", scenario.seed));
    }
    parts.join(", ")
}
