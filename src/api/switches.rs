//! What each switch of [`Features`] means, in a sentence for either position, and where the rule stands upstream.

use super::features::Features;

/// One difference between kubelets (or API servers, or kubectls) of different versions.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Its name: the field of [`Features`].
    pub name: &'static str,
    /// What happens with the switch off: what older versions do.
    pub off: &'static str,
    /// What happens with it on.
    pub on: &'static str,
    /// File and function of the rule below `pkg/kubelet`, or from the root of the repository on.
    pub upstream: &'static str,
    /// The feature gate that sets it, if there is one.
    pub gate: Option<&'static str>,
    /// Reads its position.
    pub get: fn(&Features) -> bool,
    /// Sets its position.
    pub set: fn(&mut Features, bool),
}

impl Switch {
    /// The switch of that name.
    pub fn find(name: &str) -> Option<&'static Switch> {
        SWITCHES.iter().find(|switch| switch.name == name)
    }

    /// Those that stand otherwise in `a` than in `b`.
    pub fn differing(a: &Features, b: &Features) -> Vec<&'static Switch> {
        SWITCHES.iter().filter(|s| (s.get)(a) != (s.get)(b)).collect()
    }

    /// What a kubelet does that has it in that position.
    pub fn says(&self, on: bool) -> &'static str {
        if on { self.on } else { self.off }
    }
}

macro_rules! switch {
    ($field:ident, $upstream:literal, $gate:expr, off: $off:literal, on: $on:literal) => {
        Switch {
            name: stringify!($field),
            off: $off,
            on: $on,
            upstream: $upstream,
            gate: $gate,
            get: |features| features.$field,
            set: |features, on| features.$field = on,
        }
    };
}

