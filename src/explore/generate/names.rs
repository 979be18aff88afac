//! Names and texts that every generated scenario uses, made once.

use std::sync::Arc;

use serde_json::json;

use crate::api::pod::Name;
use crate::api::uid::pod_uid;
use crate::explore::weights::Weights;

pub(super) struct Names {
    pub default: Name,
    /// Another namespace, in which no objects are.
    pub namespace: Name,
    pub pods: Vec<Name>,
    pub uids: Vec<Name>,
    pub apps: Vec<Name>,
    pub inits: Vec<Name>,
    pub nodes: Vec<Name>,
    pub every_pod: Name,
    pub present: Name,
    pub absent: Name,
    pub other: Name,
    /// An image whose tag is left out.
    pub untagged: Name,
    /// What is no name of an image.
    pub unparsable: Name,
    pub volume: Name,
    pub claim: Name,
    pub mount: Name,
    pub gate: Name,
    pub scheduling_gate: Name,
    pub debug: Vec<Name>,
    pub command: Vec<Name>,
    pub path: Name,
    pub host: Name,
    /// Names of ports: the first is of one that the container has.
    pub ports: [Name; 2],
    pub protocol: Name,
    pub empty: Name,
    pub errors: Vec<Name>,
    pub oom: Name,
    pub reason: Name,
    pub message: Name,
    pub critical: Name,
    /// Objects that pods refer to: a ConfigMap, a Secret, and a Secret for pulls.
    pub config: Name,
    pub secret: Name,
    pub pull_secret: Name,
    pub key: Name,
    pub missing_key: Name,
    pub variable: Name,
    pub field: Name,
    /// Commands that containers run by themselves.
    pub programs: Vec<Vec<Name>>,
    /// The program of `programs:`.
    pub server: Name,
    pub body: Name,
    pub term: Name,
    /// What containers ask for: with limits or without, as memory is counted and as it is not.
    pub resources: Vec<Arc<serde_json::Value>>,
    /// More than all containers of a pod together.
    pub resources_of_pods: Arc<serde_json::Value>,
    /// For pods whose manifests nobody looks at.
    pub manifest: Arc<serde_json::Value>,
}

/// What `sh -c` is given.
const SCRIPTS: [&str; 10] = [
    "sleep 3; exit 1",
    "echo begins; sleep 600",
    "trap 'echo stops; exit 0' TERM; while true; do sleep 1; done",
    "touch /tmp/ready; sleep 8; rm /tmp/ready; sleep 20",
    "for n in 1 2 3; do echo $n; sleep 2; done",
    "test -f /data/state || touch /data/state; sleep 5; exit 42",
    "server & wait",
    "sleep 5 & sleep 2; kill $!; wait; exit 3",
    "echo $MODE; exit 0",
    "wget -qO- http://127.0.0.1:8080/healthz || exit 2; sleep 30",
];

impl Names {
    pub(super) fn new(weights: &Weights) -> Names {
        let list = |names: &[&str]| names.iter().map(|name| Name::from(*name)).collect::<Vec<_>>();
        let default: Name = "default".into();
        let pods: Vec<Name> = (0..weights.pods.max(1)).map(|n| format!("web-{n}").into()).collect();
        let numbered = |letter: &str, count: u32| (0..count).map(|n| format!("{letter}{n}").into()).collect();
        let scripts = SCRIPTS.iter().map(|script| list(&["sh", "-c", script]));
        Names {
            uids: pods
                .iter()
                .enumerate()
                .map(|(n, pod)| pod_uid(n, &default, pod))
                .collect(),
            default,
            namespace: "shop".into(),
            pods,
            apps: numbered("c", weights.containers.max(1)),
            inits: numbered("i", 3),
            nodes: numbered("node-", 4),
            every_pod: "web-*".into(),
            present: "app:1".into(),
            absent: "big:1".into(),
            other: "app:2".into(),
            untagged: "busybox".into(),
            unparsable: "App:1".into(),
            volume: "data".into(),
            claim: "data-0".into(),
            mount: "/data".into(),
            gate: "example.com/ready".into(),
            scheduling_gate: "example.com/quota".into(),
            debug: list(&["debug", "shell"]),
            command: list(&["/check"]),
            path: "/healthz".into(),
            host: "127.0.0.1".into(),
            ports: ["http".into(), "metrics".into()],
            protocol: "TCP".into(),
            empty: "".into(),
            errors: list(&["no space left on device", "manifest unknown", "exec: not found"]),
            oom: "OOMKilled".into(),
            reason: "Upgraded".into(),
            message: "as the script has it".into(),
            critical: "system-node-critical".into(),
            config: "settings".into(),
            secret: "token".into(),
            pull_secret: "registry".into(),
            key: "mode".into(),
            missing_key: "nowhere".into(),
            variable: "MODE".into(),
            field: "metadata.name".into(),
            programs: scripts.chain([list(&["server"]), list(&["sleep", "12"])]).collect(),
            server: "server".into(),
            body: "well".into(),
            term: "TERM".into(),
            resources: vec![
                Arc::new(json!({"limits": {"memory": "128Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}})),
                Arc::new(json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}})),
                Arc::new(json!({"limits": {"memory": "100M"}, "requests": {"memory": "100M"}})),
                Arc::new(json!({"requests": {"cpu": "5m", "ephemeral-storage": "1Gi"}})),
            ],
            resources_of_pods: Arc::new(
                json!({"limits": {"cpu": "9", "memory": "9Gi"}, "requests": {"cpu": "8", "memory": "8Gi"}}),
            ),
            manifest: Arc::new(serde_json::Value::Null),
        }
    }
}
