//! One manifest: which kind it is, and the decoder for it.

use super::object::PriorityClass;
use super::workloads::{Workload, WorkloadKind, workload};
use super::{object, pod};
use crate::api::diagnostic::nearest;
use crate::api::node::{Key, Node, Value};
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::{Name, Pod};
use crate::api::shape::{Object as Fields, Problems, check};
use crate::api::{rules, schema};

/// What a manifest gave.
pub(crate) enum Manifest {
    Pod {
        pod: Box<Pod>,
        /// its name is the beginning of one
        generated: bool,
    },
    Workload(Box<Workload>),
    Object(Object),
    PriorityClass(PriorityClass),
}

/// A manifest that is known, and where its name stands.
pub(crate) struct Decoded<'d> {
    pub(crate) manifest: Manifest,
    pub(crate) name: &'d Node,
}

/// What apiVersion and kind say.
pub(crate) enum Head {
    Known(Known),
    Scenario,
    /// a list of other objects
    List,
    /// a kind that is not simulated
    Other {
        version: Name,
        kind: Name,
    },
}

/// A kind that is decoded.
#[derive(Clone, Copy)]
pub(crate) enum Known {
    Pod,
    Workload(WorkloadKind),
    Object(ObjectKind),
    PriorityClass,
}

/// The scenario's own apiVersion.
pub(crate) const SCENARIO_VERSION: &str = "podlapse.dev/v1alpha1";

impl Known {
    fn version(self) -> &'static str {
        match self {
            Known::Pod | Known::Object(_) | Known::Workload(WorkloadKind::ReplicationController) => "v1",
            Known::Workload(WorkloadKind::Job | WorkloadKind::CronJob) => "batch/v1",
            Known::Workload(_) => "apps/v1",
            Known::PriorityClass => "scheduling.k8s.io/v1",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Known::Pod => "Pod",
            Known::Workload(kind) => kind.as_str(),
            Known::Object(kind) => kind.as_str(),
            Known::PriorityClass => "PriorityClass",
        }
    }

    fn fields(self) -> &'static Fields {
        use schema::{objects, pod, workloads};
        match self {
            Known::Pod => &pod::POD,
            Known::Workload(WorkloadKind::Deployment) => &workloads::DEPLOYMENT,
            Known::Workload(WorkloadKind::ReplicaSet) => &workloads::REPLICA_SET,
            Known::Workload(WorkloadKind::ReplicationController) => &workloads::REPLICATION_CONTROLLER,
            Known::Workload(WorkloadKind::StatefulSet) => &workloads::STATEFUL_SET,
            Known::Workload(WorkloadKind::DaemonSet) => &workloads::DAEMON_SET,
            Known::Workload(WorkloadKind::Job) => &workloads::JOB,
            Known::Workload(WorkloadKind::CronJob) => &workloads::CRON_JOB,
            Known::Object(ObjectKind::ConfigMap) => &objects::CONFIG_MAP,
            Known::Object(ObjectKind::Secret) => &objects::SECRET,
            Known::Object(ObjectKind::Service) => &objects::SERVICE,
            Known::PriorityClass => &objects::PRIORITY_CLASS,
        }
    }

    fn all() -> impl Iterator<Item = Known> {
        let objects = [ObjectKind::ConfigMap, ObjectKind::Secret, ObjectKind::Service];
        std::iter::once(Known::Pod)
            .chain(WorkloadKind::ALL.map(Known::Workload))
            .chain(objects.map(Known::Object))
            .chain([Known::PriorityClass])
    }
}

/// Kinds of the groups whose every kind is known, which are not simulated: they are skipped with a warning.
const SKIPPED: &[(&str, &[&str])] = &[
    (
        "v1",
        &[
            "Binding",
            "Endpoints",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "PodTemplate",
            "ResourceQuota",
            "ServiceAccount",
        ],
    ),
    ("apps/v1", &["ControllerRevision"]),
    ("batch/v1", &[]),
];

/// Whether a document is a list of others: `kind: List`, or the typed lists of the groups whose every kind is known.
pub(crate) fn is_list(version: &str, kind: &str, has_items: bool) -> bool {
    let is_known = SKIPPED.iter().any(|(group, _)| *group == version);
    kind == "List" || is_known && kind.ends_with("List") && has_items
}

/// What the items of a typed list are, which need not say it themselves (`unstructuredJSONScheme.decodeToList`).
pub(crate) fn items_of_list(kind: &str) -> Option<&str> {
    kind.strip_suffix("List").filter(|kind| !kind.is_empty())
}

