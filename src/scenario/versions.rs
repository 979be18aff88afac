//! What a version knows: gates that change something here, and the fields of pods that its API server takes.

use std::sync::Arc;

use serde_json::Value;

use super::gates;
use crate::api::Source;
use crate::api::diagnostic::Diagnostic;
use crate::api::features::Features;
use crate::api::gates::find_gate;
use crate::api::pod::{Container, Handler, Name, Pod, RestartPolicy, RestartRuleAction};

/// Gates whose setting changes what is simulated.
pub(crate) const SIMULATED_GATES: &[&str] = &[
    "ChangeContainerStatusOnKubeletRestart",
    "ContainerRestartRules",
    "ContainerStopSignals",
    "ExecProbeTimeout",
    "GracefulNodeShutdown",
    "GracefulNodeShutdownBasedOnPodPriority",
    "ImageVolume",
    "KubeletCrashLoopBackOffMax",
    "KubeletEnsureSecretPulledImages",
    "LegacySidecarContainers",
    "NodeDeclaredFeatures",
    "PLEGOnDemandRelist",
    "PodLifecycleSleepAction",
    "PodLifecycleSleepActionAllowZero",
    "PodObservedGenerationTracking",
    "PodReadyToStartContainersCondition",
    "RecursiveReadOnlyMounts",
    "ReduceDefaultCrashLoopBackOffDecay",
    "RestartAllContainersOnContainerExits",
    "SidecarContainers",
];

/// The gate that restart policies and rules of containers came with.
const RULES: &str = "ContainerRestartRules";
/// The gate of lifecycle.stopSignal.
const STOP_SIGNALS: &str = "ContainerStopSignals";
/// The gate of resources of pods.
const POD_RESOURCES: &str = "PodLevelResources";

/// Why an API server does not take a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// In its words.
    pub(super) message: String,
    /// The path of the field that it does not take.
    pub(super) field: String,
    /// The feature gate with which it would take it, if there is one.
    pub(super) gate: Option<&'static str>,
}

