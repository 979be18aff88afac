//! The manifests of ConfigMaps, Secrets and Services.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Fields;
use crate::api::objects::{Object, ObjectKind, TargetPort, encode_base64};

pub(super) fn object(object: &Object) -> Value {
    let mut metadata = Fields::new();
    metadata.put("name", &*object.name);
    if &*object.namespace != "default" {
        metadata.put("namespace", &*object.namespace);
    }
    let mut fields = Fields::new();
    fields
        .put("apiVersion", "v1")
        .put("kind", object.kind.as_str())
        .put("metadata", metadata.done())
        .maybe("type", object.secret_type.as_deref());
    match object.kind {
        ObjectKind::ConfigMap => {
            let binary = object.binary_data.iter();
            let binary: BTreeMap<&str, String> = binary.map(|(key, bytes)| (&**key, encode_base64(bytes))).collect();
            fields
                .nested("data", json!(object.data))
                .nested("binaryData", json!(binary))
        }
        ObjectKind::Secret => fields.nested("stringData", json!(object.data)),
        ObjectKind::Service => fields.put("spec", service(object)),
    };
    fields.done()
}

fn service(object: &Object) -> Value {
    let own = &object.service;
    let ports = own.ports.iter().map(|port| {
        let target = match &port.target {
            TargetPort::Number(number) => json!(number),
            TargetPort::Named(name) => json!(&**name),
        };
        Fields::new()
            .maybe("name", port.name.as_deref())
            .put("port", port.port)
            .put("targetPort", target)
            .done()
    });
    let cluster_ip = own.cluster_ip.as_deref().or(own.headless.then_some("None"));
    let mut spec = Fields::new();
    spec.nested("selector", json!(object.selector))
        .list("ports", ports.collect())
        .maybe("clusterIP", cluster_ip);
    if let Some(name) = &own.external_name {
        spec.put("type", "ExternalName").put("externalName", &**name);
    }
    if own.publish_not_ready_addresses {
        spec.put("publishNotReadyAddresses", true);
    }
    spec.done()
}
