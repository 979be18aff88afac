//! The fields of a Job beside its template (batch/validation: validateJobSpec). What a Job's controller does with them is
//! not simulated, but a manifest that the API server refuses makes no pods.

use std::collections::BTreeSet;

use super::names::Form;
use super::workloads::WorkloadKind;
use crate::api::node::Node;
use crate::api::pod::{Name, Pod, RestartPolicy};
use crate::api::shape::Problems;

const INDEXED: &str = "Indexed";
const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];
const REPLACEMENTS: [&str; 2] = ["Failed", "TerminatingOrFailed"];
/// `maxParallelismForIndexedJob`, `maxFailedIndexesForIndexedJob`, `completionsSoftLimit`
const MOST_INDEXES: i128 = 100_000;
/// `parallelismLimitForHighCompletions`, `maxFailedIndexesLimitForHighCompletions`
const MOST_OF_MANY: i128 = 10_000;
/// `maxPodFailurePolicyRules`, `maxPodFailurePolicyOnPodConditionsPatterns`, `maxSuccessPolicyRule`
const MOST_RULES: usize = 20;
/// `maxPodFailurePolicyOnExitCodesValues`
const MOST_CODES: usize = 255;
/// `maxManagedByLength`
const LONGEST_MANAGER: usize = 63;
/// A CronJob's controller adds eleven characters to its name: a Job's may have 63.
const LONGEST_CRON_JOB: usize = 52;

/// Whether completionMode is Indexed.
pub(super) fn is_indexed(job: &Node) -> bool {
    job.text_at("completionMode").is_some_and(|mode| &**mode == INDEXED)
}

/// Notes what is wrong with a Job's spec.
pub(super) fn job_spec(problems: &mut Problems<'_>, job: &Node, template: &Pod) {
    if job.get("maxFailedIndexes").is_some() && job.get("backoffLimitPerIndex").is_none() {
        problems.required(job, "backoffLimitPerIndex", "when maxFailedIndexes is specified");
    }
    if let Some(node) = job.get("managedBy") {
        managed_by(problems, node);
    }
    if let Some(mode) = job.get("completionMode") {
        let known = ["NonIndexed", INDEXED];
        if !mode.text().is_some_and(|text| known.contains(&&**text)) {
            problems.unsupported(mode, &known);
        }
    }
    if is_indexed(job) {
        indexes(problems, job);
    } else {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
            if let Some(node) = job.get(field) {
                problems.invalid(node, "requires indexed completion mode");
            }
        }
    }
    let failure_policy = job.get("podFailurePolicy");
    if let Some(policy) = failure_policy {
        pod_failure_policy(problems, job, policy, template);
    }
    if let Some(node) = job.get("podReplacementPolicy") {
        // With a failure policy nothing may be replaced that has not failed yet.
        let known = if failure_policy.is_some() {
            &REPLACEMENTS[..1]
        } else {
            &REPLACEMENTS
        };
        if !node.text().is_some_and(|text| known.contains(&&**text)) {
            problems.unsupported(node, known);
        }
    }
}

/// Notes a name that leaves no room for what is added to it: an index to the pods of an indexed Job, a time to the Jobs of a
/// CronJob.
pub(super) fn job_name(problems: &mut Problems<'_>, manifest: &Node, job: &Node, kind: WorkloadKind) {
    let Some(node) = manifest.at(&["metadata", "name"]) else {
        return;
    };
    let name = node.text().map_or("", |text| text);
    match kind {
        WorkloadKind::CronJob if name.len() > LONGEST_CRON_JOB => {
            problems.invalid(node, &format!("must be no more than {LONGEST_CRON_JOB} characters"));
        }
        WorkloadKind::Job if is_indexed(job) => {
            let last = job.get("completions").and_then(Node::integer).unwrap_or(0) - 1;
            let hostname = format!("{name}-{last}");
            if last >= 0 && Form::Label.error(&hostname).is_some() {
                let message = format!("will not able to create pod with invalid DNS label: {hostname}");
                problems.invalid(node, &message);
            }
        }
        _ => {}
    }
}

/// A domain, a slash and a path (`IsDomainPrefixedPath`).
fn managed_by(problems: &mut Problems<'_>, node: &Node) {
    let text = node.text().map_or("", |text| text);
    match text.split_once('/') {
        None if text.is_empty() => _ = problems.at(node, "Required value"),
        None | Some(("", _) | (_, "")) => {
            let message = "must be a domain-prefixed path (such as \"acme.io/foo\")";
            problems.invalid(node, message);
        }
        Some((domain, _)) => {
            if let Some(message) = Form::Subdomain.error(domain) {
                problems.invalid(node, &message);
            }
        }
    }
    if text.len() > LONGEST_MANAGER {
        problems.at(node, &format!("Too long: may not be more than {LONGEST_MANAGER} bytes"));
    }
}

