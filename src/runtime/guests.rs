//! Containers that act by themselves: what the guest is told of the input, and how probes and hooks reach it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::PodIx;
use super::abandon::Abandon;
use super::exec::{CANCELED, DEFAULT_TAKES, Ending, NOT_RUNNING};
use super::service::{Container, Runtime};
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::{self, EnvValue, Handler, Name, Pod, VolumeSource};
use crate::guest::{self, Assumption, LogStream, Mount, Network, Observer, Service, Signal, Spec, Volume, World};
use crate::kernel::{Duration, Gate, Kernel, race};
use crate::scenario::types::{Input, OnTerm, ProbeAnswer, ProbeWindow, ProgramScript};
use crate::trace::{CallPhase, CriOp, Recorder, What};

/// The world of all guests of a run.
pub struct Guests {
    kernel: Kernel,
    recorder: Recorder,
    world: Rc<World>,
    seed: u64,
    programs: Vec<guest::ProgramScript>,
    pods: Vec<Pod>,
    objects: Vec<Object>,
    volumes: RefCell<BTreeMap<(PodIx, Name), Rc<Volume>>>,
    networks: RefCell<BTreeMap<PodIx, Rc<Network>>>,
}

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
    Answered(ProbeWindow),
    /// nobody listens
    Refused,
}

impl Guests {
    /// The world of a run's guests, without Services.
    pub fn new(kernel: &Kernel, recorder: &Recorder, input: &Input) -> Rc<Guests> {
        let scenario = &input.scenario;
        let programs: Vec<_> = scenario.programs.iter().map(program).collect();
        let world = World::new(kernel, scenario.epoch_unix_secs, programs.clone());
        for pod in &input.pods {
            world.expect_pod(&pod.pod.namespace, texts(&pod.pod.labels));
        }
        Rc::new(Guests {
            kernel: kernel.clone(),
            recorder: recorder.clone(),
            world,
            seed: scenario.seed,
            programs,
            pods: input.pods.iter().map(|p| p.pod.clone()).collect(),
            objects: input.objects.iter().map(|o| o.object.clone()).collect(),
            volumes: RefCell::default(),
            networks: RefCell::default(),
        })
    }

    /// A Service has come to be: its name has a meaning from now on.
    pub fn object_created(&self, object: &Object) {
        if object.kind == ObjectKind::Service {
            self.world.add_service(Service {
                namespace: object.namespace.to_string(),
                name: object.name.to_string(),
                selector: texts(&object.selector),
                ports: object.ports.iter().map(|port| (*port, Some(*port))).collect(),
                headless: false,
                external_name: None,
            });
        }
    }

    /// A Service is deleted.
    pub fn object_removed(&self, kind: ObjectKind, namespace: &str, name: &str) {
        if kind == ObjectKind::Service {
            self.world.remove_service(namespace, name);
        }
    }

    /// The guest that plays a container; None where its program is not known: the defaults stand in for it then.
    pub(super) fn make(
        self: &Rc<Self>,
        ix: PodIx,
        container: &pod::Container,
        (id, attempt, ip): (u64, u32, &Name),
    ) -> Option<Rc<guest::Container>> {
        let pod = self.pods.get(ix.0)?;
        // Who debugs, types: a shell that an ephemeral container starts does not end by itself.
        if pod.find_container(&container.name).is_none() && container.command.is_empty() && container.args.is_empty() {
            return None;
        }
        let spec = self.spec(ix, pod, container, attempt, ip);
        let voice = Rc::new(Voice {
            recorder: self.recorder.clone(),
            pod: pod.full_name().into(),
            container: container.name.clone(),
            attempt,
        });
        if let Err(assumption) = guest::understands(&spec, &self.programs) {
            // An image alone promises nothing: that its program runs until it is stopped is the documented default.
            if &*assumption.place != "image" {
                voice.assume(assumption);
            }
            return None;
        }
        let network = self.network(ix, pod, ip);
        Some(guest::Container::new(id, spec, &network, voice))
    }

    fn network(&self, ix: PodIx, pod: &Pod, ip: &Name) -> Rc<Network> {
        let mut networks = self.networks.borrow_mut();
        if let Some(known) = networks.get(&ix) {
            if known.ip == **ip {
                return known.clone();
            }
            self.world.remove_pod(known);
        }
        let network = Network::new(&self.world, &pod.namespace, &pod.name, ip, texts(&pod.labels));
        self.world.add_pod(&network);
        networks.insert(ix, network.clone());
        network
    }

    fn spec(&self, ix: PodIx, pod: &Pod, container: &pod::Container, attempt: u32, ip: &Name) -> Spec {
        let list = |names: &[Name]| names.iter().map(ToString::to_string).collect();
        let limit = container.resources.as_ref().and_then(|r| r.pointer("/limits/memory"));
        let mounts = container.volume_mounts.iter().zip(&container.mount_paths);
        Spec {
            image: container.image.to_string(),
            command: list(&container.command),
            args: list(&container.args),
            env: self.environment(pod, container, ip),
            working_dir: container.working_dir.as_ref().map(ToString::to_string),
            stdin: container.stdin,
            completes: pod
                .spec
                .init_containers
                .iter()
                .any(|c| c.name == container.name && !c.is_sidecar()),
            ports: container.ports.iter().map(|port| port.port).collect(),
            mounts: mounts.map(|(name, path)| self.mount(ix, pod, name, path)).collect(),
            termination_message_path: container.termination_message_path.to_string(),
            memory_limit_bytes: limit.and_then(|limit| bytes(limit.as_str()?)),
            seed: self.seed,
            place: format!("{}/{}/{attempt}", pod.full_name(), container.name),
        }
    }

