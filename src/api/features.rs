//! What differs between the kubelets of 1.31 to 1.36: switches with names. A rule asks a switch, never a version.
//!
//! The patch levels are 1.31.14, 1.32.13, 1.33.13, 1.34.9, 1.35.6 and 1.36.3.

use std::collections::BTreeMap;
use std::fmt;

/// A minor version of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Version {
    V1_31,
    V1_32,
    V1_33,
    V1_34,
    V1_35,
    V1_36,
}

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Version; 6] = [
        Version::V1_31,
        Version::V1_32,
        Version::V1_33,
        Version::V1_34,
        Version::V1_35,
        Version::V1_36,
    ];
    /// The newest.
    pub const LATEST: Version = Version::V1_36;

    /// Reads `1.34`, and `v1.34` or `1.34.9` as people write it.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts = text.splitn(3, '.');
        let (major, minor) = (parts.next()?, parts.next()?);
        let known = Version::ALL.into_iter().find(|v| minor == &v.to_string()[2..]);
        known.filter(|_| major == "1")
    }

    /// The 36 of 1.36.
    pub(crate) fn minor(self) -> u32 {
        match self {
            Version::V1_31 => 31,
            Version::V1_32 => 32,
            Version::V1_33 => 33,
            Version::V1_34 => 34,
            Version::V1_35 => 35,
            Version::V1_36 => 36,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor())
    }
}

/// How far a gate has come in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Stage {
    Alpha,
    Beta,
    Stable,
    Deprecated,
}

/// A feature gate in one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Its value when nobody says otherwise.
    pub default: bool,
    /// Its stage.
    pub stage: Stage,
    /// Whether it can't be changed any more.
    pub locked: bool,
}

