//! Which script, which run, is in force.

use super::types::{ContainerScript, Input, PodInput, Run, SandboxScript, VolumeScript};

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
