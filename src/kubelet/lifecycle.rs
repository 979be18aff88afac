//! Lifecycle hooks: postStart and preStop (`pkg/kubelet/lifecycle/handlers.go`).

use crate::api::pod::{Handler, Name, Pod, Port};
use crate::kernel::Duration;
use crate::kubelet::Kubelet;
use crate::kubelet::prober::handlers;
use crate::runtime::{Container, Ending, ExecCall, GuestAnswer, NOT_RUNNING, command_failed, command_killed};
use crate::trace::{CallPhase, HookType, What};

/// Runs a hook; errors with what the handler says (`HandlerRunner.Run`).
pub(super) async fn run(
    kubelet: &Kubelet,
    (pod, container): (&Pod, &Container),
    hook: HookType,
    handler: &Handler,
) -> Result<(), Name> {
    let (outcome, purpose) = match hook {
        HookType::PostStart => (&container.run.post_start, "hook:postStart"),
        HookType::PreStop => (&container.run.pre_stop, "hook:preStop"),
    };
    let record = |phase, error| {
        let what = What::Hook { hook, phase, error };
        kubelet.recorder.record(
            Some(&container.pod),
            Some(&container.name),
            Some(container.attempt),
            what,
        );
    };
    record(CallPhase::Begin, None);
    let takes = || {
        outcome
            .takes
            .map_or(Duration::ZERO, |span| kubelet.runtime.draws.next(container.ix.0, span))
    };
    let result = match handler {
        Handler::Exec { command } if container.guest.is_some() => {
            let call = (purpose, &command[..], None);
            let alive = container.is_running();
            let run = kubelet
                .runtime
                .exec_in_guest(container, call, (Duration::ZERO, None), |_| {});
            let result = run.await;
            match result.ending {
                Ending::Answered if result.code == 0 => Ok(()),
                Ending::Answered | Ending::TimedOut | Ending::Cancelled => {
                    let output = result.output.trim_end();
                    Err(format!("command '{}' exited with {}: {output}", command.join(" "), result.code).into())
                }
                Ending::Died if alive => Err(command_killed(command)),
                Ending::Died => Err(NOT_RUNNING.into()),
            }
        }
        Handler::Exec { command } => {
            let call = ExecCall {
                purpose,
                command,
                takes: takes(),
                timeout: None,
                error: outcome.error.as_deref().map(|text| command_failed(command, text)),
                cancel: None,
            };
            let error = call.error.clone();
            let alive = container.is_running();
            match kubelet.runtime.exec_sync(container, call).await {
                Ending::Died if alive => Err(command_killed(command)),
                Ending::Died => Err(NOT_RUNNING.into()),
                Ending::Answered | Ending::TimedOut | Ending::Cancelled => error.map_or(Ok(()), Err),
            }
        }
        Handler::Sleep { seconds } => {
            kubelet.kernel.sleep(Duration::from_secs(*seconds)).await;
            Ok(())
        }
        // The API takes such hooks, and nothing runs them.
        Handler::TcpSocket { .. } | Handler::Grpc { .. } => Err(invalid(handler)),
        // The runtime knows no address of a sandbox that has none of its own (`runHTTPHandler`).
        Handler::HttpGet { host: None, .. } if pod.spec.host_network => {
            Err("failed to find networking container".into())
        }
        Handler::HttpGet { host, port, .. } => {
            let own = kubelet.runtime.ip_of(container);
            let host = host.as_deref().unwrap_or(&own);
            let refused = || Err(handlers::refused(handler, host, 0).into());
            if let Err(text) = port.resolve() {
                Err(text.into())
            } else if let Some(GuestAnswer::Refused) = kubelet.runtime.guest_answer(container, handler) {
                refused()
            } else {
                match kubelet.runtime.network_call(container, takes(), Duration::MAX).await {
                    Ending::Answered | Ending::TimedOut => outcome.error.as_ref().map_or(Ok(()), |text| {
                        let url = handlers::url(handler, host);
                        Err(format!("Get \"{url}\": {text}").into())
                    }),
                    Ending::Died | Ending::Cancelled => refused(),
                }
            }
        }
    };
    record(CallPhase::End, result.clone().err());
    result
}

/// What is said of a handler that is none of exec, httpGet and sleep, as Go prints it.
fn invalid(handler: &Handler) -> Name {
    let socket = match handler {
        Handler::TcpSocket { port, host } => {
            let host = host.as_deref().unwrap_or_default();
            // As Go prints an `intstr.IntOrString`: its kind, its number, its text.
            let port = match port {
                Port::Number(number) => format!("{{0 {number} }}"),
                Port::Named { name, .. } => format!("{{1 0 {name}}}"),
            };
            format!("&TCPSocketAction{{Port:{port},Host:{host},}}")
        }
        Handler::Exec { .. } | Handler::HttpGet { .. } | Handler::Grpc { .. } | Handler::Sleep { .. } => {
            "nil".to_owned()
        }
    };
    format!("invalid handler: &LifecycleHandler{{Exec:nil,HTTPGet:nil,TCPSocket:{socket},Sleep:nil,}}").into()
}
