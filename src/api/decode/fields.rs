//! What variables and files are set from of the pod itself (validation.go: validateObjectFieldSelector,
//! validateContainerResourceFieldSelector, validateDownwardAPIVolumeFile, validateFileKeyRefVolumes).

use super::names::Form;
use super::resources::written;
use crate::api::diagnostic::{Diagnostic, nearest};
use crate::api::node::Node;
use crate::api::pod::Name;
use crate::api::quantity;
use crate::api::shape::{Problems, unsupported};

/// What a variable may be set from (`validEnvDownwardAPIFieldPathExpressions`).
pub(super) const OF_VARIABLES: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// What a file may be made from (`validVolumeDownwardAPIFieldPathExpressions`).
const OF_FILES: &[&str] = &[
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];
/// Others that exist and may not be taken anywhere (`ConvertDownwardAPIFieldLabel`).
const OF_NOTHING: [&str; 3] = ["spec.restartPolicy", "spec.schedulerName", "status.phase"];
/// Amounts that a container has (`validContainerResourceFieldPathExpressions`).
const AMOUNTS: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const UNITS_OF_CPU: [&str; 2] = ["1m", "1"];
const UNITS: [&str; 13] = [
    "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
];

/// Notes an error of a field that the API server calls by that path. Of some it does not say in which item they are.
pub(super) fn tell<'p>(
    problems: &'p mut Problems<'_>,
    path: &str,
    parent: &Node,
    field: &str,
    message: &str,
) -> &'p mut Diagnostic {
    let mark = parent.get(field).map_or_else(|| parent.mark(), Node::mark);
    problems.mark(mark, format!("{path}.{field}: {message}"))
}

/// `metadata.labels['app']`: the path and what stands in the brackets (`SplitMaybeSubscriptedPath`).
fn subscripted(path: &str) -> Option<(&str, &str)> {
    let (path, key) = path.strip_suffix("']")?.split_once("['")?;
    (!path.is_empty()).then_some((path, key))
}

/// A fieldRef, of which the API server knows that path; `allowed` are the fields that may be taken. What it stands for.
pub(super) fn field(problems: &mut Problems<'_>, node: &Node, path: &str, allowed: &[&str]) -> Option<Name> {
    let version = node.filled_at("apiVersion").map_or("v1", |version| version);
    let Some(given) = node.filled_at("fieldPath") else {
        tell(problems, path, node, "fieldPath", "Required value");
        return None;
    };
    let known = |name: &str| {
        [OF_VARIABLES, OF_FILES, &OF_NOTHING]
            .iter()
            .any(|names| names.contains(&name))
    };
    let split = subscripted(given);
    let error = if version != "v1" {
        Some(format!("unsupported pod version: {version}"))
    } else if let Some((map, _)) = split {
        let is_map = matches!(map, "metadata.annotations" | "metadata.labels");
        (!is_map).then(|| format!("field label does not support subscript: {given}"))
    } else {
        let is_known = known(given) || &**given == "spec.host";
        (!is_known).then(|| format!("field label not supported: {given}"))
    };
    if let Some(error) = error {
        let message = format!("Invalid value: {:?}: error converting fieldPath: {error}", &**given);
        tell(problems, path, node, "fieldPath", &message).hint =
            nearest(given, allowed.iter().copied()).map(|near| format!("is it {near:?}?"));
        return Some(given.clone());
    }
    if let Some((map, key)) = split {
        // The case of an annotation's key doesn't matter.
        let key = match map {
            "metadata.annotations" => key.to_lowercase(),
            _ => key.to_owned(),
        };
        if let Some(message) = Form::LabelKey.error(&key) {
            let mark = node.get("fieldPath").unwrap_or(node).mark();
            problems.mark(mark, format!("{path}: Invalid value: {key:?}: {message}"));
        }
        return Some(given.clone());
    }
    // The name that it had long ago.
    let name: Name = match &**given {
        "spec.host" => "spec.nodeName".into(),
        _ => given.clone(),
    };
    if !allowed.contains(&&*name) {
        let message = unsupported(&format!("{:?}", &*name), allowed);
        tell(problems, path, node, "fieldPath", &message);
    }
    Some(name)
}

