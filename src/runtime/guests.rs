//! Containers that act by themselves: what the guest is told of the input, and how probes and hooks reach it.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::abandon::Abandon;
use super::container::Container;
use super::exec::{CANCELED, Ending, NOT_RUNNING, ProbeReply};
use super::guest_spec::Whereabouts;
use super::service::Runtime;
use super::{NodeIx, PodIx};
use crate::api::objects::{Object, ObjectKind, TargetPort};
use crate::api::pod::{self, Handler, Name, Pod};
use crate::guest::{
    self, AskState, Assumption, LogStream, Network, Observer, PodFacts, Reachability, Service, ServicePort, Signal,
    Target, Volume, World,
};
use crate::kernel::{Duration, Gate, Kernel, race};
use crate::scenario::distributions::{Draws, Span};
use crate::scenario::shared::Shared;
use crate::scenario::types::{Input, OnTerm, ProbeAnswer, ProbeWindow, ProgramScript};
use crate::trace::{CallPhase, CriOp, Recorder, What};

/// The world of all guests of a run.
pub struct Guests {
    pub(super) kernel: Kernel,
    recorder: Recorder,
    /// Made when first there is something to be in it.
    world: OnceCell<Rc<World>>,
    epoch_unix_secs: i64,
    pub(super) seed: u64,
    programs: Vec<guest::ProgramScript>,
    pods: Vec<Shared<Pod>>,
    pub(super) objects: Vec<Shared<Object>>,
    has_services: bool,
    pub(super) volumes: RefCell<BTreeMap<(PodIx, Name), Rc<Volume>>>,
    networks: RefCell<BTreeMap<PodIx, Rc<Network>>>,
    reachability: RefCell<Option<AskPod>>,
}

/// Tells how a pod of the API stands now.
pub type AskPod = Rc<dyn Fn(PodIx) -> Reachability>;

/// What became of a command in a guest.
pub struct GuestExec {
    /// how the call ended
    pub ending: Ending,
    /// the command's exit code
    pub code: i32,
    /// what it printed
    pub output: String,
}

/// A guest's answer over the network.
pub enum GuestAnswer {
    /// somebody listens
    Answered(ProbeReply),
    /// nobody listens
    Refused,
}

impl Guests {
    /// The world of a run's guests, without Services.
    pub fn new(kernel: &Kernel, recorder: &Recorder, input: &Input, draws: &Draws) -> Rc<Guests> {
        let scenario = &input.scenario;
        Rc::new(Guests {
            kernel: kernel.clone(),
            recorder: recorder.clone(),
            world: OnceCell::new(),
            epoch_unix_secs: scenario.epoch_unix_secs,
            seed: scenario.seed,
            programs: scenario.programs.iter().map(|script| program(script, draws)).collect(),
            pods: input.pods.iter().map(|p| p.pod.clone()).collect(),
            objects: input.objects.iter().map(|o| o.object.clone()).collect(),
            has_services: input.objects.iter().any(|o| o.object.kind == ObjectKind::Service),
            volumes: RefCell::default(),
            networks: RefCell::default(),
            reachability: RefCell::default(),
        })
    }

    fn world(&self) -> &Rc<World> {
        self.world.get_or_init(|| {
            let world = World::new(&self.kernel, self.epoch_unix_secs, self.programs.clone());
            for pod in &self.pods {
                world.expect_pod(&pod.namespace, texts(&pod.labels));
            }
            world
        })
    }

    /// Where Services learn which pods are ready; before this is known all are.
    pub fn ask(&self, reachability: AskPod) {
        *self.reachability.borrow_mut() = Some(reachability);
    }

    /// A Service has come to be: its name has a meaning from now on.
    pub fn object_created(&self, object: &Object) {
        if object.kind == ObjectKind::Service {
            let spec = &object.service;
            let text = |name: &Name| name.to_string();
            let ports = spec.ports.iter().map(|port| ServicePort {
                name: port.name.as_ref().map(text),
                port: port.port,
                target: match &port.target {
                    TargetPort::Number(number) => Target::Number(*number),
                    TargetPort::Named(name) => Target::Named(name.to_string()),
                },
            });
            self.world().add_service(Service {
                namespace: object.namespace.to_string(),
                name: object.name.to_string(),
                selector: texts(&object.selector),
                ports: ports.collect(),
                cluster_ip: spec.cluster_ip.as_ref().map(text),
                headless: spec.headless,
                external_name: spec.external_name.as_ref().map(text),
                publish_not_ready_addresses: spec.publish_not_ready_addresses,
            });
        }
    }

