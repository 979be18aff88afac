//! What pods refer to: ConfigMaps and Secrets, there or not, and volumes.

use super::Draw;
use crate::api::features::Features;
use crate::api::objects::{Credential, Object, ObjectKind};
use crate::api::pod::{EnvFrom, EnvValue, EnvVar, Name, Pod, PullPolicy, Volume, VolumeSource};
use crate::api::volume_mounts::VolumeMount;
use crate::explore::stream::Stream;

/// Gives the Secret a login for the registry of all images.
fn fill_pull_secret(secret: &mut Object) {
    let config = r#"{"auths": {"docker.io": {"username": "ci", "password": "secret"}}}"#;
    secret.data = [(".dockerconfigjson".into(), config.into())].into();
    secret.secret_type = Some("kubernetes.io/dockerconfigjson".into());
    secret.credentials = vec![Credential {
        registry: "docker.io".into(),
        login: r#"["ci", "secret", ""]"#.into(),
    }];
}

impl Draw<'_> {
    /// Lets the pods refer to objects and volumes; gives the objects that the input has. One that is referred to may
    /// be missing.
    pub(super) fn references(&self, stream: &mut Stream, pods: &mut [Pod], features: &Features) -> Vec<Object> {
        let (weights, names) = (self.weights, self.names);
        let mut refers = false;
        for pod in pods {
            if stream.chance(weights.objects) {
                refers = true;
                self.refer(stream, pod);
            }
            if stream.chance(weights.world) {
                self.volume(stream, pod, features);
            }
        }
        if !refers {
            return Vec::new();
        }
        let kinds = [
            (ObjectKind::ConfigMap, &names.config),
            (ObjectKind::Secret, &names.secret),
            (ObjectKind::Secret, &names.pull_secret),
        ];
        let mut objects = Vec::new();
        for (kind, name) in kinds {
            if stream.chance(80) {
                let mut object = self.object(kind, name);
                if *name == names.pull_secret {
                    fill_pull_secret(&mut object);
                }
                objects.push(object);
            }
        }
        objects
    }

    fn object(&self, kind: ObjectKind, name: &Name) -> Object {
        Object {
            kind,
            namespace: self.names.default.clone(),
            name: name.clone(),
            data: [(self.names.key.clone(), self.names.body.clone())].into(),
            binary_data: Default::default(),
            secret_type: None,
            credentials: Vec::new(),
            selector: Default::default(),
            service: Default::default(),
        }
    }

    fn refer(&self, stream: &mut Stream, pod: &mut Pod) {
        let names = self.names;
        if stream.chance(25) {
            pod.spec.image_pull_secrets.push(names.pull_secret.clone());
        }
        let lists = pod.spec.init_containers.iter_mut().chain(&mut pod.spec.containers);
        for container in lists {
            if !stream.chance(60) {
                continue;
            }
            let optional = stream.chance(20);
            let key = if stream.chance(10) {
                &names.missing_key
            } else {
                &names.key
            };
            let (name, key) = (names.config.clone(), key.clone());
            let value = match stream.below(6) {
                0 => {
                    container.env_from.push(EnvFrom::ConfigMap { name, optional });
                    continue;
                }
                1 => {
                    let name = names.secret.clone();
                    container.env_from.push(EnvFrom::Secret { name, optional });
                    continue;
                }
                2 => EnvValue::SecretKey {
                    name: names.secret.clone(),
                    key,
                    optional,
                },
                3 => EnvValue::Field(names.field.clone()),
                4 => EnvValue::Literal(names.body.clone()),
                _ => EnvValue::ConfigMapKey { name, key, optional },
            };
            container.env.push(EnvVar {
                name: names.variable.clone(),
                value,
            });
        }
    }

    fn volume(&self, stream: &mut Stream, pod: &mut Pod, features: &Features) {
        let names = self.names;
        let optional = stream.chance(50);
        let source = match stream.below(7) {
            0 => VolumeSource::ConfigMap {
                name: names.config.clone(),
                optional,
            },
            1 => VolumeSource::Secret {
                name: names.secret.clone(),
                optional,
            },
            2 if features.image_volumes => VolumeSource::Image {
                reference: names.absent.clone(),
                pull_policy: PullPolicy::IfNotPresent,
            },
            3 if features.image_volumes => VolumeSource::Image {
                reference: names.present.clone(),
                pull_policy: if optional {
                    PullPolicy::Always
                } else {
                    PullPolicy::Never
                },
            },
            4 => VolumeSource::Claim {
                name: names.claim.clone(),
            },
            _ => VolumeSource::Plain,
        };
        pod.spec.volumes.push(Volume {
            name: names.volume.clone(),
            source,
        });
        // A volume that no container mounts is nobody's business.
        let lists = pod.spec.init_containers.iter_mut().chain(&mut pod.spec.containers);
        for container in lists {
            if stream.chance(80) {
                container.volume_mounts.push(VolumeMount {
                    name: names.volume.clone(),
                    path: names.mount.clone(),
                    read_only: stream.chance(20),
                    recursively: false,
                });
            }
        }
    }
}
