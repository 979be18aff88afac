//! How the pods of a workload are replaced when its template changes (apps/validation: ValidateDeploymentStrategy,
//! validateRollingUpdateStatefulSet, ValidateDaemonSetUpdateStrategy). Nothing is replaced here, but a manifest that the
//! API server refuses makes no pods.

use super::workloads::WorkloadKind;
use crate::api::node::Node;
use crate::api::shape::Problems;

const ROLLING_UPDATE: &str = "RollingUpdate";
const ON_DELETE: &str = "OnDelete";
const RECREATE: &str = "Recreate";

/// Notes what is wrong with the strategy of a Deployment, StatefulSet or DaemonSet.
pub(super) fn rollout(problems: &mut Problems<'_>, spec: &Node, kind: WorkloadKind) {
    match kind {
        WorkloadKind::Deployment => deployment(problems, spec),
        WorkloadKind::StatefulSet => stateful_set(problems, spec),
        WorkloadKind::DaemonSet => daemon_set(problems, spec),
        WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController | WorkloadKind::Job | WorkloadKind::CronJob => {}
    }
}

fn type_of(strategy: &Node) -> &str {
    strategy.filled_at("type").map_or(ROLLING_UPDATE, |text| text)
}

fn deployment(problems: &mut Problems<'_>, spec: &Node) {
    progress_deadline(problems, spec);
    let Some(strategy) = spec.get("strategy") else { return };
    let (kind, update) = (type_of(strategy), strategy.get("rollingUpdate"));
    match (kind, update) {
        (RECREATE, Some(update)) => {
            problems.forbidden(
                update,
                &format!("may not be specified when strategy `type` is '{RECREATE}'"),
            );
        }
        (ROLLING_UPDATE, Some(update)) => {
            let (unavailable, surge) = bounds(problems, update, ["25%", "25%"]);
            if unavailable.is_zero() && surge.is_zero() {
                let node = update.get("maxUnavailable").unwrap_or(update);
                problems.invalid(node, "may not be 0 when `maxSurge` is 0");
            }
            at_most_all(problems, update, "maxUnavailable", unavailable);
        }
        (RECREATE | ROLLING_UPDATE, None) => {}
        _ => unknown_type(problems, strategy, [RECREATE, ROLLING_UPDATE]),
    }
}

/// progressDeadlineSeconds, 600 unless it is given.
fn progress_deadline(problems: &mut Problems<'_>, spec: &Node) {
    const DEFAULT: i128 = 600;
    let seconds = |field: &str| spec.get(field).and_then(Node::integer);
    let (deadline, ready) = (
        seconds("progressDeadlineSeconds"),
        seconds("minReadySeconds").unwrap_or(0),
    );
    if deadline.unwrap_or(DEFAULT) > ready {
        return;
    }
    let message = "must be greater than minReadySeconds";
    match (spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds")) {
        (Some(node), _) => {
            problems.invalid(node, message);
        }
        (None, Some(node)) => {
            let path = problems.path(spec);
            let message = format!("{path}.progressDeadlineSeconds: Invalid value: {DEFAULT}: {message}");
            problems.mark(node.mark(), message).hint = Some("that is its default".to_owned());
        }
        (None, None) => {}
    }
}

fn stateful_set(problems: &mut Problems<'_>, spec: &Node) {
    let Some(strategy) = spec.get("updateStrategy") else {
        return;
    };
    let update = strategy.get("rollingUpdate");
    match (type_of(strategy), update) {
        (ON_DELETE, Some(update)) => {
            problems.invalid(update, &format!("only allowed for updateStrategy '{ROLLING_UPDATE}'"));
        }
        (ROLLING_UPDATE, Some(update)) => {
            let Some(node) = update.get("maxUnavailable") else {
                return;
            };
            let most = amount(problems, node);
            if most.is_zero() {
                problems.invalid(node, "cannot be 0");
            }
            at_most_all(problems, update, "maxUnavailable", most);
        }
        (ON_DELETE | ROLLING_UPDATE, None) => {}
        _ => {
            problems.invalid(strategy, &format!("must be '{ROLLING_UPDATE}' or '{ON_DELETE}'"));
        }
    }
}

