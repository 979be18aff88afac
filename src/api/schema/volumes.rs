//! Fields of volumes and of every source that a volume may have.

use super::container::{OBJECT_FIELD_SELECTOR, RESOURCE_FIELD_SELECTOR};
use super::meta::{
    DROPPED_LABEL_SELECTOR, LABEL_SELECTOR, LOCAL_OBJECT_REFERENCE, OBJECT_META, TYPED_LOCAL_OBJECT_REFERENCE,
    TYPED_OBJECT_REFERENCE,
};
use crate::api::decode::Form::{AbsolutePath, DescendingPath, DriverName, LocalPath, PathWithoutBacksteps};
use crate::api::rules::Rule::{self, Child, Given, Like, OneOf, Optional, Required, Within};
use crate::api::shape::Shape::{Any, Boolean, List, Map, Of, Quantity, Text};
use crate::api::shape::{INT32, INT64, object};

const RETENTIONS: &[&str] = &["Retain", "Delete"];
const MODE: Rule = Within(0, 0o777, "must be a number between 0 and 0777 (octal), both inclusive");
const LONG_ENOUGH: Rule = Within(600, i64::MAX, "may not specify a duration less than 10 minutes");
const SHORT_ENOUGH: Rule = Within(i64::MIN, 1 << 32, "may not specify a duration larger than 2^32 seconds");
const HOST_PATHS: &[&str] = &[
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
];

