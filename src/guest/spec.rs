//! What a container is to run: command and args with the image's own, environment, mounts.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::files::{Node, Space};
use super::images::{self, Image};
use super::limits;
use crate::api::expansion::expand;
use crate::kernel::Kernel;

/// A volume that containers of a pod may share.
pub struct Volume(pub(super) Rc<Node>);

impl Volume {
    /// An empty volume.
    pub fn empty(kernel: &Kernel) -> Rc<Volume> {
        Rc::new(Volume(Node::directory(&Space::new(kernel, limits::FILE_BYTES))))
    }

    /// A volume with files, as of a ConfigMap or Secret: path, bytes and permission bits; a path may have directories in
    /// it.
    pub fn with_files<'a>(kernel: &Kernel, files: impl IntoIterator<Item = (&'a str, &'a [u8], u32)>) -> Rc<Volume> {
        let volume = Volume::empty(kernel);
        for (path, bytes, mode) in files {
            let mut at = volume.0.clone();
            let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
            while let Some(part) = parts.next() {
                if parts.peek().is_none() {
                    let file = Node::file(at.space(), bytes);
                    file.mode.set(mode);
                    at.insert(part, file);
                    break;
                }
                at = sub_directory(&at, part);
            }
        }
        volume
    }

    pub(super) fn part(&self, sub_path: Option<&str>) -> Rc<Node> {
        let mut at = self.0.clone();
        for part in sub_path.unwrap_or_default().split('/').filter(|part| !part.is_empty()) {
            at = at.child(part).unwrap_or_else(|| sub_directory(&at, part));
        }
        at
    }
}

fn sub_directory(at: &Rc<Node>, name: &str) -> Rc<Node> {
    at.child(name).unwrap_or_else(|| {
        let made = Node::directory(at.space());
        at.insert(name, made.clone());
        made
    })
}

/// volumeMounts[]
#[derive(Clone)]
pub struct Mount {
    /// mountPath
    pub path: String,
    /// the volume
    pub volume: Rc<Volume>,
    /// subPath, or subPathExpr expanded
    pub sub_path: Option<String>,
    /// readOnly, or a volume that nobody may write to
    pub read_only: bool,
    /// what it holds from the start is not known: a hostPath, a claim, an image
    pub content_unknown: bool,
}

/// What a container is to run.
#[derive(Clone, Default)]
pub struct Spec {
    /// image
    pub image: String,
    /// command
    pub command: Vec<String>,
    /// args
    pub args: Vec<String>,
    /// env in order, references to other objects resolved, `$(VAR)` not
    pub env: Vec<(String, String)>,
    /// workingDir
    pub working_dir: Option<String>,
    /// stdin or tty: an attached standard input to which nobody types
    pub stdin: bool,
    /// an init container: it is there to end, so what is not known in it ends well
    pub completes: bool,
    /// ports[].containerPort
    pub ports: Vec<u16>,
    /// volumeMounts
    pub mounts: Vec<Mount>,
    /// terminationMessagePath; empty: /dev/termination-log
    pub termination_message_path: String,
    /// terminationMessagePolicy is FallbackToLogsOnError
    pub falls_back_to_logs: bool,
    /// automountServiceAccountToken of the pod is false
    pub no_service_account: bool,
    /// securityContext.readOnlyRootFilesystem
    pub read_only_root: bool,
    /// resources.limits.memory, in bytes
    pub memory_limit_bytes: Option<u64>,
    /// the scenario's seed
    pub seed: u64,
    /// names the container and its attempt among all, for its stream of random numbers
    pub place: String,
}

/// An argument and its place in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    pub(super) text: String,
    pub(super) origin: Rc<str>,
}