/// What the API server makes of fields that the version has not, or has behind a gate that is off: it drops them
/// (`pkg/api/pod: dropDisabledFields`), or refuses the pod in the words of its validation.
pub(super) fn admit(pod: &mut Pod, features: &Features) -> Result<(), Refusal> {
    super::dropped::drop_disabled(pod);
    if !features.image_volumes {
        drop_image_volumes(pod);
    }
    if pod.spec.resources.is_some() && !features.pod_level_resources {
        if find_gate(features.version, POD_RESOURCES).is_none() {
            return Err(unknown_field("spec.resources".to_owned(), POD_RESOURCES));
        }
        pod.spec.resources = None;
        drop_from(Arc::make_mut(&mut pod.manifest).get_mut("spec"), "resources");
    }
    let invalid = |gate, place: &str, message: &str| {
        let message = format!("The Pod {:?} is invalid: {place}: {message}", &*pod.name);
        let (field, gate) = (place.to_owned(), Some(gate));
        Err(Refusal { message, field, gate })
    };
    let os = pod.manifest.pointer("/spec/os/name").and_then(Value::as_str);
    let os = os.filter(|name| !name.is_empty()).map(str::to_owned);
    let knows_signals = find_gate(features.version, STOP_SIGNALS).is_some();
    let grace = pod.spec.termination_grace_period_seconds;
    let knows_rules = find_gate(features.version, RULES).is_some();
    let init = pod.spec.init_containers.iter_mut().enumerate();
    let app = pod.spec.containers.iter_mut().enumerate();
    let all = init.map(|(n, c)| (format!("spec.initContainers[{n}]"), c, true));
    for (place, container, is_init) in all.chain(app.map(|(n, c)| (format!("spec.containers[{n}]"), c, false))) {
        if is_init && !features.sidecar_containers {
            container.restart_policy = None;
            if let Some(field) = field_of_sidecars(container) {
                return invalid(
                    "SidecarContainers",
                    &format!("{place}.{field}"),
                    "Forbidden: may not be set for init containers without restartPolicy=Always",
                );
            }
        }
        if container.stop_signal.is_some() && !knows_signals {
            return Err(unknown_field(format!("{place}.lifecycle.stopSignal"), STOP_SIGNALS));
        }
        if !features.container_stop_signals && container.stop_signal.take().is_some() {
            drop_stop_signal(Arc::make_mut(&mut pod.manifest).pointer_mut(&pointer(&place)));
        }
        if let Some(signal) = &container.stop_signal {
            if is_init && !container.is_sidecar() {
                let message = "Forbidden: may not be set for init containers without restartPolicy=Always";
                return invalid(STOP_SIGNALS, &format!("{place}.lifecycle"), message);
            }
            if let Some(message) = signal_error(signal, os.as_deref()) {
                return invalid(STOP_SIGNALS, &format!("{place}.lifecycle.stopSignal"), &message);
            }
        }
        if !features.container_restart_rules {
            let sidecar = is_init && container.is_sidecar();
            match container.restart_policy.filter(|_| !sidecar && !knows_rules) {
                Some(policy) if is_init => {
                    let message = format!("Unsupported value: \"{policy:?}\": supported values: \"Always\"");
                    return invalid(RULES, &format!("{place}.restartPolicy"), &message);
                }
                Some(_) => {
                    return invalid(
                        RULES,
                        &format!("{place}.restartPolicy"),
                        "Forbidden: may not be set for non-init containers",
                    );
                }
                None => {}
            }
            if !knows_rules && !container.restart_policy_rules.is_empty() {
                return Err(unknown_field(format!("{place}.restartPolicyRules"), RULES));
            }
            container.restart_policy_rules.clear();
            container.restart_policy = Some(RestartPolicy::Always).filter(|_| sidecar);
        }
        let takes_no_policy = is_init && features.init_rules_without_policy;
        let policy = container.restart_policy;
        if policy.is_none() && !container.restart_policy_rules.is_empty() && !takes_no_policy {
            return Err(Refusal {
                message: format!(
                    "The Pod {:?} is invalid: {place}.restartPolicy: Required value: must specify restartPolicy when \
                     restart rules are used",
                    &*pod.name
                ),
                field: format!("{place}.restartPolicyRules"),
                gate: None,
            });
        }
        let takes_any_rules = !is_init || !container.is_sidecar() || features.restart_all_containers;
        if !takes_any_rules && !container.restart_policy_rules.is_empty() {
            return invalid(
                "RestartAllContainersOnContainerExits",
                &format!("{place}.restartPolicyRules"),
                "Forbidden: restartPolicyRules are not allowed for init containers with restart policy Always",
            );
        }
        let unknown = |action| action == RestartRuleAction::RestartAllContainers && !features.restart_all_containers;
        let mut rules = container.restart_policy_rules.iter();
        if let Some(rule) = rules.position(|rule| unknown(rule.action)) {
            return invalid(
                "RestartAllContainersOnContainerExits",
                &format!("{place}.restartPolicyRules[{rule}].action"),
                "Unsupported value: \"RestartAllContainers\": supported values: \"Restart\"",
            );
        }
        let hooks = [
            ("postStart", &mut container.post_start),
            ("preStop", &mut container.pre_stop),
        ];
        for (hook, handler) in hooks {
            let Some(Handler::Sleep { seconds }) = *handler else {
                continue;
            };
            if !features.sleep_action {
                *handler = None;
            } else if seconds == 0 && !features.sleep_allows_zero {
                let gate = "PodLifecycleSleepActionAllowZero";
                let hint = if find_gate(features.version, gate).is_some() {
                    ". Enable AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep."
                } else {
                    ""
                };
                let message = format!(
                    "Invalid value: 0: must be greater than 0 and less than terminationGracePeriodSeconds ({grace}){hint}"
                );
                return invalid(gate, &format!("{place}.lifecycle.{hook}.sleep"), &message);
            }
        }
    }
    Ok(())
}

