//! From texts to the input of a run: documents, the one Scenario, and whether they fit together.

use serde::Deserialize;

use super::decode::{RawScenario, scenario};
use super::lookup::glob;
use super::types::{Action, ActionKind, Input, ObjectInput, PodInput, Scenario};
use crate::api::decode::{RawObject, RawPod, object, pod};
use crate::api::features::{Features, Version, find_gate};
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::Pod;
use crate::api::uid::pod_uid;

/// A file of the input.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name to show.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What every document must say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
}

/// Reads all documents. Gives the input and warnings, or the first error: file, line, column and what is wrong.
pub fn load(sources: &[Source]) -> Result<(Input, Vec<String>), String> {
    load_as(sources, None)
}

/// As [`load`], for the Kubernetes version given in place of the scenario's.
pub fn load_as(sources: &[Source], version: Option<Version>) -> Result<(Input, Vec<String>), String> {
    let mut warnings = Vec::new();
    let mut pods: Vec<Pod> = Vec::new();
    let mut objects: Vec<Object> = Vec::new();
    let mut found: Option<Scenario> = None;
    for source in sources {
        for (line, text) in documents(&source.text) {
            let place = |error: String| format!("{}:{line}:1: {error}", source.name);
            let head: Head = parse(source, &text)?;
            match (head.api_version.as_str(), head.kind.as_str()) {
                ("v1", "Pod") => {
                    let manifest = parse::<serde_json::Value>(source, &text)?;
                    pods.push(pod(parse::<RawPod>(source, &text)?, manifest).map_err(place)?);
                }
                ("podlapse.dev/v1alpha1", "Scenario") => {
                    if found.is_some() {
                        return Err(place("there is more than one Scenario".to_owned()));
                    }
                    found = Some(scenario(parse::<RawScenario>(source, &text)?).map_err(place)?);
                }
                ("v1", "ConfigMap") => objects.push(object(ObjectKind::ConfigMap, parse::<RawObject>(source, &text)?)),
                ("v1", "Secret") => objects.push(object(ObjectKind::Secret, parse::<RawObject>(source, &text)?)),
                (_, "") => return Err(place("the document has no kind".to_owned())),
                (version, kind) => warnings.push(place(format!("{version} {kind} is not simulated; it is skipped"))),
            }
        }
    }
    let mut input = Input {
        pods: Vec::new(),
        objects: Vec::new(),
        scenario: found.unwrap_or_default(),
    };
    if let Some(version) = version {
        let kubelet = &mut input.scenario.kubelet;
        kubelet.features = Features::new(version, &kubelet.feature_gates)
            .map_err(|error| format!("spec.kubelet.featureGates: {}", error.message))?;
    }
    for pod in &mut pods {
        admit_fields(pod, &input.scenario.kubelet.features)?;
    }
    fit(input, pods, objects).map(|input| (input, warnings))
}

/// What a version's API server makes of fields that it does not have: it drops those behind a gate that is off, and
/// refuses those that it has never heard of.
fn admit_fields(pod: &mut Pod, features: &Features) -> Result<(), String> {
    if features.container_restart_rules {
        return Ok(());
    }
    let knows_fields = find_gate(features.version, "ContainerRestartRules").is_some();
    let name = pod.name.clone();
    let spec = &mut pod.spec;
    let app = spec.containers.iter_mut().map(|c| (c, false));
    let init = spec.init_containers.iter_mut().map(|c| {
        let sidecar = c.is_sidecar();
        (c, sidecar)
    });
    for (container, sidecar) in app.chain(init) {
        let has_policy = container.restart_policy.is_some() && !sidecar;
        if !knows_fields && (has_policy || !container.restart_policy_rules.is_empty()) {
            return Err(format!(
                "pod {name}: container {}: Kubernetes {} has no restartPolicy for containers other than sidecars",
                container.name, features.version
            ));
        }
        if !sidecar {
            container.restart_policy = None;
        }
        container.restart_policy_rules.clear();
    }
    Ok(())
}

