//! Puts a node together from the input and runs it: the library's front door.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::api::pod::Name;
use crate::kernel::{Duration, Kernel, Stop, Time};
use crate::kubelet::Kubelet;
use crate::kubelet::api_server::ApiServer;
use crate::runtime::{PodIx, Runtime};
use crate::scenario::types::{ActionKind, Input};
use crate::trace::{EndReason, Record, Recorder, What};

/// How long a run lasts at most when the scenario does not say.
pub const DEFAULT_HORIZON: Duration = Duration::from_secs(24 * 3600);
/// Objects that exist from the start are created this far apart.
const CREATION_GAP: Duration = Duration::from_micros(10);

/// Runs the input and gives every record, in order; the last one says why the run ended.
pub fn run(input: &Input) -> Vec<Record> {
    let kernel = Kernel::new();
    let records: Rc<RefCell<Vec<Record>>> = Rc::default();
    let sink = records.clone();
    let recorder = Recorder::new(&kernel, move |record| sink.borrow_mut().push(record));
    let scenario = Rc::new(input.scenario.clone());
    let runtime = Rc::new(Runtime::new(&kernel, &recorder, scenario.clone()));
    let api = ApiServer::new(&kernel, &recorder);
    let names: Vec<Name> = input.pods.iter().map(|p| p.pod.full_name().into()).collect();
    let kubelet = Kubelet::new(&kernel, &recorder, &scenario, runtime.clone(), api.clone(), names);
    kubelet.start();
    plan_creations(&kernel, &api, input);
    plan_actions(&kernel, &api, &runtime, &recorder, input);
    let horizon = Time::ZERO + input.scenario.run_for.unwrap_or(DEFAULT_HORIZON);
    let reason = match kernel.run(horizon) {
        Stop::Horizon => EndReason::Horizon,
        Stop::NothingLeft => EndReason::NothingLeft,
    };
    kernel.set_cause(None);
    recorder.record(None, None, None, What::End { reason });
    records.take()
}

fn plan_creations(kernel: &Kernel, api: &Rc<ApiServer>, input: &Input) {
    let at_start = input.pods.iter().enumerate().filter(|(_, p)| !p.created_by_action);
    for (position, (index, pod)) in at_start.enumerate() {
        let (kernel_, api, pod) = (kernel.clone(), api.clone(), Rc::new(pod.pod.clone()));
        let at = Time::ZERO + CREATION_GAP.times(i64::try_from(position).unwrap_or(i64::MAX));
        kernel.spawn(async move {
            kernel_.sleep_until(at).await;
            kernel_.set_cause(None);
            api.create(PodIx(index), pod);
        });
    }
}

/// One task for all actions: those of one instant run in file order.
fn plan_actions(kernel: &Kernel, api: &Rc<ApiServer>, runtime: &Rc<Runtime>, recorder: &Recorder, input: &Input) {
    let mut actions = input.scenario.actions.clone();
    actions.sort_by_key(|action| action.at);
    let pods: BTreeMap<Name, (PodIx, Rc<crate::api::pod::Pod>)> = input
        .pods
        .iter()
        .enumerate()
        .map(|(index, p)| (p.pod.name.clone(), (PodIx(index), Rc::new(p.pod.clone()))))
        .collect();
    let (kernel_, api, runtime, recorder) = (kernel.clone(), api.clone(), runtime.clone(), recorder.clone());
    kernel.spawn(async move {
        for action in actions {
            kernel_.sleep_until(action.at).await;
            kernel_.set_cause(None);
            match action.what {
                ActionKind::CreatePod { pod } => {
                    if let Some((ix, pod)) = pods.get(&pod) {
                        api.create(*ix, pod.clone());
                    }
                }
                ActionKind::DeletePod {
                    pod,
                    grace_period_seconds,
                } => {
                    if let Some((ix, found)) = pods.get(&pod) {
                        api.delete(*ix, &found.full_name().into(), grace_period_seconds);
                    }
                }
                ActionKind::Kill {
                    pod,
                    container,
                    code,
                    reason,
                } => {
                    let Some((ix, found)) = pods.get(&pod) else { continue };
                    let running = runtime.containers(*ix).into_iter().rev();
                    let target = running.filter(|c| c.name == container).find(|c| c.is_running());
                    if !target.is_some_and(|target| runtime.kill(&target, code, reason)) {
                        let note = What::Note {
                            note: "kill action: no running process".into(),
                        };
                        recorder.record(Some(&found.full_name().into()), Some(&container), None, note);
                    }
                }
            }
        }
    });
}