    fn mount(&self, ix: PodIx, pod: &Pod, name: &Name, path: &Name) -> Mount {
        let source = pod
            .spec
            .volumes
            .iter()
            .find(|volume| volume.name == *name)
            .map(|v| &v.source);
        let data = match source {
            Some(VolumeSource::ConfigMap { name, .. }) => self.data(ObjectKind::ConfigMap, pod, name),
            Some(VolumeSource::Secret { name, .. }) => self.data(ObjectKind::Secret, pod, name),
            Some(VolumeSource::Plain | VolumeSource::Claim { .. }) | None => None,
        };
        let mut volumes = self.volumes.borrow_mut();
        let volume = volumes.entry((ix, name.clone())).or_insert_with(|| match data {
            Some(data) => Volume::with_files(&self.kernel, data.iter().map(|(key, text)| (&**key, text.as_bytes()))),
            None => Volume::empty(&self.kernel),
        });
        Mount {
            path: path.to_string(),
            volume: volume.clone(),
            sub_path: None,
        }
    }

    fn data(&self, kind: ObjectKind, pod: &Pod, name: &Name) -> Option<&BTreeMap<Name, Name>> {
        let fits = |o: &&Object| o.kind == kind && o.namespace == pod.namespace && o.name == *name;
        self.objects.iter().find(fits).map(|object| &object.data)
    }

    fn environment(&self, pod: &Pod, container: &pod::Container, ip: &Name) -> Vec<(String, String)> {
        let mut environment = Vec::new();
        for from in &container.env_from {
            let data = match from {
                pod::EnvFrom::ConfigMap { name, .. } => self.data(ObjectKind::ConfigMap, pod, name),
                pod::EnvFrom::Secret { name, .. } => self.data(ObjectKind::Secret, pod, name),
            };
            let pairs = data.into_iter().flatten();
            environment.extend(pairs.map(|(key, text)| (key.to_string(), text.to_string())));
        }
        for variable in &container.env {
            let key = |kind, name, key: &Name| self.data(kind, pod, name).and_then(|data| data.get(key)).cloned();
            let value = match &variable.value {
                EnvValue::Literal(text) => Some(text.clone()),
                EnvValue::ConfigMapKey { name, key: k, .. } => key(ObjectKind::ConfigMap, name, k),
                EnvValue::SecretKey { name, key: k, .. } => key(ObjectKind::Secret, name, k),
                EnvValue::Field(path) => Some(field(pod, path, ip)),
                EnvValue::Other => Some("".into()),
            };
            environment.extend(value.map(|value| (variable.name.to_string(), value.to_string())));
        }
        environment
    }
}

/// The downward API's fields (`pkg/fieldpath: ExtractFieldPathAsString`).
fn field(pod: &Pod, path: &str, ip: &Name) -> Name {
    let subscript = |prefix: &str| path.strip_prefix(prefix)?.strip_prefix("['")?.strip_suffix("']");
    match path {
        "metadata.name" => pod.name.clone(),
        "metadata.namespace" => pod.namespace.clone(),
        "metadata.uid" => pod.uid.clone(),
        "spec.nodeName" => pod.spec.node_name.clone().unwrap_or_else(|| "node-1".into()),
        "spec.serviceAccountName" => "default".into(),
        "status.podIP" | "status.podIPs" => ip.clone(),
        "status.hostIP" | "status.hostIPs" => "192.0.2.1".into(),
        _ => {
            let label = subscript("metadata.labels").and_then(|key| pod.labels.get(key));
            let annotation = subscript("metadata.annotations").and_then(|key| pod.annotations.get(key));
            label.or(annotation).cloned().unwrap_or_else(|| "".into())
        }
    }
}

fn texts(map: &BTreeMap<Name, Name>) -> BTreeMap<String, String> {
    map.iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

/// A quantity of memory in bytes; whole numbers only.
fn bytes(quantity: &str) -> Option<u64> {
    let digits = quantity.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &quantity[digits.len()..] {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn program(script: &ProgramScript) -> guest::ProgramScript {
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
            OnTerm::Ignore => (Duration::ZERO, None),
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
        let window = |status: Option<u16>, takes: Duration| ProbeWindow {
            from: Duration::ZERO,
            result: match status {
                Some(200..=399) | None => ProbeAnswer::Success,
                Some(_) => ProbeAnswer::Failure,
            },
            takes: Duration(DEFAULT_TAKES.0.saturating_add(takes.0)),
            message: None,
            status,
            exit_code: None,
            probability: None,
        };
        let answered = |found: Option<ProbeWindow>| Some(found.map_or(GuestAnswer::Refused, GuestAnswer::Answered));
        match handler {
            Handler::HttpGet { host: Some(_), .. } | Handler::TcpSocket { host: Some(_), .. } => None,
            Handler::HttpGet { path, port, .. } => answered(
                guest
                    .http(*port, path)
                    .map(|answer| window(Some(answer.status), answer.takes)),
            ),
            Handler::TcpSocket { port, .. } => answered(guest.listens(*port).then(|| window(None, Duration::ZERO))),
            Handler::Grpc { port, .. } => answered(guest.http(*port, "/").map(|answer| {
                let serving = answer.status < 400;
                ProbeWindow {
                    result: if serving {
                        ProbeAnswer::Success
                    } else {
                        ProbeAnswer::Failure
                    },
                    ..window(None, answer.takes)
                }
            })),
            Handler::Exec { .. } | Handler::Sleep { .. } => None,
        }
    }
}
