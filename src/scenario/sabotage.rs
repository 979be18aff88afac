//! The rules that can be broken on purpose, for the tests of the fuzzer.

/// The enum, and the list of all that is in it.
macro_rules! rules {
    ($($name:ident,)+) => {
        /// A rule of the kubelet that is broken on purpose: the fuzzer must find each. No scenario can say this.
        #[doc(hidden)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Sabotage {
            $($name,)+
        }

        impl Sabotage {
            /// All of them.
            pub const ALL: &[Sabotage] = &[$(Sabotage::$name,)+];
        }
    };
}

rules! {
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
    RootMayRun,
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
