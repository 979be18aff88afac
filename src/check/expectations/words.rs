//! The words that fields of a pod's spec may have: those that the API server takes (`pkg/apis/core/validation`).

use crate::api::shape::Field;

/// Type, field, words, where no rule beside the field says the same. Where an empty word is one of them, it is what the
/// field has when it is not given.
const WORDS: &[(&str, &str, &[&str])] = &[
    ("Container", "imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    ("Container", "restartPolicy", &["Always", "Never", "OnFailure"]),
    (
        "Container",
        "terminationMessagePolicy",
        &["FallbackToLogsOnError", "File"],
    ),
    ("ContainerPort", "protocol", &["SCTP", "TCP", "UDP"]),
    (
        "ContainerResizePolicy",
        "restartPolicy",
        &["NotRequired", "RestartContainer"],
    ),
    ("ContainerRestartRule", "action", &["Restart", "RestartAllContainers"]),
    ("ContainerRestartRuleOnExitCodes", "operator", &["In", "NotIn"]),
    (
        "EphemeralContainer",
        "imagePullPolicy",
        &["Always", "IfNotPresent", "Never"],
    ),
    (
        "EphemeralContainer",
        "terminationMessagePolicy",
        &["FallbackToLogsOnError", "File"],
    ),
    ("HTTPGetAction", "scheme", &["HTTP", "HTTPS"]),
    ("ImageVolumeSource", "pullPolicy", &["Always", "IfNotPresent", "Never"]),
    (
        "LabelSelectorRequirement",
        "operator",
        &["DoesNotExist", "Exists", "In", "NotIn"],
    ),
    (
        "NodeSelectorRequirement",
        "operator",
        &["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"],
    ),
    ("PodOS", "name", &["linux", "windows"]),
    (
        "PodSpec",
        "dnsPolicy",
        &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
    ),
    ("PodSpec", "preemptionPolicy", &["Never", "PreemptLowerPriority"]),
    ("PodSpec", "restartPolicy", &["Always", "Never", "OnFailure"]),
    (
        "Toleration",
        "effect",
        &["", "NoExecute", "NoSchedule", "PreferNoSchedule"],
    ),
    ("Toleration", "operator", &["", "Equal", "Exists", "Gt", "Lt"]),
];

/// The words of a field, if it has no others.
pub(super) fn words(object: &str, field: &Field) -> Option<&'static [&'static str]> {
    let mut all = WORDS.iter();
    let found = all.find(|(of, name, _)| *of == object && *name == field.name);
    found.map(|(.., words)| *words).or_else(|| field.words())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::schema::pod::POD_SPEC;
    use crate::api::shape::{Object, Shape};

    #[test]
    fn every_field_of_the_table_is_one_of_a_spec() {
        fn visit(object: &'static Object, found: &mut Vec<(&'static str, &'static str)>) {
            for field in object.fields {
                let known = (object.name, field.name);
                if found.contains(&known) {
                    continue;
                }
                found.push(known);
                let mut shape = field.shape;
                while let Shape::List(inner) | Shape::Map(inner) = shape {
                    shape = *inner;
                }
                if let Shape::Of(below) = shape {
                    visit(below, found);
                }
            }
        }
        let mut found = Vec::new();
        visit(&POD_SPEC, &mut found);
        for (object, field, _) in WORDS {
            assert!(found.contains(&(object, field)), "{object}.{field}");
        }
    }
}
