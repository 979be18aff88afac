//! Volumes that a container mounts, in its spec and in its status.

use std::ops::Deref;
use std::sync::Arc;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::pod::Name;

/// v1.VolumeMount: what the kubelet needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// name: of the volume
    pub name: Name,
    /// mountPath
    pub path: Name,
    /// readOnly
    pub read_only: bool,
    /// recursiveReadOnly is Enabled or IfPossible: the runtime here can do it, as containerd 2 can
    pub recursively: bool,
}

/// containers[].volumeMounts. Most containers have none, and each status of one that has some shows the same list: it is
/// shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeMounts(Option<Arc<Vec<VolumeMount>>>);

impl VolumeMounts {
    /// Adds one at the end.
    pub fn push(&mut self, mount: VolumeMount) {
        Arc::make_mut(self.0.get_or_insert_default()).push(mount);
    }

    /// Takes all out; whether there were any.
    pub fn clear(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// Keeps those of which `kept` holds.
    pub fn retain(&mut self, kept: impl FnMut(&VolumeMount) -> bool) {
        if let Some(list) = &mut self.0 {
            Arc::make_mut(list).retain(kept);
        }
        self.0.take_if(|list| list.is_empty());
    }

    /// Whether the volume of that name is mounted.
    pub fn uses(&self, volume: &Name) -> bool {
        self.iter().any(|mount| mount.name == *volume)
    }
}

impl Deref for VolumeMounts {
    type Target = [VolumeMount];
    fn deref(&self) -> &[VolumeMount] {
        self.0.as_deref().map_or(&[], |list| list)
    }
}

/// As v1.VolumeMountStatus, in the status of a container.
impl Serialize for VolumeMounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Status<'a> {
            name: &'a Name,
            mount_path: &'a Name,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            read_only: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            recursive_read_only: Option<&'static str>,
        }
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for mount in &**self {
            let recursively = if mount.recursively { "Enabled" } else { "Disabled" };
            list.serialize_element(&Status {
                name: &mount.name,
                mount_path: &mount.path,
                read_only: mount.read_only,
                recursive_read_only: mount.read_only.then_some(recursively),
            })?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(name: &str, read_only: bool, recursively: bool) -> VolumeMount {
        VolumeMount {
            name: name.into(),
            path: format!("/{name}").into(),
            read_only,
            recursively,
        }
    }

    #[test]
    fn a_status_says_of_a_read_only_mount_what_is_below_it() {
        let mut mounts = VolumeMounts::default();
        for (name, read_only, recursively) in [("a", false, false), ("b", true, false), ("c", true, true)] {
            mounts.push(mount(name, read_only, recursively));
        }
        let shown = serde_json::to_string(&mounts).expect("it is JSON");
        let a = r#"{"name":"a","mountPath":"/a"}"#;
        let b = r#"{"name":"b","mountPath":"/b","readOnly":true,"recursiveReadOnly":"Disabled"}"#;
        let c = r#"{"name":"c","mountPath":"/c","readOnly":true,"recursiveReadOnly":"Enabled"}"#;
        assert_eq!(shown, format!("[{a},{b},{c}]"));
    }

    #[test]
    fn lists_without_mounts_are_alike() {
        let mut mounts = VolumeMounts::default();
        assert!(!mounts.clear());
        mounts.push(mount("a", false, false));
        let shared = mounts.clone();
        mounts.retain(|mount| &*mount.name != "a");
        assert_eq!(mounts, VolumeMounts::default());
        assert!(shared.uses(&"a".into()) && !mounts.uses(&"a".into()));
    }
}
