//! Scripts of the scenario that have no effect: nothing that is played asks for them.

use super::{Lint, NAMES, Spot};
use crate::api::pod::{Container, Handler, Name, Pod};
use crate::scenario::lookup::{PodName, is_image, sandbox_script_place, script_place, volume_script_place};
use crate::scenario::named;
use crate::scenario::types::{ActionKind, ContainerScript, Input, Outcome, Run};

/// All that is said of images, containers, sandboxes and volumes in vain.
pub(super) fn scripts(input: &Input, found: &mut Vec<Lint>) {
    images(input, found);
    containers(input, found);
    let sandboxes = &input.scenario.sandboxes;
    let mut first = vec![false; sandboxes.len()];
    for pod in input.pods.iter().map(|p| &p.pod) {
        mark(&mut first, sandbox_script_place(sandboxes, name_of(pod)));
    }
    behind(&first, "sandboxes", "pod", found);
    let volumes = &input.scenario.volumes;
    let mut first = vec![false; volumes.len()];
    for pod in input.pods.iter().map(|p| &p.pod).filter(|_| !volumes.is_empty()) {
        for volume in &pod.spec.volumes {
            mark(&mut first, volume_script_place(volumes, name_of(pod), &volume.name));
        }
    }
    behind(&first, "volumes", "name", found);
}

fn name_of(pod: &Pod) -> PodName<'_> {
    (&pod.namespace, &pod.name)
}

fn mark(flags: &mut [bool], place: Option<usize>) {
    if let Some(place) = place {
        flags[place] = true;
    }
}

fn lint(name: &'static str, path: String, message: String, hint: &'static str) -> Lint {
    debug_assert!(NAMES.contains(&name), "{name} is in NAMES");
    Lint {
        name,
        subject: String::new(),
        written: Some(Spot::Scenario(path)),
        message,
        hint,
    }
}

/// Scripts that are the first for nothing. Loading refuses those that match nothing at all.
fn behind(first: &[bool], list: &str, field: &str, found: &mut Vec<Lint>) {
    for (place, _) in first.iter().enumerate().filter(|(_, is_first)| !**is_first) {
        found.push(lint(
            "unused-script",
            format!("{list}[{place}].{field}"),
            format!("{list}[{place}] has no effect: all that it matches has an earlier entry, and the first counts"),
            "leave it out, or put it before those that match more",
        ));
    }
}

/// Which of the entries of `images` says what becomes of an image: the first with its name, where no tag means `:latest`
/// (as the runtime looks for it).
fn images(input: &Input, found: &mut Vec<Lint>) {
    let entries = &input.scenario.images;
    if entries.is_empty() {
        return;
    }
    let of_pods = input.pods.iter().flat_map(|p| p.pod.all_containers());
    let of_actions = input.scenario.actions.iter().filter_map(|action| match &action.what {
        ActionKind::SetImage { image, .. } => Some(image),
        ActionKind::Debug { container, .. } => Some(&container.image),
        _ => None,
    });
    let mut used: Vec<&Name> = of_pods.map(|(_, container)| &container.image).collect();
    let volumes = input.pods.iter().flat_map(|p| p.pod.spec.image_volumes());
    used.extend(volumes.map(|(_, image, _)| image));
    used.extend(of_actions);
    used.sort_unstable();
    used.dedup();
    let mut is_used = vec![false; entries.len()];
    for image in used {
        mark(
            &mut is_used,
            entries.iter().position(|entry| is_image(&entry.image, image)),
        );
    }
    for (place, entry) in entries.iter().enumerate().filter(|(place, _)| !is_used[*place]) {
        let image = &entry.image;
        let same = |other: &Name| is_image(image, other) || is_image(other, image);
        let earlier = entries[..place].iter().position(|other| same(&other.image));
        let (message, hint) = match earlier {
            Some(earlier) => (
                format!("images[{earlier}] is about image {image}, too, and the first counts"),
                "write what becomes of an image in one entry",
            ),
            None => (
                format!("no container and no volume has image {image}"),
                "write the image as they have it, or leave it out",
            ),
        };
        found.push(lint("unused-image", format!("images[{place}].image"), message, hint));
    }
}

