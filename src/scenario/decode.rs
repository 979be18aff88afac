//! Decodes the Scenario document strictly and fills in its defaults.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::duration;
use super::types::*;
use crate::api::features::{Features, Version};
use crate::api::objects::ObjectKind;
use crate::api::pod::Name;
use crate::api::status::ConditionStatus;
use crate::kernel::{Duration, Time};

/// A duration as a Go string.
#[derive(Clone, Copy, Debug)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let text = String::deserialize(deserializer)?;
        let span = duration::parse(&text).map_err(D::Error::custom)?;
        if span < Duration::ZERO || span > Duration::from_secs(10 * 366 * 24 * 3600) {
            return Err(D::Error::custom(format!(
                "{text:?} is out of range: from 0s to ten years"
            )));
        }
        Ok(Span(span))
    }
}

/// An exit code.
#[derive(Clone, Copy, Debug)]
struct Code(i32);

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        let code = i64::deserialize(deserializer)?;
        match u8::try_from(code) {
            Ok(code) => Ok(Code(code.into())),
            Err(_) => Err(D::Error::custom(format!(
                "exit code {code} is out of range: from 0 to 255"
            ))),
        }
    }
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawScenario {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: RawMeta,
    #[serde(default)]
    spec: RawSpec,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawMeta {
    name: String,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RawSpec {
    description: Option<String>,
    run_for: Option<Span>,
    seed: Option<u64>,
    kubelet: RawKubelet,
    latencies: RawLatencies,
    images: Vec<RawImage>,
    containers: Vec<RawScript>,
    actions: Vec<RawAction>,
    sandboxes: Vec<RawSandboxScript>,
    volumes: Vec<RawVolumeScript>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RawKubelet {
    version: Option<String>,
    feature_gates: BTreeMap<String, bool>,
    config: RawConfig,
    phases: RawPhases,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RawConfig {
    crash_loop_back_off: RawCrashLoop,
    serialize_image_pulls: Option<bool>,
    max_parallel_image_pulls: Option<u32>,
    sync_frequency: Option<Span>,
    eviction_max_pod_grace_period: Option<i64>,
    shutdown_grace_period: Option<Span>,
    shutdown_grace_period_critical_pods: Option<Span>,
    shutdown_grace_period_by_pod_priority: Vec<RawPriorityGrace>,
    runtime_request_timeout: Option<Span>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RawCrashLoop {
    max_container_restart_period: Option<Span>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RawPhases {
    relist: Option<Span>,
    sync: Option<Span>,
    housekeeping: Option<Span>,
    container_gc: Option<Span>,
    status_sync: Option<Span>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RawLatencies {
    run_pod_sandbox: Option<Span>,
    stop_pod_sandbox: Option<Span>,
    remove_pod_sandbox: Option<Span>,
    create_container: Option<Span>,
    start_container: Option<Span>,
    remove_container: Option<Span>,
    pull_image: Option<Span>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawImage {
    image: Name,
    #[serde(default = "yes")]
    present: bool,
    #[serde(default)]
    pulls: Vec<RawOutcome>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, Debug, Default)]
#[serde(default, deny_unknown_fields)]
struct RawOutcome {
    takes: Option<Span>,
    error: Option<Name>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawScript {
    #[serde(default)]
    pod: Option<Name>,
    name: Name,
    #[serde(default)]
    runs: Vec<RawRun>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RawRun {
    create: RawOutcome,
    start: RawOutcome,
    exit: Option<RawExit>,
    on_term: Option<RawOnTerm>,
    post_start: RawOutcome,
    pre_stop: RawOutcome,
    probes: RawProbes,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default, deny_unknown_fields)]
struct RawProbes {
    startup: Vec<RawWindow>,
    readiness: Vec<RawWindow>,
    liveness: Vec<RawWindow>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RawWindow {
    from: Option<Span>,
    result: Option<String>,
    takes: Option<Span>,
    message: Option<Name>,
    status: Option<u16>,
    exit_code: Option<i32>,
}

fn windows(raw: Vec<RawWindow>) -> Vec<ProbeWindow> {
    let mut windows: Vec<ProbeWindow> = raw
        .into_iter()
        .map(|raw| ProbeWindow {
            from: raw.from.map_or(Duration::ZERO, |span| span.0),
            result: match raw.result.as_deref() {
                Some("Failure") => ProbeAnswer::Failure,
                Some("Error") => ProbeAnswer::Error,
                _ => ProbeAnswer::Success,
            },
            takes: raw.takes.map_or(Duration::from_millis(7), |span| span.0),
            message: raw.message,
            status: raw.status,
            exit_code: raw.exit_code,
            probability: None,
        })
        .collect();
    windows.sort_by_key(|w| w.from);
    windows
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawExit {
    after: Span,
    code: Code,
    #[serde(default)]
    reason: Option<Name>,
    #[serde(default)]
    message: Option<Name>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default, deny_unknown_fields)]
struct RawOnTerm {
    after: Option<Span>,
    code: Option<Code>,
    ignore: bool,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawAction {
    at: Span,
    #[serde(default)]
    create: Option<RawTarget>,
    #[serde(default)]
    delete: Option<RawTarget>,
    #[serde(default)]
    kill: Option<RawKill>,
    #[serde(default)]
    set_image: Option<RawSetImage>,
    #[serde(default)]
    set_condition: Option<RawSetCondition>,
    #[serde(default)]
    debug: Option<RawDebug>,
    #[serde(default)]
    evict: Option<RawEvict>,
    #[serde(default)]
    kill_sandbox: Option<RawPodName>,
    #[serde(default)]
    restart_kubelet: Option<RawNodeAction>,
    #[serde(default)]
    shutdown_node: Option<RawNodeAction>,
    #[serde(default)]
    reboot_node: Option<RawNodeAction>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawTarget {
    #[serde(default)]
    pod: Option<Name>,
    #[serde(default)]
    config_map: Option<Name>,
    #[serde(default)]
    secret: Option<Name>,
    #[serde(default)]
    service: Option<Name>,
    #[serde(default)]
    grace_period_seconds: Option<u32>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawKill {
    pod: Name,
    container: Name,
    #[serde(default)]
    code: Option<Code>,
    #[serde(default)]
    reason: Option<Name>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawSetImage {
    pod: Name,
    container: Name,
    image: Name,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawSetCondition {
    pod: Name,
    r#type: Name,
    status: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawDebug {
    pod: Name,
    name: Name,
    image: Name,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawEvict {
    pod: Name,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    message: Option<Name>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawPodName {
    pod: Name,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawNodeAction {
    #[serde(default)]
    node: Option<Name>,
    #[serde(default)]
    down: Option<Span>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawSandboxScript {
    #[serde(default)]
    pod: Option<Name>,
    #[serde(default)]
    runs: Vec<RawOutcome>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawVolumeScript {
    #[serde(default)]
    pod: Option<Name>,
    name: Name,
    #[serde(default)]
    mounts: Vec<RawOutcome>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawPriorityGrace {
    priority: i32,
    shutdown_grace_period_seconds: i64,
}

fn outcome(raw: RawOutcome) -> Outcome {
    Outcome {
        takes: raw.takes.map(|span| span.0),
        error: raw.error,
    }
}

fn run(raw: RawRun) -> Run {
    let on_term = match raw.on_term {
        None => OnTerm::default(),
        Some(RawOnTerm { ignore: true, .. }) => OnTerm::Ignore,
        Some(RawOnTerm {
            after,
            code,
            ignore: false,
        }) => OnTerm::Exit {
            after: after.map_or(Duration::ZERO, |span| span.0),
            code: code.map_or(143, |code| code.0),
        },
    };
    Run {
        create: outcome(raw.create),
        start: outcome(raw.start),
        exit: raw.exit.map(|exit| Exit {
            after: exit.after.0,
            code: exit.code.0,
            reason: exit.reason,
            message: exit.message,
        }),
        on_term,
        post_start: outcome(raw.post_start),
        pre_stop: outcome(raw.pre_stop),
        startup: windows(raw.probes.startup),
        readiness: windows(raw.probes.readiness),
        liveness: windows(raw.probes.liveness),
    }
}

fn action(raw: RawAction) -> Result<Action, String> {
    let at = Time::ZERO + raw.at.0;
    let what = if let Some(t) = raw.create {
        match t {
            RawTarget { pod: Some(pod), .. } => ActionKind::CreatePod { pod },
            RawTarget {
                config_map: Some(name), ..
            } => ActionKind::CreateObject {
                kind: ObjectKind::ConfigMap,
                name,
            },
            RawTarget { secret: Some(name), .. } => ActionKind::CreateObject {
                kind: ObjectKind::Secret,
                name,
            },
            RawTarget {
                service: Some(name), ..
            } => ActionKind::CreateObject {
                kind: ObjectKind::Service,
                name,
            },
            _ => return Err("a create action names nothing".to_owned()),
        }
    } else if let Some(t) = raw.delete {
        match t {
            RawTarget {
                pod: Some(pod),
                grace_period_seconds,
                ..
            } => ActionKind::DeletePod {
                pod,
                grace_period_seconds: grace_period_seconds.map(i64::from),
            },
            RawTarget {
                config_map: Some(name), ..
            } => ActionKind::DeleteObject {
                kind: ObjectKind::ConfigMap,
                name,
            },
            RawTarget { secret: Some(name), .. } => ActionKind::DeleteObject {
                kind: ObjectKind::Secret,
                name,
            },
            RawTarget {
                service: Some(name), ..
            } => ActionKind::DeleteObject {
                kind: ObjectKind::Service,
                name,
            },
            _ => return Err("a delete action names nothing".to_owned()),
        }
    } else if let Some(kill) = raw.kill {
        ActionKind::Kill {
            pod: kill.pod,
            container: kill.container,
            code: kill.code.map_or(137, |code| code.0),
            reason: kill.reason,
        }
    } else if let Some(r) = raw.set_image {
        ActionKind::SetImage {
            pod: r.pod,
            container: r.container,
            image: r.image,
        }
    } else if let Some(r) = raw.set_condition {
        let status = match r.status.as_str() {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            _ => ConditionStatus::Unknown,
        };
        ActionKind::SetCondition {
            pod: r.pod,
            kind: r.r#type,
            status,
        }
    } else if let Some(r) = raw.debug {
        ActionKind::Debug {
            pod: r.pod,
            container: crate::api::decode::ephemeral(r.name, r.image),
        }
    } else if let Some(r) = raw.evict {
        let reason = match r.reason.as_deref() {
            Some("SoftThreshold") => EvictionReason::SoftThreshold,
            Some("LocalStorageLimit") => EvictionReason::LocalStorageLimit,
            _ => EvictionReason::NodePressure,
        };
        let message = r
            .message
            .unwrap_or_else(|| "The node was low on resource: memory. ".into());
        ActionKind::Evict {
            pod: r.pod,
            reason,
            message,
        }
    } else if let Some(r) = raw.kill_sandbox {
        ActionKind::KillSandbox { pod: r.pod }
    } else if let Some(r) = raw.restart_kubelet {
        ActionKind::RestartKubelet {
            node: r.node,
            down: r.down.map_or(Duration::ZERO, |d| d.0),
        }
    } else if let Some(r) = raw.shutdown_node {
        ActionKind::ShutdownNode { node: r.node }
    } else if let Some(r) = raw.reboot_node {
        ActionKind::RebootNode {
            node: r.node,
            down: r.down.map_or(Duration::ZERO, |d| d.0),
        }
    } else {
        return Err(format!(
            "the action at {} must be exactly one of create, delete, kill",
            raw.at.0
        ));
    };
    Ok(Action { at, what })
}

/// Fills in what the document leaves out; errors with the field and what is wrong.
pub(super) fn scenario(raw: RawScenario) -> Result<Scenario, String> {
    let RawSpec {
        description,
        run_for,
        seed,
        kubelet,
        latencies,
        images,
        containers,
        actions,
        sandboxes,
        volumes,
    } = raw.spec;
    let version = match kubelet.version.as_deref() {
        None => Version::LATEST,
        Some(text) => Version::parse(text)
            .ok_or_else(|| format!("spec.kubelet.version: {text:?} is not supported: it is one of 1.31 to 1.36"))?,
    };
    let features = Features::new(version, &kubelet.feature_gates)
        .map_err(|error| format!("spec.kubelet.featureGates: {}", error.message))?;
    let mut scenario = Scenario::default();
    let set = |field: &mut Duration, span: Option<Span>| {
        if let Some(Span(span)) = span {
            *field = span;
        }
    };
    scenario.name = raw.metadata.name;
    scenario.description = description;
    scenario.run_for = run_for.map(|span| span.0);
    scenario.seed = seed.unwrap_or(0);
    let config = &mut scenario.kubelet;
    config.features = features;
    config.feature_gates = kubelet.feature_gates;
    config.max_container_restart_period = kubelet
        .config
        .crash_loop_back_off
        .max_container_restart_period
        .map(|s| s.0);
    config.serialize_image_pulls = kubelet.config.serialize_image_pulls.unwrap_or(true);
    if let Some(seconds) = kubelet.config.eviction_max_pod_grace_period {
        config.eviction_max_pod_grace_period = seconds;
    }
    set(&mut config.shutdown_grace_period, kubelet.config.shutdown_grace_period);
    set(
        &mut config.shutdown_grace_period_critical_pods,
        kubelet.config.shutdown_grace_period_critical_pods,
    );
    set(
        &mut config.runtime_request_timeout,
        kubelet.config.runtime_request_timeout,
    );
    config.shutdown_grace_period_by_pod_priority = kubelet
        .config
        .shutdown_grace_period_by_pod_priority
        .iter()
        .map(|r| (r.priority, r.shutdown_grace_period_seconds))
        .collect();
    config.max_parallel_image_pulls = kubelet.config.max_parallel_image_pulls;
    set(&mut config.sync_frequency, kubelet.config.sync_frequency);
    set(&mut config.phases.relist, kubelet.phases.relist);
    set(&mut config.phases.sync, kubelet.phases.sync);
    set(&mut config.phases.housekeeping, kubelet.phases.housekeeping);
    set(&mut config.phases.container_gc, kubelet.phases.container_gc);
    set(&mut config.phases.status_sync, kubelet.phases.status_sync);
    let to = &mut scenario.latencies;
    set(&mut to.run_pod_sandbox, latencies.run_pod_sandbox);
    set(&mut to.stop_pod_sandbox, latencies.stop_pod_sandbox);
    set(&mut to.remove_pod_sandbox, latencies.remove_pod_sandbox);
    set(&mut to.create_container, latencies.create_container);
    set(&mut to.start_container, latencies.start_container);
    set(&mut to.remove_container, latencies.remove_container);
    set(&mut to.pull_image, latencies.pull_image);
    let image = |raw: RawImage| ImageScript {
        image: raw.image,
        present: raw.present,
        pulls: raw.pulls.into_iter().map(outcome).collect(),
    };
    scenario.images = images.into_iter().map(image).collect();
    let script = |raw: RawScript| ContainerScript {
        pod: raw.pod,
        name: raw.name,
        runs: raw.runs.into_iter().map(run).collect(),
    };
    scenario.sandboxes = sandboxes
        .into_iter()
        .map(|r| SandboxScript {
            pod: r.pod,
            runs: r.runs.into_iter().map(outcome).collect(),
        })
        .collect();
    scenario.volumes = volumes
        .into_iter()
        .map(|r| VolumeScript {
            pod: r.pod,
            name: r.name,
            mounts: r.mounts.into_iter().map(outcome).collect(),
        })
        .collect();
    scenario.containers = containers.into_iter().map(script).collect();
    scenario.actions = actions.into_iter().map(action).collect::<Result<_, _>>()?;
    Ok(scenario)
}

impl Default for Scenario {
    /// What holds when no document says otherwise.
    fn default() -> Scenario {
        let millis = Duration::from_millis;
        Scenario {
            name: "scenario".to_owned(),
            description: None,
            run_for: None,
            seed: 0,
            epoch_unix_secs: 946_684_800,
            jitter: false,
            kubelet: KubeletConfig {
                features: Features::default(),
                leave_out_idle_ticks: true,
                feature_gates: BTreeMap::new(),
                max_container_restart_period: None,
                serialize_image_pulls: true,
                max_parallel_image_pulls: None,
                sync_frequency: Duration::from_secs(60),
                eviction_max_pod_grace_period: 0,
                shutdown_grace_period: Duration::from_secs(30),
                shutdown_grace_period_critical_pods: Duration::from_secs(10),
                shutdown_grace_period_by_pod_priority: Vec::new(),
                runtime_request_timeout: Duration::from_secs(120),
                phases: Phases {
                    relist: millis(100),
                    sync: millis(200),
                    housekeeping: millis(250),
                    container_gc: millis(300),
                    status_sync: millis(400),
                },
                node_status_update_frequency: Duration::from_secs(10),
                seeded_phases: false,
            },
            latencies: Latencies {
                run_pod_sandbox: millis(211),
                stop_pod_sandbox: millis(17),
                remove_pod_sandbox: millis(5),
                create_container: millis(23),
                start_container: millis(41),
                remove_container: millis(3),
                pull_image: millis(50),
            },
            images: Vec::new(),
            containers: Vec::new(),
            sandboxes: Vec::new(),
            volumes: Vec::new(),
            actions: Vec::new(),
            nodes: Vec::new(),
            schedule: Schedule::Fifo,
            programs: Vec::new(),
            expect: Vec::new(),
            distributions: Vec::new(),
            document: None,
        }
    }
}
