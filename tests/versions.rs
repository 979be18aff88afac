//! What changed between versions: each switch has a scenario that shows it, and stands in docs/versions.md.

#![allow(missing_docs)]

use std::collections::BTreeMap;

use podlapse::api::features::{Features, Version};
use podlapse::api::switches::{SWITCHES, Switch};
use podlapse::diff::{Comparison, Options, Outcome, Side, compare, render, summary};
use podlapse::scenario::load::{Source, load_as};

/// Switches that no scenario can show by itself, and why.
const NOT_SHOWN: [(&str, &str); 5] = [
    (
        "startup_on_hold",
        "takes a tick within the microseconds before the status knows",
    ),
    ("pleg_newest_first", "changes an order within one instant"),
    ("count_conditions", "takes a condition that vanishes and nothing else"),
    (
        "pod_level_resources",
        "changes status.qosClass, which no comparison shows",
    ),
    ("reduced_crash_loop_decay", "is off in all versions: a gate sets it"),
];

/// Switches that decide what the API server takes: the older version refuses the scenario.
const DECIDE_ADMISSION: [&str; 2] = ["restart_all_containers", "sleep_allows_zero"];

fn path_of(switch: &Switch) -> String {
    format!("scenarios/versions/{}.yaml", switch.name.replace('_', "-"))
}

fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The versions between which the switch is turned, the last time that it is.
fn turned(switch: &Switch) -> [Version; 2] {
    let is_on = |version| {
        let features = Features::new(version, &BTreeMap::new()).expect("a version takes its own defaults");
        (switch.get)(&features)
    };
    let mut pairs = Version::ALL.windows(2).rev();
    let pair = pairs.find(|pair| is_on(pair[0]) != is_on(pair[1]));
    let pair = pair.unwrap_or_else(|| panic!("{} is the same in all versions", switch.name));
    [pair[0], pair[1]]
}

fn compare_versions(path: &str, versions: [Version; 2]) -> Comparison {
    let text = read(path);
    let sides = versions.map(|version| {
        let name = path.to_owned();
        let source = Source {
            name,
            text: text.clone(),
        };
        Side {
            label: version.to_string(),
            input: load_as(&[source], Some(version)).map(|(input, _)| input),
        }
    });
    compare(path, &sides, true)
}

#[test]
fn each_switch_is_shown_by_a_scenario() {
    let options = Options::default();
    let mut missing = Vec::new();
    for switch in SWITCHES {
        if NOT_SHOWN.iter().any(|(name, _)| *name == switch.name) {
            continue;
        }
        let comparison = compare_versions(&path_of(switch), turned(switch));
        let shown = match &comparison.outcome {
            Outcome::Same | Outcome::Unusable(_) => false,
            Outcome::Refused { side, .. } => *side == 0 && DECIDE_ADMISSION.contains(&switch.name),
            Outcome::Differs(difference) => difference.causes.iter().any(|cause| cause.name == switch.name),
        };
        if !shown {
            missing.push(format!(
                "{}\n{}",
                summary(&comparison, 0, options),
                render(&comparison, options)
            ));
        }
        insta::with_settings!({snapshot_suffix => switch.name, omit_expression => true}, {
            insta::assert_snapshot!(format!("{}\n\n{}", summary(&comparison, 0, options), render(&comparison, options)));
        });
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn a_switch_that_is_set_aside_makes_no_difference() {
    let path = "scenarios/versions/container-events-without-name.yaml";
    let load = |version| {
        let source = Source {
            name: path.to_owned(),
            text: read(path),
        };
        load_as(&[source], Some(version)).expect("it loads").0
    };
    let (mut old, new) = (load(Version::V1_34), load(Version::V1_35));
    let side = |label: &str, input: &podlapse::scenario::types::Input| Side {
        label: label.to_owned(),
        input: Ok(input.clone()),
    };
    let differs = compare("s", &[side("old", &old), side("new", &new)], true);
    let Outcome::Differs(difference) = differs.outcome else {
        panic!("1.34 and 1.35 have other texts");
    };
    podlapse::diff::set_aside(&mut old, &new, &difference.causes);
    let same = compare("s", &[side("old", &old), side("new", &new)], true);
    assert!(same.is_same(), "{}", render(&same, Options::default()));
}

#[test]
fn the_table_in_the_documentation_has_every_switch() {
    let text = read("docs/versions.md");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
    let mut missing = Vec::new();
    for switch in SWITCHES {
        let hidden = NOT_SHOWN.iter().any(|(name, _)| *name == switch.name);
        let row = rows.iter().find(|row| row.contains(&format!("`{}`", switch.name)));
        let whole = row.is_some_and(|row| {
            hidden || row.contains(&format!("({})", path_of(switch).replace("scenarios", "../scenarios")))
        });
        if !whole {
            missing.push(switch.name);
        }
    }
    assert!(missing.is_empty(), "docs/versions.md lacks {missing:?}");
}
