//! What differs between the kubelets of 1.31 to 1.36: switches with names. A rule asks a switch, never a version.
//!
//! The patch levels are 1.31.14, 1.32.13, 1.33.13, 1.34.9, 1.35.6 and 1.36.3.

use std::collections::BTreeMap;
use std::fmt;

use super::gates::{self, GateError};

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
    /// An exec probe that takes too long has failed (`ExecProbeTimeout`).
    pub exec_probe_timeout: bool,
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
    /// lifecycle.stopSignal (`ContainerStopSignals`).
    pub container_stop_signals: bool,
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
    /// Statuses of containers show resources (`InPlacePodVerticalScaling`).
    pub resources_in_statuses: bool,
    /// Statuses of containers show what they mount (`RecursiveReadOnlyMounts`).
    pub mounts_in_statuses: bool,
    /// Statuses of pods show resources (`InPlacePodLevelResourcesVerticalScaling`).
    pub pod_resources_in_statuses: bool,
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
    /// `kubectl describe` tells which container an event is about.
    pub describe_field_paths: bool,
    /// `kubectl describe` names ports.
    pub describe_port_names: bool,
    /// `kubectl describe` says of projected objects whether they are optional, not at which address that is known.
    pub describe_plain_projections: bool,
    /// `kubectl describe` shows the resources of a pod.
    pub describe_pod_resources: bool,
    /// A sidecar is restarted when its image changes.
    pub sidecar_follows_image: bool,
    /// A pod that is initialised stays so (`RestartAllContainersOnContainerExits`).
    pub initialized_is_final: bool,
    /// An init container of which nothing is known in an initialised pod counts as completed.
    pub lost_init_completed: bool,
    /// A status is written again when only the number of its conditions has changed.
    pub count_conditions: bool,
    /// An app container that was created shows that its pod is initialised (`LegacySidecarContainers` off).
    pub created_means_initialized: bool,
    /// Only what has exited with 0 counts as succeeded when a sandbox is planned.
    pub only_exited_succeeds: bool,
    /// Statuses of ephemeral containers are cut and compared as those of other containers are.
    pub normalize_ephemeral_statuses: bool,
    /// PodResizePending and PodResizeInProgress are conditions of the kubelet.
    pub owns_resize_conditions: bool,
    /// The status of a pod that is turned away keeps its qosClass.
    pub rejected_keeps_qos_class: bool,
    /// Changes of a pod that was turned away are ignored (`InPlacePodVerticalScaling`).
    pub ignores_rejected: bool,
    /// The kubelet ends pods when its node shuts down (`GracefulNodeShutdown`).
    pub graceful_node_shutdown: bool,
    /// It has grace periods by priority for that (`GracefulNodeShutdownBasedOnPodPriority`).
    pub shutdown_by_pod_priority: bool,
    /// A node that shuts down waits for a group's volumes before it goes on to the next.
    pub shutdown_waits_for_volumes: bool,
    /// A container whose policy is to pull always does not ask whether the image is there.
    pub always_skips_inspection: bool,
    /// Volumes may be images (`ImageVolume`).
    pub image_volumes: bool,
    /// The registry does not count in the length of an image's name.
    pub registry_not_in_length: bool,
    /// lastState outlives the container that it tells of (`RestartAllContainersOnContainerExits`).
    pub last_state_survives: bool,
    /// An init container may have restartPolicyRules without a restartPolicy (1.34 with `ContainerRestartRules`).
    pub init_rules_without_policy: bool,
    /// A probe worker ends while its container waits and will not be restarted, and not when it has ended
    /// (1.34 with `ContainerRestartRules`).
    pub probes_end_while_waiting: bool,
}

