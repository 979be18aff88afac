//! Fields that say where a pod may run: affinity, tolerations, spread.

use super::meta::{LABEL_SELECTOR, NO_OPERATOR, VALUES_OF_EXISTS, VALUES_OF_IN};
use super::objects::CLIENT_IP_CONFIG;
use crate::api::decode::Form::{Label, LabelKey, LabelValue, Subdomain};
use crate::api::rules::If::{Has, Is, Lacks};
use crate::api::rules::Rule::{
    self, Absent, Among, Beside, Child, Each, EvenMissing, Exactly, Forbidden, Like, OneOf, Optional, Required, When,
    Within,
};
use crate::api::shape::Shape::{List, Of, Text};
use crate::api::shape::{INT32, INT64, object};

const NO_TOPOLOGY_KEY: &str = "can not be empty";
/// The rules of `matchLabelKeys` and `mismatchLabelKeys` (`validateLabelKeys`).
const LABEL_KEYS: Rule = When(
    Lacks("labelSelector"),
    &[
        Optional,
        Forbidden("must not be specified when labelSelector is not set"),
    ],
);
const VALUE_OF_COMPARISON: &str = "must be specified single value when `operator` is 'Lt' or 'Gt'";
const VALUE_OF_FIELD: &str = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
const EFFECT_OF_SECONDS: &str = "effect must be 'NoExecute' when `tolerationSeconds` is set";
const OPERATOR_WITHOUT_KEY: &str =
    "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
const VALUE_OF_EXISTS: &str = "value must be empty when `operator` is 'Exists'";
const MIN_DOMAINS: &str = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway";
const NOT_POSITIVE: &str = "must be greater than zero";
const WEIGHT: Rule = Within(1, 100, "must be in the range 1-100");

