//! Fields of v1.Pod and of pod templates.

use super::container::{
    APP_ARMOR_PROFILE, CONTAINER, EPHEMERAL_CONTAINER, ID, POD_STATUS, RESOURCE_REQUIREMENTS, SE_LINUX_OPTIONS,
    SECCOMP_PROFILE, WINDOWS_SECURITY_CONTEXT_OPTIONS,
};
use super::meta::{LOCAL_OBJECT_REFERENCE, OBJECT_META};
use super::scheduling::{AFFINITY, TOLERATION, TOPOLOGY_SPREAD_CONSTRAINT};
use super::volumes::VOLUME;
use crate::api::decode::Form::{Address, Label, LabelKey, Subdomain};
use crate::api::rules::If::{Has, Is};
use crate::api::rules::Rule::{
    self, AtMost, Child, Distinct, Each, EvenMissing, Forbidden, Given, Inner, Labels, Like, OneOf, Optional, Required,
    When,
};
use crate::api::shape::Shape::{Boolean, List, Map, Of, Quantity, Text};
use crate::api::shape::{INT32, INT64, object};

/// `ValidatePreemptionPolicy`
pub(super) const PREEMPTION: Rule = When(
    Has("preemptionPolicy"),
    &[Required(""), OneOf(&["PreemptLowerPriority", "Never"])],
);
const NO_DNS_CONFIG: &str = "must provide `dnsConfig` when `dnsPolicy` is None";
const NO_NAMESERVER: &str = "must provide at least one DNS nameserver when `dnsPolicy` is None";

object! {
    POD_DNS_CONFIG_OPTION = "PodDNSConfigOption" {
        name: Text,
        value: Text,
    }
    POD_DNS_CONFIG = "PodDNSConfig" {
        nameservers: List(&Text); [AtMost(3, "must not have more than 3 nameservers"), Each(&[Like(Address)])],
        options: List(&Of(&POD_DNS_CONFIG_OPTION)); [Each(&[Inner("name", &[Required("must not be empty")])])],
        searches: List(&Text),
    }
    HOST_ALIAS = "HostAlias" {
        hostnames: List(&Text); [Each(&[Like(Subdomain)])],
        ip: Text; [EvenMissing, Like(Address)],
    }
    POD_OS = "PodOS" {
        name: Text; [Required("")],
    }
    POD_READINESS_GATE = "PodReadinessGate" {
        conditionType: Text; [EvenMissing, Like(LabelKey)],
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
        fsGroup: INT64; [ID],
        fsGroupChangePolicy: Text; [OneOf(&["Always", "OnRootMismatch"])],
        runAsGroup: INT64; [ID],
        runAsNonRoot: Boolean,
        runAsUser: INT64; [ID],
        // MountOption is behind a gate that is off.
        seLinuxChangePolicy: Text; [OneOf(&["Recursive"])],
        seLinuxOptions: Of(&SE_LINUX_OPTIONS),
        seccompProfile: Of(&SECCOMP_PROFILE),
        supplementalGroups: List(&INT64); [Each(&[ID])],
        supplementalGroupsPolicy: Text; [OneOf(&["Merge", "Strict"])],
        sysctls: List(&Of(&SYSCTL)),
        windowsOptions: Of(&WINDOWS_SECURITY_CONTEXT_OPTIONS),
    }
    POD_SPEC = "PodSpec" {
        activeDeadlineSeconds: INT64,
        affinity: Of(&AFFINITY),
        automountServiceAccountToken: Boolean,
        containers: List(&Of(&CONTAINER)),
        dnsConfig: Of(&POD_DNS_CONFIG); [
            When(Is("dnsPolicy", &["None"]), &[Given(NO_DNS_CONFIG), Child("nameservers", &[Required(NO_NAMESERVER)])]),
        ],
        dnsPolicy: Text; [Optional, OneOf(&["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"])],
        enableServiceLinks: Boolean,
        ephemeralContainers: List(&Of(&EPHEMERAL_CONTAINER)),
        hostAliases: List(&Of(&HOST_ALIAS)),
        hostIPC: Boolean,
        hostNetwork: Boolean,
        hostPID: Boolean,
        hostUsers: Boolean,
        hostname: Text; [Optional, Like(Label)],
        hostnameOverride: Text; [Like(Subdomain)],
        imagePullSecrets: List(&Of(&LOCAL_OBJECT_REFERENCE)),
        initContainers: List(&Of(&CONTAINER)),
        nodeName: Text,
        nodeSelector: Map(&Text); [Labels],
        os: Of(&POD_OS); [Inner("name", &[Optional, OneOf(&["linux", "windows"])])],
        overhead: Map(&Quantity),
        preemptionPolicy: Text; [PREEMPTION],
        priority: INT32,
        priorityClassName: Text; [Optional, Like(Subdomain)],
        readinessGates: List(&Of(&POD_READINESS_GATE)),
        resourceClaims: List(&Of(&POD_RESOURCE_CLAIM)),
        resources: Of(&RESOURCE_REQUIREMENTS); [Child("claims", &[Forbidden("claims may not be set for Resources at pod-level")])],
        restartPolicy: Text,
        runtimeClassName: Text; [Like(Subdomain)],
        schedulerName: Text,
        schedulingGates: List(&Of(&POD_SCHEDULING_GATE)); [Distinct(&["name"]), Each(&[Inner("name", &[EvenMissing, Like(LabelKey)])])],
        schedulingGroup: Of(&POD_SCHEDULING_GROUP),
        securityContext: Of(&POD_SECURITY_CONTEXT),
        serviceAccount: Text; [When(Is("serviceAccountName", &[""]), &[Optional, Like(Subdomain)])],
        serviceAccountName: Text; [Optional, Like(Subdomain)],
        setHostnameAsFQDN: Boolean,
        shareProcessNamespace: Boolean,
        subdomain: Text; [Optional, Like(Label)],
        terminationGracePeriodSeconds: INT64,
        tolerations: List(&Of(&TOLERATION)),
        topologySpreadConstraints: List(&Of(&TOPOLOGY_SPREAD_CONSTRAINT)); [Distinct(&["topologyKey", "whenUnsatisfiable"])],
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
