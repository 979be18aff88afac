//! What volumes hold when a guest first sees them: ConfigMaps, Secrets, the downward API and projections of them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PodIx;
use super::guest_spec::{Whereabouts, field, list, resource, text};
use super::guests::Guests;
use crate::api::expansion::expand;
use crate::api::objects::{Object, ObjectKind};
use crate::api::pod::{Container, Pod};
use crate::api::volume_mounts::VolumeMount;
use crate::guest::{Assumption, Mount, Volume};

/// A file of a volume: its path in it, bytes and permission bits.
type Entry = (String, Vec<u8>, u32);

/// `defaultMode` of volumes that don't say (`SetDefaults_ConfigMapVolumeSource` and its like).
const DEFAULT_MODE: u32 = 0o644;

impl Guests {
    /// containers[].volumeMounts. `definition`: the container as the manifest has it; `environment` expands subPathExpr.
    pub(super) fn mounts(
        &self,
        (ix, pod, here): (PodIx, &Pod, Whereabouts<'_>),
        container: &Container,
        definition: &Value,
        environment: &BTreeMap<String, String>,
        unknown: &mut Vec<Assumption>,
    ) -> Vec<Mount> {
        let volumes = pod.manifest.pointer("/spec/volumes").and_then(Value::as_array);
        let given = list(definition, "volumeMounts");
        let mounts = container.volume_mounts.iter();
        mounts
            .enumerate()
            .map(|(index, VolumeMount { name, path, .. })| {
                let mount = given.get(index).unwrap_or(&Value::Null);
                let source = volumes
                    .into_iter()
                    .flatten()
                    .find(|volume| text(volume, "name") == Some(&**name));
                let known = source.and_then(|volume| self.files(pod, here, volume, unknown));
                let kind = source.map(|volume| {
                    let fields = volume.as_object().into_iter().flatten();
                    let mut kinds = fields.filter(|(key, value)| *key != "name" && !value.is_null());
                    // A volume that says nothing else is an emptyDir (`SetDefaults_Volume`).
                    kinds.next().map_or("emptyDir", |(kind, _)| kind)
                });
                let written = known.is_some();
                let mut made = self.volumes.borrow_mut();
                let volume = made.entry((ix, name.clone())).or_insert_with(|| match &known {
                    Some(entries) => Volume::with_files(
                        &self.kernel,
                        entries
                            .iter()
                            .map(|(path, bytes, mode)| (path.as_str(), &bytes[..], *mode)),
                    ),
                    None => Volume::empty(&self.kernel),
                });
                let expression = text(mount, "subPathExpr").map(|text| expand(text, environment));
                Mount {
                    path: path.to_string(),
                    volume: volume.clone(),
                    sub_path: expression.or_else(|| text(mount, "subPath").map(str::to_owned)),
                    read_only: written
                        || kind == Some("image")
                        || mount.get("readOnly").and_then(Value::as_bool) == Some(true),
                    content_unknown: !written && kind != Some("emptyDir"),
                }
            })
            .collect()
    }

    /// The files of a volume that Kubernetes writes; None for one that starts empty or is not known.
    fn files(
        &self,
        pod: &Pod,
        here: Whereabouts<'_>,
        volume: &Value,
        unknown: &mut Vec<Assumption>,
    ) -> Option<Vec<Entry>> {
        let (kind, source) = volume
            .as_object()?
            .iter()
            .find(|(key, value)| *key != "name" && !value.is_null())?;
        if kind != "projected" {
            return self.source(pod, here, (kind, source), mode(source, "defaultMode"), unknown);
        }
        let default = mode(source, "defaultMode");
        let mut entries = Vec::new();
        for source in list(source, "sources") {
            for pair in source.as_object()? {
                entries.extend(self.source(pod, here, pair, default, unknown).unwrap_or_default());
            }
        }
        Some(entries)
    }

    fn source(
        &self,
        pod: &Pod,
        here: Whereabouts<'_>,
        (kind, source): (&String, &Value),
        default: Option<u32>,
        unknown: &mut Vec<Assumption>,
    ) -> Option<Vec<Entry>> {
        let default = default.unwrap_or(DEFAULT_MODE);
        let items = list(source, "items");
        let mode_of = |item: &Value| mode(item, "mode").unwrap_or(default);
        match kind.as_str() {
            "configMap" | "secret" => {
                let (kind, field) = match kind.as_str() {
                    "configMap" => (ObjectKind::ConfigMap, "name"),
                    _ => (ObjectKind::Secret, "secretName"),
                };
                let name = text(source, field).or_else(|| text(source, "name"))?;
                let files = self.object(kind, pod, name).map(Object::files).unwrap_or_default();
                if items.is_empty() {
                    let whole = files
                        .iter()
                        .map(|(key, content)| ((*key).to_owned(), content.to_vec(), default));
                    return Some(whole.collect());
                }
                let chosen = items.iter().filter_map(|item| {
                    let content = files.get(text(item, "key")?)?;
                    Some((text(item, "path")?.to_owned(), content.to_vec(), mode_of(item)))
                });
                Some(chosen.collect())
            }
            "downwardAPI" => {
                let written = items.iter().filter_map(|item| {
                    let path = text(item, "path")?.to_owned();
                    let content = match (item.get("fieldRef"), item.get("resourceFieldRef")) {
                        (Some(reference), _) => field(pod, text(reference, "fieldPath")?, here).to_string(),
                        (None, Some(reference)) => {
                            let place = format!("the downward API's file {path}");
                            let container = text(reference, "containerName").unwrap_or_default();
                            resource(pod, container, reference, &place, unknown)
                        }
                        (None, None) => return None,
                    };
                    Some((path, content.into_bytes(), mode_of(item)))
                });
                Some(written.collect())
            }
            "serviceAccountToken" => Some(vec![(
                text(source, "path").unwrap_or("token").to_owned(),
                b"token".to_vec(),
                default,
            )]),
            _ => None,
        }
    }
}

fn mode(value: &Value, field: &str) -> Option<u32> {
    let mode = value.get(field)?.as_u64()?;
    u32::try_from(mode & 0o7777).ok()
}