/// What the containers ask for that have a script.
#[derive(Clone, Default)]
struct Asked {
    anything: bool,
    startup: bool,
    readiness: bool,
    liveness: bool,
    post_start: bool,
    pre_stop: bool,
}

impl Asked {
    fn by(&mut self, container: &Container) {
        // A hook that sleeps does so for as long as the manifest says.
        let answered = |hook: &Option<Handler>| hook.as_ref().is_some_and(|h| !matches!(h, Handler::Sleep { .. }));
        self.anything = true;
        self.startup |= container.startup_probe.is_some();
        self.readiness |= container.readiness_probe.is_some();
        self.liveness |= container.liveness_probe.is_some();
        self.post_start |= answered(&container.post_start);
        self.pre_stop |= answered(&container.pre_stop);
    }
}

fn containers(input: &Input, found: &mut Vec<Lint>) {
    let scripts = &input.scenario.containers;
    if scripts.is_empty() {
        return;
    }
    let mut asked = vec![Asked::default(); scripts.len()];
    let mut ask = |pod: &Pod, container: &Container| {
        if let Some(place) = script_place(scripts, name_of(pod), &container.name) {
            asked[place].by(container);
        }
    };
    for pod in input.pods.iter().map(|p| &p.pod) {
        for (_, container) in pod.all_containers() {
            ask(pod, container);
        }
    }
    for action in &input.scenario.actions {
        if let ActionKind::Debug { pod, container } = &action.what
            && let Some(pod) = named::pods(input, pod).one()
        {
            ask(pod, container);
        }
    }
    let first: Vec<bool> = asked.iter().map(|asked| asked.anything).collect();
    behind(&first, "containers", "name", found);
    let answering = scripts.iter().zip(&asked).enumerate();
    for (place, (script, asked)) in answering.filter(|(_, (_, asked))| asked.anything) {
        unasked(place, script, asked, found);
    }
}