/// A resourceFieldRef. A file must say of which container, a variable need not.
pub(super) fn resource(problems: &mut Problems<'_>, node: &Node, path: &str, of_file: bool) {
    let name = node.text_at("resource").map_or("", |name| name);
    let is_huge = ["limits.hugepages-", "requests.hugepages-"]
        .iter()
        .any(|start| name.starts_with(start));
    if of_file && node.filled_at("containerName").is_none() {
        tell(problems, path, node, "containerName", "Required value");
    } else if name.is_empty() {
        tell(problems, path, node, "resource", "Required value");
    } else if !AMOUNTS.contains(&name) && !is_huge {
        let message = unsupported(&format!("{name:?}"), &AMOUNTS);
        tell(problems, path, node, "resource", &message).hint =
            nearest(name, AMOUNTS).map(|near| format!("is it {near:?}?"));
    }
    let Some(divisor) = node.get("divisor").map(written) else {
        return;
    };
    // `validateContainerResourceDivisor`
    let (units, what) = match name.split_once('.') {
        Some(("limits" | "requests", "cpu")) => (&UNITS_OF_CPU[..], "cpu"),
        Some(("limits" | "requests", "memory")) => (&UNITS[..], "memory"),
        Some(("limits" | "requests", "ephemeral-storage")) => (&UNITS[..], "local ephemeral storage"),
        _ if is_huge => (&UNITS[..], "hugepages"),
        _ => return,
    };
    if quantity::parse(&divisor).is_some_and(|nano| nano != 0) && !units.contains(&&*divisor) {
        let list = match units {
            [one, another] => format!("{one} and {another}"),
            units => units.join(", "),
        };
        let message =
            format!("Invalid value: {name:?}: only divisor's values {list} are supported with the {what} resource");
        tell(problems, path, node, "divisor", &message);
    }
}

/// A file of the pod's own fields: the API server names the volume, not the item.
pub(super) fn file(problems: &mut Problems<'_>, node: &Node, path: &str) {
    match node.filled_at("path") {
        None => {
            tell(problems, path, node, "path", "Required value");
        }
        Some(given) => {
            if let Some(message) = Form::LocalPath.error(given) {
                tell(
                    problems,
                    path,
                    node,
                    "path",
                    &format!("Invalid value: {:?}: {message}", &**given),
                );
            }
        }
    }
    let mark = node.mark();
    match (node.get("fieldRef"), node.get("resourceFieldRef")) {
        (Some(field), other) => {
            self::field(problems, field, &format!("{path}.fieldRef"), OF_FILES);
            if other.is_some() {
                let message = "fieldRef and resourceFieldRef can not be specified simultaneously";
                problems.mark(mark, format!("{path}: Invalid value: \"resource\": {message}"));
            }
        }
        (None, Some(resource)) => {
            self::resource(problems, resource, &format!("{path}.resourceFieldRef"), true);
        }
        (None, None) => {
            let message = "one of fieldRef and resourceFieldRef is required";
            problems.mark(mark, format!("{path}: Required value: {message}"));
        }
    }
    if let Some(mode) = node.integer_at::<i64>("mode")
        && !(0..=0o777).contains(&mode)
    {
        let message = "must be a number between 0 and 0777 (octal), both inclusive";
        tell(
            problems,
            path,
            node,
            "mode",
            &format!("Invalid value: {mode}: {message}"),
        );
    }
}

/// A fileKeyRef takes a file of an emptyDir of the pod.
pub(super) fn key_of_file(problems: &mut Problems<'_>, node: &Node, spec: &Node) {
    let name = node.text_at("volumeName").map_or("", |name| name);
    let path = problems.path(node);
    // Of two volumes with one name the last is looked at.
    let mut volumes = spec.list("volumes").iter().rev();
    let volume = volumes.find(|volume| volume.text_at("name").map_or("", |name| name) == name);
    let message = match volume {
        None => format!("Not found: {name:?}"),
        // Without a source it is one.
        Some(volume) if volume.get("emptyDir").is_some() || !has_source(volume) => return,
        Some(_) => format!("Invalid value: {name:?}: referenced volume must be of type emptyDir"),
    };
    tell(problems, &path, node, "volumeName", &message);
}

fn has_source(volume: &Node) -> bool {
    volume
        .fields()
        .iter()
        .any(|(key, value)| &*key.name != "name" && !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_brackets() {
        for (path, split) in [
            ("metadata.labels['app']", Some(("metadata.labels", "app"))),
            ("metadata.labels['a']['b']", Some(("metadata.labels", "a']['b"))),
            ("metadata.labels['']", Some(("metadata.labels", ""))),
            ("['app']", None),
            ("metadata.labels[app]", None),
            ("metadata.labels['app'", None),
            ("']", None),
        ] {
            assert_eq!(subscripted(path), split, "{path}");
        }
    }
}