/// A gate's life: its name and what it is in each version, oldest first; None where it does not exist.
type GateRow = (&'static str, [Option<Gate>; 6]);

const NONE: Option<Gate> = None;
const fn gate(default: bool, stage: Stage, locked: bool) -> Option<Gate> {
    Some(Gate { default, stage, locked })
}
const OFF_A: Option<Gate> = gate(false, Stage::Alpha, false);
const OFF_B: Option<Gate> = gate(false, Stage::Beta, false);
const ON_B: Option<Gate> = gate(true, Stage::Beta, false);
const ON_GA: Option<Gate> = gate(true, Stage::Stable, false);
const LOCKED: Option<Gate> = gate(true, Stage::Stable, true);
const OFF_D: Option<Gate> = gate(false, Stage::Deprecated, false);
const OFF_DL: Option<Gate> = gate(false, Stage::Deprecated, true);

/// The gates that touch what is modelled, and others that people set on kubelets.
#[rustfmt::skip]
const GATES: &[GateRow] = &[
    ("AllowOverwriteTerminationGracePeriodSeconds", [NONE, OFF_D, OFF_D, OFF_D, OFF_DL, OFF_DL]),
    ("ChangeContainerStatusOnKubeletRestart", [NONE, NONE, NONE, NONE, OFF_D, OFF_D]),
    ("ContainerRestartRules", [NONE, NONE, NONE, OFF_A, ON_B, ON_B]),
    ("ContainerStopSignals", [NONE, NONE, OFF_A, OFF_A, OFF_A, OFF_A]),
    ("EventedPLEG", [OFF_A; 6]),
    ("ExecProbeTimeout", [ON_GA, ON_GA, ON_GA, ON_GA, LOCKED, LOCKED]),
    ("ExtendWebSocketsToKubelet", [NONE, NONE, NONE, NONE, NONE, ON_B]),
    ("GracefulNodeShutdown", [ON_B; 6]),
    ("GracefulNodeShutdownBasedOnPodPriority", [ON_B; 6]),
    ("ImageVolume", [OFF_A, OFF_A, OFF_B, OFF_B, ON_B, LOCKED]),
    ("InPlacePodLevelResourcesVerticalScaling", [NONE, NONE, NONE, NONE, OFF_A, ON_B]),
    ("InPlacePodVerticalScaling", [OFF_A, OFF_A, ON_B, ON_B, LOCKED, LOCKED]),
    ("InPlacePodVerticalScalingInitContainers", [NONE, NONE, NONE, NONE, NONE, ON_B]),
    ("KubeletCrashLoopBackOffMax", [NONE, OFF_A, OFF_A, OFF_A, ON_B, ON_B]),
    ("KubeletEnsureSecretPulledImages", [NONE, NONE, OFF_A, OFF_A, ON_B, ON_B]),
    ("LegacySidecarContainers", [NONE, NONE, OFF_D, NONE, NONE, NONE]),
    ("NodeDeclaredFeatures", [NONE, NONE, NONE, NONE, OFF_A, ON_B]),
    ("PLEGOnDemandRelist", [NONE, NONE, NONE, NONE, NONE, ON_B]),
    ("PodDisruptionConditions", [LOCKED, LOCKED, LOCKED, NONE, NONE, NONE]),
    ("PodLevelResources", [NONE, OFF_A, OFF_A, ON_B, ON_B, ON_B]),
    ("PodLifecycleSleepAction", [ON_B, ON_B, ON_B, LOCKED, LOCKED, LOCKED]),
    ("PodLifecycleSleepActionAllowZero", [NONE, OFF_A, ON_B, LOCKED, LOCKED, LOCKED]),
    ("PodObservedGenerationTracking", [NONE, NONE, OFF_A, ON_B, LOCKED, LOCKED]),
    ("PodReadyToStartContainersCondition", [ON_B; 6]),
    ("PreventStaticPodAPIReferences", [NONE, NONE, NONE, ON_B, ON_B, ON_B]),
    ("ReduceDefaultCrashLoopBackOffDecay", [NONE, NONE, OFF_A, OFF_A, OFF_A, OFF_A]),
    ("RestartAllContainersOnContainerExits", [NONE, NONE, NONE, NONE, OFF_A, ON_B]),
    ("SeparateTaintEvictionController", [ON_B, ON_B, ON_B, LOCKED, LOCKED, LOCKED]),
    ("SidecarContainers", [ON_B, ON_B, LOCKED, LOCKED, LOCKED, LOCKED]),
];

/// Gates that need another one; a component with such a pair half on does not start, from 1.35 on.
const PREREQUISITES: &[(&str, &str)] = &[
    ("RestartAllContainersOnContainerExits", "ContainerRestartRules"),
    ("RestartAllContainersOnContainerExits", "NodeDeclaredFeatures"),
    ("ExtendWebSocketsToKubelet", "NodeDeclaredFeatures"),
    ("GracefulNodeShutdownBasedOnPodPriority", "GracefulNodeShutdown"),
    ("InPlacePodLevelResourcesVerticalScaling", "InPlacePodVerticalScaling"),
    ("InPlacePodLevelResourcesVerticalScaling", "NodeDeclaredFeatures"),
    ("InPlacePodLevelResourcesVerticalScaling", "PodLevelResources"),
    ("InPlacePodVerticalScalingInitContainers", "InPlacePodVerticalScaling"),
    ("InPlacePodVerticalScalingInitContainers", "NodeDeclaredFeatures"),
];

/// Why a setting of the feature gates can't be used, in the words of that version's kubelet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateError {
    /// The gate that is at fault.
    pub gate: String,
    /// What is wrong.
    pub message: String,
    /// The nearest gate of that version, for a name that is not known.
    pub nearest: Option<&'static str>,
}

/// The gate of that name in a version.
pub fn find_gate(version: Version, name: &str) -> Option<Gate> {
    let (_, life) = GATES.iter().find(|(known, _)| *known == name)?;
    life[version as usize]
}

