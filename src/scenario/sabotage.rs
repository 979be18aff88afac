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
    MountsNotAwaited,
    NoMountBackOff,
    EnvironmentNotAwaited,
    ReadinessGatesOpen,
    DeadlineEarly,
    ShutdownAdmits,
    DebuggersRestart,
    NeverIsPulled,
    SuccessRestarts,
    SilentKills,
    SandboxEndsWithContainer,
    GenerationAlways,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Sabotage; 29] = [
        Sabotage::NoBackOff,
        Sabotage::BackOffStaysShort,
        Sabotage::NeverRestarts,
        Sabotage::InitOrder,
        Sabotage::ShortGrace,
        Sabotage::ProbeOneFailureEarly,
        Sabotage::NoInitialDelay,
        Sabotage::StartupGatesNothing,
        Sabotage::RestartWithoutKill,
        Sabotage::AttemptsStandStill,
        Sabotage::SidecarsEndFirst,
        Sabotage::PullsAtOnce,
        Sabotage::PullsAtWill,
        Sabotage::NoPullBackOff,
        Sabotage::TerminalPhaseLeft,
        Sabotage::ReadyWithoutProcess,
        Sabotage::TransitionsAlways,
        Sabotage::MountsNotAwaited,
        Sabotage::NoMountBackOff,
        Sabotage::EnvironmentNotAwaited,
        Sabotage::ReadinessGatesOpen,
        Sabotage::DeadlineEarly,
        Sabotage::ShutdownAdmits,
        Sabotage::DebuggersRestart,
        Sabotage::NeverIsPulled,
        Sabotage::SuccessRestarts,
        Sabotage::SilentKills,
        Sabotage::SandboxEndsWithContainer,
        Sabotage::GenerationAlways,
    ];
}
