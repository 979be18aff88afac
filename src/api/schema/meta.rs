//! Fields of object metadata, selectors and references to other objects.

use crate::api::decode::Form::{LabelKey, LabelValue};
use crate::api::rules::If::Is;
use crate::api::rules::Rule::{
    Among, Annotations, Each, EvenMissing, Forbidden, Labels, Like, Optional, Required, When,
};
use crate::api::shape::Shape::{Any, Boolean, List, Map, Of, Text, Time};
use crate::api::shape::{INT64, object};

pub(super) const NO_OPERATOR: &str = "not a valid selector operator";
pub(super) const VALUES_OF_IN: &str = "must be specified when `operator` is 'In' or 'NotIn'";
pub(super) const VALUES_OF_EXISTS: &str = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";

object! {
    MANAGED_FIELDS_ENTRY = "ManagedFieldsEntry" {
        apiVersion: Text,
        fieldsType: Text,
        fieldsV1: Any,
        manager: Text,
        operation: Text,
        subresource: Text,
        time: Time,
    }
    OWNER_REFERENCE = "OwnerReference" {
        apiVersion: Text,
        blockOwnerDeletion: Boolean,
        controller: Boolean,
        kind: Text,
        name: Text,
        uid: Text,
    }
    OBJECT_META = "ObjectMeta" {
        annotations: Map(&Text); [Annotations],
        creationTimestamp: Time,
        deletionGracePeriodSeconds: INT64,
        deletionTimestamp: Time,
        finalizers: List(&Text),
        generateName: Text,
        generation: INT64,
        labels: Map(&Text); [Labels],
        managedFields: List(&Of(&MANAGED_FIELDS_ENTRY)),
        name: Text,
        namespace: Text,
        ownerReferences: List(&Of(&OWNER_REFERENCE)),
        resourceVersion: Text,
        selfLink: Text,
        uid: Text,
    }
    LABEL_SELECTOR_REQUIREMENT = "LabelSelectorRequirement" {
        key: Text; [EvenMissing, Like(LabelKey)],
        operator: Text; [EvenMissing, Among(&["In", "NotIn", "Exists", "DoesNotExist"], NO_OPERATOR)],
        values: List(&Text); [
            When(Is("operator", &["In", "NotIn"]), &[Required(VALUES_OF_IN)]),
            When(Is("operator", &["Exists", "DoesNotExist"]), &[Optional, Forbidden(VALUES_OF_EXISTS)]),
            Each(&[Like(LabelValue)]),
        ],
    }
    LABEL_SELECTOR = "LabelSelector" {
        matchExpressions: List(&Of(&LABEL_SELECTOR_REQUIREMENT)),
        matchLabels: Map(&Text); [Labels],
    }
    /// The same types in a field that the API server drops before it would check them.
    DROPPED_LABEL_SELECTOR_REQUIREMENT = "LabelSelectorRequirement" {
        key: Text,
        operator: Text,
        values: List(&Text),
    }
    DROPPED_LABEL_SELECTOR = "LabelSelector" {
        matchExpressions: List(&Of(&DROPPED_LABEL_SELECTOR_REQUIREMENT)),
        matchLabels: Map(&Text),
    }
    LOCAL_OBJECT_REFERENCE = "LocalObjectReference" {
        name: Text,
    }
    TYPED_LOCAL_OBJECT_REFERENCE = "TypedLocalObjectReference" {
        apiGroup: Text,
        kind: Text,
        name: Text,
    }
    TYPED_OBJECT_REFERENCE = "TypedObjectReference" {
        apiGroup: Text,
        kind: Text,
        name: Text,
        namespace: Text,
    }
}
