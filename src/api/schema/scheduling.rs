//! Fields that say where a pod may run: affinity, tolerations, spread.

use super::meta::LABEL_SELECTOR;
use super::objects::CLIENT_IP_CONFIG;
use crate::api::shape::Shape::{List, Of, Text};
use crate::api::shape::{INT32, INT64, object};

object! {
    NODE_SELECTOR_REQUIREMENT = "NodeSelectorRequirement" {
        key: Text,
        operator: Text,
        values: List(&Text),
    }
    NODE_SELECTOR_TERM = "NodeSelectorTerm" {
        matchExpressions: List(&Of(&NODE_SELECTOR_REQUIREMENT)),
        matchFields: List(&Of(&NODE_SELECTOR_REQUIREMENT)),
    }
    PREFERRED_SCHEDULING_TERM = "PreferredSchedulingTerm" {
        preference: Of(&NODE_SELECTOR_TERM),
        weight: INT32,
    }
    NODE_SELECTOR = "NodeSelector" {
        nodeSelectorTerms: List(&Of(&NODE_SELECTOR_TERM)),
    }
    NODE_AFFINITY = "NodeAffinity" {
        preferredDuringSchedulingIgnoredDuringExecution: List(&Of(&PREFERRED_SCHEDULING_TERM)),
        requiredDuringSchedulingIgnoredDuringExecution: Of(&NODE_SELECTOR),
    }
    POD_AFFINITY_TERM = "PodAffinityTerm" {
        labelSelector: Of(&LABEL_SELECTOR),
        matchLabelKeys: List(&Text),
        mismatchLabelKeys: List(&Text),
        namespaceSelector: Of(&LABEL_SELECTOR),
        namespaces: List(&Text),
        topologyKey: Text,
    }
    WEIGHTED_POD_AFFINITY_TERM = "WeightedPodAffinityTerm" {
        podAffinityTerm: Of(&POD_AFFINITY_TERM),
        weight: INT32,
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
        effect: Text,
        key: Text,
        operator: Text,
        tolerationSeconds: INT64,
        value: Text,
    }
    TOPOLOGY_SPREAD_CONSTRAINT = "TopologySpreadConstraint" {
        labelSelector: Of(&LABEL_SELECTOR),
        matchLabelKeys: List(&Text),
        maxSkew: INT32,
        minDomains: INT32,
        nodeAffinityPolicy: Text,
        nodeTaintsPolicy: Text,
        topologyKey: Text,
        whenUnsatisfiable: Text,
    }
    SESSION_AFFINITY_CONFIG = "SessionAffinityConfig" {
        clientIP: Of(&CLIENT_IP_CONFIG),
    }
}
