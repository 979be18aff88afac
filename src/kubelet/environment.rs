//! The objects that a container's environment and pulls refer to (`kubelet_pods.go: makeEnvironmentVariables`,
//! `getPullSecretsForPod`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Kubelet;
use super::pod_workers::PodConfig;
use crate::api::expansion::expand;
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::{Container, EnvFrom, EnvValue, EnvVar, Name};
use crate::scenario::shared::Shared;
use crate::scenario::types::Sabotage;

/// A probe's command with the container's own variables in the place of `$(VAR)`: their values as the spec has them, which
/// is none for those from elsewhere (`ExpandContainerCommandOnlyStatic`).
pub(super) fn expand_command<'c>(command: &'c [Name], env: &[EnvVar]) -> Cow<'c, [Name]> {
    if !command.iter().any(|word| word.contains('$')) {
        return Cow::Borrowed(command);
    }
    let value = |value: &EnvValue| match value {
        EnvValue::Literal(text) => text.to_string(),
        EnvValue::ConfigMapKey { .. } | EnvValue::SecretKey { .. } | EnvValue::Field(_) | EnvValue::Other => {
            String::new()
        }
    };
    let variables: BTreeMap<String, String> = env.iter().map(|v| (v.name.to_string(), value(&v.value))).collect();
    command.iter().map(|word| expand(word, &variables).into()).collect()
}

impl Kubelet {
    /// Whether every object that the environment refers to is there: envFrom first, one error at a time.
    pub(super) fn check_environment(&self, config: &PodConfig, container: &Container) -> Result<(), Name> {
        for source in &container.env_from {
            let (kind, name, optional) = match source {
                EnvFrom::ConfigMap { name, optional } => (ObjectKind::ConfigMap, name, *optional),
                EnvFrom::Secret { name, optional } => (ObjectKind::Secret, name, *optional),
            };
            self.find_key(config, kind, name, None, optional)?;
        }
        for variable in &container.env {
            let (kind, name, key, optional) = match &variable.value {
                EnvValue::ConfigMapKey { name, key, optional } => (ObjectKind::ConfigMap, name, key, *optional),
                EnvValue::SecretKey { name, key, optional } => (ObjectKind::Secret, name, key, *optional),
                EnvValue::Literal(_) | EnvValue::Field(_) | EnvValue::Other => continue,
            };
            self.find_key(config, kind, name, Some(key), optional)?;
        }
        Ok(())
    }

    fn find_key(
        &self,
        config: &PodConfig,
        kind: ObjectKind,
        name: &Name,
        key: Option<&Name>,
        optional: bool,
    ) -> Result<(), Name> {
        let namespace = &config.pod.namespace;
        let optional = optional || self.breaks(Sabotage::EnvironmentNotAwaited);
        let Some(object) = self.api.object(kind, namespace, name) else {
            let resource = kind.as_str().to_ascii_lowercase();
            return if optional {
                Ok(())
            } else {
                Err(format!("{resource} {name:?} not found").into())
            };
        };
        match key {
            Some(key) if !optional && !object.data.contains_key(key) => {
                Err(format!("couldn't find key {key} in {} {namespace}/{name}", kind.as_str()).into())
            }
            _ => Ok(()),
        }
    }

    /// The pull secrets that are there. An event at every sync for as long as one is missing; the pull is tried all the
    /// same (`getPullSecretsForPod`).
    pub(super) fn pull_secrets(&self, config: &PodConfig) -> Vec<Shared<Object>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in config
            .pod
            .spec
            .image_pull_secrets
            .iter()
            .filter(|name| !name.is_empty())
        {
            match self.api.object(ObjectKind::Secret, &config.pod.namespace, name) {
                Some(secret) => found.push(secret),
                None => missing.push(&**name),
            }
        }
        if missing.is_empty() {
            return found;
        }
        let names = missing.join(", ");
        let text = format!(
            "Unable to retrieve some image pull secrets ({names}); attempting to pull the image may not succeed."
        );
        self.pod_event(config, true, "FailedToRetrieveImagePullSecret", text.into());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_know_only_what_the_spec_says() {
        let variable = |name: &str, value| EnvVar {
            name: name.into(),
            value,
        };
        let env = [
            variable("FILE", EnvValue::Literal("/tmp/ready".into())),
            variable("OTHER", EnvValue::Literal("$(FILE)".into())),
            variable("NODE", EnvValue::Field("spec.nodeName".into())),
        ];
        let command: Vec<Name> = ["test", "-f", "$(FILE)", "$(OTHER)", "<$(NODE)>", "$(NONE)", "$$(FILE)"]
            .map(Name::from)
            .into();
        let expected = ["test", "-f", "/tmp/ready", "$(FILE)", "<>", "$(NONE)", "$(FILE)"];
        assert_eq!(*expand_command(&command, &env), expected.map(Name::from));
    }
}
