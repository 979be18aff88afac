//! Fields of v1.Pod and of pod templates.

use super::container::{
    APP_ARMOR_PROFILE, CONTAINER, EPHEMERAL_CONTAINER, POD_STATUS, RESOURCE_REQUIREMENTS, SE_LINUX_OPTIONS,
    SECCOMP_PROFILE, WINDOWS_SECURITY_CONTEXT_OPTIONS,
};
use super::meta::{LOCAL_OBJECT_REFERENCE, OBJECT_META};
use super::scheduling::{AFFINITY, TOLERATION, TOPOLOGY_SPREAD_CONSTRAINT};
use super::volumes::VOLUME;
use crate::api::shape::Shape::{Boolean, List, Map, Of, Quantity, Text};
use crate::api::shape::{INT32, INT64, object};

object! {
    POD_DNS_CONFIG_OPTION = "PodDNSConfigOption" {
        name: Text,
        value: Text,
    }
    POD_DNS_CONFIG = "PodDNSConfig" {
        nameservers: List(&Text),
        options: List(&Of(&POD_DNS_CONFIG_OPTION)),
        searches: List(&Text),
    }
    HOST_ALIAS = "HostAlias" {
        hostnames: List(&Text),
        ip: Text,
    }
    POD_OS = "PodOS" {
        name: Text,
    }
    POD_READINESS_GATE = "PodReadinessGate" {
        conditionType: Text,
    }
    POD_RESOURCE_CLAIM = "PodResourceClaim" {
        name: Text,
        resourceClaimName: Text,
        resourceClaimTemplateName: Text,
    }
    POD_SCHEDULING_GATE = "PodSchedulingGate" {
        name: Text,
    }
    POD_SCHEDULING_GROUP = "PodSchedulingGroup" {
        podGroupName: Text,
    }
    SYSCTL = "Sysctl" {
        name: Text,
        value: Text,
    }
    POD_SECURITY_CONTEXT = "PodSecurityContext" {
        appArmorProfile: Of(&APP_ARMOR_PROFILE),
        fsGroup: INT64,
        fsGroupChangePolicy: Text,
        runAsGroup: INT64,
        runAsNonRoot: Boolean,
        runAsUser: INT64,
        seLinuxChangePolicy: Text,
        seLinuxOptions: Of(&SE_LINUX_OPTIONS),
        seccompProfile: Of(&SECCOMP_PROFILE),
        supplementalGroups: List(&INT64),
        supplementalGroupsPolicy: Text,
        sysctls: List(&Of(&SYSCTL)),
        windowsOptions: Of(&WINDOWS_SECURITY_CONTEXT_OPTIONS),
    }
    POD_SPEC = "PodSpec" {
        activeDeadlineSeconds: INT64,
        affinity: Of(&AFFINITY),
        automountServiceAccountToken: Boolean,
        containers: List(&Of(&CONTAINER)),
        dnsConfig: Of(&POD_DNS_CONFIG),
        dnsPolicy: Text,
        enableServiceLinks: Boolean,
        ephemeralContainers: List(&Of(&EPHEMERAL_CONTAINER)),
        hostAliases: List(&Of(&HOST_ALIAS)),
        hostIPC: Boolean,
        hostNetwork: Boolean,
        hostPID: Boolean,
        hostUsers: Boolean,
        hostname: Text,
        hostnameOverride: Text,
        imagePullSecrets: List(&Of(&LOCAL_OBJECT_REFERENCE)),
        initContainers: List(&Of(&CONTAINER)),
        nodeName: Text,
        nodeSelector: Map(&Text),
        os: Of(&POD_OS),
        overhead: Map(&Quantity),
        preemptionPolicy: Text,
        priority: INT32,
        priorityClassName: Text,
        readinessGates: List(&Of(&POD_READINESS_GATE)),
        resourceClaims: List(&Of(&POD_RESOURCE_CLAIM)),
        resources: Of(&RESOURCE_REQUIREMENTS),
        restartPolicy: Text,
        runtimeClassName: Text,
        schedulerName: Text,
        schedulingGates: List(&Of(&POD_SCHEDULING_GATE)),
        schedulingGroup: Of(&POD_SCHEDULING_GROUP),
        securityContext: Of(&POD_SECURITY_CONTEXT),
        serviceAccount: Text,
        serviceAccountName: Text,
        setHostnameAsFQDN: Boolean,
        shareProcessNamespace: Boolean,
        subdomain: Text,
        terminationGracePeriodSeconds: INT64,
        tolerations: List(&Of(&TOLERATION)),
        topologySpreadConstraints: List(&Of(&TOPOLOGY_SPREAD_CONSTRAINT)),
        volumes: List(&Of(&VOLUME)),
    }
    POD = "Pod" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&POD_SPEC),
        status: Of(&POD_STATUS),
    }
    POD_TEMPLATE_SPEC = "PodTemplateSpec" {
        metadata: Of(&OBJECT_META),
        spec: Of(&POD_SPEC),
    }
}