object! {
    NODE_SELECTOR_REQUIREMENT = "NodeSelectorRequirement" {
        key: Text; [EvenMissing, Like(LabelKey)],
        operator: Text; [EvenMissing, Among(&["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"], NO_OPERATOR)],
        values: List(&Text); [
            When(Is("operator", &["In", "NotIn"]), &[Required(VALUES_OF_IN)]),
            When(Is("operator", &["Exists", "DoesNotExist"]), &[Optional, Forbidden(VALUES_OF_EXISTS)]),
            When(Is("operator", &["Gt", "Lt"]), &[EvenMissing, Exactly(1, VALUE_OF_COMPARISON)]),
        ],
    }
    /// The same type, of which fewer values are taken for fields of nodes (`ValidateNodeFieldSelectorRequirement`).
    NODE_FIELD_SELECTOR_REQUIREMENT = "NodeSelectorRequirement" {
        key: Text; [EvenMissing, Among(&["metadata.name"], "not a valid field selector key")],
        operator: Text; [EvenMissing, Among(&["In", "NotIn"], NO_OPERATOR)],
        values: List(&Text); [
            When(Is("operator", &["In", "NotIn"]), &[EvenMissing, Exactly(1, VALUE_OF_FIELD)]),
            Each(&[Like(Subdomain)]),
        ],
    }
    NODE_SELECTOR_TERM = "NodeSelectorTerm" {
        matchExpressions: List(&Of(&NODE_SELECTOR_REQUIREMENT)),
        matchFields: List(&Of(&NODE_FIELD_SELECTOR_REQUIREMENT)),
    }
    PREFERRED_SCHEDULING_TERM = "PreferredSchedulingTerm" {
        preference: Of(&NODE_SELECTOR_TERM),
        weight: INT32; [EvenMissing, WEIGHT],
    }
    NODE_SELECTOR = "NodeSelector" {
        // Terms that are only preferred may have any values.
        nodeSelectorTerms: List(&Of(&NODE_SELECTOR_TERM)); [
            Required("must have at least one node selector term"),
            Each(&[Child("matchExpressions", &[Each(&[Child("values", &[Each(&[Like(LabelValue)])])])])]),
        ],
    }
    NODE_AFFINITY = "NodeAffinity" {
        preferredDuringSchedulingIgnoredDuringExecution: List(&Of(&PREFERRED_SCHEDULING_TERM)),
        requiredDuringSchedulingIgnoredDuringExecution: Of(&NODE_SELECTOR),
    }
    POD_AFFINITY_TERM = "PodAffinityTerm" {
        labelSelector: Of(&LABEL_SELECTOR),
        matchLabelKeys: List(&Text); [LABEL_KEYS, Each(&[Like(LabelKey)])],
        mismatchLabelKeys: List(&Text); [LABEL_KEYS, Each(&[Like(LabelKey)])],
        namespaceSelector: Of(&LABEL_SELECTOR),
        namespaces: List(&Text); [Each(&[Like(Label)])],
        topologyKey: Text; [Required(NO_TOPOLOGY_KEY), Like(LabelKey)],
    }
    WEIGHTED_POD_AFFINITY_TERM = "WeightedPodAffinityTerm" {
        podAffinityTerm: Of(&POD_AFFINITY_TERM),
        weight: INT32; [EvenMissing, WEIGHT],
    }
    POD_AFFINITY = "PodAffinity" {
        preferredDuringSchedulingIgnoredDuringExecution: List(&Of(&WEIGHTED_POD_AFFINITY_TERM)),
        requiredDuringSchedulingIgnoredDuringExecution: List(&Of(&POD_AFFINITY_TERM)),
    }
    POD_ANTI_AFFINITY = "PodAntiAffinity" {
        preferredDuringSchedulingIgnoredDuringExecution: List(&Of(&WEIGHTED_POD_AFFINITY_TERM)),
        requiredDuringSchedulingIgnoredDuringExecution: List(&Of(&POD_AFFINITY_TERM)),
    }
    AFFINITY = "Affinity" {
        nodeAffinity: Of(&NODE_AFFINITY),
        podAffinity: Of(&POD_AFFINITY),
        podAntiAffinity: Of(&POD_ANTI_AFFINITY),
    }
    TOLERATION = "Toleration" {
        effect: Text; [
            When(Has("tolerationSeconds"), &[EvenMissing, Among(&["NoExecute"], EFFECT_OF_SECONDS)]),
            Optional,
            OneOf(&["NoSchedule", "PreferNoSchedule", "NoExecute"]),
        ],
        key: Text; [Optional, Like(LabelKey)],
        operator: Text; [
            When(Is("key", &[""]), &[EvenMissing, Among(&["Exists"], OPERATOR_WITHOUT_KEY)]),
            When(Is("operator", &["", "Equal"]), &[Beside("value", &[Like(LabelValue)])]),
            When(Is("operator", &["Exists"]), &[Beside("value", &[Optional, Absent(VALUE_OF_EXISTS)])]),
            Optional,
            OneOf(&["Equal", "Exists"]),
        ],
        tolerationSeconds: INT64,
        value: Text,
    }
    TOPOLOGY_SPREAD_CONSTRAINT = "TopologySpreadConstraint" {
        labelSelector: Of(&LABEL_SELECTOR),
        matchLabelKeys: List(&Text); [LABEL_KEYS, Each(&[Like(LabelKey)])],
        maxSkew: INT32; [EvenMissing, Within(1, i64::MAX, NOT_POSITIVE)],
        minDomains: INT32; [
            Within(1, i64::MAX, NOT_POSITIVE),
            When(Is("whenUnsatisfiable", &["ScheduleAnyway"]), &[Absent(MIN_DOMAINS)]),
        ],
        nodeAffinityPolicy: Text; [OneOf(&["Honor", "Ignore"])],
        nodeTaintsPolicy: Text; [OneOf(&["Honor", "Ignore"])],
        topologyKey: Text; [Required(NO_TOPOLOGY_KEY)],
        whenUnsatisfiable: Text; [EvenMissing, OneOf(&["DoNotSchedule", "ScheduleAnyway"])],
    }
    SESSION_AFFINITY_CONFIG = "SessionAffinityConfig" {
        clientIP: Of(&CLIENT_IP_CONFIG),
    }
}
