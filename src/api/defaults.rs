//! What the API server adds to the spec of a pod: its defaults (`pkg/apis/core/v1`: `SetDefaults_*`), and what the
//! admission plugins Priority, ServiceAccount and DefaultTolerationSeconds set, after what the controller of a DaemonSet adds.

use serde_json::{Map, Value, json};

use super::decode::default_pull_policy;
use super::omitted::{self, drop_empty};
use super::pod::Pod;
use super::quantity;

type Fields = Map<String, Value>;

/// spec of the pod's manifest with all that the API server adds at its creation. Fields that are given stay.
pub(crate) fn spec(pod: &Pod) -> Fields {
    let mut spec = pod.manifest["spec"].as_object().cloned().unwrap_or_default();
    let host_network = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for given in objects(&mut spec, list) {
            container(given);
            if list != "ephemeralContainers" {
                requests(given);
                ports(given, host_network);
            }
        }
    }
    objects(&mut spec, "volumes").for_each(volume);
    quantities(&mut spec, "overhead");
    if let Some(resources) = object(&mut spec, "resources") {
        quantities(resources, "limits");
        quantities(resources, "requests");
        if let Some(requests) = pod.spec.resources.as_ref().and_then(|given| given.get("requests")) {
            resources.insert("requests".to_owned(), requests.clone());
        }
    }
    for (field, value) in [
        ("dnsPolicy", json!("ClusterFirst")),
        ("enableServiceLinks", json!(true)),
        ("restartPolicy", json!("Always")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("terminationGracePeriodSeconds", json!(30)),
    ] {
        fill(&mut spec, field, value);
    }
    admit(&mut spec, pod);
    drop_empty(&mut spec, omitted::OF_SPEC);
    spec
}

/// What the admission plugins set. The volume with the token of the service account is left out.
fn admit(spec: &mut Fields, pod: &Pod) {
    spec.insert("priority".to_owned(), json!(pod.spec.priority));
    if let Some(class) = &pod.spec.priority_class_name {
        fill(spec, "priorityClassName", json!(class));
    }
    let policy = pod.spec.preemption_policy.as_deref();
    fill(
        spec,
        "preemptionPolicy",
        json!(policy.unwrap_or("PreemptLowerPriority")),
    );
    // The one is the old name of the other, which wins (`Convert_v1_PodSpec_To_core_PodSpec`).
    let given = |field: &str| spec.get(field).filter(|name| !name.is_null() && *name != "").cloned();
    let account = given("serviceAccountName").or_else(|| given("serviceAccount"));
    let account = account.unwrap_or_else(|| json!("default"));
    spec.insert("serviceAccountName".to_owned(), account.clone());
    spec.insert("serviceAccount".to_owned(), account);
    tolerations(spec, pod);
}

fn tolerations(spec: &mut Fields, pod: &Pod) {
    let host_network = spec.get("hostNetwork") == Some(&Value::Bool(true));
    fill(spec, "tolerations", json!([]));
    let Some(tolerations) = spec["tolerations"].as_array_mut() else {
        return;
    };
    if pod.owner.as_ref().is_some_and(|(kind, _)| **kind == *"DaemonSet") {
        // `AddOrUpdateDaemonPodTolerations`
        for (key, effect) in [
            ("not-ready", "NoExecute"),
            ("unreachable", "NoExecute"),
            ("disk-pressure", "NoSchedule"),
            ("memory-pressure", "NoSchedule"),
            ("pid-pressure", "NoSchedule"),
            ("unschedulable", "NoSchedule"),
            ("network-unavailable", "NoSchedule"),
        ] {
            let key = format!("node.kubernetes.io/{key}");
            let toleration = json!({"key": key, "operator": "Exists", "effect": effect});
            if key != "node.kubernetes.io/network-unavailable" || host_network {
                let same = |given: &Value| ["key", "operator", "effect"].iter().all(|f| given[f] == toleration[f]);
                tolerations.retain(|given| !same(given));
                tolerations.push(toleration);
            }
        }
    }
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let given = |toleration: &Value, field: &str, value: &str| {
            let found = toleration[field].as_str().unwrap_or("");
            found.is_empty() || found == value
        };
        if !tolerations
            .iter()
            .any(|t| given(t, "key", key) && given(t, "effect", "NoExecute"))
        {
            let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
            tolerations.push(toleration);
        }
    }
}

