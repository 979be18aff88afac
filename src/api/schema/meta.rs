//! Fields of object metadata, selectors and references to other objects.

use crate::api::shape::Shape::{Any, Boolean, List, Map, Of, Text, Time};
use crate::api::shape::{INT64, object};

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
        annotations: Map(&Text),
        creationTimestamp: Time,
        deletionGracePeriodSeconds: INT64,
        deletionTimestamp: Time,
        finalizers: List(&Text),
        generateName: Text,
        generation: INT64,
        labels: Map(&Text),
        managedFields: List(&Of(&MANAGED_FIELDS_ENTRY)),
        name: Text,
        namespace: Text,
        ownerReferences: List(&Of(&OWNER_REFERENCE)),
        resourceVersion: Text,
        selfLink: Text,
        uid: Text,
    }
    LABEL_SELECTOR_REQUIREMENT = "LabelSelectorRequirement" {
        key: Text,
        operator: Text,
        values: List(&Text),
    }
    LABEL_SELECTOR = "LabelSelector" {
        matchExpressions: List(&Of(&LABEL_SELECTOR_REQUIREMENT)),
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
