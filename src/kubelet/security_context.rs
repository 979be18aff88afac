//! Who may run a container (`kuberuntime/security_context_others.go: verifyRunAsNonRoot`).

use crate::api::pod::{Container, Name, Pod, concat};
use crate::runtime::Images;

/// Whether the container may run although it must not do so as root. Errors with what becomes the message of a
/// CreateContainerConfigError. Of images that are not known it is taken that their user is not root.
pub(super) fn verify_run_as_non_root(pod: &Pod, container: &Container) -> Result<(), Name> {
    let wrong = match container.run_as.user {
        _ if !container.run_as.non_root => return Ok(()),
        Some(0) => "container's runAsUser breaks non-root policy",
        None if Images::runs_as_root(&container.image) => "container has runAsNonRoot and image will run as root",
        _ => return Ok(()),
    };
    let (pod, name) = (pod.described(), &container.name);
    Err(concat(&[wrong, " (pod: \"", &pod, "\", container: ", name, ")"]))
}