fn daemon_set(problems: &mut Problems<'_>, spec: &Node) {
    let Some(strategy) = spec.get("updateStrategy") else {
        return;
    };
    match (type_of(strategy), strategy.get("rollingUpdate")) {
        (ROLLING_UPDATE, Some(update)) => {
            let (unavailable, surge) = bounds(problems, update, ["1", "0"]);
            at_most_all(problems, update, "maxUnavailable", unavailable);
            at_most_all(problems, update, "maxSurge", surge);
            match (unavailable.is_zero(), surge.is_zero()) {
                (false, false) => {
                    let node = update.get("maxSurge").unwrap_or(update);
                    let said = problems.invalid(node, "may not be set when maxUnavailable is non-zero");
                    if update.get("maxUnavailable").is_none() {
                        said.hint = Some("maxUnavailable is 1 unless it is given".to_owned());
                    }
                }
                (true, true) => {
                    let node = update.get("maxUnavailable").unwrap_or(update);
                    problems.at(node, "Required value: cannot be 0 when maxSurge is 0");
                }
                _ => {}
            }
        }
        (ROLLING_UPDATE | ON_DELETE, _) => {}
        _ => unknown_type(problems, strategy, [ROLLING_UPDATE, ON_DELETE]),
    }
}

/// The API server names the whole strategy; what is wrong with it is its type.
fn unknown_type(problems: &mut Problems<'_>, strategy: &Node, known: [&str; 2]) {
    let path = problems.path(strategy);
    problems.unsupported_at(strategy.get("type").unwrap_or(strategy), &path, &known);
}

/// maxUnavailable and maxSurge, which have defaults.
fn bounds(problems: &mut Problems<'_>, update: &Node, defaults: [&str; 2]) -> (Amount, Amount) {
    let [unavailable, surge] = ["maxUnavailable", "maxSurge"].map(|field| update.get(field));
    let mut read = |node: Option<&Node>, default: &str| match node {
        Some(node) => amount(problems, node),
        None => Amount::of(default).unwrap_or(Amount::Pods(0)),
    };
    (read(unavailable, defaults[0]), read(surge, defaults[1]))
}

/// A number of pods, or a share of them.
#[derive(Clone, Copy)]
enum Amount {
    Pods(i128),
    Percent(u64),
}

impl Amount {
    fn of(text: &str) -> Option<Amount> {
        match text.strip_suffix('%') {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().map(Amount::Percent),
            Some(_) => None,
            None => text.parse().ok().map(Amount::Pods),
        }
    }

    fn is_zero(self) -> bool {
        matches!(self, Amount::Pods(0) | Amount::Percent(0))
    }
}

/// `ValidatePositiveIntOrPercent`; what is neither counts as 0 elsewhere.
fn amount(problems: &mut Problems<'_>, node: &Node) -> Amount {
    if let Some(pods) = node.integer() {
        if pods < 0 {
            problems.invalid(node, "must be greater than or equal to 0");
        }
        return Amount::Pods(pods);
    }
    let given = node.text().map_or("", |text| text);
    match Amount::of(given) {
        Some(percent @ Amount::Percent(_)) => percent,
        other => {
            let message = "a valid percent string must be a numeric string followed by an ending '%'";
            let said = problems.invalid(node, message);
            if let Some(Amount::Pods(pods)) = other {
                said.hint = Some(format!("without quotes it is a number of pods: {pods}"));
            }
            other.unwrap_or(Amount::Pods(0))
        }
    }
}

/// `IsNotMoreThan100Percent`
fn at_most_all(problems: &mut Problems<'_>, update: &Node, field: &str, amount: Amount) {
    if let (Amount::Percent(101..), Some(node)) = (amount, update.get(field)) {
        problems.invalid(node, "must not be greater than 100%");
    }
}