/// What is asked of a Job whose pods have indexes.
fn indexes(problems: &mut Problems<'_>, job: &Node) {
    let number = |field: &str| Some((job.get(field)?, job.get(field)?.integer()?));
    let (parallelism, failures) = (number("parallelism"), number("maxFailedIndexes"));
    let completions = number("completions").map(|(_, n)| n);
    if job.get("completions").is_none() {
        problems.required(job, "completions", "when completion mode is Indexed");
    }
    let mut at_most = |given: Option<(&Node, i128)>, most: i128, tail: &str| {
        if let Some((node, _)) = given.filter(|(_, n)| *n > most) {
            problems.invalid(node, &format!("must be less than or equal to {most}{tail}"));
        }
    };
    at_most(parallelism, MOST_INDEXES, " when completion mode is Indexed");
    at_most(failures, MOST_INDEXES, "");
    let many = completions.is_some_and(|n| n > MOST_INDEXES) && job.get("backoffLimitPerIndex").is_some();
    if many {
        let tail = format!(" when completions are above {MOST_INDEXES} and used with backoff limit per index");
        at_most(parallelism, MOST_OF_MANY, &tail);
        at_most(failures, MOST_OF_MANY, &tail);
    }
    if many && failures.is_none() {
        let message = format!("must be specified when completions is above {MOST_INDEXES}");
        problems.required(job, "maxFailedIndexes", &message);
    }
    if let (Some((node, failed)), Some(completions)) = (failures, completions)
        && failed > completions
    {
        problems.invalid(node, "must be less than or equal to completions");
    }
    if let Some(policy) = job.get("successPolicy") {
        success_policy(problems, policy, completions.unwrap_or(0));
    }
}

/// At most so many items (`field.TooMany`).
fn at_most_items(problems: &mut Problems<'_>, list: &Node, most: usize) {
    let count = list.items().len();
    if count > most {
        let message = format!("Too many: {count}: must have at most {most} items");
        problems.at(list, &message);
    }
}

/// `validatePodFailurePolicy`
fn pod_failure_policy(problems: &mut Problems<'_>, job: &Node, policy: &Node, template: &Pod) {
    if let Some(rules) = policy.get("rules") {
        at_most_items(problems, rules, MOST_RULES);
    }
    for rule in policy.list("rules") {
        match (rule.filled_at("action"), rule.get("action")) {
            (Some(action), Some(node)) => {
                if &**action == "FailIndex" && job.get("backoffLimitPerIndex").is_none() {
                    problems.invalid(node, "requires the backoffLimitPerIndex to be set");
                } else if !ACTIONS.contains(&&**action) {
                    problems.unsupported(node, &ACTIONS);
                }
            }
            _ => _ = problems.required(rule, "action", &valid_values(&ACTIONS)),
        }
        let codes = rule.get("onExitCodes");
        let conditions = rule.list("onPodConditions");
        if let Some(codes) = codes {
            exit_codes(problems, codes, template);
        }
        if let Some(list) = rule.get("onPodConditions") {
            at_most_items(problems, list, MOST_RULES);
        }
        for pattern in conditions {
            pod_condition(problems, pattern);
        }
        let amiss = match (codes, conditions) {
            (Some(_), [_, ..]) => Some("both OnExitCodes and OnPodConditions is not supported"),
            (None, []) => Some("one of OnExitCodes and OnPodConditions is required"),
            _ => None,
        };
        if let Some(amiss) = amiss {
            problems.at(rule, &format!("Invalid value: specifying {amiss}"));
        }
    }
    let restart = job.at(&["template", "spec", "restartPolicy"]);
    if let Some(node) = restart.filter(|_| template.spec.restart_policy == RestartPolicy::OnFailure) {
        let message = "only \"Never\" is supported when podFailurePolicy is specified";
        problems.invalid(node, message);
    }
}

/// As Go prints a list of words in a message.
fn valid_values(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("valid values: [{}]", words.join(" "))
}

/// onPodConditions[]: the status is True unless it is given.
fn pod_condition(problems: &mut Problems<'_>, pattern: &Node) {
    let kind = pattern.text_at("type").map_or("", |text| text);
    if let Some(message) = Form::LabelKey.error(kind) {
        match pattern.get("type") {
            Some(node) => _ = problems.invalid(node, &message),
            None => {
                let path = problems.path(pattern);
                problems.mark(pattern.mark(), format!("{path}.type: Invalid value: \"\": {message}"));
            }
        }
    }
    if let Some(node) = pattern.get("status").filter(|_| pattern.filled_at("status").is_some())
        && !node.text().is_some_and(|text| STATUSES.contains(&&**text))
    {
        problems.unsupported(node, &STATUSES);
    }
}

