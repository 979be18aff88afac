//! What a probe calls and what it makes of the answer: tries, texts and events (`prober/prober.go`, `pkg/probe`).

use std::rc::Rc;

use super::results::ProbeResult;
use super::worker::Worker;
use crate::api::cut::first_bytes;
use crate::api::pod::{Handler, Name, concat};
use crate::kernel::Duration;
use crate::kubelet::Kubelet;
use crate::kubelet::container::ContainerId;
use crate::kubelet::environment::expand_command;
use crate::runtime::{CANCELED, Container, Ending, ExecCall, GuestAnswer, GuestExec, NOT_RUNNING, ProbeReply};
use crate::scenario::types::{ProbeAnswer, ProbeWindow};
use crate::trace::{ProbeOutcome, ProbeType, What};

/// `maxProbeRetries`
const TRIES: usize = 3;

/// What one call of a handler gives, or the error of a call that could not be made.
type Answer = Result<Verdict, String>;

/// What a handler makes of an answer, with what an event says of it (`probe.Result`).
enum Verdict {
    Success,
    /// A success that is worth an event.
    Warning(String),
    Failure(String),
}

fn title(kind: ProbeType) -> &'static str {
    match kind {
        ProbeType::Startup => "Startup",
        ProbeType::Readiness => "Readiness",
        ProbeType::Liveness => "Liveness",
    }
}

/// `probe:Liveness`, as CRI records name the purpose of an ExecSync call.
fn purpose(kind: ProbeType) -> &'static str {
    match kind {
        ProbeType::Startup => "probe:Startup",
        ProbeType::Readiness => "probe:Readiness",
        ProbeType::Liveness => "probe:Liveness",
    }
}

impl Worker {
    /// Probes, up to three times while the handler errs; None when it only erred (`prober.probe`).
    /// `target` is the container, with its number of restarts.
    pub(super) async fn probe(
        &self,
        kubelet: &Rc<Kubelet>,
        target: (ContainerId, u32),
        pod_ip: &str,
    ) -> Option<ProbeResult> {
        let mut answer = self.call(kubelet, target, pod_ip).await;
        for _ in 1..TRIES {
            if answer.is_ok() {
                break;
            }
            answer = self.call(kubelet, target, pod_ip).await;
        }
        let title = title(self.kind);
        let warn = |reason, message: Name| {
            kubelet.container_event(&self.config, &self.container().name, true, reason, message);
        };
        match answer {
            Err(error) => {
                let state = if kubelet.config.features.probe_errors_say_unknown {
                    " and resulted in unknown state"
                } else {
                    ""
                };
                warn("Unhealthy", concat(&[title, " probe errored", state, ": ", &error]));
                None
            }
            Ok(Verdict::Failure(output)) => {
                warn("Unhealthy", concat(&[title, " probe failed: ", &output]));
                Some(ProbeResult::Failure)
            }
            Ok(Verdict::Warning(output)) => {
                warn("ProbeWarning", concat(&[title, " probe warning: ", &output]));
                Some(ProbeResult::Success)
            }
            Ok(Verdict::Success) => Some(ProbeResult::Success),
        }
    }

