//! A question asked in Rust: how slow may a start be before the liveness probe kills it?

use std::process::ExitCode;

use podlapse::Scenario;

/// A pod without a startup probe, whose server answers only after so many seconds.
fn manifest(start_secs: u32) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec:
  containers:
  - name: app
    image: app:1
    livenessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 10, failureThreshold: 3}}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {{name: slow-start}}
spec:
  runFor: 10m
  containers:
  - name: app
    runs:
    - probes: {{liveness: [{{result: Failure}}, {{from: {start_secs}s, result: Success}}]}}
  expect:
  - {{never: \"pod('web').restarts('app') > 0\"}}
"
    )
}

fn main() -> ExitCode {
    for start_secs in [5, 15, 19, 20, 21, 25, 30, 31, 60] {
        let scenario = match Scenario::from_yaml(&manifest(start_secs)) {
            Ok(scenario) => scenario,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        };
        let verdict = if scenario.run().is_ok() {
            "lives"
        } else {
            "is killed, again and again"
        };
        println!("a start of {start_secs:>2} s {verdict}");
    }
    ExitCode::SUCCESS
}
