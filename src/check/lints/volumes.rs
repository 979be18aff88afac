//! Volumes of ConfigMaps and Secrets that the input does not have: they are mounted here, where a kubelet would wait.

use super::{Lint, NAMES, Spot, owner};
use crate::api::node::Node;
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::Pod;
use crate::scenario::lookup::volume_script_place;
use crate::scenario::types::Input;

/// What every namespace has (`kube-controller-manager: rootcacertpublisher`).
const EVERYWHERE: &str = "kube-root-ca.crt";

/// Asks about each volume that some container mounts and no script speaks of.
pub(super) fn volumes(input: &Input, pod: &Pod, found: &mut Vec<Lint>) {
    let Some(written) = &pod.written else { return };
    for node in written.spec.list("volumes") {
        let Some(name) = node.text_at("name") else { continue };
        let is_mounted = pod
            .all_containers()
            .any(|(_, container)| container.volume_mounts.uses(name));
        let names = (&*pod.namespace, &*pod.name);
        if !is_mounted || volume_script_place(&input.scenario.volumes, names, name).is_some() {
            continue;
        }
        let projected = node
            .at(&["projected"])
            .map_or(&[][..], |projected| projected.list("sources"));
        for source in std::iter::once(node).chain(projected) {
            let missing = [
                (ObjectKind::ConfigMap, source.get("configMap"), "name"),
                (
                    ObjectKind::Secret,
                    source.get("secret"),
                    if std::ptr::eq(source, node) {
                        "secretName"
                    } else {
                        "name"
                    },
                ),
            ];
            for (kind, source, field) in missing {
                let Some((node, what)) = source.and_then(|source| missing_in(input, pod, kind, source, field)) else {
                    continue;
                };
                debug_assert!(NAMES.contains(&"volume-without-object"), "it is in NAMES");
                let span = node.mark().range();
                found.push(Lint {
                    name: "volume-without-object",
                    subject: owner(pod),
                    written: Some(Spot::Bytes {
                        file: written.file.clone(),
                        start: span.start,
                        end: span.end,
                    }),
                    message: format!(
                        "volume {name} needs {what}: it is mounted here, where a kubelet would say FailedMount and wait"
                    ),
                    hint: "add the object to the input, or say under `volumes` how its mounts end",
                });
            }
        }
    }
}

/// What the source of a volume needs that the input does not have, and where that is said.
fn missing_in<'n>(
    input: &Input,
    pod: &Pod,
    kind: ObjectKind,
    source: &'n Node,
    field: &str,
) -> Option<(&'n Node, String)> {
    let name = source.text_at(field)?;
    if source.boolean_at("optional") == Some(true) || &**name == EVERYWHERE {
        return None;
    }
    let objects = input.objects.iter().map(|given| &*given.object);
    let mut objects = objects.filter(|object| object.kind == kind && object.namespace == pod.namespace);
    let kind = kind.as_str();
    let Some(object) = objects.find(|object: &&Object| object.name == *name) else {
        return Some((
            source.get(field)?,
            format!("{kind} {name:?}, which is not in the input"),
        ));
    };
    let files = object.files();
    source.list("items").iter().find_map(|item| {
        let key = item.text_at("key")?;
        let is_there = files.contains_key(&**key);
        (!is_there).then_some((
            item.get("key")?,
            format!("the key {key:?}, which {kind} {name:?} does not have"),
        ))
    })
}
