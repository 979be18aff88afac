//! What containers do, run by run, and durations that are drawn when the scenario is read.

use super::Draw;
use crate::api::pod::{Container, Handler, Pod, Probe};
use crate::explore::stream::Stream;
use crate::kernel::{Duration, Time};
use crate::scenario::named::shortest_of;
use crate::scenario::types::{
    Action, ActionKind, ContainerScript, Distribution, Exit, OnTerm, Outcome, PlacedDistribution, ProbeAnswer,
    ProbeWindow, Run, Scenario, Span,
};

impl Draw<'_> {
    pub(super) fn scripts(&self, stream: &mut Stream, pods: &[Pod], actions: &[Action]) -> Vec<ContainerScript> {
        let mut scripts = Vec::new();
        for pod in pods {
            for container in pod.spec.init_containers.iter().chain(&pod.spec.containers) {
                let ends = !container.is_sidecar() && pod.spec.init_containers.iter().any(|c| c.name == container.name);
                // A container with a command of its own mostly goes by that.
                let untold = if container.command.is_empty() { 15 } else { 85 };
                if (!ends || !container.command.is_empty()) && stream.chance(untold) {
                    continue;
                }
                let runs = (0..stream.between(1, 3))
                    .map(|_| self.run(stream, container, ends))
                    .collect();
                scripts.push(ContainerScript {
                    pod: (pods.len() > 1).then(|| shortest_of(pods.iter(), pod)),
                    name: container.name.clone(),
                    runs,
                });
            }
        }
        for action in actions {
            if let ActionKind::Debug { container, .. } = &action.what
                && stream.chance(60)
                && !scripts.iter().any(|script| script.name == container.name)
            {
                scripts.push(ContainerScript {
                    pod: None,
                    name: container.name.clone(),
                    runs: vec![self.run(stream, container, true)],
                });
            }
        }
        scripts
    }

    fn run(&self, stream: &mut Stream, container: &Container, ends: bool) -> Run {
        let weights = self.weights;
        let call = |stream: &mut Stream| Outcome {
            takes: stream.chance(8).then(|| stream.millis(1, 2_000).into()),
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
            create: call(stream),
            start: call(stream),
            exit: exit.then(|| self.exit(stream, ends)),
            on_term: if stream.chance(weights.slow_ends) {
                self.on_term(stream)
            } else {
                OnTerm::default()
            },
            post_start: hook(stream, container.post_start.is_some()),
            pre_stop: hook(stream, container.pre_stop.is_some()),
            startup: self.windows(stream, container.startup_probe.as_ref(), 40),
            readiness: self.windows(stream, container.readiness_probe.as_ref(), 50),
            liveness: self.windows(stream, container.liveness_probe.as_ref(), 30),
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
            after: stream.millis(0, if soon { 5_000 } else { 30_000 }).into(),
            code,
            reason: match stream.chance(5) {
                true => Some(self.names.reason.clone()),
                false => (code == 137).then(|| self.names.oom.clone()),
            },
            message: stream.chance(10).then(|| self.names.message.clone()),
        }
    }

    pub(super) fn on_term(&self, stream: &mut Stream) -> OnTerm {
        if stream.chance(35) {
            return OnTerm::Ignore;
        }
        OnTerm::Exit {
            after: stream.millis(0, 40_000).into(),
            code: *stream.pick(&[0, 143, 1]),
        }
    }

    fn windows(&self, stream: &mut Stream, probe: Option<&Probe>, failures: u8) -> Vec<ProbeWindow> {
        let Some(probe) = probe else { return Vec::new() };
        let mut from = Duration::ZERO;
        let mut windows = Vec::new();
        for _ in 0..stream.between(1, 3) {
            let result = match stream.chance(failures) {
                true => ProbeAnswer::Failure,
                false if stream.chance(5) => ProbeAnswer::Error,
                false => ProbeAnswer::Success,
            };
            // A status or an exit code may say the same.
            let well = result == ProbeAnswer::Success;
            let (mut status, mut exit_code) = (None, None);
            if result != ProbeAnswer::Error && stream.chance(15) {
                match &probe.handler {
                    Handler::HttpGet { .. } => status = Some(if well { 204 } else { 503 }),
                    Handler::Exec { .. } => exit_code = Some(if well { 0 } else { 3 }),
                    Handler::TcpSocket { .. } | Handler::Grpc { .. } | Handler::Sleep { .. } => {}
                }
            }
            let told = status.is_some() || exit_code.is_some();
            windows.push(ProbeWindow {
                from,
                result: if told { ProbeAnswer::Success } else { result },
                takes: if stream.chance(20) {
                    stream.millis(1, 4_000).into()
                } else {
                    ProbeWindow::DEFAULT_TAKES.into()
                },
                message: stream.chance(10).then(|| self.names.message.clone()),
                status,
                exit_code,
                // Parts per 2^32: sixteenths.
                probability: stream
                    .chance(self.weights.probabilities)
                    .then(|| stream.between(1, 15) << 28),
            });
            from = from + stream.millis(500, 30_000);
        }
        windows
    }

    /// Puts distributions in the place of some durations: often of what happens by itself, sometimes of calls. Reading the
    /// scenario draws them as they are drawn here.
    pub(super) fn distributions(&self, stream: &mut Stream, scenario: &mut Scenario, seed: u64) {
        if !stream.chance(self.weights.distributions) {
            return;
        }
        scenario.seed = seed;
        let mut placed = Vec::new();
        scenario.each_span(|path, span| {
            let by_itself = path.ends_with(".after") || path.contains(".pulls");
            if stream.chance(if by_itself { 50 } else { 10 }) {
                *span = Span::drawn(placed.len());
                placed.push(PlacedDistribution {
                    path,
                    distribution: distribution(stream),
                    once: false,
                });
            }
        });
        let mut once = |path: String, moment: &mut Duration| {
            if stream.chance(50) {
                let one = PlacedDistribution {
                    path,
                    distribution: distribution(stream),
                    once: true,
                };
                *moment = one.first(seed, 0);
                placed.push(one);
            }
        };
        for (a, action) in scenario.actions.iter_mut().enumerate() {
            let mut at = action.at - Time::ZERO;
            once(format!("actions[{a}].at"), &mut at);
            action.at = Time::ZERO + at;
            match &mut action.what {
                ActionKind::RestartKubelet { down, .. } => once(format!("actions[{a}].restartKubelet.down"), down),
                ActionKind::RebootNode { down, .. } => once(format!("actions[{a}].rebootNode.down"), down),
                _ => {}
            }
        }
        scenario.distributions = placed;
    }
}

fn distribution(stream: &mut Stream) -> Distribution {
    let from = stream.millis(1, 10_000);
    let more = from + stream.millis(1, 10_000);
    match stream.below(4) {
        0 => Distribution::Uniform { from, to: more },
        1 => Distribution::Normal { mean: from, sd: more },
        2 => Distribution::Exponential { mean: from },
        _ => Distribution::LogNormal { p50: from, p99: more },
    }
}
