//! The generator: a seed and a run number give pods and a scenario, as typed values ready to run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mutate::fit_sleeps;
use super::stream::{Stream, StreamOf};
use super::weights::Weights;
use crate::api::decode::ephemeral;
use crate::api::pod::{
    Container, Handler, Name, Pod, PodSpec, Probe, PullPolicy, RestartPolicy, RestartRule, RestartRuleAction, Volume,
    VolumeSource,
};
use crate::api::status::ConditionStatus;
use crate::api::uid::pod_uid;
use crate::kernel::Duration;
use crate::scenario::types::{
    Action, ActionKind, ContainerScript, EvictionReason, Exit, ImageScript, Input, OnTerm, Outcome, PodInput,
    ProbeAnswer, ProbeWindow, Run, SandboxScript, Scenario, Schedule, VolumeScript,
};

/// Names that every generated scenario uses, made once.
struct Names {
    default: Name,
    pods: Vec<Name>,
    uids: Vec<Name>,
    apps: Vec<Name>,
    inits: Vec<Name>,
    present: Name,
    absent: Name,
    other: Name,
    volume: Name,
    gate: Name,
    debug: Name,
    command: Vec<Name>,
    path: Name,
    empty: Name,
    errors: Vec<Name>,
    oom: Name,
    /// Nobody looks at the manifests of generated pods.
    manifest: Arc<serde_json::Value>,
}

/// Makes scenarios. It keeps nothing from one to the next.
pub struct Generator {
    weights: Weights,
    names: Names,
    base: Container,
    scenario: Scenario,
}

/// What is drawn of a run.
struct Draw<'a> {
    weights: &'a Weights,
    names: &'a Names,
    base: &'a Container,
    scenario: &'a Scenario,
    length: Duration,
}

impl Generator {
    /// A generator with these weights.
    pub fn new(weights: Weights) -> Generator {
        let list = |names: &[&str]| names.iter().map(|name| Name::from(*name)).collect::<Vec<_>>();
        let default: Name = "default".into();
        let pods: Vec<Name> = (0..weights.pods.max(1)).map(|n| format!("web-{n}").into()).collect();
        let numbered = |letter: char, count: u32| (0..count).map(|n| format!("{letter}{n}").into()).collect();
        let names = Names {
            uids: pods
                .iter()
                .enumerate()
                .map(|(n, pod)| pod_uid(n, &default, pod))
                .collect(),
            default,
            pods,
            apps: numbered('c', weights.containers.max(1)),
            inits: numbered('i', 3),
            present: "app:1".into(),
            absent: "big:1".into(),
            other: "app:2".into(),
            volume: "data".into(),
            gate: "example.com/ready".into(),
            debug: "debug".into(),
            command: list(&["/check"]),
            path: "/healthz".into(),
            empty: "".into(),
            errors: list(&["no space left on device", "manifest unknown", "exec: not found"]),
            oom: "OOMKilled".into(),
            manifest: Arc::new(serde_json::Value::Null),
        };
        let base = ephemeral(names.empty.clone(), names.present.clone());
        let scenario = Scenario {
            name: "generated".to_owned(),
            ..Scenario::default()
        };
        Generator {
            weights,
            names,
            base,
            scenario,
        }
    }

    /// The scenario of run number `run` of `seed`.
    pub fn scenario(&self, seed: u64, run: u64) -> Input {
        let mut shape = Stream::new(seed, run, StreamOf::Shape);
        let draw = Draw {
            weights: &self.weights,
            names: &self.names,
            base: &self.base,
            scenario: &self.scenario,
            length: shape.seconds(10, self.weights.longest_seconds.max(10)),
        };
        let mut pods = Stream::new(seed, run, StreamOf::Pods);
        let count = draw.count(&mut pods, self.weights.pods);
        let pods: Vec<Pod> = (0..count).map(|place| draw.pod(&mut pods, place)).collect();
        let mut scenario = draw.world(&mut Stream::new(seed, run, StreamOf::World), &pods);
        draw.interleaving(&mut shape, &mut scenario, seed ^ run);
        scenario.containers = draw.scripts(&mut Stream::new(seed, run, StreamOf::Scripts), &pods);
        scenario.actions = draw.actions(&mut Stream::new(seed, run, StreamOf::Actions), &pods);
        let created = |pod: &Name| {
            let mut actions = scenario.actions.iter();
            actions.any(|a| matches!(&a.what, ActionKind::CreatePod { pod: created } if created == pod))
        };
        let pods = pods.into_iter().map(|pod| PodInput {
            created_by_action: created(&pod.name),
            pod,
        });
        Input {
            pods: pods.collect(),
            objects: Vec::new(),
            scenario,
        }
    }
}

