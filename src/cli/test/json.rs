//! The report as one JSON object; docs/cli.md describes it.

use serde_json::{Value, json};

use super::case::{Check, Outcome, Status};

/// The object, indented, with a newline at its end.
pub(super) fn render(outcomes: &[Outcome]) -> String {
    let count = |status: Status| outcomes.iter().filter(|outcome| outcome.status() == status).count();
    let report = json!({
        "scenarios": outcomes.iter().map(scenario).collect::<Vec<_>>(),
        "ok": count(Status::Ok),
        "failed": count(Status::Failed),
        "unusable": count(Status::Unusable),
    });
    format!("{report:#}\n")
}

fn scenario(outcome: &Outcome) -> Value {
    let status = match outcome.status() {
        Status::Ok => "ok",
        Status::Failed => "failed",
        Status::Unusable => "unusable",
    };
    let mut scenario = json!({
        "name": outcome.name(),
        "status": status,
        "warnings": outcome.warnings,
    });
    if let Some(version) = outcome.version {
        scenario["kubernetesVersion"] = json!(version.to_string());
    }
    match &outcome.result {
        Ok(checks) => scenario["checks"] = checks.iter().map(check).collect(),
        Err(error) => scenario["error"] = json!(error),
    }
    scenario
}

fn check(check: &Check) -> Value {
    let mut value = json!({
        "name": check.name,
        "ok": check.failure.is_none(),
    });
    if let Some(place) = &check.place {
        value["place"] = json!({"file": place.file, "line": place.line, "column": place.column});
    }
    if let Some(failure) = &check.failure {
        value["why"] = json!(failure.summary);
        value["text"] = json!(failure.text);
        if let Some(at) = failure.at {
            value["atNanoseconds"] = json!(at.as_nanos());
        }
        value["saw"] = failure
            .saw
            .iter()
            .map(|(expression, value)| json!({"expression": expression, "value": value}))
            .collect();
    }
    value
}