object! {
    AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE = "AWSElasticBlockStoreVolumeSource" {
        fsType: Text,
        partition: INT32,
        readOnly: Boolean,
        volumeID: Text,
    }
    AZURE_DISK_VOLUME_SOURCE = "AzureDiskVolumeSource" {
        cachingMode: Text,
        diskName: Text,
        diskURI: Text,
        fsType: Text,
        kind: Text,
        readOnly: Boolean,
    }
    AZURE_FILE_VOLUME_SOURCE = "AzureFileVolumeSource" {
        readOnly: Boolean,
        secretName: Text; [Required("")],
        shareName: Text; [Required("")],
    }
    CEPH_FS_VOLUME_SOURCE = "CephFSVolumeSource" {
        monitors: List(&Text); [Required("")],
        path: Text,
        readOnly: Boolean,
        secretFile: Text,
        secretRef: Of(&LOCAL_OBJECT_REFERENCE),
        user: Text,
    }
    CINDER_VOLUME_SOURCE = "CinderVolumeSource" {
        fsType: Text,
        readOnly: Boolean,
        secretRef: Of(&LOCAL_OBJECT_REFERENCE),
        volumeID: Text,
    }
    KEY_TO_PATH = "KeyToPath" {
        key: Text; [Required("")],
        mode: INT32; [MODE],
        path: Text; [Required(""), Like(LocalPath)],
    }
    CONFIG_MAP_VOLUME_SOURCE = "ConfigMapVolumeSource" {
        defaultMode: INT32; [MODE],
        items: List(&Of(&KEY_TO_PATH)),
        name: Text,
        optional: Boolean,
    }
    CSI_VOLUME_SOURCE = "CSIVolumeSource" {
        driver: Text; [Required(""), Like(DriverName)],
        fsType: Text,
        nodePublishSecretRef: Of(&LOCAL_OBJECT_REFERENCE); [Child("name", &[Required("")])],
        readOnly: Boolean,
        volumeAttributes: Map(&Text),
    }
    DOWNWARD_API_VOLUME_FILE = "DownwardAPIVolumeFile" {
        fieldRef: Of(&OBJECT_FIELD_SELECTOR),
        mode: INT32,
        path: Text,
        resourceFieldRef: Of(&RESOURCE_FIELD_SELECTOR),
    }
    DOWNWARD_API_VOLUME_SOURCE = "DownwardAPIVolumeSource" {
        defaultMode: INT32; [MODE],
        items: List(&Of(&DOWNWARD_API_VOLUME_FILE)),
    }
    EMPTY_DIR_VOLUME_SOURCE = "EmptyDirVolumeSource" {
        medium: Text,
        sizeLimit: Quantity,
    }
    VOLUME_RESOURCE_REQUIREMENTS = "VolumeResourceRequirements" {
        limits: Map(&Quantity),
        requests: Map(&Quantity),
    }
    PERSISTENT_VOLUME_CLAIM_SPEC = "PersistentVolumeClaimSpec" {
        accessModes: List(&Text),
        dataSource: Of(&TYPED_LOCAL_OBJECT_REFERENCE),
        dataSourceRef: Of(&TYPED_OBJECT_REFERENCE),
        resources: Of(&VOLUME_RESOURCE_REQUIREMENTS),
        selector: Of(&LABEL_SELECTOR),
        storageClassName: Text,
        volumeAttributesClassName: Text,
        volumeMode: Text,
        volumeName: Text,
    }
    PERSISTENT_VOLUME_CLAIM_TEMPLATE = "PersistentVolumeClaimTemplate" {
        metadata: Of(&OBJECT_META),
        spec: Of(&PERSISTENT_VOLUME_CLAIM_SPEC),
    }
    EPHEMERAL_VOLUME_SOURCE = "EphemeralVolumeSource" {
        volumeClaimTemplate: Of(&PERSISTENT_VOLUME_CLAIM_TEMPLATE); [Given("")],
    }
    FC_VOLUME_SOURCE = "FCVolumeSource" {
        fsType: Text,
        lun: INT32,
        readOnly: Boolean,
        targetWWNs: List(&Text),
        wwids: List(&Text),
    }
    FLEX_VOLUME_SOURCE = "FlexVolumeSource" {
        driver: Text; [Required("")],
        fsType: Text,
        options: Map(&Text),
        readOnly: Boolean,
        secretRef: Of(&LOCAL_OBJECT_REFERENCE),
    }
    FLOCKER_VOLUME_SOURCE = "FlockerVolumeSource" {
        datasetName: Text,
        datasetUUID: Text,
    }
    GCE_PERSISTENT_DISK_VOLUME_SOURCE = "GCEPersistentDiskVolumeSource" {
        fsType: Text,
        partition: INT32,
        pdName: Text,
        readOnly: Boolean,
    }
    GIT_REPO_VOLUME_SOURCE = "GitRepoVolumeSource" {
        directory: Text; [Like(DescendingPath)],
        repository: Text; [Required("")],
        revision: Text,
    }
    GLUSTERFS_VOLUME_SOURCE = "GlusterfsVolumeSource" {
        endpoints: Text; [Required("")],
        path: Text; [Required("")],
        readOnly: Boolean,
    }
    HOST_PATH_VOLUME_SOURCE = "HostPathVolumeSource" {
        path: Text; [Optional, Like(PathWithoutBacksteps)],
        type: Text; [OneOf(HOST_PATHS)],
    }
    IMAGE_VOLUME_SOURCE = "ImageVolumeSource" {
        pullPolicy: Text,
        reference: Text,
    }
    ISCSI_VOLUME_SOURCE = "ISCSIVolumeSource" {
        chapAuthDiscovery: Boolean,
        chapAuthSession: Boolean,
        fsType: Text,
        initiatorName: Text,
        iqn: Text; [Required("")],
        iscsiInterface: Text,
        lun: INT32; [Within(0, 255, "must be between 0 and 255, inclusive")],
        portals: List(&Text),
        readOnly: Boolean,
        secretRef: Of(&LOCAL_OBJECT_REFERENCE),
        targetPortal: Text; [Required("")],
    }
    NFS_VOLUME_SOURCE = "NFSVolumeSource" {
        path: Text; [Required(""), Like(AbsolutePath)],
        readOnly: Boolean,
        server: Text; [Required("")],
    }
    PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE = "PersistentVolumeClaimVolumeSource" {
        claimName: Text,
        readOnly: Boolean,
    }
    PHOTON_PERSISTENT_DISK_VOLUME_SOURCE = "PhotonPersistentDiskVolumeSource" {
        fsType: Text,
        pdID: Text,
    }
    PORTWORX_VOLUME_SOURCE = "PortworxVolumeSource" {
        fsType: Text,
        readOnly: Boolean,
        volumeID: Text,
    }
    CLUSTER_TRUST_BUNDLE_PROJECTION = "ClusterTrustBundleProjection" {
        labelSelector: Of(&DROPPED_LABEL_SELECTOR),
        name: Text,
        optional: Boolean,
        path: Text,
        signerName: Text,
    }
    CONFIG_MAP_PROJECTION = "ConfigMapProjection" {
        items: List(&Of(&KEY_TO_PATH)),
        name: Text; [Required("")],
        optional: Boolean,
    }
    DOWNWARD_API_PROJECTION = "DownwardAPIProjection" {
        items: List(&Of(&DOWNWARD_API_VOLUME_FILE)),
    }
    POD_CERTIFICATE_PROJECTION = "PodCertificateProjection" {
        certificateChainPath: Text,
        credentialBundlePath: Text,
        keyPath: Text,
        keyType: Text,
        maxExpirationSeconds: INT32,
        signerName: Text,
        userAnnotations: Map(&Text),
    }
    SECRET_PROJECTION = "SecretProjection" {
        items: List(&Of(&KEY_TO_PATH)),
        name: Text; [Required("")],
        optional: Boolean,
    }
    SERVICE_ACCOUNT_TOKEN_PROJECTION = "ServiceAccountTokenProjection" {
        audience: Text,
        expirationSeconds: INT64; [LONG_ENOUGH, SHORT_ENOUGH],
        path: Text,
    }
    VOLUME_PROJECTION = "VolumeProjection" {
        clusterTrustBundle: Of(&CLUSTER_TRUST_BUNDLE_PROJECTION),
        configMap: Of(&CONFIG_MAP_PROJECTION),
        downwardAPI: Of(&DOWNWARD_API_PROJECTION),
        podCertificate: Of(&POD_CERTIFICATE_PROJECTION),
        secret: Of(&SECRET_PROJECTION),
        serviceAccountToken: Of(&SERVICE_ACCOUNT_TOKEN_PROJECTION),
    }
    PROJECTED_VOLUME_SOURCE = "ProjectedVolumeSource" {
        defaultMode: INT32; [MODE],
        sources: List(&Of(&VOLUME_PROJECTION)),
    }
    QUOBYTE_VOLUME_SOURCE = "QuobyteVolumeSource" {
        group: Text,
        readOnly: Boolean,
        registry: Text,
        tenant: Text,
        user: Text,
        volume: Text,
    }
    RBD_VOLUME_SOURCE = "RBDVolumeSource" {
        fsType: Text,
        image: Text; [Required("")],
        keyring: Text,
        monitors: List(&Text); [Required("")],
        pool: Text,
        readOnly: Boolean,
        secretRef: Of(&LOCAL_OBJECT_REFERENCE),
        user: Text,
    }
    SCALE_IO_VOLUME_SOURCE = "ScaleIOVolumeSource" {
        fsType: Text,
        gateway: Text,
        protectionDomain: Text,
        readOnly: Boolean,
        secretRef: Of(&LOCAL_OBJECT_REFERENCE),
        sslEnabled: Boolean,
        storageMode: Text,
        storagePool: Text,
        system: Text,
        volumeName: Text,
    }
    SECRET_VOLUME_SOURCE = "SecretVolumeSource" {
        defaultMode: INT32; [MODE],
        items: List(&Of(&KEY_TO_PATH)),
        optional: Boolean,
        secretName: Text,
    }
    STORAGE_OS_VOLUME_SOURCE = "StorageOSVolumeSource" {
        fsType: Text,
        readOnly: Boolean,
        secretRef: Of(&LOCAL_OBJECT_REFERENCE),
        volumeName: Text,
        volumeNamespace: Text,
    }
    VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE = "VsphereVirtualDiskVolumeSource" {
        fsType: Text,
        storagePolicyID: Text,
        storagePolicyName: Text,
        volumePath: Text,
    }
    VOLUME = "Volume" {
        awsElasticBlockStore: Of(&AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE),
        azureDisk: Of(&AZURE_DISK_VOLUME_SOURCE),
        azureFile: Of(&AZURE_FILE_VOLUME_SOURCE),
        cephfs: Of(&CEPH_FS_VOLUME_SOURCE),
        cinder: Of(&CINDER_VOLUME_SOURCE),
        configMap: Of(&CONFIG_MAP_VOLUME_SOURCE),
        csi: Of(&CSI_VOLUME_SOURCE),
        downwardAPI: Of(&DOWNWARD_API_VOLUME_SOURCE),
        emptyDir: Of(&EMPTY_DIR_VOLUME_SOURCE),
        ephemeral: Of(&EPHEMERAL_VOLUME_SOURCE),
        fc: Of(&FC_VOLUME_SOURCE),
        flexVolume: Of(&FLEX_VOLUME_SOURCE),
        flocker: Of(&FLOCKER_VOLUME_SOURCE),
        gcePersistentDisk: Of(&GCE_PERSISTENT_DISK_VOLUME_SOURCE),
        gitRepo: Of(&GIT_REPO_VOLUME_SOURCE),
        glusterfs: Of(&GLUSTERFS_VOLUME_SOURCE),
        hostPath: Of(&HOST_PATH_VOLUME_SOURCE),
        image: Of(&IMAGE_VOLUME_SOURCE),
        iscsi: Of(&ISCSI_VOLUME_SOURCE),
        name: Text,
        nfs: Of(&NFS_VOLUME_SOURCE),
        persistentVolumeClaim: Of(&PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE),
        photonPersistentDisk: Of(&PHOTON_PERSISTENT_DISK_VOLUME_SOURCE),
        portworxVolume: Of(&PORTWORX_VOLUME_SOURCE),
        projected: Of(&PROJECTED_VOLUME_SOURCE),
        quobyte: Of(&QUOBYTE_VOLUME_SOURCE),
        rbd: Of(&RBD_VOLUME_SOURCE),
        scaleIO: Of(&SCALE_IO_VOLUME_SOURCE),
        secret: Of(&SECRET_VOLUME_SOURCE),
        storageos: Of(&STORAGE_OS_VOLUME_SOURCE),
        vsphereVolume: Of(&VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE),
    }
    STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY = "StatefulSetPersistentVolumeClaimRetentionPolicy" {
        whenDeleted: Text; [Optional, OneOf(RETENTIONS)],
        whenScaled: Text; [Optional, OneOf(RETENTIONS)],
    }
    PERSISTENT_VOLUME_CLAIM = "PersistentVolumeClaim" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&PERSISTENT_VOLUME_CLAIM_SPEC),
        status: Any,
    }
}
