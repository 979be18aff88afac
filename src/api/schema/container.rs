//! Fields of containers: probes, hooks, environment, resources, security.

use crate::api::decode::Form::{
    ConfigKey, DescendingPath, HeaderName, Label, PathWithoutBacksteps, Subdomain, VariableName,
};
use crate::api::rules::If::{Is, IsNot};
use crate::api::rules::Rule::{
    self, Absent, Distinct, EvenMissing, Given, Inner, Like, NotTogether, OneOf, Optional, Required, When, Within,
    Words,
};
use crate::api::shape::Shape::{Any, Boolean, IntOrString, List, Map, Of, Quantity, Text, Time};
use crate::api::shape::{INT32, INT64, object};

/// `IsValidUserID`, `IsValidGroupID`
pub(super) const ID: Rule = Within(0, 2_147_483_647, "must be between 0 and 2147483647, inclusive");
// `validateResizePolicy` names the whole list.
const RESIZED_ONCE: Rule = Distinct(&["resourceName"]);
const RESIZED: Rule = Inner("resourceName", &[Required(""), OneOf(&["cpu", "memory"])]);
const RESTARTED: Rule = Inner(
    "restartPolicy",
    &[Required(""), OneOf(&["NotRequired", "RestartContainer"])],
);
const PRIVILEGES: Rule = NotTogether(
    &[("allowPrivilegeEscalation", false), ("privileged", true)],
    "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
);
const PROFILES: &[&str] = &["Localhost", "RuntimeDefault", "Unconfined"];
/// What mounts may say; the API server does not say in which of them something is wrong.
pub(crate) const PROPAGATIONS: &[&str] = &["Bidirectional", "HostToContainer", "None"];
pub(crate) const RECURSIONS: &[&str] = &["Disabled", "Enabled", "IfPossible"];