    /// One call (`runProbe`).
    async fn call(&self, kubelet: &Rc<Kubelet>, (id, attempt): (ContainerId, u32), pod_ip: &str) -> Answer {
        self.spec().handler.port()?;
        let found = kubelet.runtime.container(self.ix, id.0);
        let attempt = found.as_ref().map_or(attempt, |container| container.attempt);
        let timeout = Duration::from_secs(self.spec().timeout_seconds.into());
        let record = |result| {
            let what = What::Probe {
                probe: self.kind,
                result,
            };
            let (pod, container) = (&self.config.full_name, &self.container().name);
            kubelet.recorder.record(Some(pod), Some(container), Some(attempt), what);
        };
        let nobody_listens = || {
            record(ProbeOutcome::Failure);
            let host = host(&self.spec().handler).unwrap_or(pod_ip);
            let text = refused(&self.spec().handler, host, self.spec().timeout_seconds);
            Ok(Verdict::Failure(text))
        };
        let command = if let Handler::Exec { command } = &self.spec().handler {
            Some(expand_command(command, &self.container().env))
        } else {
            None
        };
        let exec = command.is_some();
        let Some(container) = found else {
            // Only commands are run by way of the runtime; all others call the pod's address, whoever is there.
            return if exec {
                Err("rpc error: code = NotFound desc = container not found".to_owned())
            } else {
                nobody_listens()
            };
        };
        // The workers live on the context of the sync that made them, which a pod's end cancels.
        let cancelled = self.cancelled.clone();
        if exec && cancelled.is_open() {
            record(ProbeOutcome::Error);
            return Err(CANCELED.to_owned());
        }
        if let (Some(command), Some(_)) = (&command, &container.guest) {
            return self.call_guest(kubelet, &container, command, &record).await;
        }
        let reply = match kubelet.runtime.guest_answer(&container, &self.spec().handler) {
            None => kubelet.runtime.scripted_reply(&container, self.kind),
            Some(GuestAnswer::Answered(reply)) => reply,
            Some(GuestAnswer::Refused) => return nobody_listens(),
        };
        let alive = container.is_running();
        let late = reply.takes > timeout;
        record(match () {
            () if !alive && exec => ProbeOutcome::Error,
            () if !alive => ProbeOutcome::Failure,
            () if late => ProbeOutcome::Timeout,
            () => match reply.answer {
                ProbeAnswer::Success => ProbeOutcome::Success,
                ProbeAnswer::Failure => ProbeOutcome::Failure,
                ProbeAnswer::Error => ProbeOutcome::Error,
            },
        });
        let host = host(&self.spec().handler).unwrap_or(pod_ip);
        let seconds = self.spec().timeout_seconds;
        let Some(command) = command else {
            let handler = &self.spec().handler;
            return match kubelet.runtime.network_call(&container, reply.takes, timeout).await {
                Ending::Answered => network_answer(&reply, handler, host),
                Ending::TimedOut => Ok(Verdict::Failure(timed_out(handler, host, seconds))),
                Ending::Died | Ending::Cancelled => Ok(Verdict::Failure(refused(handler, host, seconds))),
            };
        };
        let (answer, error) = exec_answer(&reply, &command);
        let call = ExecCall {
            purpose: purpose(self.kind),
            command: &command,
            takes: reply.takes,
            timeout: Some(seconds.into()),
            error: error.map(Name::from),
            cancel: Some(&cancelled),
        };
        match kubelet.runtime.exec_sync(&container, call).await {
            Ending::Answered => answer,
            Ending::TimedOut => command_timed_out(&command, seconds, kubelet),
            Ending::Died if alive => Ok(Verdict::Failure(String::new())),
            Ending::Died => Err(NOT_RUNNING.to_owned()),
            Ending::Cancelled => Err(CANCELED.to_owned()),
        }
    }

    /// Runs the command of an exec probe in a container that acts by itself.
    async fn call_guest(
        &self,
        kubelet: &Rc<Kubelet>,
        container: &Container,
        command: &[Name],
        record: &dyn Fn(ProbeOutcome),
    ) -> Answer {
        let seconds = self.spec().timeout_seconds;
        let call = (purpose(self.kind), command, Some(seconds.into()));
        let alive = container.is_running();
        let known = |result: &GuestExec| {
            record(match result.ending {
                Ending::Answered if result.code == 0 => ProbeOutcome::Success,
                Ending::Answered => ProbeOutcome::Failure,
                Ending::TimedOut => ProbeOutcome::Timeout,
                Ending::Died if alive => ProbeOutcome::Failure,
                Ending::Died | Ending::Cancelled => ProbeOutcome::Error,
            });
        };
        let cancelled = self.cancelled.clone();
        let run = kubelet
            .runtime
            .exec_in_guest(container, call, (ProbeWindow::DEFAULT_TAKES, Some(&cancelled)), known);
        let result = run.await;
        match result.ending {
            Ending::Answered if result.code == 0 => Ok(Verdict::Success),
            Ending::Answered => Ok(Verdict::Failure(read_of(&result.output))),
            Ending::TimedOut => command_timed_out(command, seconds, kubelet),
            Ending::Died if alive => Ok(Verdict::Failure(String::new())),
            Ending::Died => Err(NOT_RUNNING.to_owned()),
            Ending::Cancelled => Err(CANCELED.to_owned()),
        }
    }
}

fn host(handler: &Handler) -> Option<&str> {
    match handler {
        Handler::HttpGet { host, .. } | Handler::TcpSocket { host, .. } => host.as_deref(),
        Handler::Exec { .. } | Handler::Grpc { .. } | Handler::Sleep { .. } => None,
    }
}

/// What the kubelet reads of a command's output (`pkg/probe/exec: maxReadLength`).
fn read_of(output: &str) -> String {
    const MOST: usize = 10 * 1024;
    first_bytes(output, MOST).into_owned()
}

/// What an exec call gives, and the CRI error that it ends with.
fn exec_answer(reply: &ProbeReply, command: &[Name]) -> (Answer, Option<String>) {
    let message = reply.message.as_deref();
    match reply.answer {
        ProbeAnswer::Success => (Ok(Verdict::Success), None),
        ProbeAnswer::Failure => {
            let code = reply.exit_code.unwrap_or(1);
            let error = format!("command '{}' exited with {code}: ", command.join(" "));
            (Ok(Verdict::Failure(read_of(message.unwrap_or_default()))), Some(error))
        }
        ProbeAnswer::Error => {
            let text = message.unwrap_or(SCRIPTED_ERROR);
            let error = format!("rpc error: code = Unknown desc = {text}");
            (Err(error.clone()), Some(error))
        }
    }
}

