//! What fuzzing has found, as text for people and as JSON lines that shards are merged from.

use serde::{Deserialize, Serialize};

use super::fuzz::{Finding, Plan, Report, drawn};
use super::shard::{Shard, fingerprint};
use super::write;
use crate::views::humane::count_of;

/// The first line of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub fuzz: String,
    pub seed: u64,
    /// Runs of all shards; None when it went by the clock.
    pub runs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shard: Option<String>,
    /// Of a shard: what is mutated or how it is generated, as a fingerprint.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<String>,
    pub checked: u64,
    pub stopped: bool,
    /// How many lines follow.
    pub findings: usize,
}

/// The line of a broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    pub invariant: String,
    /// The first run that broke it.
    pub run: u64,
    /// How many runs did.
    pub runs: u64,
    pub broken: String,
    pub drawn: String,
    pub reproduce: String,
    /// How the small scenario breaks it.
    pub small: String,
    pub scenario: String,
}

/// What heads a report of this version.
pub(super) const VERSION: &str = "v1";

fn line(finding: &Finding, options: &str) -> Line {
    Line {
        invariant: finding.broken.invariant.to_string(),
        run: finding.run,
        runs: finding.runs,
        broken: finding.broken.text.clone(),
        drawn: drawn(&finding.input),
        reproduce: format!("podlapse fuzz --run {}{options}", finding.run),
        small: finding.small.1.text.clone(),
        scenario: write::yaml(&finding.small.0),
    }
}

/// The report as JSON lines. `options` are those of the command line that a run needs to come out the same.
pub fn json(plan: &Plan, report: &Report, options: &str) -> String {
    let is_shard = plan.shard != Shard::WHOLE;
    let around = plan.around.as_ref().map(write::yaml).unwrap_or_default();
    let weights = serde_json::to_string(&plan.weights).unwrap_or_default();
    let head = Head {
        fuzz: VERSION.to_owned(),
        seed: plan.seed,
        runs: (plan.end != u64::MAX).then_some(plan.end),
        shard: is_shard.then(|| plan.shard.to_string()),
        of: is_shard.then(|| fingerprint([&*around, &*weights])),
        checked: report.checked,
        stopped: report.stopped,
        findings: report.findings.len(),
    };
    let lines: Vec<Line> = report.findings.iter().map(|f| line(f, options)).collect();
    render(&head, &lines)
}

/// Head and lines as they are written.
pub(super) fn render(head: &Head, lines: &[Line]) -> String {
    let mut text = String::new();
    let written = [serde_json::to_string(head)].into_iter();
    for json in written.chain(lines.iter().map(serde_json::to_string)) {
        text.push_str(&json.unwrap_or_default());
        text.push('\n');
    }
    text
}

/// The report for people.
pub fn text(plan: &Plan, report: &Report, options: &str) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let line = line(finding, options);
        let times = if line.runs == 1 {
            String::new()
        } else {
            format!(", the first of {}", line.runs)
        };
        text.push_str(&format!(
            "{}\n  run {}{times} of seed {}: {}\n  {}\n  reproduce: {}\n  small: {}\n\n",
            line.invariant, line.run, plan.seed, line.drawn, line.broken, line.reproduce, line.small
        ));
    }
    let expected = plan
        .around
        .as_ref()
        .is_some_and(|input| !input.scenario.expect.is_empty());
    let of = if expected {
        (
            "every invariant and expectation held",
            "invariant or expectation",
            "invariants or expectations",
        )
    } else {
        ("every invariant held", "invariant", "invariants")
    };
    let found = match report.findings.len() {
        0 => of.0.to_owned(),
        1 => format!("1 {} was broken", of.1),
        count => format!("{count} {} were broken", of.2),
    };
    let stopped = if report.stopped && plan.end != u64::MAX {
        " before it was stopped"
    } else {
        ""
    };
    text.push_str(&format!(
        "{} of seed {} checked{stopped}: {found}\n",
        count_of(report.checked, "run"),
        plan.seed
    ));
    text
}

/// Name and text of the files that a report leaves: one scenario for each finding.
pub fn files(plan: &Plan, report: &Report, options: &str) -> Vec<(String, String)> {
    let file = |finding: &Finding| {
        let line = line(finding, options);
        let head = format!(
            "# {}\n# Found by: {}\n# Drawn: {}; then shrunk.\n",
            line.small.replace('\n', " "),
            line.reproduce,
            line.drawn
        );
        (
            format!(
                "{}-{}-{}.yaml",
                line.invariant.replace('[', "-").replace(']', ""),
                plan.seed,
                line.run
            ),
            head + &line.scenario,
        )
    };
    report.findings.iter().map(file).collect()
}
