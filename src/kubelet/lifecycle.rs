//! Lifecycle hooks: postStart and preStop (`pkg/kubelet/lifecycle/handlers.go`).

use crate::api::pod::{Handler, Name};
use crate::kernel::Duration;
use crate::kubelet::Kubelet;
use crate::kubelet::prober::handlers;
use crate::runtime::{Container, Ending, ExecCall, GuestAnswer, NOT_RUNNING, command_failed, command_killed};
use crate::trace::{CallPhase, HookType, What};

/// Runs a hook; errors with what the handler says (`HandlerRunner.Run`).
pub(super) async fn run(
    kubelet: &Kubelet,
    container: &Container,
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
        Handler::HttpGet { .. } | Handler::TcpSocket { .. } | Handler::Grpc { .. } => {
            if let Some(GuestAnswer::Refused) = kubelet.runtime.guest_answer(container, handler) {
                let ip = kubelet.runtime.ip_of(container);
                let error: Name = handlers::refused(handler, &ip, 0).into();
                record(CallPhase::End, Some(error.clone()));
                return Err(error);
            }
            match kubelet.runtime.network_call(container, takes(), Duration::MAX).await {
                Ending::Answered | Ending::TimedOut => match &outcome.error {
                    None => Ok(()),
                    Some(text) => {
                        let url = handlers::url(handler, &kubelet.runtime.ip_of(container));
                        Err(format!("Get \"{url}\": {text}").into())
                    }
                },
                Ending::Died | Ending::Cancelled => {
                    let ip = kubelet.runtime.ip_of(container);
                    Err(handlers::refused(handler, &ip, 0).into())
                }
            }
        }
    };
    record(CallPhase::End, result.clone().err());
    result
}