/// The text of an erring handler when the scenario gives none.
const SCRIPTED_ERROR: &str = "scripted probe error";

fn network_answer(reply: &ProbeReply, handler: &Handler, host: &str) -> Answer {
    let message = reply.message.as_deref();
    match reply.answer {
        ProbeAnswer::Success if reply.status.is_some_and(|status| status >= 300) => {
            let body = message.unwrap_or_default();
            Ok(Verdict::Warning(format!(
                "Probe terminated redirects, Response body: {body}"
            )))
        }
        ProbeAnswer::Success => Ok(Verdict::Success),
        ProbeAnswer::Error => Err(message.unwrap_or(SCRIPTED_ERROR).to_owned()),
        ProbeAnswer::Failure => {
            let text = match (message, handler) {
                (Some(message), _) => message.to_owned(),
                (None, Handler::HttpGet { .. }) => {
                    format!("HTTP probe failed with statuscode: {}", reply.status.unwrap_or(503))
                }
                (None, Handler::Grpc { .. }) => "service unhealthy (responded with \"NOT_SERVING\")".to_owned(),
                (None, handler) => refused(handler, host, 0),
            };
            Ok(Verdict::Failure(text))
        }
    }
}

/// The address that a handler calls.
pub(in crate::kubelet) fn url(handler: &Handler, host: &str) -> String {
    match handler {
        Handler::HttpGet { path, https, .. } => {
            let address = address(handler, host);
            let scheme = if *https { "https" } else { "http" };
            let slash = if path.is_empty() || path.starts_with(['/', '?', '#']) {
                ""
            } else {
                "/"
            };
            format!("{scheme}://{address}{slash}{path}")
        }
        Handler::Exec { .. } | Handler::TcpSocket { .. } | Handler::Grpc { .. } | Handler::Sleep { .. } => {
            host.to_owned()
        }
    }
}

/// Host and port, an address of IPv6 in brackets (`net.JoinHostPort`).
fn address(handler: &Handler, host: &str) -> String {
    // Nothing is called where there is no port.
    let port = handler.port().ok().flatten().unwrap_or(0);
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Nobody listens.
pub(in crate::kubelet) fn refused(handler: &Handler, host: &str, timeout_seconds: i32) -> String {
    let dial = format!("dial tcp {}: connect: connection refused", address(handler, host));
    match handler {
        Handler::HttpGet { .. } => format!("Get \"{}\": {dial}", url(handler, host)),
        Handler::Grpc { service, .. } => {
            let within = Duration::from_secs(timeout_seconds.into());
            format!("timeout: failed to connect service {service:?} within {within}: context deadline exceeded")
        }
        Handler::Exec { .. } | Handler::TcpSocket { .. } | Handler::Sleep { .. } => dial,
    }
}

/// The answer came too late.
fn timed_out(handler: &Handler, host: &str, timeout_seconds: i32) -> String {
    match handler {
        Handler::HttpGet { .. } => format!(
            "Get \"{}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            url(handler, host)
        ),
        Handler::Grpc { .. } => {
            let within = Duration::from_secs(timeout_seconds.into());
            format!("timeout: health rpc did not complete within {within}")
        }
        Handler::Exec { .. } | Handler::TcpSocket { .. } | Handler::Sleep { .. } => {
            format!("dial tcp {}: i/o timeout", address(handler, host))
        }
    }
}

/// The command took too long: that is a failure, or with the gate off an error like any other (`pkg/probe/exec: Probe`).
fn command_timed_out(command: &[Name], timeout_seconds: i32, kubelet: &Kubelet) -> Answer {
    let timeout = Duration::from_secs(timeout_seconds.into());
    let text = format!("command timed out: \"{}\" timed out after {timeout}", command.join(" "));
    if kubelet.config.features.exec_probe_timeout {
        Ok(Verdict::Failure(text))
    } else {
        Err(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::pod::Port;

    #[test]
    fn addresses_are_written_as_go_writes_them() {
        let get = |path: &str| Handler::HttpGet {
            path: path.into(),
            port: Port::Number(80),
            https: false,
            host: None,
        };
        for (handler, host, expected) in [
            (get("/a"), "10.0.0.1", "http://10.0.0.1:80/a"),
            (get("a"), "web", "http://web:80/a"),
            (get("?a"), "::1", "http://[::1]:80?a"),
        ] {
            assert_eq!(url(&handler, host), expected);
        }
        let socket = Handler::TcpSocket {
            port: Port::Number(80),
            host: None,
        };
        assert_eq!(
            refused(&socket, "fd00::1", 1),
            "dial tcp [fd00::1]:80: connect: connection refused"
        );
        assert_eq!(timed_out(&socket, "10.0.0.1", 1), "dial tcp 10.0.0.1:80: i/o timeout");
    }
}