impl Spec {
    /// The image, as far as it is known.
    pub(super) fn known_image(&self) -> Option<&'static Image> {
        images::find(&self.image)
    }

    /// Whether a path is a file of a volume that Kubernetes has written: a script that is known then.
    pub(super) fn holds(&self, path: &str) -> bool {
        let full = super::files::normalize("/", path);
        let mounts = self.mounts.iter().filter(|mount| !mount.content_unknown);
        mounts.into_iter().any(|mount| {
            let at = super::files::normalize("/", &mount.path);
            let rest = full
                .strip_prefix(&at)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'));
            let parts = rest.map(|rest| rest.split('/').filter(|part| !part.is_empty()));
            let start = mount.volume.part(mount.sub_path.as_deref());
            let found = parts.and_then(|mut parts| parts.try_fold(start, |node, part| node.child(part)));
            found.is_some_and(|node| node.is_file())
        })
    }

    /// What the container starts: command (else the image's entrypoint) and args (else the image's cmd, unless
    /// there is a command), with `$(VAR)` expanded; empty when only the image knows.
    pub(super) fn argv(&self) -> Vec<Argument> {
        let environment = self.environment(&[]);
        let given = |field: &str, texts: &[String]| -> Vec<Argument> {
            let arguments = texts.iter().enumerate().map(|(index, text)| Argument {
                text: expand(text, &environment),
                origin: format!("{field}[{index}]").into(),
            });
            arguments.collect()
        };
        let of_image = |texts: &[&str]| -> Vec<Argument> {
            let arguments = texts.iter().map(|text| Argument {
                text: (*text).to_owned(),
                origin: "image".into(),
            });
            arguments.collect()
        };
        let image = self.known_image();
        let mut argv = if self.command.is_empty() {
            image.map_or_else(Vec::new, |image| of_image(image.entrypoint))
        } else {
            given("command", &self.command)
        };
        if !self.args.is_empty() {
            // Without a known entrypoint the args alone say nothing.
            if self.command.is_empty() && image.is_none() {
                return Vec::new();
            }
            argv.extend(given("args", &self.args));
        } else if self.command.is_empty() {
            argv.extend(image.map_or_else(Vec::new, |image| of_image(image.cmd)));
        }
        // Many images have a /server; only this one's is known.
        if let Some(first) = argv.first_mut()
            && first.text == "/server"
            && images::repository(&self.image).ends_with("liveness")
        {
            first.text = "/liveness-server".to_owned();
        }
        argv
    }

    /// The environment: Services' variables first, then env in order, each `$(VAR)` from what stands before it
    /// (`kubelet_pods.go: makeEnvironmentVariables`).
    pub fn environment(&self, services: &[(String, String)]) -> BTreeMap<String, String> {
        let mut environment: BTreeMap<String, String> = services.iter().cloned().collect();
        // More than a process can be started with is not put together: it isn't started, however much more it is.
        let mut bytes = 0;
        for (name, value) in &self.env {
            let value = if bytes > limits::ARGUMENTS_BYTES {
                value.clone()
            } else {
                expand(value, &environment)
            };
            bytes += value.len();
            environment.insert(name.clone(), value);
        }
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_and_args_in_every_combination() {
        let spec = |image: &str, command: &[&str], args: &[&str]| Spec {
            image: image.to_owned(),
            command: command.iter().map(|s| (*s).to_owned()).collect(),
            args: args.iter().map(|s| (*s).to_owned()).collect(),
            ..Spec::default()
        };
        for (image, command, args, argv) in [
            ("busybox", &[][..], &[][..], &["sh"][..]),
            ("busybox:1.36", &["echo"], &["hi"], &["echo", "hi"]),
            ("busybox", &["sleep", "3"], &[], &["sleep", "3"]),
            ("busybox", &[], &["date"], &["date"]),
            (
                "registry.k8s.io/e2e-test-images/agnhost:2.40",
                &[],
                &["liveness"],
                &["/agnhost", "liveness"],
            ),
            ("example.com/app:1", &[], &["serve"], &[]),
            ("example.com/app:1", &["app"], &["serve"], &["app", "serve"]),
        ] {
            let found: Vec<String> = spec(image, command, args).argv().into_iter().map(|a| a.text).collect();
            assert_eq!(found, argv, "{image} {command:?} {args:?}");
        }
    }

    #[test]
    fn the_environment_builds_on_itself() {
        let spec = Spec {
            env: vec![
                ("A".into(), "$(B)".into()),
                ("B".into(), "2".into()),
                ("C".into(), "$(B)3".into()),
            ],
            ..Spec::default()
        };
        let environment = spec.environment(&[]);
        assert_eq!(environment["A"], "$(B)");
        assert_eq!(environment["C"], "23");
    }
}
