//! Which script, which run, is in force.

use std::collections::BTreeMap;

use super::types::{ContainerScript, Input, PodInput, Run, SandboxScript, VolumeScript};
use crate::api::pod::Name;

/// The place of each pod's node: the one that it names; the others take turns, in the order of the input. A gated pod takes
/// no turn: what asks its node for it finds nothing there.
pub fn nodes_of_pods(input: &Input) -> Vec<usize> {
    let nodes = &input.scenario.nodes;
    let mut turns = 0..;
    let place = |PodInput { pod, .. }: &PodInput| {
        if pod.is_gated() {
            return 0;
        }
        let named = pod.spec.node_name.as_ref();
        let named = named.and_then(|name| nodes.iter().position(|n| n.name == *name));
        named.unwrap_or_else(|| turns.next().unwrap_or(0) % nodes.len().max(1))
    };
    input.pods.iter().map(place).collect()
}

/// Namespace and name of a pod.
pub type PodName<'a> = (&'a str, &'a str);

/// Namespace and name of a full name.
pub fn parts(full_name: &str) -> PodName<'_> {
    full_name.split_once('/').unwrap_or(("", full_name))
}

/// The first script that matches a container of a pod.
pub fn script<'a>(scripts: &'a [ContainerScript], pod: PodName<'_>, container: &str) -> Option<&'a ContainerScript> {
    script_place(scripts, pod, container).map(|place| &scripts[place])
}

/// Where that script is in the list.
pub fn script_place(scripts: &[ContainerScript], pod: PodName<'_>, container: &str) -> Option<usize> {
    let matches = |s: &ContainerScript| *s.name == *container && matches_pod(s.pod.as_deref(), pod);
    scripts.iter().position(matches)
}

/// Scripts of containers by the pods that they name: where each of many pods has one of its own, going through all of them
/// for each would take the square of the time.
#[derive(Debug)]
pub struct ScriptIndex {
    /// Places of scripts by their `pod`, where that is a name.
    named: BTreeMap<Name, Vec<usize>>,
    /// Places of scripts for whatever fits.
    patterns: Vec<usize>,
}

impl ScriptIndex {
    /// The index of a list.
    pub fn new(scripts: &[ContainerScript]) -> ScriptIndex {
        let mut index = ScriptIndex {
            named: BTreeMap::new(),
            patterns: Vec::new(),
        };
        for (place, script) in scripts.iter().enumerate() {
            match &script.pod {
                Some(pod) if !pod.contains(['*', '?']) => index.named.entry(pod.clone()).or_default().push(place),
                _ => index.patterns.push(place),
            }
        }
        index
    }

    /// As [`script_place`], of the pod with that full name.
    pub fn place(&self, scripts: &[ContainerScript], full_name: &str, container: &str) -> Option<usize> {
        let pod = parts(full_name);
        let named = [full_name, pod.1].into_iter().filter_map(|name| self.named.get(name));
        let lists = named.chain([&self.patterns]);
        let first = |list: &Vec<usize>| {
            let mut places = list.iter().copied();
            places.find(|place| script_place(&scripts[*place..=*place], pod, container).is_some())
        };
        lists.filter_map(first).min()
    }
}

/// The first script of sandboxes that matches a pod.
pub fn sandbox_script<'a>(scripts: &'a [SandboxScript], pod: PodName<'_>) -> Option<&'a SandboxScript> {
    sandbox_script_place(scripts, pod).map(|place| &scripts[place])
}

/// Where that script is in the list.
pub fn sandbox_script_place(scripts: &[SandboxScript], pod: PodName<'_>) -> Option<usize> {
    scripts.iter().position(|s| matches_pod(s.pod.as_deref(), pod))
}

/// The first script of a volume that matches a pod.
pub fn volume_script<'a>(scripts: &'a [VolumeScript], pod: PodName<'_>, volume: &str) -> Option<&'a VolumeScript> {
    volume_script_place(scripts, pod, volume).map(|place| &scripts[place])
}

/// Where that script is in the list.
pub fn volume_script_place(scripts: &[VolumeScript], pod: PodName<'_>, volume: &str) -> Option<usize> {
    let matches = |s: &VolumeScript| *s.name == *volume && matches_pod(s.pod.as_deref(), pod);
    scripts.iter().position(matches)
}

/// Whether `full` is the image that a spec names as `image`, perhaps with the tag that it leaves out.
pub fn is_image(full: &str, image: &str) -> bool {
    full == image || full.strip_suffix(":latest") == Some(image)
}

/// Whether a pattern, or none, matches the pod: its name, or its namespace and its name with a slash between.
pub fn matches_pod(pattern: Option<&str>, (namespace, name): PodName<'_>) -> bool {
    pattern.is_none_or(|pattern| match pattern.split_once('/') {
        Some((of, pattern)) => glob(of.as_bytes(), namespace.as_bytes()) && glob(pattern.as_bytes(), name.as_bytes()),
        None => glob(pattern.as_bytes(), name.as_bytes()),
    })
}

/// The n-th run; the last one repeats.
pub fn run_at(script: &ContainerScript, number: usize) -> &Run {
    static EMPTY: std::sync::OnceLock<Run> = std::sync::OnceLock::new();
    let run = script.runs.get(number).or(script.runs.last());
    run.unwrap_or_else(|| EMPTY.get_or_init(Run::default))
}

/// Whether a pattern with `*` and `?` matches the whole text.
pub fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_may_say_the_namespace() {
        for (pattern, matches) in [
            ("web-*", true),
            ("shop/web-*", true),
            ("sh*/web-0", true),
            ("*/web-0", true),
            ("default/web-0", false),
            ("shop/web", false),
            ("*web-0", true),
            ("shop*", false),
        ] {
            assert_eq!(matches_pod(Some(pattern), ("shop", "web-0")), matches, "{pattern}");
        }
        assert!(matches_pod(None, ("shop", "web-0")));
    }

    #[test]
    fn the_index_finds_what_going_through_all_finds() {
        let script = |(pod, name): (Option<&str>, &str)| ContainerScript {
            pod: pod.map(Name::from),
            name: name.into(),
            runs: Vec::new(),
        };
        let scripts: Vec<ContainerScript> = [
            (Some("web-1"), "log"),
            (Some("shop/web-0"), "app"),
            (Some("web-*"), "log"),
            (Some("web-0"), "app"),
            (None, "app"),
            (Some("*/web-0"), "log"),
            (Some("web-0"), "log"),
        ]
        .map(script)
        .into();
        let index = ScriptIndex::new(&scripts);
        for full_name in ["shop/web-0", "default/web-0", "default/web-1", "default/other", "web-0"] {
            for container in ["app", "log", "none"] {
                let found = index.place(&scripts, full_name, container);
                let all = script_place(&scripts, parts(full_name), container);
                assert_eq!(found, all, "{full_name} {container}");
            }
        }
    }

    #[test]
    fn globs() {
        for (pattern, text, matches) in [
            ("web", "web", true),
            ("web-*", "web-0", true),
            ("w?b", "wxb", true),
            ("*", "", true),
            ("web", "web-0", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), matches, "{pattern} {text}");
        }
    }
}
