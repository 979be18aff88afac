//! Claims of resources, by a pod and by its containers (validation.go: validatePodResourceClaims,
//! validateResourceClaimNames).

use std::collections::BTreeSet;

use super::names::{self, Form};
use crate::api::node::Node;
use crate::api::pod::Name;
use crate::api::shape::Problems;

/// spec.resourceClaims: what they are called.
pub(super) fn of_pod(problems: &mut Problems<'_>, spec: &Node) -> BTreeSet<Name> {
    let mut known: BTreeSet<Name> = BTreeSet::new();
    for claim in spec.list("resourceClaims") {
        match (claim.filled_at("name"), claim.get("name")) {
            (Some(name), Some(node)) => {
                if known.contains(name) {
                    problems.duplicate(node);
                } else {
                    names::form(problems, node, Form::Label);
                    known.insert(name.clone());
                }
            }
            _ => {
                problems.required(claim, "name", "");
            }
        }
        let sources = ["resourceClaimName", "resourceClaimTemplateName"].map(|field| claim.get(field));
        match sources {
            [Some(_), Some(_)] => {
                let message = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
                problems.invalid(claim, message);
            }
            [None, None] => {
                problems.invalid(
                    claim,
                    "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
                );
            }
            _ => {}
        }
        for node in sources.into_iter().flatten() {
            names::form(problems, node, Form::Subdomain);
        }
    }
    known
}

/// resources.claims: each is one of the pod's, and is not named twice, neither as a whole nor the same request of it.
pub(super) fn named(problems: &mut Problems<'_>, resources: &Node, known: &BTreeSet<Name>) {
    let mut taken: BTreeSet<(Name, Name)> = BTreeSet::new();
    for claim in resources.list("claims") {
        let Some(name) = claim.filled_at("name") else {
            problems.at(claim, "Required value");
            continue;
        };
        let nothing: Name = "".into();
        let whole = (name.clone(), nothing.clone());
        if taken.contains(&whole) {
            problems.at(claim, &format!("Duplicate value: {:?}", &**name));
        } else {
            let request = claim.filled_at("request").unwrap_or(&nothing);
            if let Some(node) = claim.get("request").filter(|_| !request.is_empty()) {
                names::form(problems, node, Form::Label);
            }
            let own = (name.clone(), request.clone());
            let is_taken = match &**request {
                "" => taken.iter().any(|(other, _)| other == name),
                _ => taken.contains(&own),
            };
            if is_taken {
                let slash = if request.is_empty() { "" } else { "/" };
                problems.at(claim, &format!("Duplicate value: \"{name}{slash}{request}\""));
            }
            taken.insert(own);
        }
        if !known.contains(name) {
            let names: Vec<&str> = known.iter().map(|name| &**name).collect();
            let all = match &names[..] {
                [] => " which is empty".to_owned(),
                names => format!(": {}", names.join(", ")),
            };
            let message = format!(
                "Not found: {:?}: must be one of the names in pod.spec.resourceClaims{all}",
                &**name
            );
            problems.at(claim, &message);
        }
    }
}
