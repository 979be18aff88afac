//! Fields of the objects around pods: ConfigMap, Secret, Service.

use super::meta::OBJECT_META;
use super::pod::PREEMPTION;
use super::scheduling::SESSION_AFFINITY_CONFIG;
use crate::api::shape::Shape::{Any, Boolean, Bytes, IntOrString, List, Map, Of, Text};
use crate::api::shape::{INT32, object};

object! {
    CONFIG_MAP = "ConfigMap" {
        apiVersion: Text,
        kind: Text,
        binaryData: Map(&Bytes),
        data: Map(&Text),
        immutable: Boolean,
        metadata: Of(&OBJECT_META),
    }
    SECRET = "Secret" {
        apiVersion: Text,
        kind: Text,
        data: Map(&Bytes),
        immutable: Boolean,
        metadata: Of(&OBJECT_META),
        stringData: Map(&Text),
        type: Text,
    }
    SERVICE_PORT = "ServicePort" {
        appProtocol: Text,
        name: Text,
        nodePort: INT32,
        port: INT32,
        protocol: Text,
        targetPort: IntOrString,
    }
    CLIENT_IP_CONFIG = "ClientIPConfig" {
        timeoutSeconds: INT32,
    }
    SERVICE_SPEC = "ServiceSpec" {
        allocateLoadBalancerNodePorts: Boolean,
        clusterIP: Text,
        clusterIPs: List(&Text),
        externalIPs: List(&Text),
        externalName: Text,
        externalTrafficPolicy: Text,
        healthCheckNodePort: INT32,
        internalTrafficPolicy: Text,
        ipFamilies: List(&Text),
        ipFamilyPolicy: Text,
        loadBalancerClass: Text,
        loadBalancerIP: Text,
        loadBalancerSourceRanges: List(&Text),
        ports: List(&Of(&SERVICE_PORT)),
        publishNotReadyAddresses: Boolean,
        selector: Map(&Text),
        sessionAffinity: Text,
        sessionAffinityConfig: Of(&SESSION_AFFINITY_CONFIG),
        trafficDistribution: Text,
        type: Text,
    }
    SERVICE = "Service" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&SERVICE_SPEC),
        status: Any,
    }
    PRIORITY_CLASS = "PriorityClass" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        description: Text,
        globalDefault: Boolean,
        preemptionPolicy: Text; [PREEMPTION],
        value: INT32,
    }
    LIST = "List" {
        apiVersion: Text,
        kind: Text,
        metadata: Any,
        items: List(&Any),
    }
}