/// Answers to probes and hooks that no container with this script has.
fn unasked(place: usize, script: &ContainerScript, asked: &Asked, found: &mut Vec<Lint>) {
    let container = &script.name;
    let at = |says: &dyn Fn(&Run) -> bool| script.runs.iter().position(says);
    let probes: [(&str, bool, Option<usize>); 3] = [
        ("startup", asked.startup, at(&|run| !run.startup.is_empty())),
        ("readiness", asked.readiness, at(&|run| !run.readiness.is_empty())),
        ("liveness", asked.liveness, at(&|run| !run.liveness.is_empty())),
    ];
    for (probe, is_asked, run) in probes {
        if let (false, Some(run)) = (is_asked, run) {
            found.push(lint(
                "unused-probe",
                format!("containers[{place}].runs[{run}].probes.{probe}"),
                format!("container {container} has no {probe} probe that could find this"),
                "leave it out, or give the container the probe in its manifest",
            ));
        }
    }
    let is_said = |outcome: &Outcome| *outcome != Outcome::default();
    let hooks: [(&str, bool, Option<usize>); 2] = [
        ("postStart", asked.post_start, at(&|run| is_said(&run.post_start))),
        ("preStop", asked.pre_stop, at(&|run| is_said(&run.pre_stop))),
    ];
    for (hook, is_asked, run) in hooks {
        if let (false, Some(run)) = (is_asked, run) {
            found.push(lint(
                "unused-hook",
                format!("containers[{place}].runs[{run}].{hook}"),
                format!("container {container} has no {hook} hook that could end so; one that sleeps needs no script"),
                "leave it out, or give the container the hook in its manifest",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::api::diagnostic::Diagnostic;
    use crate::check::lints::{diagnostics, lints};
    use crate::scenario::load::{Source, load};

    const PODS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web-0}
spec:
  volumes: [{name: data, emptyDir: {}}, {name: model, image: {reference: 'model:1'}}]
  containers:
  - {name: app, image: app, readinessProbe: {tcpSocket: {port: 80}, failureThreshold: 1}}
  - {name: log, image: 'log:1', lifecycle: {preStop: {sleep: {seconds: 1}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1}
spec:
  containers:
  - {name: app, image: 'app:1', lifecycle: {postStart: {exec: {command: [a]}}}}
---
apiVersion: podlapse.dev/v1alpha1
kind: Scenario
metadata: {name: s}
spec:
  runFor: 1m
";

    /// What is said of a scenario with these fields, but of images without a tag: name, line, what is underlined.
    fn said(fields: &str) -> Vec<(&'static str, usize, String)> {
        let text = format!("{PODS}{fields}");
        let name = "test.yaml".to_owned();
        let sources = [Source {
            name,
            text: text.clone(),
        }];
        let (input, _) = load(&sources).unwrap_or_else(|error| panic!("{error}"));
        let found = lints(&input);
        let shown = |diagnostic: Diagnostic| {
            let place = diagnostic.place.expect("it has a place");
            (place.line, text[diagnostic.span].to_owned())
        };
        let shown: Vec<_> = diagnostics(&found, &sources).map(shown).collect();
        let all = found.iter().map(|lint| lint.name).zip(shown);
        all.filter(|(name, _)| *name != "image-tag")
            .map(|(name, (line, word))| (name, line, word))
            .collect()
    }

    /// Fields of a scenario, and what is said of them.
    type Case<'c> = (&'c str, &'c [(&'c str, usize, &'c str)]);

    #[test]
    fn what_has_no_effect_is_told_where_it_stands() {
        let first = PODS.lines().count() + 2;
        let cases: [Case; 10] = [
            (
                "  images:\n  - {image: 'app:1', present: false}\n  - {image: 'app:2', present: false}\n  - {image: 'app:1'}\n",
                &[
                    ("unused-image", first + 1, "'app:2'"),
                    ("unused-image", first + 2, "'app:1'"),
                ],
            ),
            ("  images:\n  - {image: 'app:latest'}\n", &[]),
            (
                "  images:\n  - {image: app}\n  - {image: 'app:latest'}\n",
                &[("unused-image", first + 1, "'app:latest'")],
            ),
            (
                "  images: [{image: 'app:3'}, {image: 'sh:1'}, {image: 'model:1'}]\n  actions:\n  - {at: 1s, setImage: {pod: web-0, container: app, image: 'app:3'}}\n  - {at: 1s, debug: {pod: web-0, name: sh, image: 'sh:1'}}\n",
                &[],
            ),
            (
                "  containers:\n  - {name: app, runs: []}\n  - {pod: web-0, name: app, runs: []}\n",
                &[("unused-script", first + 1, "app")],
            ),
            (
                "  containers:\n  - {pod: web-0, name: app, runs: []}\n  - {name: app, runs: []}\n  - {name: app}\n",
                &[("unused-script", first + 2, "app")],
            ),
            (
                "  sandboxes:\n  - {runs: []}\n  - {pod: web-1, runs: []}\n  volumes:\n  - {name: data}\n  - {name: data}\n",
                &[
                    ("unused-script", first + 1, "web-1"),
                    ("unused-script", first + 4, "data"),
                ],
            ),
            (
                "  containers:\n  - name: app\n    runs:\n    - probes: {readiness: [{result: Failure}]}\n    - probes:\n        liveness:\n        - {result: Failure}\n",
                &[("unused-probe", first + 4, "liveness")],
            ),
            (
                "  containers:\n  - name: app\n    runs: [{postStart: {takes: 1s}, preStop: {}}]\n  - name: log\n    runs:\n    - preStop: {takes: 1s}\n",
                &[("unused-hook", first + 4, "preStop")],
            ),
            (
                "  containers:\n  - {pod: web-1, name: app, runs: [{probes: {readiness: [{result: Failure}]}}]}\n",
                &[("unused-probe", first, "readiness")],
            ),
        ];
        for (fields, expected) in cases {
            let expected: Vec<_> = expected
                .iter()
                .map(|(name, line, word)| (*name, *line, (*word).to_owned()))
                .collect();
            assert_eq!(said(fields), expected, "{fields}");
        }
    }
}