impl Features {
    /// The features of a version with gates set as given; the first setting that its kubelet would not take is an error.
    pub fn new(version: Version, set: &BTreeMap<String, bool>) -> Result<Features, GateError> {
        gates::check(version, set)?;
        let on = |name: &str| gates::is_on(version, set, name);
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
            exec_probe_timeout: on("ExecProbeTimeout"),
            sidecar_containers: on("SidecarContainers"),
            sleep_action: on("PodLifecycleSleepAction"),
            sleep_allows_zero: on("PodLifecycleSleepActionAllowZero"),
            sandbox_condition: on("PodReadyToStartContainersCondition"),
            container_restart_rules: restart_rules,
            container_stop_signals: on("ContainerStopSignals"),
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
            resources_in_statuses: on("InPlacePodVerticalScaling"),
            mounts_in_statuses: on("RecursiveReadOnlyMounts"),
            pod_resources_in_statuses: on("InPlacePodLevelResourcesVerticalScaling"),
            crash_loop_max_configurable: on("KubeletCrashLoopBackOffMax"),
            reduced_crash_loop_decay: on("ReduceDefaultCrashLoopBackOffDecay"),
            soft_eviction_respects_pod: from(V1_32) && !on("AllowOverwriteTerminationGracePeriodSeconds"),
            delete_clamps_to_now: from(V1_33),
            kubectl_shows_errors_first: from(V1_35),
            describe_field_paths: from(V1_35),
            describe_port_names: from(V1_34),
            describe_plain_projections: from(V1_33),
            describe_pod_resources: from(V1_32),
            sidecar_follows_image: from(V1_32),
            initialized_is_final: on("RestartAllContainersOnContainerExits"),
            lost_init_completed: from(V1_36),
            count_conditions: from(V1_33),
            created_means_initialized: from(V1_33) && !on("LegacySidecarContainers"),
            only_exited_succeeds: from(V1_32),
            normalize_ephemeral_statuses: from(V1_32),
            owns_resize_conditions: from(V1_33),
            rejected_keeps_qos_class: from(V1_32),
            ignores_rejected: from(V1_36) && on("InPlacePodVerticalScaling"),
            graceful_node_shutdown: on("GracefulNodeShutdown"),
            shutdown_by_pod_priority: on("GracefulNodeShutdownBasedOnPodPriority"),
            shutdown_waits_for_volumes: from(V1_32),
            always_skips_inspection: from(V1_32),
            image_volumes: on("ImageVolume"),
            registry_not_in_length: from(V1_32),
            last_state_survives: from(V1_36) && on("RestartAllContainersOnContainerExits"),
            init_rules_without_policy: version == V1_34 && restart_rules,
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

    #[test]
    fn pods_without_sidecars_are_initialised_as_of_old_where_a_gate_of_1_33_says_so() {
        let on = |version, gates: &[(&str, bool)]| {
            let features = with(version, gates).expect("the kubelet takes it");
            features.created_means_initialized
        };
        assert!(!on(Version::V1_32, &[]));
        assert!(on(Version::V1_33, &[]));
        assert!(!on(Version::V1_33, &[("LegacySidecarContainers", true)]));
        assert!(on(Version::V1_36, &[]));
    }

    #[test]
    fn all_of_a_stage_are_set_unless_they_are_set_by_name() {
        let on = |version, gates: &[(&str, bool)]| {
            let features = with(version, gates).expect("the kubelet takes it");
            (features.container_restart_rules, features.restart_all_containers)
        };
        assert_eq!(on(Version::V1_34, &[("AllAlpha", true)]), (true, false));
        assert_eq!(on(Version::V1_34, &[("AllBeta", true)]), (false, false));
        assert_eq!(on(Version::V1_35, &[("AllAlpha", true)]), (true, true));
        let but_one = [("AllAlpha", true), ("RestartAllContainersOnContainerExits", false)];
        assert_eq!(on(Version::V1_35, &but_one), (true, false));
        assert_eq!(on(Version::V1_36, &[("AllBeta", false)]), (false, false));
        let half = with(
            Version::V1_36,
            &[("AllBeta", false), ("RestartAllContainersOnContainerExits", true)],
        );
        let message = half.expect_err("half on").message;
        assert!(
            message.ends_with("[ContainerRestartRules NodeDeclaredFeatures]"),
            "{message}"
        );
    }
}
