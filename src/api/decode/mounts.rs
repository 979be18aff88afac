//! Volumes in containers: mounts and block devices (validation.go: ValidateVolumeMounts, ValidateVolumeDevices).

use std::collections::BTreeSet;

use super::container::PodFacts;
use super::fields::tell;
use crate::api::decode::Form;
use crate::api::diagnostic::nearest;
use crate::api::node::Node;
use crate::api::pod::{Container, Name};
use crate::api::schema::container::{PROPAGATIONS, RECURSIONS};
use crate::api::shape::Problems;
use crate::api::volume_mounts::VolumeMount;

/// The values that a field has in the items of a list.
fn all<'n>(container: &'n Node, list: &str, field: &str) -> BTreeSet<&'n str> {
    let items = container.list(list).iter();
    items.map(|item| item.text_at(field).map_or("", |text| text)).collect()
}

/// A name that no volume has.
fn unknown_volume(problems: &mut Problems<'_>, node: &Node, name: &str, pod: &PodFacts<'_>) {
    let near = nearest(name, pod.volumes.iter().map(|volume| &*volume.name)).map(|near| format!("is it {near:?}?"));
    problems.not_found(node).hint =
        near.or_else(|| Some("it must be the name of one of the pod's `volumes`".to_owned()));
}

fn is_volume(pod: &PodFacts<'_>, name: &Name) -> bool {
    pod.volumes.iter().any(|volume| volume.name == *name) || pod.claim_templates.contains(name)
}

/// containers[].volumeMounts
pub(super) fn mounts(problems: &mut Problems<'_>, node: &Node, pod: &PodFacts<'_>, container: &mut Container) {
    let mut paths: BTreeSet<Name> = BTreeSet::new();
    let devices = (
        all(node, "volumeDevices", "name"),
        all(node, "volumeDevices", "devicePath"),
    );
    for mount in node.list("volumeMounts") {
        let name = mount.filled_at("name").cloned();
        match (&name, mount.get("name")) {
            (Some(name), Some(node)) => {
                if !is_volume(pod, name) {
                    unknown_volume(problems, node, name, pod);
                }
                if devices.0.contains(&**name) {
                    problems.invalid(node, "must not already exist in volumeDevices");
                }
            }
            _ => {
                problems.required(mount, "name", "");
                let path = problems.path(mount);
                tell(problems, &path, mount, "name", "Not found: \"\"");
            }
        }
        let path = mount.filled_at("mountPath").cloned();
        match (&path, mount.get("mountPath")) {
            (Some(path), Some(node)) => {
                if !paths.insert(path.clone()) {
                    problems.invalid(node, "must be unique");
                }
                if devices.1.contains(&**path) {
                    problems.invalid(node, "must not already exist as a path in volumeDevices");
                }
            }
            _ => {
                problems.required(mount, "mountPath", "");
            }
        }
        container.volume_mounts.push(VolumeMount {
            name: name.unwrap_or_else(|| "".into()),
            path: path.unwrap_or_else(|| "".into()),
            read_only: mount.boolean_at("readOnly") == Some(true),
            recursively: mount
                .text_at("recursiveReadOnly")
                .is_some_and(|word| **word != *"Disabled"),
        });
    }
    if let Some(list) = node.get("volumeMounts") {
        let context = node.get("securityContext");
        let privileged = context.and_then(|context| context.boolean_at("privileged"));
        options(problems, list, privileged == Some(true));
    }
}

/// What else a mount says: for these the API server names the list only.
fn options(problems: &mut Problems<'_>, list: &Node, privileged: bool) {
    let path = problems.path(list);
    for mount in list.items() {
        for field in ["subPath", "subPathExpr"] {
            let Some(text) = mount.filled_at(field) else { continue };
            if let Some(node) = mount
                .get(field)
                .filter(|_| field == "subPathExpr" && mount.filled_at("subPath").is_some())
            {
                problems.invalid(node, "subPathExpr and subPath are mutually exclusive");
            }
            if let Some(message) = Form::DescendingPath.error(text) {
                tell(
                    problems,
                    &path,
                    mount,
                    field,
                    &format!("Invalid value: {:?}: {message}", &**text),
                );
            }
        }
        let propagation = mount.text_at("mountPropagation").map(|text| &**text);
        if let Some(node) = mount.get("mountPropagation") {
            match propagation {
                Some("Bidirectional") if !privileged => {
                    let message =
                        "Forbidden: Bidirectional mount propagation is available only to privileged containers";
                    tell(problems, &path, mount, "mountPropagation", message);
                }
                Some(word) if !PROPAGATIONS.contains(&word) => {
                    problems.unsupported_at(node, &format!("{path}.mountPropagation"), PROPAGATIONS);
                }
                _ => {}
            }
        }
        if let Some(node) = mount.get("recursiveReadOnly") {
            let word = node.text().map_or("", |text| text);
            match word {
                "Disabled" => {}
                "Enabled" | "IfPossible" => {
                    if mount.boolean_at("readOnly") != Some(true) {
                        let message = "Forbidden: may only be specified when readOnly is true";
                        tell(problems, &path, mount, "recursiveReadOnly", message);
                    }
                    if propagation.is_some_and(|word| word != "None") {
                        let message = "Forbidden: may only be specified when mountPropagation is None or not specified";
                        tell(problems, &path, mount, "recursiveReadOnly", message);
                    }
                }
                _ => problems.unsupported_at(node, &format!("{path}.recursiveReadOnly"), RECURSIONS),
            }
        }
    }
}

/// containers[].volumeDevices
pub(super) fn devices(problems: &mut Problems<'_>, container: &Node, pod: &PodFacts<'_>) {
    let mounted = (
        all(container, "volumeMounts", "name"),
        all(container, "volumeMounts", "mountPath"),
    );
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for device in container.list("volumeDevices") {
        let place = problems.path(device);
        let name = device.text_at("name").cloned().unwrap_or_else(|| "".into());
        let mut told = |field: &str, message: &str| _ = tell(problems, &place, device, field, message);
        let shown = format!("Invalid value: {:?}: ", &*name);
        if name.is_empty() {
            told("name", "Required value");
        }
        if names.contains(&name) {
            told("name", &format!("{shown}must be unique"));
        }
        let mut volumes = pod.spec.list("volumes").iter();
        let volume = volumes.find(|volume| volume.text_at("name") == Some(&name));
        let is_claim = |volume: &Node| {
            ["persistentVolumeClaim", "ephemeral"]
                .iter()
                .any(|s| volume.get(s).is_some())
        };
        if volume.is_some_and(|volume| !is_claim(volume)) {
            let message = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
            told("name", &format!("{shown}{message}"));
        }
        if volume.is_none() && !pod.claim_templates.contains(&name) {
            told("name", &format!("Not found: {:?}", &*name));
        }
        if mounted.0.contains(&*name) {
            told("name", &format!("{shown}must not already exist in volumeMounts"));
        }
        let path = device.text_at("devicePath").cloned().unwrap_or_else(|| "".into());
        let shown = format!("Invalid value: {:?}: ", &*path);
        if path.is_empty() {
            told("devicePath", "Required value");
        }
        if paths.contains(&path) {
            told("devicePath", &format!("{shown}must be unique"));
        }
        if Form::PathWithoutBacksteps.error(&path).is_some() {
            told("devicePath", &format!("{shown}can not contain backsteps ('..')"));
        } else {
            paths.insert(path.clone());
        }
        if mounted.1.contains(&*path) {
            told(
                "devicePath",
                &format!("{shown}must not already exist as a path in volumeMounts"),
            );
        }
        if !name.is_empty() {
            names.insert(name);
        }
    }
}
