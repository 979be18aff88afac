//! `podlapse new`: a commented scenario for manifests, to be changed by hand.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Trouble};
use super::printer::Printer;
use super::{load, sources};
use crate::api::pod::{Container, ContainerType, Pod};
use crate::kernel::Kernel;
use crate::runtime::{Guests, PodIx};
use crate::scenario::distributions::Draws;
use crate::scenario::named;
use crate::scenario::types::Input;
use crate::trace::Recorder;

/// What `new` is told.
#[derive(Args)]
#[command(after_help = "\
Examples:
  podlapse new pod.yaml > crash.yaml
  podlapse new pod.yaml --output-file crash.yaml && podlapse run pod.yaml crash.yaml")]
pub(super) struct Arguments {
    /// Manifests and no Scenario: files, directories (the files directly in them) or -, standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write there instead of to standard output; a file that exists is not replaced
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, printer: Printer) -> Result<Exit, Trouble> {
    let texts = sources::read(&arguments.files)?;
    if texts.iter().any(|source| is_scenario(&source.text)) {
        return Err(Trouble::Message("the input has a Scenario already".to_owned()));
    }
    if let Some(file) = arguments.output_file.as_ref().filter(|file| file.exists()) {
        return Err(Trouble::Message(format!("{} exists", file.display())));
    }
    let ((input, _), warnings) = load::decode(&texts, None, printer.colour_errors())?;
    for warning in warnings {
        printer.input_warning(&warning);
    }
    if input.pods.is_empty() {
        return Err(Trouble::Message("the input makes no pods".to_owned()));
    }
    let files: Vec<String> = arguments.files.iter().map(|file| file.display().to_string()).collect();
    printer.data_to(arguments.output_file.as_deref(), &scenario(&input, &files.join(" ")))?;
    Ok(Exit::Success)
}

/// Whether a text has a Scenario document, in YAML or JSON, however it is laid out. Texts that only speak of one, such as
/// the JSON Schema, have none.
pub(super) fn is_scenario(text: &str) -> bool {
    let quotes = ['"', '\''];
    let is_kind = |(at, _): (usize, &str)| {
        let before = text[..at].trim_end_matches(quotes);
        let key_begins = before.is_empty() || before.ends_with([' ', '\t', '\n', '{', ',']);
        let after = text[at + "kind".len()..].trim_start_matches(quotes).trim_start();
        let value = after
            .strip_prefix(':')
            .map(|value| value.trim_start().trim_start_matches(quotes));
        let rest = value.and_then(|value| value.strip_prefix("Scenario"));
        key_begins && rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    };
    text.contains("podlapse.dev/") && text.match_indices("kind").any(is_kind)
}

/// What stands before scripts in comments.
const KNOWN: &str =
    "  # The programs of these are known: they act by themselves, unless a script stands in for them.\n";

