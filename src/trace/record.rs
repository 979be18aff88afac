//! The one record type for everything that happens in a run.

use std::sync::Arc;

use crate::api::pod::{ContainerType, Name};
use crate::api::status::{ConditionStatus, PodStatus};
use crate::kernel::{Duration, Time};

/// One thing that happened, when, to whom and because of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When.
    pub at: Time,
    /// Position in the trace, from 0.
    pub seq: u64,
    /// `seq` of the record that led to this one; None for what the scenario did.
    pub cause: Option<u64>,
    /// `namespace/name` of the pod; None for the node.
    pub pod: Option<Name>,
    /// The container's name.
    pub container: Option<Name>,
    /// The container's attempt (or the sandbox's, on sandbox calls).
    pub attempt: Option<u32>,
    /// What happened.
    pub what: What,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A change of an API object by somebody else than the kubelet, or its removal.
    Api(ApiCall),
    /// A CRI call begins or ends.
    Cri(CriCall),
    /// A process ended.
    Exit {
        /** exit code */
        code: i32,
        /** reason */
        reason: Name,
        /** by whom */
        by: ExitBy,
    },
    /// A probe handler call begins.
    Probe {
        /** which probe */
        probe: ProbeType,
        /** the result that it will have */
        result: ProbeOutcome,
    },
    /// A hook begins or ends.
    Hook {
        /** which hook */
        hook: HookType,
        /** begin or end */
        phase: CallPhase,
        /** on end */
        error: Option<Name>,
    },
    /// A call of the kubelet's event recorder, before aggregation.
    Event(EventRecord),
    /// A status write that reached the API server: the whole status after it.
    Status(Arc<PodStatus>),
    /// The crash-loop back-off of a container was armed or asked (extra; conformance ignores it).
    BackOff {
        /** its length */
        length: Duration,
        /** when it ends */
        until: Time,
    },
    /// Something happened to the node itself (extra; conformance ignores it).
    Node {
        /** kubeletStop, kubeletStart, rebootBegin, rebootEnd, shutdown, shutdownDone, killSandbox */
        op: &'static str,
        /** its name; None on killSandbox, which is about a pod */
        node: Option<Name>,
    },
    /// A volume is being mounted (extra; conformance ignores it).
    Volume {
        /** its name in the pod */
        volume: Name,
        /** begin or end */
        phase: CallPhase,
        /** on end */
        error: Option<Name>,
    },
    /// A line that a container wrote.
    Log {
        /** stdout or stderr */
        stream: &'static str,
        /** the line without its newline */
        text: Name,
    },
    /// A command begins in a container that acts by itself.
    Command {
        /** its process's number in the container */
        pid: u32,
        /** its words */
        command: Name,
    },
    /// Something in a container was not understood, and something was assumed in its place.
    Assumed {
        /** the field of the container: `args[0]` */
        place: Name,
        /** what was not understood */
        text: Name,
        /** what was assumed */
        assumed: Name,
    },
    /// Something the scenario asked for could not be done.
    Note {
        /** text */
        note: Name,
    },
    /// The run ended.
    End {
        /** why */
        reason: EndReason,
    },
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The horizon was reached.
    Horizon,
    /// Nothing was left to happen.
    NothingLeft,
}

/// A call to the API server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiCall {
    /// create, delete, update, removed, setImage, setCondition, debug
    pub op: &'static str,
    /// on delete and update
    pub grace_period_seconds: Option<i64>,
    /// an object other than a pod: `ConfigMap/default/N`
    pub object: Option<Name>,
    /// on setImage and debug
    pub image: Option<Name>,
    /// on setCondition: its type and status
    pub condition: Option<(Name, ConditionStatus)>,
}

/// A CRI call.
#[derive(Clone, Debug, PartialEq)]
pub struct CriCall {
    /// RunPodSandbox, StopContainer …
    pub op: CriOp,
    /// begin or end
    pub phase: CallPhase,
    /// CreateContainer, PullImage
    pub image: Option<Name>,
    /// StopContainer, ExecSync: seconds
    pub timeout: Option<i64>,
    /// on end
    pub error: Option<Name>,
    /// ExecSync: `probe:Liveness`, `hook:preStop`
    pub purpose: Option<&'static str>,
}

/// CRI calls that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[allow(missing_docs)]
pub enum CriOp {
    RunPodSandbox,
    StopPodSandbox,
    RemovePodSandbox,
    CreateContainer,
    StartContainer,
    StopContainer,
    RemoveContainer,
    ExecSync,
    PullImage,
}

impl CriOp {
    /// Each once.
    pub const ALL: [CriOp; 9] = [
        CriOp::RunPodSandbox,
        CriOp::StopPodSandbox,
        CriOp::RemovePodSandbox,
        CriOp::CreateContainer,
        CriOp::StartContainer,
        CriOp::StopContainer,
        CriOp::RemoveContainer,
        CriOp::ExecSync,
        CriOp::PullImage,
    ];
}

/// Whether a call begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum CallPhase {
    Begin,
    End,
}

/// Who ended a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum ExitBy {
    /// the script
    #[serde(rename = "self")]
    Itself,
    /// its reaction to SIGTERM
    Term,
    /// SIGKILL, or a kill action
    Kill,
    /// the machine went down
    Reboot,
}

/// The three kinds of probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum ProbeType {
    Startup,
    Readiness,
    Liveness,
}

/// What a probe call gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum ProbeOutcome {
    Success,
    Failure,
    Error,
    Timeout,
}

/// The two kinds of hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum HookType {
    PostStart,
    PreStop,
}

/// An event as the kubelet's recorder was called.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// Warning instead of Normal
    pub warning: bool,
    /// The object that it is about, if that is not a pod: `Node/node-1`.
    pub object: Option<Name>,
    /// reason
    pub reason: &'static str,
    /// The container that it is about, and where that is; none for the pod itself.
    pub container: Option<(ContainerType, Name)>,
    /// message
    pub message: Name,
}

impl Record {
    /// The name of the container that it is about, as an event tells or by itself.
    pub fn about(&self) -> Option<&Name> {
        match &self.what {
            What::Event(event) => event.container(),
            _ => self.container.as_ref(),
        }
    }
}

impl EventRecord {
    /// The name of the container that it is about.
    pub fn container(&self) -> Option<&Name> {
        self.container.as_ref().map(|(_, name)| name)
    }

    /// involvedObject.fieldPath: `spec.containers{app}`, and nothing for the pod itself (`fieldPath`).
    pub fn field_path(&self) -> String {
        let Some((kind, name)) = &self.container else {
            return String::new();
        };
        let list = match kind {
            ContainerType::Init => "initContainers",
            ContainerType::App => "containers",
            ContainerType::Ephemeral => "ephemeralContainers",
        };
        format!("spec.{list}{{{name}}}")
    }
}