/// `spec.containers[0]` as a JSON pointer.
fn pointer(place: &str) -> String {
    let parts = place.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts.map(|part| format!("/{part}")).collect()
}

fn drop_from(object: Option<&mut Value>, field: &str) {
    if let Some(fields) = object.and_then(Value::as_object_mut) {
        fields.remove(field);
    }
}

/// lifecycle goes with it if there is nothing else in it (`dropContainerStopSignals`).
fn drop_stop_signal(mut container: Option<&mut Value>) {
    let lifecycle = container.as_mut().and_then(|container| container.get_mut("lifecycle"));
    drop_from(lifecycle, "stopSignal");
    let rest = container
        .as_ref()
        .and_then(|container| container["lifecycle"].as_object());
    if rest.is_some_and(serde_json::Map::is_empty) {
        drop_from(container, "lifecycle");
    }
}

/// A field that came with that gate, later.
fn unknown_field(field: String, gate: &'static str) -> Refusal {
    Refusal {
        message: format!("strict decoding error: unknown field \"{field}\""),
        field,
        gate: Some(gate),
    }
}

/// Signals of Linux, without their SIG; those for real time are counted from either end.
const SIGNALS: [&str; 34] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
    "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// What is wrong with a stopSignal, in a pod for that operating system (`validateStopSignal`).
fn signal_error(signal: &str, os: Option<&str>) -> Option<String> {
    let Some(os) = os else {
        return Some("Forbidden: may not be set for containers with empty `spec.os.name`".to_owned());
    };
    let named = |name: &str| format!("SIG{name}");
    let mut known: Vec<String> = if os == "windows" {
        ["KILL", "TERM"].map(named).into()
    } else {
        let ends = ["RTMIN", "RTMAX"].map(named);
        let counted = (1..=15)
            .map(|n| format!("SIGRTMIN+{n}"))
            .chain((1..=14).map(|n| format!("SIGRTMAX-{n}")));
        SIGNALS.map(named).into_iter().chain(ends).chain(counted).collect()
    };
    if known.iter().any(|name| name == signal) {
        return None;
    }
    known.sort();
    Some(format!(
        "Unsupported value: {signal:?}: supported values: \"{}\"",
        known.join("\", \"")
    ))
}

/// A warning for each stopSignal that the API server drops, where it stands.
pub(super) fn dropped_signals(source: &Source, pod: &Pod, features: &Features) -> Vec<Diagnostic> {
    let spec = &pod.spec;
    let is_given = |container: &Container| container.stop_signal.is_some();
    let Some(written) = pod.written.as_ref().filter(|_| !features.container_stop_signals) else {
        return Vec::new();
    };
    let lists = [
        ("initContainers", &spec.init_containers),
        ("containers", &spec.containers),
    ];
    let given = lists.into_iter().flat_map(|(list, containers)| {
        let given = containers
            .iter()
            .enumerate()
            .filter(|(_, container)| is_given(container));
        given.map(move |(n, _)| format!("{list}[{n}].lifecycle.stopSignal"))
    });
    let warn = |field: String| {
        let node = written.spec.at_path(&field)?;
        let message = format!("spec.{field}: dropped by the API server: the signal of the image stops the container");
        let mut warning = Diagnostic::at(source, node.mark().range(), message).warning();
        gates::name(STOP_SIGNALS, &mut warning);
        Some(warning)
    };
    given.filter_map(warn).collect()
}