/// `validatePodFailurePolicyRuleOnExitCodes`
fn exit_codes(problems: &mut Problems<'_>, codes: &Node, template: &Pod) {
    let operator = codes.filled_at("operator").map_or("", |text| text);
    match codes.get("operator").filter(|_| !operator.is_empty()) {
        Some(node) if !OPERATORS.contains(&operator) => problems.unsupported(node, &OPERATORS),
        Some(_) => {}
        None => _ = problems.required(codes, "operator", &valid_values(&OPERATORS)),
    }
    if let Some(node) = codes.get("containerName")
        && let Some(name) = node.text()
    {
        let containers = template.spec.containers.iter().chain(&template.spec.init_containers);
        let known: Vec<&Name> = containers.map(|container| &container.name).collect();
        if !known.contains(&name) {
            let message = "must be one of the container or initContainer names in the pod template";
            let near = crate::api::diagnostic::nearest(name, known.iter().map(|name| &***name));
            problems.invalid(node, message).hint = near.map(|near| format!("is it {near:?}?"));
        }
    }
    let values = codes.list("values");
    match codes.get("values") {
        Some(list) if !values.is_empty() => at_most_items(problems, list, MOST_CODES),
        other => {
            let path = problems.path(codes);
            let message = format!("{path}.values: Invalid value: []: at least one value is required");
            problems.mark(other.unwrap_or(codes).mark(), message);
        }
    }
    let mut seen: BTreeSet<i128> = BTreeSet::new();
    for node in values {
        let Some(code) = node.integer() else { continue };
        if code == 0 && operator == "In" {
            problems.invalid(node, "must not be 0 for the In operator");
        }
        if !seen.insert(code) {
            problems.duplicate(node);
        }
    }
    let numbers: Vec<i128> = values.iter().filter_map(Node::integer).collect();
    if let Some(list) = codes.get("values").filter(|_| !numbers.is_sorted()) {
        problems.invalid(list, "must be ordered");
    }
}

/// `validateSuccessPolicy`
fn success_policy(problems: &mut Problems<'_>, policy: &Node, completions: i128) {
    let rules = policy.list("rules");
    if rules.is_empty() {
        let message = "at least one rules must be specified when the successPolicy is specified";
        problems.required(policy, "rules", message);
    }
    if let Some(list) = policy.get("rules") {
        at_most_items(problems, list, MOST_RULES);
    }
    for rule in rules {
        let (count, wanted) = (rule.get("succeededCount"), rule.get("succeededIndexes"));
        if count.is_none() && wanted.is_none() {
            let message = "Required value: at least one of succeededCount or succeededIndexes must be specified";
            problems.at(rule, message);
        }
        let total = wanted.map(|node| {
            let text = node.text().map_or("", |text| text);
            count_indexes(text, completions).unwrap_or_else(|error| {
                problems.invalid(node, &format!("error parsing succeededIndexes: {error}"));
                0
            })
        });
        let Some((node, count)) = count.and_then(|node| Some((node, node.integer()?))) else {
            continue;
        };
        let mut at_most = |most: i128, of: &str| {
            if count > most {
                problems.invalid(
                    node,
                    &format!("must be less than or equal to {most} (the number of {of})"),
                );
            }
        };
        at_most(completions, "specified completions");
        if let Some(total) = total {
            at_most(total, "indexes in the specified succeededIndexes field");
        }
    }
}

/// How many indexes a list such as `0,2-4` has (`validateIndexesFormat`).
fn count_indexes(text: &str, completions: i128) -> Result<i128, String> {
    let index = |text: &str| -> Result<i128, String> {
        let unreadable = |_| format!("cannot convert string to integer for index: {text:?}");
        let index: i64 = text.parse().map_err(unreadable)?;
        if i128::from(index) >= completions {
            return Err(format!("too large index: {text:?}"));
        }
        Ok(index.into())
    };
    let falls = |previous: i128, current: i128| {
        Err(format!(
            "non-increasing order, previous: {previous}, current: {current}"
        ))
    };
    let mut total = 0;
    let mut last: Option<i128> = None;
    for interval in text.split(',').filter(|_| !text.is_empty()) {
        let (first, end) = match interval.split('-').collect::<Vec<&str>>()[..] {
            [one] => (index(one)?, None),
            [first, end] => (index(first)?, Some(index(end)?)),
            _ => {
                return Err(format!(
                    "the fragment {interval:?} violates the requirement that an index interval can have at most two \
                     parts separated by '-'"
                ));
            }
        };
        if let Some(end) = end.filter(|end| first >= *end) {
            return falls(first, end);
        }
        if let Some(previous) = last.filter(|previous| *previous >= first) {
            return falls(previous, first);
        }
        let end = end.unwrap_or(first);
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_indexes_are_read_as_the_api_server_does_it() {
        let falls = |a, b| Err(format!("non-increasing order, previous: {a}, current: {b}"));
        for (text, expected) in [
            ("", Ok(0)),
            ("0", Ok(1)),
            ("0,2-4", Ok(4)),
            ("0-4", Ok(5)),
            ("5", Err("too large index: \"5\"".to_owned())),
            ("0-5", Err("too large index: \"5\"".to_owned())),
            ("3,1", falls(3, 1)),
            ("0-2,2", falls(2, 2)),
            ("2-2", falls(2, 2)),
            ("a", Err("cannot convert string to integer for index: \"a\"".to_owned())),
            ("1,", Err("cannot convert string to integer for index: \"\"".to_owned())),
            (
                "0-1-2",
                Err(
                    "the fragment \"0-1-2\" violates the requirement that an index interval can have at most two parts \
                     separated by '-'"
                        .to_owned(),
                ),
            ),
        ] {
            assert_eq!(count_indexes(text, 5), expected, "{text}");
        }
    }
}
