//! Which object a name means: `web`, or `shop/web` with its namespace where several namespaces have one of that name.

use std::collections::BTreeMap;

use super::types::Input;
use crate::api::diagnostic::known;
use crate::api::node::Node;
use crate::api::pod::{Name, Pod};
use crate::api::shape::Problems;

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant<T> {
    /// none is called that
    Nothing,
    /// the one that is
    One(T),
    /// all that are, in different namespaces
    Several(Vec<T>),
}

impl<T> Meant<T> {
    /// What a name means when these are called that.
    pub fn of(mut called: Vec<T>) -> Meant<T> {
        match called.len() {
            0 => Meant::Nothing,
            1 => Meant::One(called.remove(0)),
            _ => Meant::Several(called),
        }
    }

    /// The only one.
    pub fn one(self) -> Option<T> {
        match self {
            Meant::One(one) => Some(one),
            Meant::Nothing | Meant::Several(_) => None,
        }
    }
}

/// The pods of an input that are called `given`.
pub fn pods<'i>(input: &'i Input, given: &str) -> Meant<&'i Pod> {
    let pods = input.pods.iter().map(|p| &*p.pod);
    Meant::of(pods.filter(|pod| pod.is_called(given)).collect())
}

/// That several pods are called that, and how to say which is meant.
pub fn several_pods(given: &str, pods: &[&Pod]) -> (String, String) {
    let names: Vec<String> = pods.iter().map(|pod| pod.full_name().to_string()).collect();
    (ambiguous("pod", given, &names), which(&names))
}

/// The names of all pods, written as `given` is: with their namespaces, if that has one.
pub fn all_pods_like(input: &Input, given: &str) -> Vec<Name> {
    let pods = input.pods.iter().map(|p| &*p.pod);
    if given.contains('/') {
        pods.map(Pod::full_name).collect()
    } else {
        pods.map(|pod| pod.name.clone()).collect()
    }
}

/// The shortest name that means the pod and no other of the input.
pub fn shortest(input: &Input, pod: &Pod) -> Name {
    shortest_of(input.pods.iter().map(|p| &*p.pod), pod)
}

/// The shortest name that means the pod and no other of these.
pub fn shortest_of<'p>(pods: impl Iterator<Item = &'p Pod>, pod: &Pod) -> Name {
    match pods.filter(|other| other.name == pod.name).count() {
        0 | 1 => pod.name.clone(),
        _ => pod.full_name(),
    }
}

/// The names of things, given by namespace and name: each as short as one can be that means no other thing, or with its
/// namespace, if `given` has one.
pub fn all_like<'a>(things: impl Iterator<Item = (&'a str, &'a str)> + Clone, given: &str) -> Vec<String> {
    let mut called: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, name) in things.clone() {
        *called.entry(name).or_default() += 1;
    }
    let is_full = given.contains('/');
    let shown = |(namespace, name): (&str, &str)| match called.get(name) {
        Some(1) if !is_full => name.to_owned(),
        _ => format!("{namespace}/{name}"),
    };
    things.map(shown).collect()
}

/// The names in a list for people: those first that are most like `given`, and of many only so many.
pub fn nearest_first(given: &str, mut names: Vec<String>) -> String {
    let distance = |name: &String| match name.split_once('/') {
        Some((_, own)) if !given.contains('/') => strsim::damerau_levenshtein(given, own),
        _ => strsim::damerau_levenshtein(given, name),
    };
    // Of very many the first ones will do.
    let compared = names.len().min(MOST_COMPARED);
    names[..compared].sort_by_cached_key(distance);
    few(&names)
}

/// The names in a list for people, of many only so many.
pub fn few(names: &[String]) -> String {
    let shown = names[..names.len().min(MOST_NAMES)].join(", ");
    let more = if names.len() > MOST_NAMES { " …" } else { "" };
    shown + more
}

/// Things by their names, for looking up many.
#[derive(Debug)]
pub(super) struct Index<'a, T>(BTreeMap<&'a str, Vec<(&'a str, T)>>);

impl<'a, T: Copy> Index<'a, T> {
    /// Of things with their namespaces and names.
    pub(super) fn new(things: impl Iterator<Item = (&'a Name, &'a Name, T)>) -> Index<'a, T> {
        let mut index: BTreeMap<&str, Vec<(&str, T)>> = BTreeMap::new();
        for (namespace, name, thing) in things {
            index.entry(name).or_default().push((namespace, thing));
        }
        Index(index)
    }

    /// The one that `given` means. That it means none, or one of several, is noted at `place`.
    pub(super) fn one(&self, problems: &mut Problems<'_>, place: Option<&Node>, kind: &str, given: &str) -> Option<T> {
        let (namespace, name) = match given.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, given),
        };
        let all = self.0.get(name).map_or(&[][..], Vec::as_slice);
        let meant = |(of, _): &&(&str, T)| namespace.is_none_or(|namespace| *of == namespace);
        let called: Vec<&(&str, T)> = all.iter().filter(meant).collect();
        match (&called[..], place) {
            ([(_, one)], _) => return Some(*one),
            (_, None) => {}
            ([], Some(place)) => {
                let hint = self.near(kind, given);
                problems.at(place, &format!("nothing defines {kind} {given:?}")).hint = hint;
            }
            (several, Some(place)) => {
                let names: Vec<String> = several.iter().map(|(of, _)| format!("{of}/{name}")).collect();
                problems.at(place, &ambiguous(kind, name, &names)).hint = Some(which(&names));
            }
        }
        None
    }

    /// What may be meant by a name that nothing has.
    pub(super) fn near(&self, kind: &str, given: &str) -> Option<String> {
        // Of very many the first ones will do.
        let names = self.0.iter().take(MOST_COMPARED);
        if !given.contains('/') {
            return known(kind, given, names.map(|(name, _)| *name));
        }
        let full = names.flat_map(|(name, of)| of.iter().map(move |(of, _)| format!("{of}/{name}")));
        let full: Vec<String> = full.collect();
        known(kind, given, full.iter().map(String::as_str))
    }
}

/// How to say which is meant, by the example of the first.
fn which(full_names: &[String]) -> String {
    format!(
        "say which, as NAMESPACE/NAME: {}",
        full_names.first().map_or("", String::as_str)
    )
}

/// That a name says too little, as `several pods are named "web": default/web, shop/web`; the names are the full ones.
pub fn ambiguous(kind: &str, name: &str, full_names: &[String]) -> String {
    format!("several {kind}s are named {name:?}: {}", few(full_names))
}

/// So many candidates are told.
const MOST_NAMES: usize = 8;
/// With so many names one that nothing has is compared.
const MOST_COMPARED: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_the_first_are_told() {
        let names: Vec<String> = (0..9).map(|n| format!("n{n}/web")).collect();
        assert_eq!(
            ambiguous("pod", "web", &names[..2]),
            "several pods are named \"web\": n0/web, n1/web"
        );
        assert!(ambiguous("pod", "web", &names).ends_with("n7/web …"));
        assert!(nearest_first("n8/web", names).starts_with("n8/web, n0/web, "));
    }

    #[test]
    fn a_name_is_as_short_as_it_can_be() {
        let things = [("default", "web"), ("shop", "web"), ("shop", "db")];
        let names = all_like(things.into_iter(), "wep");
        assert_eq!(names, ["default/web", "shop/web", "db"]);
        assert_eq!(nearest_first("dd", names), "db, default/web, shop/web");
        assert_eq!(all_like(things.into_iter(), "shop/wep")[2], "shop/db");
    }
}
