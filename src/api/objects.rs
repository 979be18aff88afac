//! The objects around pods that the lifecycle asks for: ConfigMaps, Secrets and Services.

use std::collections::BTreeMap;

use super::pod::{Name, is_called};

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
    /// binaryData of a ConfigMap, decoded: volumes have it, the environment does not
    pub binary_data: BTreeMap<Name, Vec<u8>>,
    /// type of a Secret
    pub secret_type: Option<Name>,
    /// What a Secret for pulls says to registries
    pub credentials: Vec<Credential>,
    /// spec.selector of a Service
    pub selector: BTreeMap<Name, Name>,
    /// the rest of a Service's spec
    pub service: ServiceSpec,
}

/// What a Secret for pulls says to one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Host and path that the names of images begin with; the host may have wildcards
    pub registry: Name,
    /// User, password and e-mail address as one text: the same login is the same text
    pub login: Name,
}

impl Object {
    /// Whether `name` means this object: its name, alone or as `namespace/name`.
    pub fn is_called(&self, name: &str) -> bool {
        is_called(name, &self.namespace, &self.name)
    }

    /// What a volume of the whole object holds, by key (`pkg/volume/configmap: MakePayload`).
    pub fn files(&self) -> BTreeMap<&str, &[u8]> {
        let texts = self.data.iter().map(|(key, text)| (&**key, text.as_bytes()));
        let binary = self.binary_data.iter().map(|(key, bytes)| (&**key, &bytes[..]));
        texts.chain(binary).collect()
    }
}

/// v1.ServiceSpec: what names and connections need of it; empty for the other kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSpec {
    /// ports
    pub ports: Vec<ServicePort>,
    /// clusterIP, when one is given that is an address
    pub cluster_ip: Option<Name>,
    /// clusterIP is None: the name stands for the pods themselves
    pub headless: bool,
    /// externalName of type ExternalName
    pub external_name: Option<Name>,
    /// publishNotReadyAddresses
    pub publish_not_ready_addresses: bool,
}

/// v1.ServicePort
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// name
    pub name: Option<Name>,
    /// port
    pub port: u16,
    /// targetPort; without one it is the port itself (`SetDefaults_Service`)
    pub target: TargetPort,
}

/// Which of a pod's ports a Service leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// by number
    Number(u16),
    /// by the name that a container gives it
    Named(Name),
}

/// The bytes that a text in standard base64 stands for; line breaks are passed over, as Go does.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    let symbols: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    base64::engine::general_purpose::STANDARD.decode(symbols).ok()
}

/// Bytes as a text in standard base64.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
