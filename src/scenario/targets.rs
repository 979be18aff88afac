//! Which pod and which container an action is about.

use super::types::ActionKind;
use crate::api::pod::Name;

impl ActionKind {
    /// The pod that the action is about.
    pub fn pod(&self) -> Option<&Name> {
        match self {
            ActionKind::CreatePod { pod }
            | ActionKind::DeletePod { pod, .. }
            | ActionKind::Kill { pod, .. }
            | ActionKind::SetImage { pod, .. }
            | ActionKind::SetCondition { pod, .. }
            | ActionKind::Debug { pod, .. }
            | ActionKind::Evict { pod, .. }
            | ActionKind::KillSandbox { pod } => Some(pod),
            ActionKind::CreateObject { .. }
            | ActionKind::DeleteObject { .. }
            | ActionKind::RestartKubelet { .. }
            | ActionKind::ShutdownNode { .. }
            | ActionKind::RebootNode { .. } => None,
        }
    }

    /// The container of that pod that must be in its spec.
    pub fn container(&self) -> Option<&Name> {
        match self {
            ActionKind::Kill { container, .. } | ActionKind::SetImage { container, .. } => Some(container),
            ActionKind::CreatePod { .. }
            | ActionKind::DeletePod { .. }
            | ActionKind::SetCondition { .. }
            | ActionKind::Debug { .. }
            | ActionKind::Evict { .. }
            | ActionKind::KillSandbox { .. }
            | ActionKind::CreateObject { .. }
            | ActionKind::DeleteObject { .. }
            | ActionKind::RestartKubelet { .. }
            | ActionKind::ShutdownNode { .. }
            | ActionKind::RebootNode { .. } => None,
        }
    }
}
