//! The manifests of ConfigMaps, Secrets and Services.

use serde_json::{Value, json};

use super::Fields;
use crate::api::objects::{Object, ObjectKind};

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
        .put("metadata", metadata.done());
    match object.kind {
        ObjectKind::ConfigMap => fields.nested("data", json!(object.data)),
        ObjectKind::Secret => fields.nested("stringData", json!(object.data)),
        ObjectKind::Service => {
            let ports = object
                .ports
                .iter()
                .map(|port| json!({"name": format!("p{port}"), "port": port}));
            let mut spec = Fields::new();
            spec.nested("selector", json!(object.selector))
                .list("ports", ports.collect());
            fields.put("spec", spec.done())
        }
    };
    fields.done()
}