/// The defaults of a container of any kind.
pub(crate) fn container(container: &mut Fields) {
    let policy = default_pull_policy(container.get("image").and_then(Value::as_str).unwrap_or(""));
    fill(container, "imagePullPolicy", json!(format!("{policy:?}")));
    fill(container, "resources", json!({}));
    fill(container, "terminationMessagePath", json!("/dev/termination-log"));
    fill(container, "terminationMessagePolicy", json!("File"));
    for mount in objects(container, "volumeMounts") {
        drop_empty(mount, &["readOnly", "subPath", "subPathExpr"]);
    }
    for variable in objects(container, "env") {
        drop_empty(variable, &["value"]);
        if let Some(source) = object(variable, "valueFrom") {
            reference(source);
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = object(container, name) else {
            continue;
        };
        for (field, value) in [
            ("timeoutSeconds", 1),
            ("periodSeconds", 10),
            ("successThreshold", 1),
            ("failureThreshold", 3),
        ] {
            // Of a probe 0 is not given.
            if probe.get(field).and_then(Value::as_i64).unwrap_or(0) == 0 {
                probe.insert(field.to_owned(), json!(value));
            }
        }
        drop_empty(probe, &["initialDelaySeconds"]);
        http(probe);
        if let Some(grpc) = object(probe, "grpc") {
            fill(grpc, "service", json!(""));
        }
    }
    if let Some(lifecycle) = object(container, "lifecycle") {
        for hook in ["postStart", "preStop"] {
            object(lifecycle, hook).map(http);
        }
    }
    drop_empty(container, omitted::OF_CONTAINER);
}

fn http(handler: &mut Fields) {
    if let Some(http) = object(handler, "httpGet") {
        fill(http, "path", json!("/"));
        fill(http, "scheme", json!("HTTP"));
    }
}

/// Where the value of a variable, or of a file of a downwardAPI volume, comes from.
fn reference(source: &mut Fields) {
    if let Some(field) = object(source, "fieldRef") {
        fill(field, "apiVersion", json!("v1"));
    }
    if let Some(resource) = object(source, "resourceFieldRef") {
        fill(resource, "divisor", json!("0"));
        resource.get_mut("divisor").map(quantity);
    }
    if let Some(file) = object(source, "fileKeyRef") {
        fill(file, "optional", json!(false));
    }
}

/// A quantity is a string in its shortest form, also where the manifest has a number.
fn quantity(given: &mut Value) {
    let text = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
    if let Some(text) = quantity::canonical(&text) {
        *given = json!(text);
    }
}

fn quantities(fields: &mut Fields, map: &str) {
    for (_, given) in object(fields, map).into_iter().flatten() {
        quantity(given);
    }
}

/// What is limited and not requested is requested as it is limited.
fn requests(container: &mut Fields) {
    let Some(resources) = object(container, "resources") else {
        return;
    };
    quantities(resources, "limits");
    quantities(resources, "requests");
    let Some(limits) = object(resources, "limits").cloned() else {
        return;
    };
    fill(resources, "requests", json!({}));
    if let Some(requests) = object(resources, "requests") {
        for (name, limit) in limits {
            requests.entry(name).or_insert(limit);
        }
    }
}

fn ports(container: &mut Fields, host_network: bool) {
    for port in objects(container, "ports") {
        fill(port, "protocol", json!("TCP"));
        if host_network && port.get("hostPort").and_then(Value::as_i64).unwrap_or(0) == 0 {
            let own = port.get("containerPort").cloned().unwrap_or_default();
            port.insert("hostPort".to_owned(), own);
        }
        drop_empty(port, &["hostIP", "hostPort", "name"]);
    }
}

fn volume(volume: &mut Fields) {
    if volume.iter().all(|(field, value)| field == "name" || value.is_null()) {
        fill(volume, "emptyDir", json!({}));
    }
    for (source, field, value) in [
        ("azureDisk", "cachingMode", json!("ReadWrite")),
        ("azureDisk", "fsType", json!("ext4")),
        ("azureDisk", "kind", json!("Shared")),
        ("azureDisk", "readOnly", json!(false)),
        ("configMap", "defaultMode", json!(0o644)),
        ("downwardAPI", "defaultMode", json!(0o644)),
        ("hostPath", "type", json!("")),
        ("iscsi", "iscsiInterface", json!("default")),
        ("projected", "defaultMode", json!(0o644)),
        ("rbd", "keyring", json!("/etc/ceph/keyring")),
        ("rbd", "pool", json!("rbd")),
        ("rbd", "user", json!("admin")),
        ("scaleIO", "fsType", json!("xfs")),
        ("scaleIO", "storageMode", json!("ThinProvisioned")),
        ("secret", "defaultMode", json!(0o644)),
    ] {
        if let Some(source) = object(volume, source) {
            fill(source, field, value);
        }
    }
    if let Some(image) = object(volume, "image") {
        let policy = default_pull_policy(image.get("reference").and_then(Value::as_str).unwrap_or(""));
        fill(image, "pullPolicy", json!(format!("{policy:?}")));
    }
    if let Some(directory) = object(volume, "emptyDir") {
        directory.get_mut("sizeLimit").map(quantity);
    }
    for source in omitted::READ_ONLY {
        if let Some(source) = object(volume, source) {
            drop_empty(source, &["readOnly"]);
        }
    }
    let mut claim = object(volume, "ephemeral").and_then(|e| object(e, "volumeClaimTemplate"));
    if let Some(template) = &mut claim {
        fill(template, "metadata", json!({}));
    }
    if let Some(claim) = claim.and_then(|template| object(template, "spec")) {
        fill(claim, "resources", json!({}));
        if let Some(resources) = object(claim, "resources") {
            quantities(resources, "limits");
            quantities(resources, "requests");
        }
        fill(claim, "volumeMode", json!("Filesystem"));
    }
    if let Some(files) = object(volume, "downwardAPI") {
        objects(files, "items").for_each(reference);
    }
    if let Some(projected) = object(volume, "projected") {
        for source in objects(projected, "sources") {
            if let Some(files) = object(source, "downwardAPI") {
                objects(files, "items").for_each(reference);
            }
            if let Some(token) = object(source, "serviceAccountToken") {
                fill(token, "expirationSeconds", json!(3600));
            }
        }
    }
}

/// Sets a field that is missing: null, and the empty string of most, are as good as nothing.
fn fill(fields: &mut Fields, name: &str, value: Value) {
    let found = fields.entry(name).or_insert(Value::Null);
    if found.is_null() || found.as_str() == Some("") {
        *found = value;
    }
}

fn object<'v>(fields: &'v mut Fields, name: &str) -> Option<&'v mut Fields> {
    fields.get_mut(name)?.as_object_mut()
}