    /// A Service is deleted.
    pub fn object_removed(&self, kind: ObjectKind, namespace: &str, name: &str) {
        if kind == ObjectKind::Service {
            self.world().remove_service(namespace, name);
        }
    }

    /// The guest that plays a container; None where its program is not known: the defaults stand in for it then.
    pub(super) fn make(
        self: &Rc<Self>,
        ix: PodIx,
        container: &pod::Container,
        (id, attempt, here): (u64, u32, Whereabouts<'_>),
    ) -> Option<Rc<guest::Container>> {
        let pod = self.pods.get(ix.0)?;
        // Who debugs, types: a shell that an ephemeral container starts does not end by itself.
        if pod.find_container(&container.name).is_none() && container.command.is_empty() && container.args.is_empty() {
            return None;
        }
        let voice = Rc::new(Voice {
            recorder: self.recorder.clone(),
            pod: pod.full_name(),
            container: container.name.clone(),
            attempt,
        });
        let mut unknown = Vec::new();
        let spec = self.spec(ix, pod, container, (attempt, here), &mut unknown);
        if let Err(assumption) = guest::understands(&spec, &self.programs) {
            // An image alone promises nothing: that its program runs until it is stopped is the documented default.
            if &*assumption.place != "image" {
                voice.assume(assumption);
            }
            return None;
        }
        // What a program that is not played would have seen is nobody's concern.
        for assumption in unknown {
            voice.assume(assumption);
        }
        let network = self.network(ix, pod, &here.pod_ip(pod));
        Some(guest::Container::new(id, spec, &network, voice))
    }

    /// Whether a container acts by itself when no script matches it: its program is known.
    pub fn plays(&self, ix: PodIx, container: &pod::Container) -> bool {
        let Some(pod) = self.pods.get(ix.0) else { return false };
        let nowhere = Whereabouts {
            sandbox_ip: &"".into(),
            node: NodeIx::NONE,
            node_name: &"".into(),
        };
        let spec = self.spec(ix, pod, container, (0, nowhere), &mut Vec::new());
        guest::understands(&spec, &self.programs).is_ok()
    }

    /// A container that is not played is there for others nevertheless: it listens on the ports that it declares.
    pub(super) fn stand_in(&self, ix: PodIx, container: &Rc<Container>, here: Whereabouts<'_>) {
        let Some(pod) = self.pods.get(ix.0) else { return };
        let alone = pod.spec.containers.len() + pod.spec.init_containers.len() < 2;
        // Nobody could ask.
        if alone && !self.has_services {
            return;
        }
        let Some((_, definition)) = pod.find_container(&container.name) else {
            return;
        };
        let ports = definition.ports.iter().map(|port| port.port).collect();
        let weak = Rc::downgrade(container);
        let runs = move || weak.upgrade().is_some_and(|container| container.is_running());
        self.network(ix, pod, &here.pod_ip(pod)).stand_in(ports, Rc::new(runs));
    }

    fn network(&self, ix: PodIx, pod: &Pod, ip: &Name) -> Rc<Network> {
        let mut networks = self.networks.borrow_mut();
        if let Some(known) = networks.get(&ix) {
            if known.ip == **ip {
                return known.clone();
            }
            self.world().remove_pod(known);
        }
        let containers = pod.spec.init_containers.iter().chain(&pod.spec.containers);
        let named = containers
            .flat_map(|container| &container.ports)
            .filter_map(|port| Some((port.name.as_ref()?.to_string(), port.port)));
        let spec = pod.manifest.pointer("/spec");
        let given = |field: &str| {
            let text = spec.and_then(|spec| spec.get(field)?.as_str());
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let facts = PodFacts {
            namespace: pod.namespace.to_string(),
            name: pod.name.to_string(),
            hostname: given("hostname"),
            subdomain: given("subdomain"),
            ip: ip.to_string(),
            labels: texts(&pod.labels),
            ports: named.collect(),
            host_aliases: spec.map_or_else(Vec::new, host_aliases),
            no_service_links: spec.and_then(|spec| spec.get("enableServiceLinks")?.as_bool()) == Some(false),
            state: self
                .reachability
                .borrow()
                .clone()
                .map(|ask| -> AskState { Rc::new(move || ask(ix)) }),
        };
        let network = Network::new(self.world(), facts);
        self.world().add_pod(&network);
        networks.insert(ix, network.clone());
        network
    }
}

/// spec.hostAliases
fn host_aliases(spec: &serde_json::Value) -> Vec<(String, Vec<String>)> {
    let aliases = spec.get("hostAliases").and_then(serde_json::Value::as_array);
    let alias = |alias: &serde_json::Value| {
        let names = alias.get("hostnames")?.as_array()?;
        let names = names.iter().filter_map(|name| Some(name.as_str()?.to_owned()));
        Some((alias.get("ip")?.as_str()?.to_owned(), names.collect()))
    };
    aliases.into_iter().flatten().filter_map(alias).collect()
}

fn texts(map: &BTreeMap<Name, Name>) -> BTreeMap<String, String> {
    map.iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

fn program(script: &ProgramScript, draws: &Draws) -> guest::ProgramScript {
    let answers = script.answers.iter().map(|answer| guest::AnswerScript {
        path: answer.path.as_ref().map(ToString::to_string),
        from: answer.from,
        status: answer.status,
        body: answer.body.to_string(),
        takes: Duration::ZERO,
    });
    let signals = script.signals.iter().filter_map(|(name, reaction)| {
        let (after, code) = match *reaction {
            OnTerm::Exit { after, code } => (after, Some(code)),
            OnTerm::Ignore => (Span::ZERO, None),
        };
        Signal::parse(name).map(|signal| guest::SignalScript { signal, after, code })
    });
    guest::ProgramScript {
        name: script.name.as_ref().map(ToString::to_string),
        image: script.image.as_ref().map(ToString::to_string),
        listens: script.listens.clone(),
        answers: answers.collect(),
        signals: signals.collect(),
        runs_for: script.runs_for,
        exit_code: script.exit_code,
        prints: script.output.as_ref().map(ToString::to_string),
        draws: draws.clone(),
    }
}

/// What a container says of itself, as records of the trace.
struct Voice {
    recorder: Recorder,
    pod: Name,
    container: Name,
    attempt: u32,
}

impl Voice {
    fn record(&self, what: What) {
        self.recorder
            .record(Some(&self.pod), Some(&self.container), Some(self.attempt), what);
    }
}

impl Observer for Voice {
    fn log(&self, stream: LogStream, line: &str) {
        self.record(What::Log {
            stream: match stream {
                LogStream::Stdout => "stdout",
                LogStream::Stderr => "stderr",
            },
            text: line.into(),
        });
    }

    fn command(&self, pid: u32, command: &str) {
        self.record(What::Command {
            pid,
            command: command.into(),
        });
    }

    fn assume(&self, assumption: Assumption) {
        self.record(What::Assumed {
            place: assumption.place.into(),
            text: assumption.what.into(),
            assumed: assumption.assumed.into(),
        });
    }
}

impl Runtime {
    /// ExecSync in a guest. `known` is told the exit code as soon as the command has ended; the answer comes `takes` later.
    pub async fn exec_in_guest(
        &self,
        container: &Container,
        (purpose, command, timeout): (&'static str, &[Name], Option<i64>),
        (takes, cancel): (Duration, Option<&Gate>),
        known: impl FnOnce(&GuestExec),
    ) -> GuestExec {
        let record = |phase, error: Option<Name>| {
            let (name, attempt) = (Some(&container.name), container.attempt);
            self.call(&container.pod, name, attempt, CriOp::ExecSync, phase, |call| {
                call.purpose = Some(purpose);
                call.timeout = timeout;
                call.error = error;
            });
        };
        record(CallPhase::Begin, None);
        let abandoned = Abandon::new(|| {
            if !self.is_down() {
                record(CallPhase::End, Some(CANCELED.into()));
            }
        });
        let mut result = GuestExec {
            ending: Ending::Died,
            code: 137,
            output: String::new(),
        };
        let joined = command.join(" ");
        let mut error = None;
        match &container.guest {
            Some(guest) if container.is_running() => {
                let field = match purpose {
                    "probe:Startup" => "startupProbe",
                    "probe:Readiness" => "readinessProbe",
                    "probe:Liveness" => "livenessProbe",
                    "hook:postStart" => "lifecycle.postStart",
                    _ => "lifecycle.preStop",
                };
                let place = format!("{field}.exec.command");
                let words: Vec<&str> = command.iter().map(|word| &**word).collect();
                let late = async {
                    match timeout {
                        Some(seconds) => self.kernel.sleep(Duration::from_secs(seconds)).await,
                        None => std::future::pending().await,
                    }
                };
                let lost = async {
                    match cancel {
                        Some(cancel) => cancel.wait().await,
                        None => std::future::pending().await,
                    }
                };
                let cut = race(container.process.gone.wait(), race(late, lost));
                match race(guest.exec(&words, &place), cut).await {
                    Ok(output) => {
                        result.ending = Ending::Answered;
                        result.code = output.code;
                        result.output = output.output;
                        if result.code != 0 {
                            let text = format!(
                                "command '{joined}' exited with {}: {}",
                                result.code,
                                result.output.trim_end()
                            );
                            error = Some(text.into());
                        }
                    }
                    Err(Ok(())) => error = Some(format!("command '{joined}' exited with 137: ").into()),
                    Err(Err(Ok(()))) => {
                        result.ending = Ending::TimedOut;
                        let span = Duration::from_secs(timeout.unwrap_or(0));
                        error = Some(format!("command timed out: \"{joined}\" timed out after {span}").into());
                    }
                    Err(Err(Err(()))) => {
                        result.ending = Ending::Cancelled;
                        error = Some(CANCELED.into());
                    }
                }
            }
            Some(_) | None => error = Some(NOT_RUNNING.into()),
        }
        known(&result);
        if result.ending == Ending::Answered {
            self.kernel.sleep(takes).await;
        }
        abandoned.defuse();
        record(CallPhase::End, error);
        result
    }

    /// What a guest answers to a call over the network now; None when the container is not played, or the call is for
    /// another host.
    pub fn guest_answer(&self, container: &Container, handler: &Handler) -> Option<GuestAnswer> {
        let guest = container.guest.as_ref().filter(|_| container.is_running())?;
        let reply = |status: Option<u16>, takes: Duration| ProbeReply {
            answer: match status {
                Some(200..=399) | None => ProbeAnswer::Success,
                Some(_) => ProbeAnswer::Failure,
            },
            takes: Duration(ProbeWindow::DEFAULT_TAKES.0.saturating_add(takes.0)),
            message: None,
            status,
            exit_code: None,
        };
        let answered = |found: Option<ProbeReply>| Some(found.map_or(GuestAnswer::Refused, GuestAnswer::Answered));
        match handler {
            Handler::HttpGet { host: Some(_), .. } | Handler::TcpSocket { host: Some(_), .. } => None,
            Handler::HttpGet { path, port, .. } => answered(
                port.resolve()
                    .ok()
                    .and_then(|port| guest.http(port, path))
                    .map(|answer| reply(Some(answer.status), answer.takes)),
            ),
            Handler::TcpSocket { port, .. } => {
                let listens = port.resolve().is_ok_and(|port| guest.listens(port));
                answered(listens.then(|| reply(None, Duration::ZERO)))
            }
            Handler::Grpc { port, .. } => answered(guest.http(*port, "/").map(|answer| ProbeReply {
                answer: match answer.status {
                    ..400 => ProbeAnswer::Success,
                    400.. => ProbeAnswer::Failure,
                },
                ..reply(None, answer.takes)
            })),
            Handler::Exec { .. } | Handler::Sleep { .. } => None,
        }
    }
}
