//! Fields of the kinds that make pods from a template.

use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::pod::POD_TEMPLATE_SPEC;
use super::volumes::{PERSISTENT_VOLUME_CLAIM, STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY};
use crate::api::decode::Form::Label;
use crate::api::rules::Rule::{self, Among, Like, Optional, Within};
use crate::api::shape::Shape::{Any, Boolean, IntOrString, List, Map, Of, Text};
use crate::api::shape::{INT32, INT64, object};

const NOT_NEGATIVE: Rule = Within(0, i64::MAX, "must be greater than or equal to 0");

object! {
    REPLICATION_CONTROLLER_SPEC = "ReplicationControllerSpec" {
        minReadySeconds: INT32; [NOT_NEGATIVE],
        replicas: INT32,
        selector: Map(&Text),
        template: Of(&POD_TEMPLATE_SPEC),
    }
    REPLICATION_CONTROLLER = "ReplicationController" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&REPLICATION_CONTROLLER_SPEC),
        status: Any,
    }
    ROLLING_UPDATE_DEPLOYMENT = "RollingUpdateDeployment" {
        maxSurge: IntOrString,
        maxUnavailable: IntOrString,
    }
    DEPLOYMENT_STRATEGY = "DeploymentStrategy" {
        rollingUpdate: Of(&ROLLING_UPDATE_DEPLOYMENT),
        type: Text,
    }
    DEPLOYMENT_SPEC = "DeploymentSpec" {
        minReadySeconds: INT32; [NOT_NEGATIVE],
        paused: Boolean,
        progressDeadlineSeconds: INT32; [NOT_NEGATIVE],
        replicas: INT32,
        revisionHistoryLimit: INT32; [NOT_NEGATIVE],
        selector: Of(&LABEL_SELECTOR),
        strategy: Of(&DEPLOYMENT_STRATEGY),
        template: Of(&POD_TEMPLATE_SPEC),
    }
    DEPLOYMENT = "Deployment" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&DEPLOYMENT_SPEC),
        status: Any,
    }
    REPLICA_SET_SPEC = "ReplicaSetSpec" {
        minReadySeconds: INT32; [NOT_NEGATIVE],
        replicas: INT32,
        selector: Of(&LABEL_SELECTOR),
        template: Of(&POD_TEMPLATE_SPEC),
    }
    REPLICA_SET = "ReplicaSet" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&REPLICA_SET_SPEC),
        status: Any,
    }
    STATEFUL_SET_ORDINALS = "StatefulSetOrdinals" {
        start: INT32,
    }
    ROLLING_UPDATE_STATEFUL_SET_STRATEGY = "RollingUpdateStatefulSetStrategy" {
        maxUnavailable: IntOrString,
        partition: INT32; [NOT_NEGATIVE],
    }
    STATEFUL_SET_UPDATE_STRATEGY = "StatefulSetUpdateStrategy" {
        rollingUpdate: Of(&ROLLING_UPDATE_STATEFUL_SET_STRATEGY),
        type: Text,
    }
    STATEFUL_SET_SPEC = "StatefulSetSpec" {
        minReadySeconds: INT32; [NOT_NEGATIVE],
        ordinals: Of(&STATEFUL_SET_ORDINALS),
        persistentVolumeClaimRetentionPolicy: Of(&STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY),
        podManagementPolicy: Text; [Optional, Among(&["OrderedReady", "Parallel"], "must be 'OrderedReady' or 'Parallel'")],
        replicas: INT32,
        revisionHistoryLimit: INT32; [NOT_NEGATIVE],
        selector: Of(&LABEL_SELECTOR),
        serviceName: Text; [Optional, Like(Label)],
        template: Of(&POD_TEMPLATE_SPEC),
        updateStrategy: Of(&STATEFUL_SET_UPDATE_STRATEGY),
        volumeClaimTemplates: List(&Of(&PERSISTENT_VOLUME_CLAIM)),
    }
    STATEFUL_SET = "StatefulSet" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&STATEFUL_SET_SPEC),
        status: Any,
    }
    ROLLING_UPDATE_DAEMON_SET = "RollingUpdateDaemonSet" {
        maxSurge: IntOrString,
        maxUnavailable: IntOrString,
    }
    DAEMON_SET_UPDATE_STRATEGY = "DaemonSetUpdateStrategy" {
        rollingUpdate: Of(&ROLLING_UPDATE_DAEMON_SET),
        type: Text,
    }
    DAEMON_SET_SPEC = "DaemonSetSpec" {
        minReadySeconds: INT32; [NOT_NEGATIVE],
        revisionHistoryLimit: INT32; [NOT_NEGATIVE],
        selector: Of(&LABEL_SELECTOR),
        template: Of(&POD_TEMPLATE_SPEC),
        updateStrategy: Of(&DAEMON_SET_UPDATE_STRATEGY),
    }
    DAEMON_SET = "DaemonSet" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&DAEMON_SET_SPEC),
        status: Any,
    }
    POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT = "PodFailurePolicyOnExitCodesRequirement" {
        containerName: Text,
        operator: Text,
        values: List(&INT32),
    }
    POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN = "PodFailurePolicyOnPodConditionsPattern" {
        status: Text,
        type: Text,
    }
    POD_FAILURE_POLICY_RULE = "PodFailurePolicyRule" {
        action: Text,
        onExitCodes: Of(&POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT),
        onPodConditions: List(&Of(&POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN)),
    }
    POD_FAILURE_POLICY = "PodFailurePolicy" {
        rules: List(&Of(&POD_FAILURE_POLICY_RULE)),
    }
    SUCCESS_POLICY_RULE = "SuccessPolicyRule" {
        succeededCount: INT32; [NOT_NEGATIVE],
        succeededIndexes: Text,
    }
    SUCCESS_POLICY = "SuccessPolicy" {
        rules: List(&Of(&SUCCESS_POLICY_RULE)),
    }
    JOB_SPEC = "JobSpec" {
        activeDeadlineSeconds: INT64; [NOT_NEGATIVE],
        backoffLimit: INT32; [NOT_NEGATIVE],
        backoffLimitPerIndex: INT32; [NOT_NEGATIVE],
        completionMode: Text,
        completions: INT32,
        managedBy: Text,
        manualSelector: Boolean,
        maxFailedIndexes: INT32; [NOT_NEGATIVE],
        parallelism: INT32,
        podFailurePolicy: Of(&POD_FAILURE_POLICY),
        podReplacementPolicy: Text,
        selector: Of(&LABEL_SELECTOR),
        successPolicy: Of(&SUCCESS_POLICY),
        suspend: Boolean,
        template: Of(&POD_TEMPLATE_SPEC),
        ttlSecondsAfterFinished: INT32; [NOT_NEGATIVE],
    }
    JOB = "Job" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&JOB_SPEC),
        status: Any,
    }
    JOB_TEMPLATE_SPEC = "JobTemplateSpec" {
        metadata: Of(&OBJECT_META),
        spec: Of(&JOB_SPEC),
    }
    CRON_JOB_SPEC = "CronJobSpec" {
        concurrencyPolicy: Text,
        failedJobsHistoryLimit: INT32; [NOT_NEGATIVE],
        jobTemplate: Of(&JOB_TEMPLATE_SPEC),
        schedule: Text,
        startingDeadlineSeconds: INT64; [NOT_NEGATIVE],
        successfulJobsHistoryLimit: INT32; [NOT_NEGATIVE],
        suspend: Boolean,
        timeZone: Text,
    }
    CRON_JOB = "CronJob" {
        apiVersion: Text,
        kind: Text,
        metadata: Of(&OBJECT_META),
        spec: Of(&CRON_JOB_SPEC),
        status: Any,
    }
}
