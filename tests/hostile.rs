//! No text whatever makes the loading panic, hang or need much memory.

#![allow(missing_docs)]

use podlapse::scenario::load::{Source, load};
use proptest::prelude::*;

/// Whether it loads; what is said about it is rendered, too.
fn loads(text: String) -> bool {
    let source = Source {
        name: "x.yaml".to_owned(),
        text,
    };
    match load(&[source]) {
        Ok((_, warnings)) => {
            warnings.iter().for_each(|warning| drop(warning.to_string()));
            true
        }
        Err(diagnostics) => {
            assert!(!diagnostics.0.is_empty());
            assert!(diagnostics.to_string().starts_with("error: "));
            false
        }
    }
}

/// What the error about a text says.
fn refused(text: String) -> String {
    let source = Source {
        name: "x.yaml".to_owned(),
        text,
    };
    match load(&[source]) {
        Ok(_) => panic!("it was not refused"),
        Err(diagnostics) => diagnostics.to_string(),
    }
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: app, image: b}]\n";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        loads(String::from_utf8_lossy(&bytes).into_owned());
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        loads(text);
    }

    #[test]
    fn text_that_looks_like_yaml(text in "[-a-z0-9:{}\\[\\],&*!|>'\"#%?<.~ \n\r\té]{0,300}") {
        loads(text);
    }

    #[test]
    fn a_pod_with_anything_in_it(text in "[-a-z0-9:{}\\[\\],&*!|>'\"# \n]{0,60}", field in 0usize..6) {
        let fields = ["livenessProbe", "env", "resources", "lifecycle", "ports", "restartPolicyRules"];
        loads(POD.replace("image: b", &format!("image: b, {}: {text}", fields[field])));
    }

    #[test]
    fn a_scenario_with_anything_in_it(text in "[-a-z0-9:{}\\[\\],&*!|>'\"# \n]{0,60}", field in 0usize..9) {
        let fields =
            ["runFor", "kubelet", "latencies", "images", "containers", "actions", "expect", "programs", "nodes"];
        let spec = format!("spec: {{{}: {text}}}", fields[field]);
        let head = "apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\n";
        loads(format!("{POD}---\n{head}{spec}\n"));
    }

    #[test]
    fn a_good_document_with_a_hole(at in 0usize..400, length in 0usize..20, with in "[-a-z0-9:{}\\[\\] \n]{0,8}") {
        let good = include_str!("../scenarios/ignores-sigterm.yaml");
        let start = at.min(good.len());
        let end = (start + length).min(good.len());
        if good.is_char_boundary(start) && good.is_char_boundary(end) {
            loads(format!("{}{with}{}", &good[..start], &good[end..]));
        }
    }
}

#[test]
fn bombs_of_aliases_are_refused() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..40 {
        let inner = vec![format!("*a{}", level - 1); 10].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(refused(format!("{POD}{bomb}")).contains("more than 1000000 values"));
    let mut merges = "a0: &a0 {x: 1}\n".to_owned();
    for level in 1..40 {
        let inner = vec![format!("*a{}", level - 1); 10].join(",");
        merges.push_str(&format!("a{level}: &a{level} {{<<: [{inner}]}}\n"));
    }
    assert!(refused(format!("{POD}{merges}")).contains("more than 1000000 values"));
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
    ] {
        assert!(refused(format!("{POD}---\n{text}")).contains("x.yaml:"));
    }
}

#[test]
fn large_documents_are_refused() {
    let scalar = format!("{POD}  hostname: {}\n", "x".repeat(50 << 20));
    assert!(refused(scalar).contains("larger than 3 MiB"));
    assert!(refused(" ".repeat(65 << 20)).contains("larger than 64 MiB"));
    let many = format!("{POD}---\n").replace("name: a", "name: a-N");
    let many: String = (0..2_000)
        .map(|number| many.replace("a-N", &format!("a-{number}")))
        .collect();
    assert!(loads(many));
}

#[test]
fn json_is_read_too() {
    assert!(loads(
        r#"{
	"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a\u002db"},
	"spec": {"containers": [{"name": "app", "image": "registry.example\/app:1", "tty": true}]}
}"#
        .to_owned()
    ));
}