/// What became of a gate over the versions: `off by default in 1.34, on since 1.35`. None for one that is not listed.
pub fn gate_life(name: &str) -> Option<String> {
    let (_, life) = GATES.iter().find(|(known, _)| *known == name)?;
    let stages = Version::ALL.into_iter().zip(life);
    let positions: Vec<(Version, bool)> = stages
        .filter_map(|(v, gate)| Some((v, gate.as_ref()?.default)))
        .collect();
    let told = positions.chunk_by(|a, b| a.1 == b.1).map(|stretch| {
        let (first, last) = (stretch[0].0, stretch[stretch.len() - 1].0);
        let word = if stretch[0].1 { "on" } else { "off by default" };
        format!("{word} {}", in_versions(first, last))
    });
    Some(told.collect::<Vec<_>>().join(", "))
}

/// `since 1.35`, `in 1.34`, `from 1.31 to 1.33`, `in all versions`.
pub(crate) fn in_versions(first: Version, last: Version) -> String {
    match (first == Version::ALL[0], last == Version::LATEST) {
        (true, true) => "in all versions".to_owned(),
        (false, true) if first != last => format!("since {first}"),
        _ if first == last => format!("in {first}"),
        _ => format!("from {first} to {last}"),
    }
}

/// The names of a version's gates, in order.
pub fn gate_names(version: Version) -> impl Iterator<Item = &'static str> {
    GATES
        .iter()
        .filter(move |(_, life)| life[version as usize].is_some())
        .map(|(name, _)| *name)
}

/// What one kubelet does, where kubelets differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// The version.
    pub version: Version,
    /// A sync that acted without an error has its pod relisted at once (`PLEGOnDemandRelist`).
    pub on_demand_relist: bool,
    /// PLEG goes through a pod's containers newest first (`containerByCreatedThenID`).
    pub pleg_newest_first: bool,
    /// A pod in crash-loop back-off is synced when that ends, not every 10 s (`completeWork`, `BackoffError`).
    pub requeue_at_backoff_expiry: bool,
    /// PodReadyToStartContainers is written right after RunPodSandbox (`OnPodSandboxReady`).
    pub sandbox_ready_at_once: bool,
    /// "Container created" instead of "Created container: app".
    pub container_events_without_name: bool,
    /// "… and can be accessed by the pod" (`KubeletEnsureSecretPulledImages`).
    pub ensure_secret_pulled_images: bool,
    /// `started` and readiness outlive their container and their kubelet
    /// (`ChangeContainerStatusOnKubeletRestart` off).
    pub carry_started: bool,
    /// Exec probes of a pod that begins to end run on a cancelled context.
    pub cancel_exec_probes: bool,
    /// A probe worker ends for every container that will not be restarted, not only in Never pods
    /// (`ContainerRestartRules`).
    pub end_probes_by_restart_rules: bool,
    /// restartPolicy Always makes an init container a sidecar (`SidecarContainers`).
    pub sidecar_containers: bool,
    /// Hooks may sleep (`PodLifecycleSleepAction`).
    pub sleep_action: bool,
    /// They may sleep for no time (`PodLifecycleSleepActionAllowZero`).
    pub sleep_allows_zero: bool,
    /// There is a condition PodReadyToStartContainers (`PodReadyToStartContainersCondition`).
    pub sandbox_condition: bool,
    /// restartPolicy and rules of containers (`ContainerRestartRules`).
    pub container_restart_rules: bool,
    /// RestartAllContainers (`RestartAllContainersOnContainerExits`).
    pub restart_all_containers: bool,
    /// After RestartAllContainers the pod is synced at once and logs are kept.
    pub restart_all_at_once: bool,
    /// A probe out of turn starts the ticker afresh.
    pub trigger_restarts_ticker: bool,
    /// A startup probe that has succeeded is on hold.
    pub startup_on_hold: bool,
    /// A sidecar's probe worker survives a crash in a Never pod.
    pub sidecar_probes_survive: bool,
    /// Pending while init containers run again in a new sandbox.
    pub pending_while_initializing_again: bool,
    /// Pending while sidecars come back in a new sandbox.
    pub pending_while_sidecars_return: bool,
    /// ImagePullBackOff carries the last error.
    pub pull_error_in_backoff: bool,
    /// "probe errored and resulted in unknown state".
    pub probe_errors_say_unknown: bool,
    /// metadata.generation counts.
    pub generation: bool,
    /// status.observedGeneration (`PodObservedGenerationTracking`).
    pub observed_generation: bool,
    /// spec.resources decides on the pod's quality of service (`PodLevelResources`).
    pub pod_level_resources: bool,
    /// The crash-loop back-off's maximum can be configured (`KubeletCrashLoopBackOffMax`).
    pub crash_loop_max_configurable: bool,
    /// The crash-loop back-off starts at 1 s (`ReduceDefaultCrashLoopBackOffDecay`).
    pub reduced_crash_loop_decay: bool,
    /// Soft evictions respect a pod's shorter grace period.
    pub soft_eviction_respects_pod: bool,
    /// A second, shorter delete never sets a deletion timestamp in the past.
    pub delete_clamps_to_now: bool,
    /// kubectl shows an error behind "Completed".
    pub kubectl_shows_errors_first: bool,
    /// A sidecar is restarted when its image changes.
    pub sidecar_follows_image: bool,
    /// A pod that is initialised stays so (`RestartAllContainersOnContainerExits`).
    pub initialized_is_final: bool,
    /// An init container of which nothing is known in an initialised pod counts as completed.
    pub lost_init_completed: bool,
    /// A status is written again when only the number of its conditions has changed.
    pub count_conditions: bool,
    /// The status of a pod that is turned away keeps its qosClass.
    pub rejected_keeps_qos_class: bool,
    /// Changes of a pod that was turned away are ignored (`InPlacePodVerticalScaling`).
    pub ignores_rejected: bool,
    /// A node that shuts down waits for a group's volumes before it goes on to the next.
    pub shutdown_waits_for_volumes: bool,
    /// A container whose policy is to pull always does not ask whether the image is there.
    pub always_skips_inspection: bool,
    /// lastState outlives the container that it tells of (`RestartAllContainersOnContainerExits`).
    pub last_state_survives: bool,
    /// A probe worker ends while its container waits and will not be restarted, and not when it has ended
    /// (1.34 with `ContainerRestartRules`).
    pub probes_end_while_waiting: bool,
}