/// The documents of a text, each with its first line and with all other lines left empty, so that
/// the places in messages are those of the file.
fn documents(text: &str) -> Vec<(usize, String)> {
    let mut documents = Vec::new();
    let mut current = String::new();
    let mut first = None;
    let mut number = 0;
    for line in text.split_inclusive('\n') {
        number += 1;
        if line.starts_with("---") && line[3..].chars().next().is_none_or(char::is_whitespace) {
            if let Some(first) = first.take() {
                documents.push((first, current));
            }
            current = "\n".repeat(number);
            continue;
        }
        if first.is_none() && !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            first = Some(number);
        }
        current.push_str(line);
    }
    documents.extend(first.map(|first| (first, current)));
    documents
}

fn parse<'a, T: Deserialize<'a>>(source: &Source, text: &'a str) -> Result<T, String> {
    serde_yaml::from_str(text).map_err(|error| {
        let place = error
            .location()
            .map_or(String::new(), |at| format!("{}:{}", at.line(), at.column()));
        format!("{}:{place}: {error}", source.name)
    })
}

/// Scripts and actions must name pods and containers that exist, and names must be unique.
fn fit(mut input: Input, pods: Vec<Pod>, objects: Vec<Object>) -> Result<Input, String> {
    if pods.is_empty() {
        return Err("the input has no pod".to_owned());
    }
    let exists = |name: &str| pods.iter().any(|p| *p.name == *name);
    let no_pod = |what: &str, name: &str| {
        let nearest = pods
            .iter()
            .max_by(|a, b| strsim::jaro_winkler(&a.name, name).total_cmp(&strsim::jaro_winkler(&b.name, name)));
        let nearest = nearest.map_or("", |p| &p.name);
        Err(format!(
            "{what} names pod {name:?}, which nothing defines; is it {nearest:?}?"
        ))
    };
    for (index, pod) in pods.iter().enumerate() {
        if pods[..index]
            .iter()
            .any(|p| p.name == pod.name && p.namespace == pod.namespace)
        {
            return Err(format!("two pods are named {}", pod.full_name()));
        }
    }
    for script in &input.scenario.containers {
        let mut matching = pods.iter().filter(|p| {
            script
                .pod
                .as_ref()
                .is_none_or(|pattern| glob(pattern.as_bytes(), p.name.as_bytes()))
        });
        let debugs = |p: &Pod| {
            let mut actions = input.scenario.actions.iter();
            actions.any(|a| matches!(&a.what, ActionKind::Debug { pod, container } if *pod == p.name && container.name == script.name))
        };
        if !matching.any(|p| p.find_container(&script.name).is_some() || debugs(p)) {
            let of = script
                .pod
                .as_ref()
                .map_or(String::new(), |pod| format!(" of pod {pod:?}"));
            return Err(format!(
                "spec.containers names container {:?}{of}, which nothing defines",
                &*script.name
            ));
        }
    }
    for action in &input.scenario.actions {
        match &action.what {
            ActionKind::CreatePod { pod } if !exists(pod) => return no_pod("a create action", pod),
            ActionKind::DeletePod { pod, .. } if !exists(pod) => return no_pod("a delete action", pod),
            ActionKind::Kill { pod, .. } if !exists(pod) => return no_pod("a kill action", pod),
            ActionKind::Kill { pod, container, .. } => {
                let debugs = |a: &Action| matches!(&a.what, ActionKind::Debug { pod: p, container: c } if p == pod && c.name == *container);
                if !pods
                    .iter()
                    .any(|p| p.name == *pod && p.find_container(container).is_some())
                    && !input.scenario.actions.iter().any(debugs)
                {
                    return Err(format!(
                        "a kill action names container {container:?}, which pod {pod:?} does not have"
                    ));
                }
            }
            _ => {}
        }
    }
    let created: Vec<_> = input.scenario.actions.iter().map(|a| &a.what).collect();
    input.objects = objects
        .into_iter()
        .map(|object| ObjectInput {
            created_by_action: created.iter().any(
                |a| matches!(a, ActionKind::CreateObject { kind, name } if *kind == object.kind && *name == object.name),
            ),
            object,
        })
        .collect();
    input.pods = pods
        .iter()
        .enumerate()
        .map(|(number, pod)| PodInput {
            pod: Pod {
                uid: pod_uid(number, &pod.namespace, &pod.name),
                ..pod.clone()
            },
            created_by_action: created
                .iter()
                .any(|a| matches!(a, ActionKind::CreatePod { pod: name } if *name == pod.name)),
        })
        .collect();
    Ok(input)
}
