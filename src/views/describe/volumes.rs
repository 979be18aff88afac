//! The volumes of a pod (`describeVolumes`).

use serde_json::Value;

use super::page::Page;
use super::{LONGEST_ANNOTATION, annotations, items, labels, plain, shortened, text};
use crate::api::features::Features;
use crate::api::quantity;

/// How a field of a source is written.
#[derive(Clone, Copy)]
enum As {
    /// a string; missing, it is empty
    Text,
    /// a string; missing, it is `<none>`
    TextOrNone,
    /// a number; missing, it is 0
    Number,
    /// a truth value; missing, it is false
    Truth,
    /// a list, as Go prints it
    List,
    /// a map, as Go prints it
    Map,
    /// a reference to a Secret, as Go prints it
    Secret,
}

use As::{List, Map, Number, Secret, Text, TextOrNone, Truth};

/// The field of a volume, what its type is called, and the fields of the source with their titles.
type Source = (&'static str, &'static str, &'static [(&'static str, &'static str, As)]);

/// Sources whose fields are told one by one.
const SOURCES: &[Source] = &[
    (
        "hostPath",
        "HostPath (bare host directory volume)",
        &[("Path:", "path", Text), ("HostPathType:", "type", TextOrNone)],
    ),
    (
        "gcePersistentDisk",
        "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        &[
            ("PDName:", "pdName", Text),
            ("FSType:", "fsType", Text),
            ("Partition:", "partition", Number),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "awsElasticBlockStore",
        "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
        &[
            ("VolumeID:", "volumeID", Text),
            ("FSType:", "fsType", Text),
            ("Partition:", "partition", Number),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "gitRepo",
        "GitRepo (a volume that is pulled from git when the pod is created)",
        &[("Repository:", "repository", Text), ("Revision:", "revision", Text)],
    ),
    (
        "secret",
        "Secret (a volume populated by a Secret)",
        &[("SecretName:", "secretName", Text), ("Optional:", "optional", Truth)],
    ),
    (
        "configMap",
        "ConfigMap (a volume populated by a ConfigMap)",
        &[("Name:", "name", Text), ("Optional:", "optional", Truth)],
    ),
    (
        "nfs",
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        &[
            ("Server:", "server", Text),
            ("Path:", "path", Text),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "iscsi",
        "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
        &[
            ("TargetPortal:", "targetPortal", Text),
            ("IQN:", "iqn", Text),
            ("Lun:", "lun", Number),
            ("ISCSIInterface", "iscsiInterface", Text),
            ("FSType:", "fsType", Text),
            ("ReadOnly:", "readOnly", Truth),
            ("Portals:", "portals", List),
            ("DiscoveryCHAPAuth:", "chapAuthDiscovery", Truth),
            ("SessionCHAPAuth:", "chapAuthSession", Truth),
            ("SecretRef:", "secretRef", Secret),
            ("InitiatorName:", "initiatorName", TextOrNone),
        ],
    ),
    (
        "glusterfs",
        "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
        &[
            ("EndpointsName:", "endpoints", Text),
            ("Path:", "path", Text),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "persistentVolumeClaim",
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        &[("ClaimName:", "claimName", Text), ("ReadOnly:", "readOnly", Truth)],
    ),
    (
        "rbd",
        "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
        &[
            ("CephMonitors:", "monitors", List),
            ("RBDImage:", "image", Text),
            ("FSType:", "fsType", Text),
            ("RBDPool:", "pool", Text),
            ("RadosUser:", "user", Text),
            ("Keyring:", "keyring", Text),
            ("SecretRef:", "secretRef", Secret),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "quobyte",
        "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
        &[
            ("Registry:", "registry", Text),
            ("Volume:", "volume", Text),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "azureDisk",
        "AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
        &[
            ("DiskName:", "diskName", Text),
            ("DiskURI:", "diskURI", Text),
            ("Kind: ", "kind", Text),
            ("FSType:", "fsType", Text),
            ("CachingMode:", "cachingMode", Text),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "vsphereVolume",
        "vSphereVolume (a Persistent Disk resource in vSphere)",
        &[
            ("VolumePath:", "volumePath", Text),
            ("FSType:", "fsType", Text),
            ("StoragePolicyName:", "storagePolicyName", Text),
        ],
    ),
    (
        "cinder",
        "Cinder (a Persistent Disk resource in OpenStack)",
        &[
            ("VolumeID:", "volumeID", Text),
            ("FSType:", "fsType", Text),
            ("ReadOnly:", "readOnly", Truth),
            ("SecretRef:", "secretRef", Secret),
        ],
    ),
    (
        "photonPersistentDisk",
        "PhotonPersistentDisk (a Persistent Disk resource in photon platform)",
        &[("PdID:", "pdID", Text), ("FSType:", "fsType", Text)],
    ),
    (
        "portworxVolume",
        "PortworxVolume (a Portworx Volume resource)",
        &[("VolumeID:", "volumeID", Text)],
    ),
    (
        "scaleIO",
        "ScaleIO (a persistent volume backed by a block device in ScaleIO)",
        &[
            ("Gateway:", "gateway", Text),
            ("System:", "system", Text),
            ("Protection Domain:", "protectionDomain", Text),
            ("Storage Pool:", "storagePool", Text),
            ("Storage Mode:", "storageMode", Text),
            ("VolumeName:", "volumeName", Text),
            ("FSType:", "fsType", Text),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "cephfs",
        "CephFS (a CephFS mount on the host that shares a pod's lifetime)",
        &[
            ("Monitors:", "monitors", List),
            ("Path:", "path", Text),
            ("User:", "user", Text),
            ("SecretFile:", "secretFile", Text),
            ("SecretRef:", "secretRef", Secret),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "storageos",
        "StorageOS (a StorageOS Persistent Disk resource)",
        &[
            ("VolumeName:", "volumeName", Text),
            ("VolumeNamespace:", "volumeNamespace", Text),
            ("FSType:", "fsType", Text),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "azureFile",
        "AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
        &[
            ("SecretName:", "secretName", Text),
            ("ShareName:", "shareName", Text),
            ("ReadOnly:", "readOnly", Truth),
        ],
    ),
    (
        "flexVolume",
        "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)",
        &[
            ("Driver:", "driver", Text),
            ("FSType:", "fsType", Text),
            ("SecretRef:", "secretRef", Secret),
            ("ReadOnly:", "readOnly", Truth),
            ("Options:", "options", Map),
        ],
    ),
    (
        "flocker",
        "Flocker (a Flocker volume mounted by the Flocker agent)",
        &[
            ("DatasetName:", "datasetName", Text),
            ("DatasetUUID:", "datasetUUID", Text),
        ],
    ),
    (
        "image",
        "Image (a container image or OCI artifact)",
        &[("Reference:", "reference", Text), ("PullPolicy:", "pullPolicy", Text)],
    ),
];

/// All volumes of the spec.
pub(super) fn describe(page: &mut Page, spec: &Value, features: &Features) {
    let volumes = items(&spec["volumes"]);
    if volumes.is_empty() {
        page.field(0, "Volumes", "<none>");
        return;
    }
    page.title(0, "Volumes");
    for volume in volumes {
        page.title(1, text(&volume["name"]));
        describe_one(page, volume, features);
    }
}

fn describe_one(page: &mut Page, volume: &Value, features: &Features) {
    for (field, kind, fields) in SOURCES {
        if let Some(source) = volume.get(field).filter(|source| !source.is_null()) {
            page.field(2, "Type", kind);
            for (title, name, how) in *fields {
                page.line(&format!("    {title}\t{}", written(&source[name], *how)));
            }
            return;
        }
    }
    if let Some(fc) = volume.get("fc") {
        page.field(2, "Type", "FC (a Fibre Channel disk)");
        let names: Vec<&str> = items(&fc["targetWWNs"]).iter().map(text).collect();
        page.field(2, "TargetWWNs", names.join(", "));
        page.field(2, "LUN", written(&fc["lun"], TextOrNone));
        page.field(2, "FSType", text(&fc["fsType"]));
        page.field(2, "ReadOnly", written(&fc["readOnly"], Truth));
    } else if let Some(files) = volume.get("downwardAPI") {
        page.field(
            2,
            "Type",
            "DownwardAPI (a volume populated by information about the pod)",
        );
        page.title(2, "Items");
        for item in items(&files["items"]) {
            for what in [&item["fieldRef"]["fieldPath"], &item["resourceFieldRef"]["resource"]] {
                if let Some(what) = what.as_str() {
                    page.line(&format!("      {what} -> {}", text(&item["path"])));
                }
            }
        }
    } else if let Some(projected) = volume.get("projected") {
        self::projected(page, projected, features);
    } else if let Some(csi) = volume.get("csi") {
        page.field(2, "Type", "CSI (a Container Storage Interface (CSI) volume source)");
        page.field(2, "Driver", text(&csi["driver"]));
        page.field(2, "FSType", text(&csi["fsType"]));
        page.field(2, "ReadOnly", written(&csi["readOnly"], Truth));
        attributes(page, &csi["volumeAttributes"]);
    } else if let Some(ephemeral) = volume.get("ephemeral") {
        let kind = "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)";
        page.field(2, "Type", kind);
        claim(page, &ephemeral["volumeClaimTemplate"]);
    } else {
        let directory = &volume["emptyDir"];
        page.field(
            2,
            "Type",
            "EmptyDir (a temporary directory that shares a pod's lifetime)",
        );
        page.field(2, "Medium", text(&directory["medium"]));
        let limit = directory["sizeLimit"].as_str();
        let limit = limit.filter(|limit| quantity::parse(limit).is_some_and(|bytes| bytes > 0));
        page.field(2, "SizeLimit", limit.unwrap_or("<unset>"));
    }
}

fn projected(page: &mut Page, projected: &Value, features: &Features) {
    let kind = "Projected (a volume that contains injected data from multiple sources)";
    page.field(2, "Type", kind);
    // Older kubectls print a pointer: `<nil>` where nothing is given, and else an address, which nobody can foresee.
    let optional = |source: &Value| match &source["optional"] {
        Value::Null if !features.describe_plain_projections => "<nil>".to_owned(),
        given => written(given, Truth),
    };
    let titles = if features.describe_plain_projections {
        ["Optional", "Optional"]
    } else {
        ["SecretOptionalName", "ConfigMapOptional"]
    };
    for source in items(&projected["sources"]) {
        if let Some(secret) = source.get("secret") {
            page.field(2, "SecretName", text(&secret["name"]));
            page.field(2, titles[0], optional(secret));
        } else if source.get("downwardAPI").is_some() {
            page.field(2, "DownwardAPI", "true");
        } else if let Some(map) = source.get("configMap") {
            page.field(2, "ConfigMapName", text(&map["name"]));
            page.field(2, titles[1], optional(map));
        } else if let Some(token) = source.get("serviceAccountToken") {
            page.field(
                2,
                "TokenExpirationSeconds",
                written(&token["expirationSeconds"], Number),
            );
        }
    }
}

/// The attributes of a CSI volume. Each piece of a line that kubectl writes by itself is indented, the first one too.
fn attributes(page: &mut Page, attributes: &Value) {
    let attributes = labels(attributes);
    if attributes.is_empty() {
        page.field(2, "VolumeAttributes", "<none>");
    }
    for (index, line) in attributes.iter().enumerate() {
        let before = if index == 0 {
            "    VolumeAttributes:\t"
        } else {
            "        \t"
        };
        page.line(&format!("{before}    {}", shortened(line, LONGEST_ANNOTATION)));
    }
}

/// The template of a claim (`printPersistentVolumeClaim` in a nested writer, which indents whatever it is given).
fn claim(page: &mut Page, template: &Value) {
    if template.is_null() {
        return;
    }
    let (metadata, spec) = (&template["metadata"], &template["spec"]);
    let class = &metadata["annotations"]["volume.beta.kubernetes.io/storage-class"];
    let class = class.as_str().unwrap_or_else(|| text(&spec["storageClassName"]));
    page.field(2, "StorageClass", class);
    page.field(2, "Volume", text(&spec["volumeName"]));
    nested(page, "Labels", "        \t", &labels(&metadata["labels"]));
    nested(page, "Annotations", "    \t", &annotations(&metadata["annotations"]));
    // Of a template nothing is known of its capacity.
    let bound = !text(&spec["volumeName"]).is_empty();
    page.field(2, "Capacity", if bound { "0" } else { "" });
    page.field(2, "Access Modes", "");
    if let Some(mode) = spec["volumeMode"].as_str() {
        page.field(2, "VolumeMode", mode);
    }
    let source = &spec["dataSource"];
    if source.is_object() {
        page.title(2, "DataSource");
        if let Some(group) = source["apiGroup"].as_str() {
            page.field(3, "APIGroup", group);
        }
        page.field(3, "Kind", text(&source["kind"]));
        page.field(3, "Name", text(&source["name"]));
    }
}

fn nested(page: &mut Page, title: &str, between: &str, entries: &[String]) {
    if entries.is_empty() {
        page.line(&format!("    {title}:\t    <none>"));
    }
    for (index, entry) in entries.iter().enumerate() {
        let first = format!("    {title}:\t");
        let before = if index == 0 { &first } else { between };
        page.line(&format!("{before}    {}", entry.replace("\n\t", "\n    \t")));
    }
}

fn written(value: &Value, how: As) -> String {
    let none = |otherwise: &str| match value {
        Value::Null => otherwise.to_owned(),
        value => plain(value),
    };
    match how {
        Text => none(""),
        TextOrNone => none("<none>"),
        Number => none("0"),
        Truth => none("false"),
        List => {
            let elements: Vec<&str> = items(value).iter().map(text).collect();
            format!("[{}]", elements.join(" "))
        }
        Map => {
            let entries = value.as_object().into_iter().flatten();
            let entries: Vec<String> = entries
                .map(|(name, value)| format!("{name}:{}", plain(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
        Secret => match &value["name"] {
            Value::Null if value.is_null() => "nil".to_owned(),
            name => format!("&LocalObjectReference{{Name:{},}}", text(name)),
        },
    }
}