impl Features {
    /// The features of a version with gates set as given; the first setting that its kubelet would not take is an error.
    pub fn new(version: Version, gates: &BTreeMap<String, bool>) -> Result<Features, GateError> {
        for (name, value) in gates {
            check_gate(version, name, *value)?;
        }
        let on = |name: &str| {
            let set = gates.get(name).copied();
            set.or_else(|| find_gate(version, name).map(|gate| gate.default))
                .unwrap_or(false)
        };
        if version >= Version::V1_35 {
            for (gate, needed) in PREREQUISITES {
                if on(gate) && !on(needed) {
                    return Err(GateError {
                        gate: (*gate).to_owned(),
                        message: format!("{gate} is enabled, but depends on features that are disabled: [{needed}]"),
                        nearest: None,
                    });
                }
            }
        }
        let from = |first: Version| version >= first;
        use Version::{V1_32, V1_33, V1_34, V1_35, V1_36};
        let restart_rules = on("ContainerRestartRules");
        Ok(Features {
            version,
            on_demand_relist: on("PLEGOnDemandRelist"),
            pleg_newest_first: from(V1_36),
            requeue_at_backoff_expiry: from(V1_35),
            sandbox_ready_at_once: from(V1_36) && on("PodReadyToStartContainersCondition"),
            container_events_without_name: from(V1_35),
            ensure_secret_pulled_images: on("KubeletEnsureSecretPulledImages"),
            carry_started: from(V1_35) && !on("ChangeContainerStatusOnKubeletRestart"),
            cancel_exec_probes: from(V1_35),
            end_probes_by_restart_rules: from(V1_35) && restart_rules,
            sidecar_containers: on("SidecarContainers"),
            sleep_action: on("PodLifecycleSleepAction"),
            sleep_allows_zero: on("PodLifecycleSleepActionAllowZero"),
            sandbox_condition: on("PodReadyToStartContainersCondition"),
            container_restart_rules: restart_rules,
            restart_all_containers: on("RestartAllContainersOnContainerExits"),
            restart_all_at_once: from(V1_36),
            trigger_restarts_ticker: from(V1_32),
            startup_on_hold: from(V1_32),
            sidecar_probes_survive: from(V1_33),
            pending_while_initializing_again: from(V1_32),
            pending_while_sidecars_return: from(V1_33),
            pull_error_in_backoff: from(V1_32),
            probe_errors_say_unknown: from(V1_33),
            generation: from(V1_33),
            observed_generation: on("PodObservedGenerationTracking"),
            pod_level_resources: on("PodLevelResources"),
            crash_loop_max_configurable: on("KubeletCrashLoopBackOffMax"),
            reduced_crash_loop_decay: on("ReduceDefaultCrashLoopBackOffDecay"),
            soft_eviction_respects_pod: from(V1_32) && !on("AllowOverwriteTerminationGracePeriodSeconds"),
            delete_clamps_to_now: from(V1_33),
            kubectl_shows_errors_first: from(V1_35),
            sidecar_follows_image: from(V1_32),
            initialized_is_final: on("RestartAllContainersOnContainerExits"),
            lost_init_completed: from(V1_36),
            count_conditions: from(V1_33),
            rejected_keeps_qos_class: from(V1_32),
            ignores_rejected: from(V1_36) && on("InPlacePodVerticalScaling"),
            shutdown_waits_for_volumes: from(V1_32),
            always_skips_inspection: from(V1_32),
            last_state_survives: from(V1_36) && on("RestartAllContainersOnContainerExits"),
            probes_end_while_waiting: version == V1_34 && restart_rules,
        })
    }
}

