//! Pod sandboxes: RunPodSandbox, StopPodSandbox, RemovePodSandbox.

use std::cell::Cell;
use std::rc::Rc;

use super::service::{Failure, Runtime};
use super::{PodIx, address};
use crate::api::pod::Name;
use crate::kernel::Time;
use crate::scenario::distributions::Span;
use crate::scenario::lookup;
use crate::scenario::types::Outcome;
use crate::trace::{CallPhase, CriOp};

/// A pod sandbox.
pub struct Sandbox {
    /// Identifies it for ever.
    pub id: u64,
    /// Whose it is.
    pub pod: PodIx,
    /// Attempt.
    pub attempt: u32,
    /// Whether it is ready.
    pub ready: Cell<bool>,
    /// When it was made.
    pub created_at: Time,
    /// Its IP.
    pub ip: Name,
}

impl Runtime {
    /// RunPodSandbox. Errors with the CRI error's text.
    pub async fn run_pod_sandbox(
        self: &Rc<Self>,
        pod: PodIx,
        full_name: &Name,
        attempt: u32,
    ) -> Result<Rc<Sandbox>, Name> {
        self.call(full_name, None, attempt, CriOp::RunPodSandbox, CallPhase::Begin, |_| {});
        let outcome = self.next_sandbox_outcome(pod, full_name);
        let created_at = self.kernel.now();
        let takes = outcome.takes.unwrap_or(self.scenario.latencies.run_pod_sandbox);
        let takes = self.draws.next(pod.0, takes);
        // The CRI client waits twice as long for a sandbox as for anything else.
        let patience = self.request_timeout.times(2);
        let (takes, failure) = Failure::within(patience, takes, outcome.error);
        let error = failure.map(|failure| failure.as_rpc_error());
        let full_name = full_name.clone();
        self.carry(created_at + takes, move |runtime| {
            let made = match &error {
                Some(text) => Err(text.clone()),
                None => Ok(runtime.add_sandbox(pod, &full_name, attempt, created_at)),
            };
            runtime.call(
                &full_name,
                None,
                attempt,
                CriOp::RunPodSandbox,
                CallPhase::End,
                |call| {
                    call.error = error;
                },
            );
            made
        })
        .await
    }

    fn add_sandbox(&self, pod: PodIx, full_name: &Name, attempt: u32, created_at: Time) -> Rc<Sandbox> {
        let (network, next) = &self.next_ip;
        let number = next.replace(next.get() + 1);
        let sandbox = Rc::new(Sandbox {
            id: self.next_id(),
            pod,
            attempt,
            ready: Cell::new(true),
            created_at,
            ip: address(*network, number),
        });
        let mut pods = self.pods.borrow_mut();
        let records = pods.or_insert_with(pod, Default::default);
        records.full_name = Some(full_name.clone());
        records.sandboxes.push(sandbox.clone());
        drop(pods);
        self.touch(pod);
        sandbox
    }

    /// StopPodSandbox: the sandbox is not ready any more.
    pub async fn stop_pod_sandbox(self: &Rc<Self>, full_name: &Name, sandbox: &Rc<Sandbox>) {
        self.sandbox_call(
            CriOp::StopPodSandbox,
            self.scenario.latencies.stop_pod_sandbox,
            full_name,
            sandbox,
            |_, sandbox| sandbox.ready.set(false),
        )
        .await;
    }

    /// RemovePodSandbox.
    pub async fn remove_pod_sandbox(self: &Rc<Self>, pod: PodIx, full_name: &Name, sandbox: &Rc<Sandbox>) {
        self.sandbox_call(
            CriOp::RemovePodSandbox,
            self.scenario.latencies.remove_pod_sandbox,
            full_name,
            sandbox,
            move |runtime, sandbox| {
                if let Some(records) = runtime.pods.borrow_mut().get_mut(pod) {
                    records.sandboxes.retain(|s| s.id != sandbox.id);
                }
            },
        )
        .await;
    }

    async fn sandbox_call(
        self: &Rc<Self>,
        op: CriOp,
        takes: Span,
        full_name: &Name,
        sandbox: &Rc<Sandbox>,
        effect: impl FnOnce(&Runtime, &Sandbox) + Unpin + 'static,
    ) {
        self.call(full_name, None, sandbox.attempt, op, CallPhase::Begin, |_| {});
        let (full_name, sandbox) = (full_name.clone(), sandbox.clone());
        self.carry(
            self.kernel.now() + self.draws.next(sandbox.pod.0, takes),
            move |runtime| {
                effect(runtime, &sandbox);
                runtime.touch(sandbox.pod);
                runtime.call(&full_name, None, sandbox.attempt, op, CallPhase::End, |_| {});
            },
        )
        .await;
    }

    fn next_sandbox_outcome(&self, pod: PodIx, full_name: &Name) -> Outcome {
        let mut pods = self.pods.borrow_mut();
        let records = pods.or_insert_with(pod, Default::default);
        let number = records.sandbox_runs;
        records.sandbox_runs += 1;
        let script = lookup::sandbox_script(&self.scenario.sandboxes, lookup::parts(full_name));
        let runs = script.map_or(&[][..], |script| &script.runs);
        runs.get(number).or(runs.last()).cloned().unwrap_or_default()
    }
}