/// One script for each container of each different pod; pods of one owner share theirs. Of two scripts that match a
/// container the first counts, so those for fewer pods come first.
fn scenario(input: &Input, files: &str) -> String {
    let mut pods: Vec<(String, PodIx, &Pod)> = Vec::new();
    for (number, pod) in input.pods.iter().map(|p| &*p.pod).enumerate() {
        let pattern = match (&pod.owner, &pod.written) {
            // The name of a ReplicaSet or Job between them depends on the seed, which may change.
            (Some((_, owner)), Some(written)) if *owner != written.name => format!("{}-*-*", written.name),
            (Some((_, owner)), _) => format!("{owner}-*"),
            (None, _) => named::shortest(input, pod).to_string(),
        };
        pods.push((pattern, PodIx(number), pod));
    }
    // What matches all that another pattern matches, and more, says less of the name.
    pods.sort_by_key(|(pattern, ..)| {
        let said = pattern.bytes().filter(|byte| *byte != b'*').count();
        Reverse(if said < pattern.len() { said } else { usize::MAX })
    });
    let title = input.pods.first().map_or("", |p| &p.pod.name);
    let first = input.pods.first().map_or("".into(), |p| named::shortest(input, &p.pod));
    let mut text = format!(
        "\
# The world around {files}: what processes do, how long things take, what operators do, and what must hold.
# Everything here may be left out; what is not said works, and takes no time worth mentioning.
# Run it with: podlapse run {files} THIS_FILE
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata:
  name: {title}
spec:
  description: One sentence that a reader of the timeline sees first.
  # How long to simulate. Without it: until nothing more can happen, at most 24h.
  runFor: 10m
  # kubelet:
  #   version: \"1.36\"
"
    );
    let kernel = Kernel::new();
    let draws = Draws::new(&input.scenario);
    let guests = Guests::new(&kernel, &Recorder::new(&kernel, |_| {}), input, &draws);
    let mut scripts = String::new();
    let mut have = BTreeSet::new();
    let (mut is_empty, mut after_known) = (true, false);
    for (pattern, ix, pod) in &pods {
        for (kind, container) in pod.all_containers() {
            if !have.insert((pattern, &container.name)) {
                continue;
            }
            let known = guests.plays(*ix, container);
            if known {
                if !after_known {
                    scripts.push_str(KNOWN);
                }
                let (pod, name) = (quoted(pattern), &container.name);
                let _ = writeln!(
                    scripts,
                    "  # - {{pod: {pod}, name: {name}, runs: [{{exit: {{after: 5s, code: 1}}}}]}}"
                );
            } else {
                // A pod waits for its init containers: they must end.
                let ends = kind == ContainerType::Init && !container.is_sidecar();
                script(&mut scripts, pattern, container, ends);
            }
            is_empty &= known;
            after_known = known;
        }
    }
    text.push_str(if is_empty {
        "  containers: []\n"
    } else {
        "  containers:\n"
    });
    text.push_str(&scripts);
    images(&mut text, input);
    let _ = write!(
        text,
        "  # What operators and the world do.
  actions: []
  # - {{at: 5m, delete: {{pod: {first}}}}}
  # - {{at: 2m, kill: {{pod: {first}, container: NAME, code: 137, reason: OOMKilled}}}}
  # What must hold: `podlapse run` and `podlapse test` exit with 1 when it does not. See docs/expectations.md.
  expect:
  - {{within: 10m, that: \"pod('{first}').exists()\"}}
  # - {{at: 30s, that: \"pod('{first}').status.phase == 'Running'\"}}
  # - {{within: 1m, that: \"pod('{first}').ready()\"}}
  # - {{from: 1m, to: 10m, always: \"pod('{first}').restarts() <= 3\"}}
"
    );
    text
}

fn script(text: &mut String, pod: &str, container: &Container, ends: bool) {
    let usual = if ends {
        "exit: {after: 1s, code: 0}"
    } else {
        "{}   # runs until it is stopped"
    };
    let _ = write!(
        text,
        "  - pod: {}
    name: {}
    # One entry per attempt (0, 1, 2 …); the last one repeats.
    runs:
    # - exit: {{after: 5s, code: 1}}
    - {usual}
    # - onTerm: {{after: 2s, code: 0}}   # or {{ignore: true}}: only SIGKILL ends it
",
        quoted(pod),
        container.name
    );
    if container.post_start.is_some() {
        text.push_str("    # - postStart: {takes: 200ms}\n");
    }
    if container.pre_stop.is_some() {
        text.push_str("    # - preStop: {takes: 3s}\n");
    }
    let probes = [
        ("startup", container.startup_probe.is_some()),
        ("readiness", container.readiness_probe.is_some()),
        ("liveness", container.liveness_probe.is_some()),
    ];
    for (probe, _) in probes.into_iter().filter(|(_, given)| *given) {
        let _ = writeln!(
            text,
            "    # - probes: {{{probe}: [{{result: Failure}}, {{from: 10s, result: Success}}]}}"
        );
    }
}

fn images(text: &mut String, input: &Input) {
    let mut images: Vec<&str> = Vec::new();
    for (_, container) in input.pods.iter().flat_map(|p| p.pod.all_containers()) {
        if !images.contains(&&*container.image) {
            images.push(&container.image);
        }
    }
    text.push_str("  # An image that is not listed is on the node already.\n  images: []\n");
    for image in images {
        let _ = writeln!(
            text,
            "  # - {{image: {}, present: false, pulls: [{{takes: 6s}}]}}",
            quoted(image)
        );
    }
}

/// A plain scalar where it may be one, in quotes otherwise.
fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !text.starts_with('-');
    if plain { text.to_owned() } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_known_however_it_is_laid_out() {
        let scenario = "apiVersion: podlapse.dev/v1alpha1\n";
        for kind in [
            "kind: Scenario",
            "kind:   'Scenario'  # x",
            "\"kind\": \"Scenario\"}",
            "{kind: Scenario, spec: {}}",
        ] {
            assert!(is_scenario(&format!("{scenario}{kind}\n")), "{kind}");
            assert!(!is_scenario(kind), "{kind}");
        }
        for other in [
            "kind: Pod # Scenario",
            "kind: ScenarioList",
            "mankind: Scenario",
            "\"kind\": {\"const\": \"Scenario\"}",
        ] {
            assert!(!is_scenario(&format!("{scenario}{other}\n")), "{other}");
        }
        assert!(!is_scenario(&crate::scenario::json_schema::schema().to_string()));
    }
}
