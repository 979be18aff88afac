//! Pods and their containers.

use std::collections::BTreeMap;

use super::Draw;
use crate::api::features::Features;
use crate::api::pod::{
    Container, ContainerPort, Handler, Name, Pod, PodSpec, Port, Probe, PullPolicy, RestartPolicy, RestartRule,
    RestartRuleAction, RunAs,
};
use crate::api::uid::pod_uid;
use crate::explore::mutate::fit_sleeps;
use crate::explore::stream::Stream;

/// The priority of `system-node-critical`.
const CRITICAL: i32 = 2_000_001_000;
/// Where containers listen.
const PORT: u16 = 8080;

impl Draw<'_> {
    /// A pod that an API server with these features takes as it is.
    pub(super) fn pod(&self, stream: &mut Stream, place: usize, features: &Features) -> Pod {
        let (weights, names) = (self.weights, self.names);
        let inits = if stream.chance(weights.init_containers) {
            stream.count(3, weights.more_containers)
        } else {
            0
        };
        let apps = stream.count(weights.containers, weights.more_containers);
        let restart_policy = match stream.below(4) {
            0 => RestartPolicy::Never,
            1 => RestartPolicy::OnFailure,
            _ => RestartPolicy::Always,
        };
        let mut spec = PodSpec {
            init_containers: names.inits[..inits]
                .iter()
                .map(|name| self.init_container(stream, name, features))
                .collect(),
            containers: names.apps[..apps]
                .iter()
                .map(|name| self.app_container(stream, name, features))
                .collect(),
            restart_policy,
            termination_grace_period_seconds: i64::from(*stream.pick(&[30, 30, 10, 5, 3, 1, 0])),
            active_deadline_seconds: stream
                .chance(weights.deadlines)
                .then(|| stream.short_seconds(1, 60).as_secs()),
            readiness_gates: if stream.chance(weights.readiness_gates) {
                vec![names.gate.clone()]
            } else {
                Vec::new()
            },
            ..PodSpec::plain(Vec::new())
        };
        if stream.chance(weights.priorities) {
            if stream.chance(40) {
                spec.priority_class_name = Some(names.critical.clone());
                spec.priority = CRITICAL;
            } else {
                spec.priority = 1_000;
            }
        }
        if stream.chance(weights.scheduling_gates) {
            spec.scheduling_gates.push(names.scheduling_gate.clone());
        } else if !self.nodes.is_empty() && stream.chance(50) {
            spec.node_name = Some(stream.pick(&self.nodes).name.clone());
        }
        spec.host_network = stream.chance(3);
        fit_sleeps(&mut spec, features);
        let (mut namespace, mut name, mut uid) = (&names.default, &names.pods[place], names.uids[place].clone());
        if place > 0 && stream.chance(weights.namespaces) {
            // The second may have the first one's name.
            namespace = &names.namespace;
            name = if place == 1 && stream.chance(50) {
                &names.pods[0]
            } else {
                name
            };
            uid = pod_uid(place, namespace, name);
        }
        Pod {
            namespace: namespace.clone(),
            name: name.clone(),
            uid,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            spec,
            owner: None,
            written: None,
            manifest: names.manifest.clone(),
        }
    }

    /// Gives pods and containers requests and limits.
    pub(super) fn resources(&self, stream: &mut Stream, pods: &mut [Pod], features: &Features) {
        for pod in pods {
            if !stream.chance(self.weights.resources) {
                continue;
            }
            let spec = &mut pod.spec;
            for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
                container.resources = stream.chance(70).then(|| stream.pick(&self.names.resources).clone());
            }
            if features.pod_level_resources && stream.chance(20) {
                spec.resources = Some(self.names.resources_of_pods.clone());
            }
        }
    }

    fn container(&self, stream: &mut Stream, name: &Name) -> Container {
        let pulled = stream.chance(self.weights.pulls);
        let image = match stream.below(100) {
            _ if pulled => &self.names.absent,
            0..8 => &self.names.untagged,
            8 => &self.names.unparsable,
            _ => &self.names.present,
        };
        let command = if stream.chance(self.weights.guests) {
            stream.pick(&self.names.programs).clone()
        } else {
            Vec::new()
        };
        let run_as = RunAs {
            non_root: stream.chance(self.weights.users),
            user: None,
        };
        let user = run_as.non_root.then(|| *stream.pick(&[None, Some(0), Some(1_000)]));
        Container {
            name: name.clone(),
            run_as: RunAs {
                user: user.flatten(),
                ..run_as
            },
            command,
            image: image.clone(),
            image_pull_policy: match stream.below(12) {
                0 => PullPolicy::Always,
                1 if pulled => PullPolicy::Never,
                _ => PullPolicy::IfNotPresent,
            },
            ..self.base.clone()
        }
    }

    fn init_container(&self, stream: &mut Stream, name: &Name, features: &Features) -> Container {
        let container = self.container(stream, name);
        if !features.sidecar_containers || !stream.chance(self.weights.sidecars) {
            return self.with_policy(
                stream,
                container,
                &[RestartPolicy::Never, RestartPolicy::OnFailure],
                features,
            );
        }
        let sidecar = self.with_probes(stream, container);
        Container {
            restart_policy: Some(RestartPolicy::Always),
            ..sidecar
        }
    }

    fn app_container(&self, stream: &mut Stream, name: &Name, features: &Features) -> Container {
        let container = self.container(stream, name);
        let container = self.with_probes(stream, container);
        let policies = [RestartPolicy::Never, RestartPolicy::OnFailure, RestartPolicy::Always];
        self.with_policy(stream, container, &policies, features)
    }

    fn with_probes(&self, stream: &mut Stream, container: Container) -> Container {
        let weights = self.weights;
        let mut probe = |once: bool| stream.chance(weights.probes).then(|| self.probe(stream, once));
        let (liveness_probe, readiness_probe, startup_probe) = (probe(true), probe(false), probe(true));
        let mut hook = || stream.chance(weights.hooks).then(|| self.hook(stream));
        let (post_start, pre_stop) = (hook(), hook());
        self.with_ports(Container {
            liveness_probe,
            readiness_probe,
            startup_probe,
            post_start,
            pre_stop,
            ..container
        })
    }

    /// A policy of the container's own, mostly with rules.
    fn with_policy(
        &self,
        stream: &mut Stream,
        container: Container,
        policies: &[RestartPolicy],
        features: &Features,
    ) -> Container {
        if !features.container_restart_rules || !stream.chance(self.weights.restart_rules) {
            return container;
        }
        let rules = [0, 1, 1, 2][stream.below(4) as usize];
        Container {
            restart_policy: Some(*stream.pick(policies)),
            restart_policy_rules: (0..rules).map(|_| rule(stream, features)).collect(),
            ..container
        }
    }

    fn handler(&self, stream: &mut Stream) -> Handler {
        match stream.below(4) {
            0 => Handler::Exec {
                command: self.names.command.clone(),
            },
            3 => Handler::Grpc {
                port: PORT,
                service: self.names.empty.clone(),
            },
            1 => self.http_get(stream),
            _ => Handler::TcpSocket {
                port: self.port(stream),
                host: self.host(stream),
            },
        }
    }

    fn http_get(&self, stream: &mut Stream) -> Handler {
        Handler::HttpGet {
            path: self.names.path.clone(),
            port: self.port(stream),
            https: stream.chance(10),
            host: self.host(stream),
        }
    }

    /// A port by number, rarely by name, also by one that the container does not have.
    fn port(&self, stream: &mut Stream) -> Port {
        if !stream.chance(6) {
            return Port::Number(PORT);
        }
        let name = stream.pick(&self.names.ports).clone();
        let number = (name == self.names.ports[0]).then_some(PORT);
        Port::Named { name, number }
    }

    /// The ports that the container's probes and hooks call by names that it must have.
    fn with_ports(&self, mut container: Container) -> Container {
        let probes = [
            &container.liveness_probe,
            &container.readiness_probe,
            &container.startup_probe,
        ];
        let of_probes = probes.into_iter().flatten().map(|probe| &probe.handler);
        let handlers = of_probes.chain(&container.post_start).chain(&container.pre_stop);
        let is_known = |port: &Port| matches!(port, Port::Named { number: Some(_), .. });
        let is_named = { handlers }.any(|handler| match handler {
            Handler::HttpGet { port, .. } | Handler::TcpSocket { port, .. } => is_known(port),
            Handler::Exec { .. } | Handler::Grpc { .. } | Handler::Sleep { .. } => false,
        });
        if is_named {
            container.ports.push(ContainerPort {
                name: Some(self.names.ports[0].clone()),
                port: PORT,
                protocol: self.names.protocol.clone(),
            });
        }
        container
    }

    fn host(&self, stream: &mut Stream) -> Option<Name> {
        stream.chance(5).then(|| self.names.host.clone())
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
        match stream.below(16) {
            0..4 => Handler::Sleep {
                seconds: i64::from(stream.between(1, 12)),
            },
            4..8 => self.http_get(stream),
            // The API takes it, and the kubelet refuses it.
            8 => Handler::TcpSocket {
                port: self.port(stream),
                host: None,
            },
            _ => Handler::Exec {
                command: self.names.command.clone(),
            },
        }
    }
}

fn rule(stream: &mut Stream, features: &Features) -> RestartRule {
    let codes = [0, 1, 42, 137];
    let first = stream.below(4) as usize;
    let more = [0, 0, 1, 2][stream.below(4) as usize];
    RestartRule {
        action: if features.restart_all_containers && stream.chance(25) {
            RestartRuleAction::RestartAllContainers
        } else {
            RestartRuleAction::Restart
        },
        not_in: stream.chance(25),
        values: (first..=first + more).map(|place| codes[place % 4]).collect(),
    }
}
