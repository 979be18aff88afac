//! Fields whose gates are off in every version: the API server drops them before it looks at a pod (`pkg/api/pod:
//! dropDisabledFields`).

use std::sync::Arc;

use serde_json::Value;

use crate::api::pod::Pod;

/// Sources of projected volumes, of ClusterTrustBundleProjection and PodCertificateRequest.
const SOURCES: [&str; 2] = ["clusterTrustBundle", "podCertificate"];
/// The field of GenericWorkload.
const GROUP: &str = "schedulingGroup";

/// Takes such fields out of the manifest; nothing else here has them.
pub(super) fn drop_disabled(pod: &mut Pod) {
    let sources = |spec: &Value| -> Vec<(usize, usize)> {
        let volumes = spec["volumes"].as_array().into_iter().flatten().enumerate();
        let sources = volumes.flat_map(|(volume, value)| {
            let sources = value["projected"]["sources"].as_array().into_iter().flatten();
            sources.enumerate().map(move |(source, value)| (volume, source, value))
        });
        let dropped = sources.filter(|(.., value)| SOURCES.iter().any(|name| value.get(name).is_some()));
        dropped.map(|(volume, source, _)| (volume, source)).collect()
    };
    let Some(spec) = pod.manifest.get("spec") else { return };
    let places = sources(spec);
    if places.is_empty() && spec.get(GROUP).is_none() {
        return;
    }
    let Some(spec) = Arc::make_mut(&mut pod.manifest).get_mut("spec") else {
        return;
    };
    if let Some(fields) = spec.as_object_mut() {
        fields.remove(GROUP);
    }
    for (volume, source) in places {
        let source = spec.pointer_mut(&format!("/volumes/{volume}/projected/sources/{source}"));
        if let Some(fields) = source.and_then(Value::as_object_mut) {
            fields.retain(|name, _| !SOURCES.contains(&name.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_behind_such_gates_goes() {
        let mut pod = Pod::plain("default".into(), "web".into(), Vec::new());
        pod.manifest = Arc::new(json!({"spec": {
            "schedulingGroup": {"podGroupName": "a"},
            "hostname": "web",
            "volumes": [{"name": "v", "projected": {"sources": [
                {"secret": {"name": "s"}, "podCertificate": {}},
                {"clusterTrustBundle": {"path": "p"}},
            ]}}],
        }}));
        drop_disabled(&mut pod);
        assert_eq!(
            *pod.manifest,
            json!({"spec": {
                "hostname": "web",
                "volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}, {}]}}],
            }})
        );
    }
}