/// The pod without its volumes that are images, and without their mounts (`dropImageVolumes`).
fn drop_image_volumes(pod: &mut Pod) {
    let dropped: Vec<Name> = pod.spec.image_volumes().map(|(name, ..)| name.clone()).collect();
    if dropped.is_empty() {
        return;
    }
    pod.spec.volumes.retain(|volume| !dropped.contains(&volume.name));
    for container in pod.spec.init_containers.iter_mut().chain(&mut pod.spec.containers) {
        container.volume_mounts.retain(|mount| !dropped.contains(&mount.name));
    }
    let is_kept = |named: &Value| !dropped.iter().any(|name| named["name"] == **name);
    let Some(spec) = Arc::make_mut(&mut pod.manifest).get_mut("spec") else {
        return;
    };
    let retain = |object: &mut Value, list: &str| {
        if let Some(list) = object.get_mut(list).and_then(Value::as_array_mut) {
            list.retain(is_kept);
        }
    };
    retain(spec, "volumes");
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        containers
            .into_iter()
            .flatten()
            .for_each(|container| retain(container, "volumeMounts"));
    }
}

/// A field that only sidecars among init containers may have, if it is set.
fn field_of_sidecars(container: &Container) -> Option<&'static str> {
    let set = [
        (
            "lifecycle",
            container.post_start.is_some() || container.pre_stop.is_some(),
        ),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ];
    set.into_iter().find(|(_, is_set)| *is_set).map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use crate::api::features::Version;
    use crate::scenario::load::{Source, load_as};

    /// What a version says to a pod with such a container spec and a kubelet so configured.
    fn answer(version: Version, containers: &str, kubelet: &str) -> String {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n{containers}\n---\n\
             apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: s}}\nspec: {{kubelet: {kubelet}}}\n"
        );
        let name = "s.yaml".to_owned();
        match load_as(&[Source { name, text }], Some(version)) {
            Ok((_, warnings)) => warnings.iter().map(|warning| warning.to_string()).collect(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_refusal_names_the_gate_and_what_became_of_it() {
        let rules = "  containers: [{name: app, image: a, restartPolicy: Never}]";
        let sleep = "  containers: [{name: app, image: a, lifecycle: {preStop: {sleep: {seconds: 0}}}}]";
        let plain = "  containers: [{name: app, image: a}]";
        for (version, pod, kubelet, wanted) in [
            (
                Version::V1_31,
                rules,
                "{}",
                "gate ContainerRestartRules is off by default in 1.34, on since 1.35",
            ),
            (
                Version::V1_31,
                sleep,
                "{}",
                "AllowZero is off by default in 1.32, on since 1.33",
            ),
            (
                Version::V1_35,
                plain,
                "{featureGates: {PLEGOnDemandRelist: true}}",
                "PLEGOnDemandRelist is on in 1.36",
            ),
            (
                Version::V1_33,
                plain,
                "{featureGates: {HostnameOverride: true}}",
                "HostnameOverride is off by default in 1.34, on since 1.35",
            ),
            (
                Version::V1_33,
                plain,
                "{featureGates: {SidecarContainers: false}}",
                "SidecarContainers is on in all versions",
            ),
        ] {
            let got = answer(version, pod, kubelet);
            assert!(got.contains(wanted), "{version}: {got}");
        }
    }

    #[test]
    fn volumes_that_are_images_go_with_their_mounts() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: app\n    image: a\n    volumeMounts: [{name: model, mountPath: /m}, {name: data, mountPath: /d}]\n  volumes: [{name: model, image: {reference: m}}, {name: data}]\n";
        let kept = |version| {
            let name = "s.yaml".to_owned();
            let text = text.to_owned();
            let (input, _) = load_as(&[Source { name, text }], Some(version)).unwrap_or_else(|error| panic!("{error}"));
            let pod = &input.pods[0].pod;
            let app = &pod.spec.containers[0];
            let written = &pod.manifest["spec"];
            let all = [
                written["volumes"].as_array(),
                written["containers"][0]["volumeMounts"].as_array(),
            ];
            assert!(
                all.iter()
                    .all(|list| list.map(Vec::len) == Some(app.volume_mounts.len()))
            );
            let mounted: Vec<&str> = app.volume_mounts.iter().map(|mount| &*mount.name).collect();
            (pod.spec.volumes.len(), mounted.join(" "))
        };
        assert_eq!(kept(Version::V1_34), (1, "data".to_owned()));
        assert_eq!(kept(Version::V1_35), (2, "model data".to_owned()));
    }

    #[test]
    fn what_is_dropped_is_not_in_the_manifest_either() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  resources: {limits: {cpu: 1}}\n  containers:\n  - {name: a, image: a, lifecycle: {stopSignal: SIGUSR1}}\n  - {name: b, image: b, lifecycle: {stopSignal: SIGUSR1, preStop: {exec: {command: [x]}}}}\n";
        let (name, text) = ("s.yaml".to_owned(), text.to_owned());
        let (input, _) =
            load_as(&[Source { name, text }], Some(Version::V1_33)).unwrap_or_else(|error| panic!("{error}"));
        let spec = &input.pods[0].pod.manifest["spec"];
        let lifecycles = [0, 1].map(|n| spec["containers"][n]["lifecycle"].as_object().map(serde_json::Map::len));
        assert_eq!((spec.get("resources"), lifecycles), (None, [None, Some(1)]));
    }

    #[test]
    fn each_version_takes_and_refuses_what_its_servers_do() {
        use Version::{V1_31, V1_32, V1_33, V1_34, V1_35, V1_36};
        let rule = |action: &str| {
            format!(
                "  containers: [{{name: app, image: a, restartPolicy: Never, restartPolicyRules: [{{action: {action}, exitCodes: {{operator: In, values: [1]}}}}]}}]"
            )
        };
        let (restart, all) = (rule("Restart"), rule("RestartAllContainers"));
        let no_policy = restart.replace("restartPolicy: Never, ", "");
        let init_no_policy = no_policy
            .replace("containers:", "initContainers:")
            .replace("app", "init")
            + "\n  containers: [{name: app, image: a}]";
        let sleep = "  containers: [{name: app, image: a, lifecycle: {preStop: {sleep: {seconds: 0}}}}]";
        let plain = "  containers: [{name: app, image: a}]";
        let sidecar = "  initContainers: [{name: s, image: a, restartPolicy: Always, startupProbe: {tcpSocket: {port: 1}}}]\n  containers: [{name: app, image: a}]";
        let signal = |name: &str| {
            format!(
                "  os: {{name: linux}}\n  containers: [{{name: app, image: a, lifecycle: {{stopSignal: SIG{name}}}}}]"
            )
        };
        let of_init = signal("USR1")
            .replace("containers:", "initContainers:")
            .replace("app", "init")
            + "\n  containers: [{name: app, image: a}]";
        let resources = "  resources: {limits: {cpu: 1}}\n  containers: [{name: app, image: a}]";
        let max = "{config: {crashLoopBackOff: {maxContainerRestartPeriod: 20s}}}";
        let gates = |gates: &str| format!("{{featureGates: {{{gates}}}}}");
        let signals = gates("ContainerStopSignals: true");
        for (version, pod, kubelet, wanted) in [
            (V1_33, &*restart, "{}", "may not be set for non-init containers"),
            (V1_34, &restart, "{}", ""),
            (V1_34, &all, "{}", ""),
            (V1_34, &no_policy, "{}", ""),
            (
                V1_34,
                &no_policy,
                &gates("ContainerRestartRules: true"),
                "must specify restartPolicy",
            ),
            (V1_34, &init_no_policy, &gates("ContainerRestartRules: true"), ""),
            (V1_35, &no_policy, "{}", "must specify restartPolicy"),
            (V1_35, &init_no_policy, "{}", "must specify restartPolicy"),
            (V1_33, &no_policy, "{}", "unknown field"),
            (
                V1_34,
                &all,
                &gates("ContainerRestartRules: true"),
                "supported values: \"Restart\"",
            ),
            (V1_35, &all, "{}", "supported values: \"Restart\""),
            (V1_36, &all, "{}", ""),
            (
                V1_31,
                sleep,
                "{}",
                "must be greater than 0 and less than terminationGracePeriodSeconds (30)",
            ),
            (V1_32, sleep, "{}", "Enable AllowPodLifecycleSleepActionZeroValue"),
            (V1_32, sleep, &gates("PodLifecycleSleepActionAllowZero: true"), ""),
            (V1_33, sleep, "{}", ""),
            (V1_34, plain, max, "MaxContainerRestartPeriod must not be set"),
            (
                V1_34,
                plain,
                &max.replace("{config", "{featureGates: {KubeletCrashLoopBackOffMax: true}, config"),
                "",
            ),
            (V1_35, plain, max, ""),
            (V1_35, plain, &max.replace("20s", "301s"), "from 1s to 300s"),
            (V1_32, sidecar, "{}", ""),
            (
                V1_32,
                sidecar,
                &gates("SidecarContainers: false"),
                "without restartPolicy=Always",
            ),
            (
                V1_33,
                sidecar,
                &gates("SidecarContainers: false"),
                "feature is locked to true",
            ),
            (
                V1_36,
                plain,
                &gates("EventedPLEG: true"),
                "what the feature gate EventedPLEG changes is not simulated",
            ),
            (V1_36, plain, &gates("EventedPLEG: false"), ""),
            (
                V1_36,
                plain,
                &gates("MemoryQoS: true"),
                "MemoryQoS changes is not simulated",
            ),
            (V1_36, plain, &gates("MemoryQoS: false"), ""),
            (
                V1_36,
                plain,
                &gates("WatchList: false"),
                "WatchList changes is not simulated",
            ),
            // What a soft eviction does depends on it.
            (
                V1_34,
                plain,
                &gates("AllowOverwriteTerminationGracePeriodSeconds: true"),
                "",
            ),
            (
                V1_36,
                plain,
                &gates("AllAlpha: true"),
                "AllAlpha sets, only these are simulated: ContainerStopSignals, ReduceDefaultCrashLoopBackOffDecay",
            ),
            (V1_36, plain, &gates("AllAlpha: false"), ""),
            (
                V1_36,
                plain,
                &gates("AllBeta: true"),
                "what the feature gates change that AllBeta sets is not simulated",
            ),
            (
                V1_36,
                &signal("USR1"),
                "{}",
                "spec.containers[0].lifecycle.stopSignal: dropped by the API server",
            ),
            (V1_32, &signal("USR1"), "{}", "unknown field"),
            (V1_36, &signal("USR1"), &signals, ""),
            (V1_36, &signal("RTMIN+15"), &signals, ""),
            (V1_36, &signal("RTMIN+16"), &signals, "\"SIGRTMIN+15\", \"SIGRTMIN+2\""),
            (
                V1_36,
                &signal("USR1").replace("linux", "windows"),
                &signals,
                "supported values: \"SIGKILL\", \"SIGTERM\"",
            ),
            (
                V1_36,
                &signal("USR1").replace("  os: {name: linux}\n", ""),
                &signals,
                "empty `spec.os.name`",
            ),
            (
                V1_36,
                &of_init,
                "{}",
                "spec.initContainers[0].lifecycle.stopSignal: dropped",
            ),
            (V1_36, &of_init, &signals, "spec.initContainers[0].lifecycle: Forbidden"),
            (V1_31, resources, "{}", "unknown field \"spec.resources\""),
            (V1_32, resources, "{}", ""),
            (V1_34, &all, &gates("AllAlpha: true"), "supported values: \"Restart\""),
            (V1_35, &all, &gates("AllAlpha: true"), "only these are simulated"),
        ] {
            let got = answer(version, pod, kubelet);
            let fits = if wanted.is_empty() {
                got.is_empty()
            } else {
                got.contains(wanted)
            };
            assert!(fits, "{version}, {pod}, {kubelet}: {got:?} instead of {wanted:?}");
        }
    }
}