fn objects<'v>(fields: &'v mut Fields, name: &str) -> impl Iterator<Item = &'v mut Fields> {
    let list = fields.get_mut(name).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn named() -> Pod {
        Pod::plain("default".into(), "web".into(), Vec::new())
    }

    /// The spec with what is added; what every pod and every container has is left out.
    fn added(spec: Value) -> Value {
        let mut pod = named();
        pod.manifest = Arc::new(json!({"spec": spec}));
        let mut spec = super::spec(&pod);
        let plain = super::spec(&named());
        spec.retain(|field, value| plain.get(field) != Some(value));
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            for container in objects(&mut spec, list) {
                let mut plain = Fields::new();
                super::container(&mut plain);
                plain.insert("imagePullPolicy".to_owned(), json!("IfNotPresent"));
                container.retain(|field, value| plain.get(field) != Some(value));
            }
        }
        Value::Object(spec)
    }

    #[test]
    fn every_pod_and_every_container_has_these() {
        let mut pod = named();
        pod.manifest = Arc::new(json!({"spec": {"containers": [{"name": "app", "image": "app"}]}}));
        let tolerates = |key: &str| {
            json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": 300})
        };
        assert_eq!(
            Value::Object(super::spec(&pod)),
            json!({
                "containers": [{
                    "name": "app",
                    "image": "app",
                    "imagePullPolicy": "Always",
                    "resources": {},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                }],
                "dnsPolicy": "ClusterFirst",
                "enableServiceLinks": true,
                "preemptionPolicy": "PreemptLowerPriority",
                "priority": 0,
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "serviceAccount": "default",
                "serviceAccountName": "default",
                "terminationGracePeriodSeconds": 30,
                "tolerations": [tolerates("not-ready"), tolerates("unreachable")],
            })
        );
    }

    #[test]
    fn a_service_account_has_two_names() {
        for (given, account) in [
            (json!({"serviceAccount": "bot"}), "bot"),
            (json!({"serviceAccount": "bot", "serviceAccountName": ""}), "bot"),
            (json!({"serviceAccount": "bot", "serviceAccountName": "app"}), "app"),
        ] {
            let both = json!({"serviceAccount": account, "serviceAccountName": account});
            assert_eq!(added(given), both);
        }
    }

    #[test]
    fn a_preemption_policy_is_the_pods_or_that_of_its_class() {
        let mut pod = named();
        pod.spec.priority_class_name = Some("calm".into());
        assert_eq!(super::spec(&pod)["preemptionPolicy"], "PreemptLowerPriority");
        pod.spec.preemption_policy = Some("Never".into());
        assert_eq!(super::spec(&pod)["preemptionPolicy"], "Never");
    }

    #[test]
    fn pods_of_a_daemon_set_tolerate_what_its_controller_lets_them() {
        let mut pod = named();
        pod.owner = Some(("DaemonSet".into(), "logs".into()));
        let given = json!({"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"});
        let mut told = |spec: Value| {
            pod.manifest = Arc::new(json!({"spec": spec}));
            let spec = super::spec(&pod);
            let all = spec["tolerations"].as_array().expect("a list");
            assert!(all.iter().all(|one| one.get("tolerationSeconds").is_none()), "{all:?}");
            all.len()
        };
        assert_eq!(told(json!({"tolerations": [given]})), 6);
        assert_eq!(told(json!({"hostNetwork": true})), 7);
    }

    #[test]
    fn quantities_are_written_in_their_shortest_form() {
        let given = json!({
            "overhead": {"cpu": 0.5},
            "volumes": [
                {"name": "a", "emptyDir": {"sizeLimit": 1e9}},
                {"name": "b", "ephemeral": {"volumeClaimTemplate": {"spec": {"volumeMode": "Filesystem",
                    "resources": {"requests": {"storage": "1024Mi"}}}}}},
            ],
        });
        let full = json!({
            "overhead": {"cpu": "500m"},
            "volumes": [
                {"name": "a", "emptyDir": {"sizeLimit": "1G"}},
                {"name": "b", "ephemeral": {"volumeClaimTemplate": {"metadata": {}, "spec": {"volumeMode": "Filesystem",
                    "resources": {"requests": {"storage": "1Gi"}}}}}},
            ],
        });
        assert_eq!(added(given), full);
    }

    #[test]
    fn what_says_nothing_goes_unless_it_is_a_pointer() {
        let container = json!({
            "name": "app", "image": "app", "command": [], "env": [{"name": "A", "value": ""}], "tty": false,
            "ports": [{"containerPort": 80, "hostPort": 0, "name": ""}],
            "securityContext": {"privileged": false},
            "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": false, "subPath": ""}],
        });
        let given = json!({
            "containers": [container], "automountServiceAccountToken": false, "hostNetwork": false, "nodeSelector": {},
            "volumes": [{"name": "v", "nfs": {"server": "s", "path": "/", "readOnly": false}}],
        });
        let kept = json!({
            "name": "app", "image": "app", "env": [{"name": "A"}],
            "ports": [{"containerPort": 80, "protocol": "TCP"}],
            "securityContext": {"privileged": false},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            "imagePullPolicy": "Always",
        });
        let full = json!({
            "containers": [kept], "automountServiceAccountToken": false,
            "volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}],
        });
        assert_eq!(added(given), full);
    }

    #[test]
    fn what_is_given_stays() {
        let given = json!({
            "containers": [{
                "name": "app",
                "image": "app",
                "imagePullPolicy": "Never",
                "livenessProbe": {"timeoutSeconds": 2, "periodSeconds": 3, "successThreshold": 1, "failureThreshold": 4,
                    "httpGet": {"port": 80, "path": "/live", "scheme": "HTTPS"}},
                "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}},
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }],
            "enableServiceLinks": false,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "volumes": [{"name": "v", "configMap": {"name": "c", "defaultMode": 0}}],
        });
        assert_eq!(added(given.clone()), given);
    }

    #[test]
    fn parts_have_defaults_of_their_own() {
        for (given, full) in [
            (json!({"tcpSocket": {"port": 1}}), json!({"tcpSocket": {"port": 1}})),
            (
                json!({"httpGet": {"port": 1}}),
                json!({"httpGet": {"port": 1, "path": "/", "scheme": "HTTP"}}),
            ),
            (
                json!({"grpc": {"port": 1}, "timeoutSeconds": 0}),
                json!({"grpc": {"port": 1, "service": ""}}),
            ),
        ] {
            let mut full = full;
            let counts =
                json!({"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3});
            for (field, count) in counts.as_object().expect("an object") {
                full[field] = count.clone();
            }
            let spec = added(json!({"containers": [{"image": "a:1", "startupProbe": given}]}));
            assert_eq!(spec["containers"], json!([{"image": "a:1", "startupProbe": full}]));
        }
        for (given, full) in [
            (json!({"name": "v"}), json!({"name": "v", "emptyDir": {}})),
            (json!({"secret": {}}), json!({"secret": {"defaultMode": 420}})),
            (
                json!({"hostPath": {"path": "/"}}),
                json!({"hostPath": {"path": "/", "type": ""}}),
            ),
            (
                json!({"image": {"reference": "a:1"}}),
                json!({"image": {"reference": "a:1", "pullPolicy": "IfNotPresent"}}),
            ),
            (
                json!({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"downwardAPI": {"items": [
                    {"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}}),
                json!({"projected": {"defaultMode": 420, "sources": [
                    {"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}, {"downwardAPI": {"items": [
                    {"path": "p", "fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}]}}]}}),
            ),
        ] {
            assert_eq!(added(json!({"volumes": [given]})), json!({"volumes": [full]}));
        }
        let spec = added(json!({
            "hostNetwork": true,
            "initContainers": [{
                "image": "a:1",
                "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "lifecycle": {"preStop": {"httpGet": {"port": 80}}},
                "ports": [{"containerPort": 80}],
                "resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "1m"}},
            }],
        }));
        assert_eq!(
            spec["initContainers"][0],
            json!({
                "image": "a:1",
                "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}}],
                "lifecycle": {"preStop": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}}},
                "ports": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1m", "memory": "1Gi"}},
            })
        );
    }
}