object! {
    CONFIG_MAP_KEY_SELECTOR = "ConfigMapKeySelector" {
        key: Text; [Optional, Like(ConfigKey)],
        name: Text; [EvenMissing, Like(Subdomain)],
        optional: Boolean,
    }
    OBJECT_FIELD_SELECTOR = "ObjectFieldSelector" {
        apiVersion: Text,
        fieldPath: Text,
    }
    FILE_KEY_SELECTOR = "FileKeySelector" {
        key: Text; [Required(""), Like(VariableName)],
        optional: Boolean,
        path: Text; [Required(""), Like(PathWithoutBacksteps)],
        volumeName: Text; [Required(""), Like(Label)],
    }
    RESOURCE_FIELD_SELECTOR = "ResourceFieldSelector" {
        containerName: Text,
        divisor: Quantity,
        resource: Text,
    }
    SECRET_KEY_SELECTOR = "SecretKeySelector" {
        key: Text; [Optional, Like(ConfigKey)],
        name: Text; [EvenMissing, Like(Subdomain)],
        optional: Boolean,
    }
    ENV_VAR_SOURCE = "EnvVarSource" {
        configMapKeyRef: Of(&CONFIG_MAP_KEY_SELECTOR),
        fieldRef: Of(&OBJECT_FIELD_SELECTOR),
        fileKeyRef: Of(&FILE_KEY_SELECTOR),
        resourceFieldRef: Of(&RESOURCE_FIELD_SELECTOR),
        secretKeyRef: Of(&SECRET_KEY_SELECTOR),
    }
    ENV_VAR = "EnvVar" {
        name: Text; [Required(""), Like(VariableName)],
        value: Text,
        valueFrom: Of(&ENV_VAR_SOURCE),
    }
    CONFIG_MAP_ENV_SOURCE = "ConfigMapEnvSource" {
        name: Text; [Optional, Like(Subdomain)],
        optional: Boolean,
    }
    SECRET_ENV_SOURCE = "SecretEnvSource" {
        name: Text; [Optional, Like(Subdomain)],
        optional: Boolean,
    }
    ENV_FROM_SOURCE = "EnvFromSource" {
        configMapRef: Of(&CONFIG_MAP_ENV_SOURCE),
        prefix: Text; [Optional, Like(VariableName)],
        secretRef: Of(&SECRET_ENV_SOURCE),
    }
    EXEC_ACTION = "ExecAction" {
        command: List(&Text),
    }
    HTTP_HEADER = "HTTPHeader" {
        name: Text,
        value: Text,
    }
    HTTP_GET_ACTION = "HTTPGetAction" {
        host: Text,
        httpHeaders: List(&Of(&HTTP_HEADER)); [Inner("name", &[EvenMissing, Like(HeaderName)])],
        path: Text,
        port: IntOrString,
        scheme: Text,
    }
    SLEEP_ACTION = "SleepAction" {
        seconds: INT64,
    }
    TCP_SOCKET_ACTION = "TCPSocketAction" {
        host: Text,
        port: IntOrString,
    }
    LIFECYCLE_HANDLER = "LifecycleHandler" {
        exec: Of(&EXEC_ACTION),
        httpGet: Of(&HTTP_GET_ACTION),
        sleep: Of(&SLEEP_ACTION),
        tcpSocket: Of(&TCP_SOCKET_ACTION),
    }
    LIFECYCLE = "Lifecycle" {
        postStart: Of(&LIFECYCLE_HANDLER),
        preStop: Of(&LIFECYCLE_HANDLER),
        stopSignal: Text,
    }
    GRPC_ACTION = "GRPCAction" {
        port: INT32,
        service: Text,
    }
    PROBE = "Probe" {
        exec: Of(&EXEC_ACTION),
        failureThreshold: INT32,
        grpc: Of(&GRPC_ACTION),
        httpGet: Of(&HTTP_GET_ACTION),
        initialDelaySeconds: INT32,
        periodSeconds: INT32,
        successThreshold: INT32,
        tcpSocket: Of(&TCP_SOCKET_ACTION),
        terminationGracePeriodSeconds: INT64,
        timeoutSeconds: INT32,
    }
    CONTAINER_PORT = "ContainerPort" {
        containerPort: INT32,
        hostIP: Text,
        hostPort: INT32,
        name: Text,
        protocol: Text,
    }
    CONTAINER_RESIZE_POLICY = "ContainerResizePolicy" {
        resourceName: Text,
        restartPolicy: Text,
    }
    RESOURCE_CLAIM = "ResourceClaim" {
        name: Text,
        request: Text,
    }
    RESOURCE_REQUIREMENTS = "ResourceRequirements" {
        claims: List(&Of(&RESOURCE_CLAIM)),
        limits: Map(&Quantity),
        requests: Map(&Quantity),
    }
    CONTAINER_RESTART_RULE_ON_EXIT_CODES = "ContainerRestartRuleOnExitCodes" {
        operator: Text,
        values: List(&INT32),
    }
    CONTAINER_RESTART_RULE = "ContainerRestartRule" {
        action: Text,
        exitCodes: Of(&CONTAINER_RESTART_RULE_ON_EXIT_CODES),
    }
    APP_ARMOR_PROFILE = "AppArmorProfile" {
        localhostProfile: Text; [
            When(Is("type", &["Localhost"]), &[Required("must be set when AppArmor type is Localhost")]),
            When(IsNot("type", &["Localhost"]), &[Absent("can only be set when AppArmor type is Localhost")]),
        ],
        type: Text; [Required("type is required when appArmorProfile is set"), OneOf(PROFILES)],
    }
    CAPABILITIES = "Capabilities" {
        add: List(&Text),
        drop: List(&Text),
    }
    SE_LINUX_OPTIONS = "SELinuxOptions" {
        level: Text,
        role: Text,
        type: Text,
        user: Text,
    }
    SECCOMP_PROFILE = "SeccompProfile" {
        localhostProfile: Text; [
            When(Is("type", &["Localhost"]), &[
                Given("must be set when seccomp type is Localhost"),
                Like(DescendingPath),
            ]),
            When(IsNot("type", &["Localhost"]), &[Absent("can only be set when seccomp type is Localhost")]),
        ],
        type: Text; [Required("type is required when seccompProfile is set"), OneOf(PROFILES)],
    }
    WINDOWS_SECURITY_CONTEXT_OPTIONS = "WindowsSecurityContextOptions" {
        gmsaCredentialSpec: Text,
        gmsaCredentialSpecName: Text,
        hostProcess: Boolean,
        runAsUserName: Text,
    }
    SECURITY_CONTEXT = "SecurityContext" {
        allowPrivilegeEscalation: Boolean,
        appArmorProfile: Of(&APP_ARMOR_PROFILE),
        capabilities: Of(&CAPABILITIES),
        privileged: Boolean,
        procMount: Text; [OneOf(&["Default", "Unmasked"])],
        readOnlyRootFilesystem: Boolean,
        runAsGroup: INT64; [ID],
        runAsNonRoot: Boolean,
        runAsUser: INT64; [ID],
        seLinuxOptions: Of(&SE_LINUX_OPTIONS),
        seccompProfile: Of(&SECCOMP_PROFILE),
        windowsOptions: Of(&WINDOWS_SECURITY_CONTEXT_OPTIONS),
    }
    VOLUME_DEVICE = "VolumeDevice" {
        devicePath: Text,
        name: Text,
    }
    VOLUME_MOUNT = "VolumeMount" {
        mountPath: Text,
        mountPropagation: Text; [Words(PROPAGATIONS)],
        name: Text,
        readOnly: Boolean,
        recursiveReadOnly: Text; [Words(RECURSIONS)],
        subPath: Text,
        subPathExpr: Text,
    }
    CONTAINER = "Container" {
        args: List(&Text),
        command: List(&Text),
        env: List(&Of(&ENV_VAR)),
        envFrom: List(&Of(&ENV_FROM_SOURCE)),
        image: Text,
        imagePullPolicy: Text,
        lifecycle: Of(&LIFECYCLE),
        livenessProbe: Of(&PROBE),
        name: Text,
        ports: List(&Of(&CONTAINER_PORT)),
        readinessProbe: Of(&PROBE),
        resizePolicy: List(&Of(&CONTAINER_RESIZE_POLICY)); [RESIZED_ONCE, RESIZED, RESTARTED],
        resources: Of(&RESOURCE_REQUIREMENTS),
        restartPolicy: Text,
        restartPolicyRules: List(&Of(&CONTAINER_RESTART_RULE)),
        securityContext: Of(&SECURITY_CONTEXT); [PRIVILEGES],
        startupProbe: Of(&PROBE),
        stdin: Boolean,
        stdinOnce: Boolean,
        terminationMessagePath: Text,
        terminationMessagePolicy: Text,
        tty: Boolean,
        volumeDevices: List(&Of(&VOLUME_DEVICE)),
        volumeMounts: List(&Of(&VOLUME_MOUNT)),
        workingDir: Text,
    }
    EPHEMERAL_CONTAINER = "EphemeralContainer" {
        args: List(&Text),
        command: List(&Text),
        env: List(&Of(&ENV_VAR)),
        envFrom: List(&Of(&ENV_FROM_SOURCE)),
        image: Text,
        imagePullPolicy: Text,
        lifecycle: Of(&LIFECYCLE),
        livenessProbe: Of(&PROBE),
        name: Text,
        ports: List(&Of(&CONTAINER_PORT)),
        readinessProbe: Of(&PROBE),
        resizePolicy: List(&Of(&CONTAINER_RESIZE_POLICY)); [RESIZED_ONCE, RESIZED, RESTARTED],
        resources: Of(&RESOURCE_REQUIREMENTS),
        restartPolicy: Text,
        restartPolicyRules: List(&Of(&CONTAINER_RESTART_RULE)),
        securityContext: Of(&SECURITY_CONTEXT); [PRIVILEGES],
        startupProbe: Of(&PROBE),
        stdin: Boolean,
        stdinOnce: Boolean,
        targetContainerName: Text,
        terminationMessagePath: Text,
        terminationMessagePolicy: Text,
        tty: Boolean,
        volumeDevices: List(&Of(&VOLUME_DEVICE)),
        volumeMounts: List(&Of(&VOLUME_MOUNT)),
        workingDir: Text,
    }
    POD_CONDITION = "PodCondition" {
        lastProbeTime: Time,
        lastTransitionTime: Time,
        message: Text,
        observedGeneration: INT64,
        reason: Text,
        status: Text,
        type: Text,
    }
    HOST_IP = "HostIP" {
        ip: Text,
    }
    POD_IP = "PodIP" {
        ip: Text,
    }
    POD_STATUS = "PodStatus" {
        allocatedResources: Map(&Quantity),
        conditions: List(&Of(&POD_CONDITION)),
        containerStatuses: List(&Any),
        ephemeralContainerStatuses: List(&Any),
        extendedResourceClaimStatus: Any,
        hostIP: Text,
        hostIPs: List(&Of(&HOST_IP)),
        initContainerStatuses: List(&Any),
        message: Text,
        nodeAllocatableResourceClaimStatuses: List(&Any),
        nominatedNodeName: Text,
        observedGeneration: INT64,
        phase: Text,
        podIP: Text,
        podIPs: List(&Of(&POD_IP)),
        qosClass: Text,
        reason: Text,
        resize: Text,
        resourceClaimStatuses: List(&Any),
        resources: Of(&RESOURCE_REQUIREMENTS),
        startTime: Time,
    }
}
