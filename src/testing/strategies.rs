//! proptest strategies for pods and scenarios (feature `proptest`); what they give shrinks to what is simplest.

use std::fmt::Write;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::Scenario;

/// What varies of a probe.
#[derive(Clone, Debug)]
struct ProbeDraw {
    period: u8,
    threshold: u8,
    /// Seconds after the start at which it begins to succeed, and at which it fails again.
    from: u8,
    fails: Option<u8>,
}

/// What varies of a run of a container.
#[derive(Clone, Debug)]
struct RunDraw {
    exit: Option<(u32, u8)>,
    /// Milliseconds till it ends after SIGTERM; None ignores it.
    on_term: Option<u16>,
}

/// What varies of a container.
#[derive(Clone, Debug)]
struct ContainerDraw {
    probes: [Option<ProbeDraw>; 3],
    runs: Vec<RunDraw>,
    present: bool,
}

/// What varies of a pod and its scenario.
#[derive(Clone, Debug)]
struct Draw {
    policy: &'static str,
    grace: u8,
    init: u8,
    containers: Vec<ContainerDraw>,
    delete_at: Option<u16>,
    seed: u8,
}

fn probe() -> impl Strategy<Value = ProbeDraw> {
    (1_u8..=10, 1_u8..=3, 0_u8..=30, of(31_u8..=90)).prop_map(|(period, threshold, from, fails)| ProbeDraw {
        period,
        threshold,
        from,
        fails,
    })
}

fn run() -> impl Strategy<Value = RunDraw> {
    let exit = of((0_u32..=120_000, any::<u8>()));
    (exit, of(0_u16..=40_000)).prop_map(|(exit, on_term)| RunDraw { exit, on_term })
}

fn container() -> impl Strategy<Value = ContainerDraw> {
    let probes = [of(probe()), of(probe()), of(probe())];
    (probes, vec(run(), 1..=3), any::<bool>()).prop_map(|(probes, runs, present)| ContainerDraw {
        probes,
        runs,
        present,
    })
}

fn draw() -> impl Strategy<Value = Draw> {
    (
        prop_oneof![Just("Always"), Just("OnFailure"), Just("Never")],
        0_u8..=60,
        0_u8..=2,
        vec(container(), 1..=3),
        of(0_u16..=600),
        any::<u8>(),
    )
        .prop_map(|(policy, grace, init, containers, delete_at, seed)| Draw {
            policy,
            grace,
            init,
            containers,
            delete_at,
            seed,
        })
}

/// The YAML of a pod named `web` with one to three containers `c0`, `c1`, `c2`, perhaps init containers and probes.
pub fn pod() -> impl Strategy<Value = String> {
    draw().prop_map(|draw| draw.pod())
}

/// The YAML of that pod and of a Scenario that scripts its runs, its probes and perhaps its deletion.
pub fn yaml() -> impl Strategy<Value = String> {
    draw().prop_map(|draw| format!("{}---\n{}", draw.pod(), draw.scenario()))
}

/// As [`yaml`], ready to run.
pub fn scenario() -> impl Strategy<Value = Scenario> {
    yaml().prop_map(|text| Scenario::from_yaml(&text).expect("what is drawn is valid"))
}

impl Draw {
    fn pod(&self) -> String {
        let mut text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  restartPolicy: {}\n  terminationGracePeriodSeconds: {}\n",
            self.policy, self.grace
        );
        if self.init > 0 {
            text.push_str("  initContainers:\n");
            for index in 0..self.init {
                let _ = writeln!(text, "  - {{name: i{index}, image: 'init:1'}}");
            }
        }
        text.push_str("  containers:\n");
        for (index, container) in self.containers.iter().enumerate() {
            let _ = writeln!(text, "  - name: c{index}\n    image: app:{index}");
            for (name, probe) in ["startup", "readiness", "liveness"].iter().zip(&container.probes) {
                if let Some(ProbeDraw { period, threshold, .. }) = probe {
                    let _ = writeln!(
                        text,
                        "    {name}Probe: {{tcpSocket: {{port: 80}}, periodSeconds: {period}, failureThreshold: {threshold}}}"
                    );
                }
            }
        }
        text
    }

    fn scenario(&self) -> String {
        let mut text = format!(
            "apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: drawn}}\nspec:\n  seed: {}\n  runFor: 20m\n  images:\n",
            self.seed
        );
        for (index, container) in self.containers.iter().enumerate() {
            let _ = writeln!(
                text,
                "  - {{image: 'app:{index}', present: {}, pulls: [{{takes: 2s}}]}}",
                container.present
            );
        }
        text.push_str("  containers:\n");
        for index in 0..self.init {
            let _ = writeln!(text, "  - {{name: i{index}, runs: [{{exit: {{after: 1s, code: 0}}}}]}}");
        }
        for (index, container) in self.containers.iter().enumerate() {
            let _ = writeln!(text, "  - name: c{index}\n    runs:");
            for RunDraw { exit, on_term } in &container.runs {
                match on_term {
                    Some(after) => _ = writeln!(text, "    - onTerm: {{after: {after}ms, code: 0}}"),
                    None => text.push_str("    - onTerm: {ignore: true}\n"),
                }
                if let Some((after, code)) = exit {
                    let _ = writeln!(text, "      exit: {{after: {after}ms, code: {code}}}");
                }
                if container.probes.iter().all(Option::is_none) {
                    continue;
                }
                text.push_str("      probes:\n");
                for (name, probe) in ["startup", "readiness", "liveness"].iter().zip(&container.probes) {
                    let Some(probe) = probe else { continue };
                    let _ = write!(
                        text,
                        "        {name}: [{{result: Failure}}, {{from: {}s, result: Success}}",
                        probe.from
                    );
                    if let Some(fails) = probe.fails {
                        let _ = write!(text, ", {{from: {fails}s, result: Failure}}");
                    }
                    text.push_str("]\n");
                }
            }
        }
        if let Some(at) = self.delete_at {
            let _ = writeln!(text, "  actions: [{{at: {at}s, delete: {{pod: web}}}}]");
        }
        text
    }
}