impl Default for Features {
    /// The newest version with its own defaults.
    fn default() -> Features {
        Features::new(Version::LATEST, &BTreeMap::new()).expect("a version takes its own defaults")
    }
}

/// Whether a version's kubelet takes that setting (`component-base/featuregate: Set`).
fn check_gate(version: Version, name: &str, value: bool) -> Result<(), GateError> {
    let error = |message, nearest| {
        Err(GateError {
            gate: name.to_owned(),
            message,
            nearest,
        })
    };
    match find_gate(version, name) {
        None => {
            let nearest = gate_names(version)
                .map(|known| (strsim::jaro_winkler(known, name), known))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|(likeness, _)| *likeness > 0.85)
                .map(|(_, known)| known);
            error(format!("unrecognized feature gate: {name}"), nearest)
        }
        Some(gate) if gate.locked && gate.default != value => error(
            format!(
                "cannot set feature gate {name} to {value}, feature is locked to {}",
                gate.default
            ),
            None,
        ),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(version: Version, gates: &[(&str, bool)]) -> Result<Features, GateError> {
        Features::new(
            version,
            &gates.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        )
    }

    #[test]
    fn versions_are_read_as_people_write_them() {
        for (text, version) in [
            ("1.36", Some(Version::V1_36)),
            ("v1.31", Some(Version::V1_31)),
            ("1.34.9", Some(Version::V1_34)),
            ("1.30", None),
            ("2.36", None),
            ("36", None),
        ] {
            assert_eq!(Version::parse(text), version, "{text}");
        }
    }

    #[test]
    fn gates_are_refused_as_the_kubelet_refuses_them() {
        let unknown = with(Version::V1_36, &[("ContainerRestartRule", true)]).expect_err("unknown");
        assert_eq!(unknown.message, "unrecognized feature gate: ContainerRestartRule");
        assert_eq!(unknown.nearest, Some("ContainerRestartRules"));
        let locked = with(Version::V1_34, &[("SidecarContainers", false)]).expect_err("locked");
        assert_eq!(
            locked.message,
            "cannot set feature gate SidecarContainers to false, feature is locked to true"
        );
        let half = with(Version::V1_35, &[("RestartAllContainersOnContainerExits", true)]).expect_err("half on");
        assert!(half.message.contains("[NodeDeclaredFeatures]"), "{}", half.message);
        assert!(with(Version::V1_34, &[("ContainerRestartRules", true)]).is_ok());
    }
}
