//! Each rule that is broken on purpose is found by the fuzzer, within a number of runs that takes far below ten
//! seconds, and shrunk to a scenario that `podlapse run` can read.

#![allow(missing_docs)]

#[path = "common/read.rs"]
mod read;

use podlapse::explore::fuzz::Plan;
use podlapse::explore::threads::LARGEST_BATCH;
use podlapse::explore::weights::Weights;
use podlapse::explore::write;
use podlapse::scenario::types::Sabotage;
use podlapse::sim;
use read::read;

fn is_found(sabotage: Sabotage, invariants: &[&str]) {
    let plan = Plan {
        end: 8_192,
        jobs: 2,
        sabotage: Some(sabotage),
        ..Plan::default()
    };
    // A batch that has found something is enough.
    let mut report = plan.fuzz(|_| Some(LARGEST_BATCH)).expect("threads");
    report.findings.retain(|f| invariants.contains(&&*f.broken.invariant));
    let found = report
        .findings
        .first()
        .unwrap_or_else(|| panic!("{sabotage:?} is not found"));
    let text = write::yaml(&found.small.0);
    println!("{sabotage:?}: run {}, {}\n{text}", found.run, found.small.1.text);
    assert_eq!(read(&text).pods.len(), found.small.0.pods.len());
}

/// What is handed over runs as what was found does: a guest's volumes are those of the small pod.
#[test]
fn what_is_handed_over_is_what_was_found() {
    let weights = Weights {
        guests: 100,
        objects: 100,
        ..Weights::default()
    };
    for seed in 0..20 {
        let plan = Plan {
            seed,
            end: 64,
            jobs: 2,
            weights: weights.clone(),
            sabotage: Some(Sabotage::TransitionsAlways),
            ..Plan::default()
        };
        let report = plan.fuzz(|_| Some(LARGEST_BATCH)).expect("threads");
        assert!(!report.findings.is_empty());
        for found in report.findings {
            let small = found.small.0;
            let mut again = read(&write::yaml(&small));
            again.scenario.kubelet.sabotage = small.scenario.kubelet.sabotage;
            assert_eq!(sim::run(&again), sim::run(&small));
        }
    }
}

macro_rules! found {
    ($($name:ident: $sabotage:ident by $($invariant:literal),+;)+) => {
        $(#[test]
        fn $name() {
            is_found(Sabotage::$sabotage, &[$($invariant),+]);
        })+
    };
}

found! {
    no_back_off: NoBackOff by "back-off-respected";
    back_off_stays_short: BackOffStaysShort by "back-off-doubles", "back-off-respected";
    never_restarts: NeverRestarts by "never-runs-once";
    init_order: InitOrder by "init-order";
    short_grace: ShortGrace by "grace-period-in-full";
    probe_one_failure_early: ProbeOneFailureEarly by "kills-have-their-failures";
    no_initial_delay: NoInitialDelay by "initial-delay";
    startup_gates_nothing: StartupGatesNothing by "startup-first";
    restart_without_kill: RestartWithoutKill by "one-live-process";
    attempts_stand_still: AttemptsStandStill by "attempts-count-up";
    sidecars_end_first: SidecarsEndFirst by "sidecars-end-last";
    pulls_at_once: PullsAtOnce by "pulls-within-their-limit";
    pulls_at_will: PullsAtWill by "pulls-within-their-rate";
    no_pull_back_off: NoPullBackOff by "pull-back-off";
    terminal_phase_left: TerminalPhaseLeft by "terminal-phase-is-final";
    ready_without_process: ReadyWithoutProcess by "ready-means-running";
    transitions_always: TransitionsAlways by "transition-times";
    mounts_not_awaited: MountsNotAwaited by "volumes-come-first";
    no_mount_back_off: NoMountBackOff by "mounts-back-off";
    environment_not_awaited: EnvironmentNotAwaited by "environment-is-there";
    root_may_run: RootMayRun by "nobody-is-root-who-must-not";
    readiness_gates_open: ReadinessGatesOpen by "gates-hold-readiness-up";
    deadline_early: DeadlineEarly by "deadline-has-passed";
    shutdown_admits: ShutdownAdmits by "shutdown-turns-away";
    debuggers_restart: DebuggersRestart by "debuggers-start-once";
    never_is_pulled: NeverIsPulled by "never-pulled";
    success_restarts: SuccessRestarts by "success-is-final";
    silent_kills: SilentKills by "killing-is-announced";
    sandbox_ends_with_container: SandboxEndsWithContainer by "sandboxes-live-on";
    generation_always: GenerationAlways by "generation-is-gated";
}
