//! Fields that the API does not have when they are empty (`omitempty` of those that are no pointers in Go).

use serde_json::{Map, Value};

/// Fields of a spec; many others are pointers, and stay.
pub(super) const OF_SPEC: &[&str] = &[
    "ephemeralContainers",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "initContainers",
    "nodeName",
    "nodeSelector",
    "overhead",
    "readinessGates",
    "resourceClaims",
    "schedulingGates",
    "subdomain",
    "topologySpreadConstraints",
    "volumes",
];

/// The same of a container.
pub(super) const OF_CONTAINER: &[&str] = &[
    "args",
    "command",
    "env",
    "envFrom",
    "ports",
    "stdin",
    "stdinOnce",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
];

/// Sources of volumes whose readOnly is no pointer.
pub(super) const READ_ONLY: &[&str] = &[
    "awsElasticBlockStore",
    "azureFile",
    "cephfs",
    "cinder",
    "fc",
    "flexVolume",
    "gcePersistentDisk",
    "glusterfs",
    "iscsi",
    "nfs",
    "persistentVolumeClaim",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
];

/// Removes those of the fields that say nothing (`omitempty`).
pub(super) fn drop_empty(fields: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        let empty = fields.get(*name).is_some_and(|value| match value {
            Value::Null => true,
            Value::Bool(truth) => !truth,
            Value::Number(number) => number.as_i64() == Some(0),
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
        });
        if empty {
            fields.remove(*name);
        }
    }
}