impl Draw<'_> {
    fn count(&self, stream: &mut Stream, most: u32) -> usize {
        let mut count = 1;
        while count < most && stream.chance(self.weights.more) {
            count += 1;
        }
        count as usize
    }

    fn pod(&self, stream: &mut Stream, place: usize) -> Pod {
        let (weights, names) = (self.weights, self.names);
        let inits = if stream.chance(weights.init_containers) {
            self.count(stream, 3)
        } else {
            0
        };
        let apps = self.count(stream, weights.containers);
        let restart_policy = match stream.below(5) {
            0 => RestartPolicy::Never,
            1 => RestartPolicy::OnFailure,
            _ => RestartPolicy::Always,
        };
        let mut spec = PodSpec {
            init_containers: names.inits[..inits]
                .iter()
                .map(|name| self.init_container(stream, name))
                .collect(),
            containers: names.apps[..apps]
                .iter()
                .map(|name| self.app_container(stream, name))
                .collect(),
            restart_policy,
            termination_grace_period_seconds: i64::from(*stream.pick(&[30, 30, 10, 5, 3, 1, 0])),
            active_deadline_seconds: stream
                .chance(weights.deadlines)
                .then(|| i64::from(stream.between(1, 60))),
            readiness_gates: if stream.chance(weights.readiness_gates) {
                vec![names.gate.clone()]
            } else {
                Vec::new()
            },
            volumes: if stream.chance(weights.world) {
                vec![Volume {
                    name: names.volume.clone(),
                    source: VolumeSource::Plain,
                }]
            } else {
                Vec::new()
            },
            ..PodSpec::plain(Vec::new())
        };
        fit_sleeps(&mut spec);
        Pod {
            namespace: names.default.clone(),
            name: names.pods[place].clone(),
            uid: names.uids[place].clone(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            spec,
            owner: None,
            manifest: names.manifest.clone(),
        }
    }

    fn container(&self, stream: &mut Stream, name: &Name) -> Container {
        let pulled = stream.chance(self.weights.pulls);
        let image = if pulled {
            &self.names.absent
        } else {
            &self.names.present
        };
        Container {
            name: name.clone(),
            image: image.clone(),
            image_pull_policy: match stream.below(12) {
                0 => PullPolicy::Always,
                1 if pulled => PullPolicy::Never,
                _ => PullPolicy::IfNotPresent,
            },
            ..self.base.clone()
        }
    }

    fn init_container(&self, stream: &mut Stream, name: &Name) -> Container {
        let container = self.container(stream, name);
        if !stream.chance(self.weights.sidecars) {
            return self.with_rules(stream, container);
        }
        let sidecar = self.with_probes(stream, container);
        Container {
            restart_policy: Some(RestartPolicy::Always),
            ..sidecar
        }
    }

    fn app_container(&self, stream: &mut Stream, name: &Name) -> Container {
        let container = self.container(stream, name);
        let container = self.with_probes(stream, container);
        self.with_rules(stream, container)
    }

    fn with_probes(&self, stream: &mut Stream, container: Container) -> Container {
        let weights = self.weights;
        let mut probe = |once: bool| stream.chance(weights.probes).then(|| self.probe(stream, once));
        let (liveness_probe, readiness_probe, startup_probe) = (probe(true), probe(false), probe(true));
        let mut hook = || stream.chance(weights.hooks).then(|| self.hook(stream));
        let (post_start, pre_stop) = (hook(), hook());
        Container {
            liveness_probe,
            readiness_probe,
            startup_probe,
            post_start,
            pre_stop,
            ..container
        }
    }

    /// A policy and rules of the container's own.
    fn with_rules(&self, stream: &mut Stream, container: Container) -> Container {
        if !stream.chance(self.weights.restart_rules) {
            return container;
        }
        let action = if stream.chance(25) {
            RestartRuleAction::RestartAllContainers
        } else {
            RestartRuleAction::Restart
        };
        Container {
            restart_policy: Some(*stream.pick(&[RestartPolicy::Never, RestartPolicy::OnFailure])),
            restart_policy_rules: vec![RestartRule {
                action,
                not_in: stream.chance(25),
                values: vec![*stream.pick(&[0, 1, 42, 137])],
            }],
            ..container
        }
    }

    fn handler(&self, stream: &mut Stream) -> Handler {
        match stream.below(3) {
            0 => Handler::Exec {
                command: self.names.command.clone(),
            },
            1 => Handler::HttpGet {
                path: self.names.path.clone(),
                port: 8080,
                https: false,
                host: None,
            },
            _ => Handler::TcpSocket { port: 8080, host: None },
        }
    }

    fn probe(&self, stream: &mut Stream, once: bool) -> Probe {
        let number = |stream: &mut Stream, from, to| i32::try_from(stream.between(from, to)).unwrap_or(1);
        Probe {
            handler: self.handler(stream),
            initial_delay_seconds: if stream.chance(40) { number(stream, 1, 15) } else { 0 },
            timeout_seconds: number(stream, 1, 3),
            period_seconds: number(stream, 1, 10),
            success_threshold: if once { 1 } else { number(stream, 1, 2) },
            failure_threshold: number(stream, 1, 4),
            termination_grace_period_seconds: (once && stream.chance(20)).then(|| i64::from(stream.between(1, 20))),
        }
    }

    fn hook(&self, stream: &mut Stream) -> Handler {
        match stream.below(4) {
            0 => Handler::Sleep {
                seconds: i64::from(stream.between(1, 12)),
            },
            1 => Handler::HttpGet {
                path: self.names.path.clone(),
                port: 8080,
                https: false,
                host: None,
            },
            _ => Handler::Exec {
                command: self.names.command.clone(),
            },
        }
    }

    fn outcome(&self, stream: &mut Stream, longest_millis: u32, failures: u8) -> Outcome {
        Outcome {
            takes: Some(stream.millis(1, longest_millis)),
            error: stream.chance(failures).then(|| stream.pick(&self.names.errors).clone()),
        }
    }

    fn world(&self, stream: &mut Stream, pods: &[Pod]) -> Scenario {
        let (weights, names) = (self.weights, self.names);
        let mut scenario = Scenario {
            run_for: Some(self.length),
            ..self.scenario.clone()
        };
        if stream.chance(weights.latencies) {
            let latencies = &mut scenario.latencies;
            latencies.run_pod_sandbox = stream.millis(1, 3_000);
            latencies.stop_pod_sandbox = stream.millis(1, 500);
            latencies.create_container = stream.millis(1, 500);
            latencies.start_container = stream.millis(1, 1_500);
            latencies.remove_container = stream.millis(1, 100);
            latencies.pull_image = stream.millis(1, 2_000);
        }
        if stream.chance(weights.configuration) {
            let config = &mut scenario.kubelet;
            config.serialize_image_pulls = stream.chance(50);
            if !config.serialize_image_pulls && stream.chance(50) {
                config.max_parallel_image_pulls = Some(stream.between(1, 3));
            }
            config.eviction_max_pod_grace_period = i64::from(stream.between(0, 20));
        }
        let pulled = pods
            .iter()
            .flat_map(|p| p.all_containers())
            .any(|(_, c)| c.image == names.absent);
        if pulled {
            let pulls = (0..stream.between(1, 3)).map(|_| self.outcome(stream, 8_000, weights.failures / 2));
            scenario.images.push(ImageScript {
                image: names.absent.clone(),
                present: false,
                pulls: pulls.collect(),
            });
        }
        if stream.chance(weights.world) {
            let runs = (0..stream.between(1, 3))
                .map(|_| self.outcome(stream, 2_000, 40))
                .collect();
            scenario.sandboxes.push(SandboxScript { pod: None, runs });
        }
        if pods.iter().any(|pod| !pod.spec.volumes.is_empty()) {
            let mounts = (0..stream.between(1, 3))
                .map(|_| self.outcome(stream, 3_000, 40))
                .collect();
            scenario.volumes.push(VolumeScript {
                pod: None,
                name: names.volume.clone(),
                mounts,
            });
        }
        scenario
    }

    /// The order at equal times, and where the kubelet's ticks fall.
    fn interleaving(&self, stream: &mut Stream, scenario: &mut Scenario, seed: u64) {
        if !stream.chance(self.weights.interleavings) {
            return;
        }
        scenario.seed = seed;
        if stream.chance(60) {
            scenario.schedule = Schedule::Seeded;
        }
        if stream.chance(60) {
            scenario.kubelet.seeded_phases = true;
        }
    }

    fn scripts(&self, stream: &mut Stream, pods: &[Pod]) -> Vec<ContainerScript> {
        let mut scripts = Vec::new();
        for pod in pods {
            for container in pod.spec.init_containers.iter().chain(&pod.spec.containers) {
                let ends = !container.is_sidecar() && pod.spec.init_containers.iter().any(|c| c.name == container.name);
                if !ends && stream.chance(15) {
                    continue;
                }
                let runs = (0..stream.between(1, 3))
                    .map(|_| self.run(stream, container, ends))
                    .collect();
                scripts.push(ContainerScript {
                    pod: (pods.len() > 1).then(|| pod.name.clone()),
                    name: container.name.clone(),
                    runs,
                });
            }
        }
        scripts
    }

    fn run(&self, stream: &mut Stream, container: &Container, ends: bool) -> Run {
        let weights = self.weights;
        let error = |stream: &mut Stream| Outcome {
            takes: None,
            error: stream
                .chance(weights.runtime_errors)
                .then(|| stream.pick(&self.names.errors).clone()),
        };
        let exit = (ends && stream.chance(95)) || (!ends && stream.chance(weights.exits));
        let hook = |stream: &mut Stream, given: bool| match given {
            true => self.outcome(stream, 6_000, 20),
            false => Outcome::default(),
        };
        Run {
            create: error(stream),
            start: error(stream),
            exit: exit.then(|| self.exit(stream, ends)),
            on_term: if stream.chance(weights.slow_ends) {
                self.on_term(stream)
            } else {
                OnTerm::default()
            },
            post_start: hook(stream, container.post_start.is_some()),
            pre_stop: hook(stream, container.pre_stop.is_some()),
            startup: self.windows(stream, container.startup_probe.is_some(), 40),
            readiness: self.windows(stream, container.readiness_probe.is_some(), 50),
            liveness: self.windows(stream, container.liveness_probe.is_some(), 30),
        }
    }

    fn exit(&self, stream: &mut Stream, soon: bool) -> Exit {
        let failures = if soon {
            self.weights.failures / 2
        } else {
            self.weights.failures
        };
        let code = if stream.chance(failures) {
            *stream.pick(&[1, 1, 2, 42, 137])
        } else {
            0
        };
        Exit {
            after: stream.millis(0, if soon { 5_000 } else { 30_000 }),
            code,
            reason: (code == 137).then(|| self.names.oom.clone()),
            message: None,
        }
    }

    fn on_term(&self, stream: &mut Stream) -> OnTerm {
        if stream.chance(35) {
            return OnTerm::Ignore;
        }
        OnTerm::Exit {
            after: stream.millis(0, 40_000),
            code: *stream.pick(&[0, 143, 1]),
        }
    }

    fn windows(&self, stream: &mut Stream, given: bool, failures: u8) -> Vec<ProbeWindow> {
        if !given {
            return Vec::new();
        }
        let mut from = Duration::ZERO;
        let mut windows = Vec::new();
        for _ in 0..stream.between(1, 3) {
            let result = match stream.chance(failures) {
                true => ProbeAnswer::Failure,
                false if stream.chance(5) => ProbeAnswer::Error,
                false => ProbeAnswer::Success,
            };
            windows.push(ProbeWindow {
                from,
                result,
                takes: if stream.chance(20) {
                    stream.millis(1, 4_000)
                } else {
                    Duration::from_millis(7)
                },
                message: None,
                status: None,
                exit_code: None,
                probability: None,
            });
            from = from + stream.millis(500, 30_000);
        }
        windows
    }

    fn actions(&self, stream: &mut Stream, pods: &[Pod]) -> Vec<Action> {
        let mut actions = Vec::new();
        for pod in &pods[1..] {
            if stream.chance(30) {
                actions.push(Action {
                    at: stream.instant(self.length),
                    what: ActionKind::CreatePod { pod: pod.name.clone() },
                });
            }
        }
        while actions.len() < 5 && stream.chance(self.weights.actions) {
            let pod = stream.pick(pods);
            let what = match stream.chance(self.weights.disruptions) {
                true => self.disruption(stream, pod),
                false => self.everyday(stream, pod),
            };
            let at = stream.instant(self.length);
            if actions.iter().any(|a| a.what == what) {
                // A second debug container of that name the API server would refuse.
                continue;
            }
            actions.push(Action { at, what });
        }
        actions.sort_by_key(|action| action.at);
        actions
    }

    fn everyday(&self, stream: &mut Stream, pod: &Pod) -> ActionKind {
        let names = self.names;
        let containers = if pod.spec.init_containers.is_empty() || stream.chance(70) {
            &pod.spec.containers
        } else {
            &pod.spec.init_containers
        };
        let container = stream.pick(containers).name.clone();
        let pod_name = pod.name.clone();
        match stream.below(10) {
            0..=4 => ActionKind::DeletePod {
                pod: pod_name,
                grace_period_seconds: stream.chance(50).then(|| i64::from(*stream.pick(&[0, 1, 3, 10, 40]))),
            },
            5 | 6 => ActionKind::Kill {
                pod: pod_name,
                container,
                code: *stream.pick(&[137, 0, 1]),
                reason: None,
            },
            7 => ActionKind::SetImage {
                pod: pod_name,
                container,
                image: stream.pick(&[&names.other, &names.absent]).to_owned().clone(),
            },
            8 => ActionKind::SetCondition {
                pod: pod_name,
                kind: names.gate.clone(),
                status: *stream.pick(&[ConditionStatus::True, ConditionStatus::False]),
            },
            _ => ActionKind::Debug {
                pod: pod_name,
                container: Box::new(ephemeral(names.debug.clone(), names.present.clone())),
            },
        }
    }

    fn disruption(&self, stream: &mut Stream, pod: &Pod) -> ActionKind {
        let pod = pod.name.clone();
        match stream.below(6) {
            0 | 1 => ActionKind::KillSandbox { pod },
            2 => ActionKind::Evict {
                pod,
                reason: *stream.pick(&[
                    EvictionReason::NodePressure,
                    EvictionReason::SoftThreshold,
                    EvictionReason::LocalStorageLimit,
                ]),
                message: "The node was low on resource: memory. ".into(),
            },
            3 => ActionKind::RestartKubelet {
                node: None,
                down: stream.millis(0, 20_000),
            },
            4 => ActionKind::RebootNode {
                node: None,
                down: stream.millis(1_000, 40_000),
            },
            _ => ActionKind::ShutdownNode { node: None },
        }
    }
}