/// A document whose items, if it is a typed list, say what they are.
pub(crate) fn with_typed_items(document: Node) -> Node {
    let field = |name: &str| document.get(name);
    let kind = field("kind").and_then(|node| Some((node, items_of_list(node.text()?)?)));
    let (Some(version), Some((told, kind)), Value::Map(fields)) = (field("apiVersion"), kind, &document.value) else {
        return document;
    };
    let added = |name: &str, node: Node| {
        let key = Key {
            name: name.into(),
            span: node.span,
        };
        (key, node)
    };
    let typed = |item: &Node| match &item.value {
        Value::Map(fields) if item.get("apiVersion").is_none() && item.get("kind").is_none() => {
            let kind = Node {
                span: told.span,
                value: Value::Text(kind.into()),
            };
            let own = [added("apiVersion", version.clone()), added("kind", kind)];
            Node {
                span: item.span,
                value: Value::Map(own.into_iter().chain(fields.iter().cloned()).collect()),
            }
        }
        _ => item.clone(),
    };
    let fields = fields.iter().map(|(key, node)| match &node.value {
        Value::List(items) if key.name == "items" => {
            let items = Value::List(items.iter().map(typed).collect());
            let node = Node {
                span: node.span,
                value: items,
            };
            (key.clone(), node)
        }
        _ => (key.clone(), node.clone()),
    });
    Node {
        span: document.span,
        value: Value::Map(fields.collect()),
    }
}

/// Which kind a document is of; None, with the error noted, if it says none or one that does not exist.
pub(crate) fn head(problems: &mut Problems<'_>, node: &Node) -> Option<Head> {
    if !matches!(node.value, Value::Map(_)) {
        let message = format!("a manifest must be a map, not {}", node.kind());
        problems.mark(node.mark(), message).hint = Some("begin it with `apiVersion` and `kind`".to_owned());
        return None;
    }
    let mut text = |field: &str| match node.get(field) {
        Some(found) if found.text().is_none() => {
            let message = format!("it must be a string, not {}", found.kind());
            problems.at(found, &message);
            None
        }
        Some(found) => found.text().filter(|text| !text.is_empty()).cloned(),
        None => {
            let message = format!("Object '{field}' is missing");
            problems.mark(node.mark(), message);
            None
        }
    };
    let (version, kind) = (text("apiVersion"), text("kind"));
    let (version, kind) = (version?, kind?);
    if (&*version, &*kind) == (SCENARIO_VERSION, "Scenario") {
        return Some(Head::Scenario);
    }
    if let Some(known) = Known::all().find(|known| known.kind() == &*kind && known.version() == &*version) {
        return Some(Head::Known(known));
    }
    if is_list(&version, &kind, node.get("items").is_some()) {
        return Some(Head::List);
    }
    let skipped = SKIPPED.iter().find(|(group, _)| *group == &*version);
    if skipped.is_some_and(|(_, kinds)| kinds.contains(&&*kind)) {
        return Some(Head::Other { version, kind });
    }
    let elsewhere = Known::all().find(|known| known.kind() == &*kind);
    let wrong_scenario = &*kind == "Scenario" || version.starts_with("podlapse");
    if skipped.is_none() && elsewhere.is_none() && !wrong_scenario {
        return Some(Head::Other { version, kind });
    }
    let message = format!("no matches for kind {:?} in version {:?}", &*kind, &*version);
    let hint = if wrong_scenario {
        Some(format!("write `apiVersion: {SCENARIO_VERSION}` and `kind: Scenario`"))
    } else if let Some(known) = elsewhere {
        Some(format!("{kind} is in {:?}", known.version()))
    } else {
        let kinds = Known::all()
            .filter(|known| known.version() == &*version)
            .map(Known::kind);
        let near = nearest(
            &kind,
            kinds.chain(skipped.map_or(&[][..], |(_, kinds)| kinds).iter().copied()),
        );
        near.map(|near| format!("is it {near:?}?"))
    };
    let field = if elsewhere.is_some()
        || version.starts_with("podlapse") && &*kind == "Scenario"
        || wrong_scenario && &*kind == "Scenario"
    {
        "apiVersion"
    } else {
        "kind"
    };
    let mark = node.get(field).map_or_else(|| node.mark(), Node::mark);
    problems.mark(mark, message).hint = hint;
    None
}

/// Decodes, defaults and validates a manifest of a known kind.
pub(crate) fn decode<'d>(problems: &mut Problems<'_>, node: &'d Node, known: Known) -> Decoded<'d> {
    check(node, known.fields(), problems);
    // As with the API server, what cannot be decoded is not validated: it would be reported twice.
    let undecodable = problems.found.len();
    if undecodable == 0 {
        rules::validate(node, known.fields(), problems);
    }
    let manifest = match known {
        Known::Pod => {
            let (pod, generated) = pod::pod(problems, node);
            Manifest::Pod {
                pod: Box::new(pod),
                generated,
            }
        }
        Known::Workload(kind) => Manifest::Workload(Box::new(workload(problems, node, kind))),
        Known::Object(kind) => Manifest::Object(object::object(problems, node, kind)),
        Known::PriorityClass => Manifest::PriorityClass(object::priority_class(problems, node)),
    };
    if undecodable > 0 {
        problems.found.truncate(undecodable);
    }
    let name = node.at(&["metadata", "name"]).unwrap_or(node);
    Decoded { manifest, name }
}
