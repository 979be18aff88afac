//! The rules that can be broken on purpose, for the tests of the fuzzer.

/// A rule of the kubelet that is broken on purpose: the fuzzer must find each. No scenario can say this.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Sabotage {
    NoBackOff,
    BackOffStaysShort,
    NeverRestarts,
    InitOrder,
    ShortGrace,
    ProbeOneFailureEarly,
    NoInitialDelay,
    StartupGatesNothing,
    RestartWithoutKill,
    AttemptsStandStill,
    SidecarsEndFirst,
    PullsAtOnce,
    PullsAtWill,
    NoPullBackOff,
    TerminalPhaseLeft,
    ReadyWithoutProcess,
    TransitionsAlways,
}