/// Every switch, those that change the most first.
pub const SWITCHES: &[Switch] = &[
    switch!(
        on_demand_relist, "kubelet.go: SyncPod; pleg/generic.go: RequestRelist", Some("PLEGOnDemandRelist"),
        off: "what a sync did is seen at the next relist, up to a second later",
        on: "what a sync did is seen at once: its pod is relisted on demand"
    ),
    switch!(
        requeue_at_backoff_expiry, "pod_workers.go: completeWork; container/sync_result.go: MinBackoffExpiration", None,
        off: "a pod in crash-loop back-off is looked at every 10 s, so it restarts up to 11 s late",
        on: "a pod in crash-loop back-off is looked at when the back-off ends"
    ),
    switch!(
        sandbox_ready_at_once, "kubelet.go: OnPodSandboxReady", Some("PodReadyToStartContainersCondition"),
        off: "PodReadyToStartContainers turns True after the whole first sync, image pulls included",
        on: "PodReadyToStartContainers turns True as soon as the sandbox is there"
    ),
    switch!(
        carry_started, "kubelet_pods.go: convertToAPIContainerStatuses; prober/prober_manager.go: isContainerStarted",
        Some("ChangeContainerStatusOnKubeletRestart"),
        off: "a new container, or a new kubelet, starts with started and ready false",
        on: "started is carried over to the next container of that name, and readiness over a kubelet restart"
    ),
    switch!(
        cancel_exec_probes, "pod_workers.go: startPodSync; prober/prober_manager.go: AddPod", None,
        off: "exec readiness probes go on while the pod ends",
        on: "exec readiness probes of a pod that ends run on a cancelled context: readiness stays as it was"
    ),
    switch!(
        end_probes_by_restart_rules, "prober/worker.go: doProbe", Some("ContainerRestartRules"),
        off: "only in Never pods do the probes of a container that has ended stop",
        on: "the probes of a container stop when it will not be restarted"
    ),
    switch!(
        container_restart_rules, "container/helpers.go: ShouldContainerBeRestarted", Some("ContainerRestartRules"),
        off: "restartPolicy and restartPolicyRules of containers are dropped",
        on: "restartPolicy and restartPolicyRules of containers are honoured"
    ),
    switch!(
        container_stop_signals, "kuberuntime/helpers.go: getContainerConfigStopSignal", Some("ContainerStopSignals"),
        off: "lifecycle.stopSignal is dropped: containers are stopped with the signal of their image",
        on: "lifecycle.stopSignal is the signal with which a container is stopped"
    ),
    switch!(
        restart_all_containers, "kuberuntime/kuberuntime_manager.go: computePodActions",
        Some("RestartAllContainersOnContainerExits"),
        off: "there is no RestartAllContainers",
        on: "a rule may restart all containers in place"
    ),
    switch!(
        last_state_survives, "kubelet_pods.go: convertToAPIContainerStatuses",
        Some("RestartAllContainersOnContainerExits"),
        off: "lastState goes with the container that it tells of",
        on: "lastState outlives the container that it tells of"
    ),
    switch!(
        restart_all_at_once, "kubelet.go: SyncPod", None,
        off: "after RestartAllContainers the pod waits for its next event",
        on: "after RestartAllContainers the pod is synced at once"
    ),
    switch!(
        initialized_is_final, "status/generate.go: GeneratePodInitializedCondition",
        Some("RestartAllContainersOnContainerExits"),
        off: "Initialized falls back to False while init containers run again",
        on: "Initialized stays True once it was"
    ),
    switch!(
        lost_init_completed, "kubelet_pods.go: convertToAPIContainerStatuses", None,
        off: "an init container of which nothing is left shows PodInitializing",
        on: "an init container of which nothing is left counts as completed in an initialised pod"
    ),
    switch!(
        trigger_restarts_ticker, "prober/worker.go: run", None,
        off: "a probe out of turn leaves the probe's period where it was",
        on: "a probe out of turn starts the probe's period afresh"
    ),
    switch!(
        startup_on_hold, "prober/worker.go: doProbe", None,
        off: "a startup probe may be called again after it has succeeded",
        on: "a startup probe that has succeeded is on hold"
    ),
    switch!(
        sidecar_probes_survive, "prober/worker.go: doProbe", None,
        off: "in a Never pod the probes of a sidecar that crashes end",
        on: "in a Never pod the probes of a sidecar survive its crash"
    ),
    switch!(
        pending_while_initializing_again, "kubelet_pods.go: getPhase", None,
        off: "the phase stays Running while init containers run again in a new sandbox",
        on: "the phase is Pending while init containers run again in a new sandbox"
    ),
    switch!(
        pending_while_sidecars_return, "kubelet_pods.go: getPhase", None,
        off: "the phase stays Running while sidecars come back in a new sandbox",
        on: "the phase is Pending while sidecars come back in a new sandbox"
    ),
    switch!(
        created_means_initialized, "kuberuntime/kuberuntime_container.go: findNextInitContainerToRun",
        Some("LegacySidecarContainers"),
        off: "without sidecars, a pod is initialised when an app container runs or its last init container has succeeded",
        on: "a pod is initialised, too, when an app container was created that does not run yet"
    ),
    switch!(
        only_exited_succeeds, "kuberuntime/kuberuntime_manager.go: containerSucceeded", None,
        off: "an OnFailure container that was created and never ran counts as succeeded when the sandbox is gone",
        on: "only a container that has exited with 0 counts as succeeded"
    ),
    switch!(
        sidecar_follows_image, "kuberuntime/kuberuntime_container.go: computeInitContainerActions", None,
        off: "a sidecar whose image changes runs on",
        on: "a sidecar is restarted when its image changes"
    ),
    switch!(
        soft_eviction_respects_pod, "eviction/eviction_manager.go: synchronize",
        Some("AllowOverwriteTerminationGracePeriodSeconds"),
        off: "a soft eviction gives evictionMaxPodGracePeriod",
        on: "a soft eviction gives no more than the pod's own grace period"
    ),
    switch!(
        delete_clamps_to_now, "staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go: BeforeDelete", None,
        off: "a second, shorter delete may put deletionTimestamp into the past",
        on: "a second, shorter delete never ends in the past: at least one second of grace is left"
    ),
    switch!(
        crash_loop_max_configurable, "kubelet.go: newCrashLoopBackOff", Some("KubeletCrashLoopBackOffMax"),
        off: "the crash-loop back-off goes up to five minutes",
        on: "crashLoopBackOff.maxContainerRestartPeriod sets the longest back-off"
    ),
    switch!(
        reduced_crash_loop_decay, "kubelet.go: newCrashLoopBackOff", Some("ReduceDefaultCrashLoopBackOffDecay"),
        off: "the crash-loop back-off starts at 10 s",
        on: "the crash-loop back-off starts at 1 s"
    ),
    switch!(
        sleep_allows_zero, "pkg/apis/core/validation/validation.go: validateSleepAction",
        Some("PodLifecycleSleepActionAllowZero"),
        off: "a hook must sleep for at least a second",
        on: "a hook may sleep for no time at all"
    ),
    switch!(
        kubectl_shows_errors_first, "pkg/printers/internalversion/printers.go: printPod", None,
        off: "kubectl shows the reason of the first container that has one",
        on: "kubectl shows an error behind Completed"
    ),
    switch!(
        describe_field_paths, "kubectl/pkg/describe/describe.go: DescribeEvents", None,
        off: "kubectl describe shows the messages of events as they are",
        on: "kubectl describe puts the container that an event is about before its message"
    ),
    switch!(
        describe_port_names, "kubectl/pkg/describe/describe.go: describeContainerPorts", None,
        off: "kubectl describe shows ports without their names",
        on: "kubectl describe shows ports with their names"
    ),
    switch!(
        describe_plain_projections, "kubectl/pkg/describe/describe.go: printProjectedVolumeSource", None,
        off: "kubectl describe calls it SecretOptionalName and ConfigMapOptional whether a projected object is optional",
        on: "kubectl describe calls it Optional whether a projected object is optional"
    ),
    switch!(
        describe_pod_resources, "kubectl/pkg/describe/describe.go: describePod", None,
        off: "kubectl describe does not show the resources of a pod",
        on: "kubectl describe shows the resources of a pod"
    ),
    switch!(
        pleg_newest_first, "pleg/generic.go: Relist", None,
        off: "PLEG tells of a pod's containers oldest first",
        on: "PLEG tells of a pod's containers newest first"
    ),
    switch!(
        count_conditions, "status/status_manager.go: isPodStatusByKubeletEqual", None,
        off: "a status in which only the number of conditions changed is not written",
        on: "a status is written when only the number of its conditions changed"
    ),
    switch!(
        owns_resize_conditions, "types/pod_status.go: PodConditionByKubelet", None,
        off: "conditions PodResizePending and PodResizeInProgress that somebody writes stay",
        on: "PodResizePending and PodResizeInProgress are the kubelet's: it removes what others write"
    ),
    switch!(
        normalize_ephemeral_statuses, "status/status_manager.go: normalizeStatus", None,
        off: "statuses of ephemeral containers are not cut with those of others, and never equal to what the API has: their times have nanoseconds",
        on: "statuses of ephemeral containers are normalised as those of others are: cut with them, and in whole seconds"
    ),
    switch!(
        rejected_keeps_qos_class, "kubelet.go: rejectPod", None,
        off: "the status of a pod that the kubelet turns away loses its qosClass",
        on: "the status of a pod that the kubelet turns away keeps its qosClass"
    ),
    switch!(
        ignores_rejected, "kubelet.go: HandlePodUpdates, HandlePodReconcile", Some("InPlacePodVerticalScaling"),
        off: "a change of a pod that was turned away is synced, and rewrites its status",
        on: "a change of a pod that was turned away is ignored"
    ),
    switch!(
        shutdown_waits_for_volumes, "nodeshutdown/nodeshutdown_manager.go: killPods", None,
        off: "a node that shuts down goes on to the next group of pods when the last of this one has ended",
        on: "a node that shuts down waits until the volumes of a group are unmounted"
    ),
    switch!(
        generation, "pkg/registry/core/pod/strategy.go: PrepareForCreate, PrepareForUpdate", None,
        off: "metadata.generation is not set",
        on: "metadata.generation counts changes of the spec"
    ),
    switch!(
        observed_generation, "kubelet_pods.go: generateAPIPodStatus", Some("PodObservedGenerationTracking"),
        off: "there is no observedGeneration",
        on: "status and conditions carry observedGeneration"
    ),
    switch!(
        pod_level_resources, "pkg/apis/core/v1/helper/qos: ComputePodQOS", Some("PodLevelResources"),
        off: "spec.resources of a pod are dropped",
        on: "spec.resources decide on a pod's quality of service"
    ),
    switch!(
        resources_in_statuses, "kubelet_pods.go: convertToAPIContainerStatuses", Some("InPlacePodVerticalScaling"),
        off: "statuses of containers do not show resources",
        on: "statuses of containers show resources"
    ),
    switch!(
        pod_resources_in_statuses, "kubelet_pods.go: convertToAPIPodLevelResourcesStatus",
        Some("InPlacePodLevelResourcesVerticalScaling"),
        off: "statuses of pods do not show resources",
        on: "statuses of pods show resources: what their spec adds up to, and once they run what their control group says"
    ),
    switch!(
        container_events_without_name, "kuberuntime/kuberuntime_container.go: startContainer", None,
        off: "events name the container: \"Created container: app\", \"Started container app\"",
        on: "events say \"Container created\" and \"Container started\""
    ),
    switch!(
        ensure_secret_pulled_images, "images/image_manager.go: EnsureImageExists", Some("KubeletEnsureSecretPulledImages"),
        off: "the Pulled event ends with \"already present on machine\"",
        on: "the Pulled event adds \"and can be accessed by the pod\""
    ),
    switch!(
        always_skips_inspection, "images/image_manager.go: EnsureImageExists", None,
        off: "the runtime is asked for the image with imagePullPolicy Always, too",
        on: "with imagePullPolicy Always the runtime is not asked for the image"
    ),
    switch!(
        image_volumes, "kuberuntime/kuberuntime_manager.go: getImageVolumes", Some("ImageVolume"),
        off: "volumes that are images are dropped, with their mounts",
        on: "the images of volumes are pulled before containers are started"
    ),
    switch!(
        registry_not_in_length, "pkg/util/parsers/parsers.go: ParseImageName", None,
        off: "the name of an image has at most 255 characters, with its registry",
        on: "the name of an image has at most 255 characters behind its registry"
    ),
    switch!(
        pull_error_in_backoff, "images/image_manager.go: EnsureImageExists", None,
        off: "ImagePullBackOff does not say why the pull failed",
        on: "ImagePullBackOff carries the error of the last pull"
    ),
    switch!(
        probe_errors_say_unknown, "prober/prober.go: probe", None,
        off: "events of handlers that fail say \"probe errored\"",
        on: "events of handlers that fail say \"probe errored and resulted in unknown state\""
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::api::features::Version;

    fn defaults(version: Version) -> Features {
        Features::new(version, &BTreeMap::new()).expect("a version takes its own defaults")
    }

    #[test]
    fn whatever_differs_between_two_versions_is_a_switch() {
        for from in Version::ALL {
            for to in Version::ALL {
                let (mut made, wanted) = (defaults(from), defaults(to));
                for switch in Switch::differing(&made.clone(), &wanted) {
                    (switch.set)(&mut made, (switch.get)(&wanted));
                }
                made.version = to;
                assert_eq!(made, wanted, "{from} to {to}");
            }
        }
    }

    #[test]
    fn no_two_switches_have_one_name() {
        for (index, switch) in SWITCHES.iter().enumerate() {
            assert_eq!(SWITCHES.iter().position(|s| s.name == switch.name), Some(index));
            assert!(Switch::find(switch.name).is_some_and(|found| found.on == switch.on));
        }
    }
}
