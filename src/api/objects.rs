//! The objects around pods that the lifecycle asks for: ConfigMaps, Secrets and Services.

use std::collections::BTreeMap;

use super::pod::Name;

/// Which kind of object, as the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectKind {
    ConfigMap,
    Secret,
    Service,
}

impl ObjectKind {
    /// `ConfigMap`
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectKind::ConfigMap => "ConfigMap",
            ObjectKind::Secret => "Secret",
            ObjectKind::Service => "Service",
        }
    }
}

/// A ConfigMap, Secret or Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// kind
    pub kind: ObjectKind,
    /// metadata.namespace
    pub namespace: Name,
    /// metadata.name
    pub name: Name,
    /// data (of a Secret decoded); empty for a Service
    pub data: BTreeMap<Name, Name>,
    /// spec.selector of a Service
    pub selector: BTreeMap<Name, Name>,
    /// ports of a Service
    pub ports: Vec<u16>,
}

/// The bytes that a text in standard base64 stands for; line breaks are passed over, as Go does.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    let symbols: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    base64::engine::general_purpose::STANDARD.decode(symbols).ok()
}
