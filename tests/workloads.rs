//! Which pods the kinds with a template give.

#![allow(missing_docs)]

#[path = "common/read.rs"]
mod read;

use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::{ActionKind, Input};
use read::read;

fn names(input: &Input) -> Vec<&str> {
    input.pods.iter().map(|p| &*p.pod.name).collect()
}

/// A workload of a kind with more fields in its spec.
fn workload(version: &str, kind: &str, spec: &str, restart_policy: &str) -> String {
    let selector = if version == "apps/v1" {
        "selector: {matchLabels: {app: web}}, "
    } else {
        ""
    };
    format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web}}\nspec: {{{selector}{spec} template: {{metadata: \
         {{labels: {{app: web}}}}, spec: {{restartPolicy: {restart_policy}, containers: [{{name: app, image: a}}]}}}}}}\n"
    )
}

/// The parts of a name between its dashes: letters and digits that spell no words.
fn is_safe(part: &str, length: usize) -> bool {
    part.len() == length && part.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b))
}

#[test]
fn pods_are_named_as_kubernetes_names_them() {
    let deployment = read(&workload("apps/v1", "Deployment", "replicas: 3,", "Always"));
    assert_eq!(deployment.pods.len(), 3);
    let hash = deployment.pods[0].pod.labels["pod-template-hash"].clone();
    for p in &deployment.pods {
        let parts: Vec<&str> = p.pod.name.split('-').collect();
        assert!(parts[0] == "web" && parts[1] == &*hash && is_safe(parts[1], 10) && is_safe(parts[2], 5));
        let (kind, owner) = p.pod.owner.clone().expect("it has an owner");
        assert_eq!((&*kind, &*owner), ("ReplicaSet", &*format!("web-{hash}")));
    }
    let set = read(&workload(
        "apps/v1",
        "StatefulSet",
        "replicas: 3, ordinals: {start: 5},",
        "Always",
    ));
    assert_eq!(names(&set), ["web-5", "web-6", "web-7"]);
    for (version, kind, spec, policy, count) in [
        ("apps/v1", "ReplicaSet", "", "Always", 1),
        ("apps/v1", "DaemonSet", "", "Always", 1),
        ("v1", "ReplicationController", "replicas: 2,", "Always", 2),
        ("batch/v1", "Job", "parallelism: 4, completions: 3,", "Never", 3),
        ("batch/v1", "Job", "parallelism: 4,", "OnFailure", 4),
        ("apps/v1", "Deployment", "replicas: 0,", "Always", 0),
    ] {
        let given = read(&format!(
            "{}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: other}}\nspec: {{containers: [{{name: a, image: a}}]}}\n",
            workload(version, kind, spec, policy)
        ));
        let made = &names(&given)[..count];
        assert_eq!(given.pods.len(), count + 1, "{kind}");
        assert!(
            made.iter()
                .all(|name| is_safe(name.strip_prefix("web-").unwrap_or(""), 5)),
            "{made:?}"
        );
    }
    let indexed = read(&workload(
        "batch/v1",
        "Job",
        "parallelism: 2, completions: 2, completionMode: Indexed,",
        "Never",
    ));
    assert!(names(&indexed)[1].starts_with("web-1-"));
}

#[test]
fn what_tells_pods_of_a_workload_apart_is_in_their_specs() {
    let claim = |name| {
        format!(
            "{{metadata: {{name: {name}}}, spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}}}"
        )
    };
    let claims = format!(
        "volumeClaimTemplates: [{}, {}], serviceName: db,",
        claim("data"),
        claim("logs")
    );
    let set = workload("apps/v1", "StatefulSet", &claims, "Always");
    let own = "volumes: [{name: logs, emptyDir: {}}, {name: tmp, emptyDir: {}}], hostname: other, containers:";
    let input = read(&set.replace("containers:", own));
    let pod = &input.pods[0].pod;
    let names: Vec<&str> = pod.spec.volumes.iter().map(|volume| &*volume.name).collect();
    assert_eq!(names, ["data", "logs", "tmp"]);
    let expected = serde_json::json!({
        "restartPolicy": "Always",
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
            {"name": "logs", "persistentVolumeClaim": {"claimName": "logs-web-0"}},
            {"name": "tmp", "emptyDir": {}},
        ],
        "hostname": "web-0",
        "subdomain": "db",
        "containers": [{"name": "app", "image": "a"}],
    });
    assert_eq!(pod.manifest["spec"], expected);

    let indexed = workload(
        "batch/v1",
        "Job",
        "parallelism: 2, completions: 2, completionMode: Indexed,",
        "Never",
    );
    let given = "env: [{name: JOB_COMPLETION_INDEX, value: mine}]";
    let own = format!("initContainers: [{{name: init, image: a, {given}}}], containers:");
    let input = read(&indexed.replace("containers:", &own));
    let pod = &input.pods[1].pod;
    let key = "batch.kubernetes.io/job-completion-index";
    assert_eq!((&*pod.labels[key], &*pod.annotations[key]), ("1", "1"));
    assert_eq!(pod.labels["job-name"], pod.labels["batch.kubernetes.io/job-name"]);
    assert_eq!(
        pod.labels["controller-uid"],
        pod.labels["batch.kubernetes.io/controller-uid"]
    );
    let variables = |list: &str| pod.manifest["spec"][list][0]["env"].clone();
    assert_eq!(
        variables("initContainers"),
        serde_json::json!([{"name": "JOB_COMPLETION_INDEX", "value": "mine"}])
    );
    let path = format!("metadata.labels['{key}']");
    let from = serde_json::json!({"fieldRef": {"fieldPath": path}});
    assert_eq!(
        variables("containers"),
        serde_json::json!([{"name": "JOB_COMPLETION_INDEX", "valueFrom": from}])
    );
    assert_eq!(pod.spec.containers[0].env.len(), 1);
    assert_eq!(pod.manifest["spec"]["hostname"], "web-1");
    assert_eq!(pod.manifest["metadata"]["generateName"], "web-1-");

    let long = "l".repeat(57);
    let input = read(&indexed.replace("name: web}", &format!("name: {long}}}")));
    let name = &*input.pods[1].pod.name;
    assert!(
        name.starts_with(&format!("{}-1-", &long[..55])) && name.len() == 63,
        "{name}"
    );
}

#[test]
fn a_daemon_set_has_a_pod_on_every_node() {
    let scenario = "apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\nspec: {nodes: [{name: a}, {name: b}]}\n";
    let given = read(&format!(
        "{}---\n{scenario}",
        workload("apps/v1", "DaemonSet", "", "Always")
    ));
    let nodes: Vec<_> = given.pods.iter().map(|p| p.pod.spec.node_name.as_deref()).collect();
    assert_eq!(nodes, [Some("a"), Some("b")]);
}

#[test]
fn names_depend_on_the_seed() {
    let seeded = |seed: u32| {
        let scenario = format!(
            "apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: s}}\nspec: {{seed: {seed}}}\n"
        );
        read(&format!(
            "{}---\n{scenario}",
            workload("apps/v1", "ReplicaSet", "", "Always")
        ))
    };
    assert_eq!(names(&seeded(1)), names(&seeded(1)));
    assert_ne!(names(&seeded(1)), names(&seeded(2)));
}

#[test]
fn an_action_on_a_workload_is_one_on_each_of_its_pods() {
    let scenario = "apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\nspec: {actions: [{at: 1s, create: \
                    {deployment: web}}, {at: 2s, delete: {deployment: web, gracePeriodSeconds: 5}}]}\n";
    let given = read(&format!(
        "{}---\n{scenario}",
        workload("apps/v1", "Deployment", "replicas: 2,", "Always")
    ));
    assert!(given.pods.iter().all(|p| p.created_by_action));
    let created = given
        .scenario
        .actions
        .iter()
        .filter(|a| matches!(a.what, ActionKind::CreatePod { .. }));
    assert_eq!(created.count(), 2);
    let five = |a: &&podlapse::scenario::types::Action| {
        matches!(
            a.what,
            ActionKind::DeletePod {
                grace_period_seconds: Some(5),
                ..
            }
        )
    };
    assert_eq!(given.scenario.actions.iter().filter(five).count(), 2);
}

#[test]
fn what_is_suspended_makes_no_pods_and_says_so() {
    let job = workload("batch/v1", "Job", "suspend: true,", "Never");
    let cron = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {schedule: '@daily', suspend: true, \
                jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: a}]}}}}}\n";
    for (text, name) in [
        (&*job, "Job web"),
        (cron, "CronJob nightly"),
        (
            &cron
                .replace("suspend: true, ", "")
                .replace("{template", "{suspend: true, template"),
            "CronJob nightly",
        ),
    ] {
        let source = Source {
            name: "x.yaml".to_owned(),
            text: text.to_owned(),
        };
        let (input, warnings) = load(&[source]).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(names(&input), [""; 0]);
        let messages: Vec<&str> = warnings.iter().map(|warning| &*warning.message).collect();
        assert_eq!(messages, [format!("{name} is suspended: it makes no pods")]);
        assert!(warnings[0].place.is_some());
        let awake = text.replace("suspend: true", "suspend: false");
        assert_eq!(read(&awake).pods.len(), 1);
    }
}

#[test]
fn what_a_controller_would_do_besides_is_told() {
    let cron = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: web}\nspec: {schedule: '@daily', \
                jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: a}]}}}}}\n";
    let job = |spec: &str, policy: &str| workload("batch/v1", "Job", spec, policy);
    let set = |spec: &str| workload("apps/v1", "StatefulSet", spec, "Always");
    let told = |what: &str| vec![format!("web: its controller is not simulated: {what}")];
    for (text, expected) in [
        (
            job("completions: 3, parallelism: 2, backoffLimit: 2,", "Never"),
            told("2 pods at once and no more, no retries"),
        ),
        (job("completions: 2,", "Never"), told("1 pod at once and no more")),
        (job("backoffLimit: 2,", "OnFailure"), told("no limit of retries")),
        (job("parallelism: 2, completions: 2, backoffLimit: 0,", "Never"), vec![]),
        (cron.to_owned(), told("1 Job at once and no other")),
        (set("replicas: 3,"), told("all 3 pods at once, not one after the other")),
        (set("replicas: 3, podManagementPolicy: Parallel,"), vec![]),
        (set(""), vec![]),
        (workload("apps/v1", "Deployment", "replicas: 3,", "Always"), vec![]),
    ] {
        let source = Source {
            name: "x.yaml".to_owned(),
            text: text.clone(),
        };
        let (_, warnings) = load(&[source]).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let found: Vec<&str> = warnings
            .iter()
            .filter_map(|w| w.message.split_once(' '))
            .map(|(_, m)| m)
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_daemon_set_that_names_a_node_is_for_that_node() {
    let nodes = "---\napiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\nspec: {nodes: [{name: a}, {name: b}]}\n";
    let set = workload("apps/v1", "DaemonSet", "", "Always");
    let on = |text: &str| -> Vec<String> {
        let input = read(&format!("{text}{nodes}"));
        let nodes = input.pods.iter().filter_map(|p| p.pod.spec.node_name.as_ref());
        nodes.map(ToString::to_string).collect()
    };
    assert_eq!(on(&set), ["a", "b"]);
    assert_eq!(on(&set.replace("containers:", "nodeName: b, containers:")), ["b"]);
}

#[test]
fn manifests_come_in_lists_and_streams_as_well() {
    let spec = r#""spec": {"containers": [{"name": "app", "image": "a"}]}"#;
    let pod =
        |name: &str| format!(r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{name}"}}, {spec}}}"#);
    // As the API gives them: the items of a typed list do not say what they are.
    let bare = |name: &str| format!(r#"{{"metadata": {{"name": "{name}"}}, {spec}}}"#);
    let list = |kind: &str, items: &[String]| {
        format!(
            r#"{{"apiVersion": "v1", "kind": "{kind}", "items": [{}]}}"#,
            items.join(", ")
        )
    };
    for text in [
        list("List", &[pod("one"), pod("two")]),
        list("PodList", &[bare("one"), pod("two")]),
        format!("{}\n{}\n", pod("one"), pod("two")),
        format!("{}{}", list("PodList", &[bare("one")]), list("PodList", &[bare("two")])),
        format!("{}\n---\n{}", pod("one"), pod("two")),
    ] {
        assert_eq!(names(&read(&text)), ["one", "two"], "{text}");
    }
    let of_jobs = workload("batch/v1", "Job", "", "Never");
    let item = of_jobs
        .strip_prefix("apiVersion: batch/v1\nkind: Job\n")
        .expect("its head");
    let item = item.trim_end().replace('\n', "\n  ");
    let jobs = read(&format!("apiVersion: batch/v1\nkind: JobList\nitems:\n- {item}\n"));
    assert!(jobs.pods.len() == 1 && jobs.pods[0].pod.name.starts_with("web-"));

    let wrong = format!("{}\n{}\n", pod("one"), pod("two").replace("image", "imag"));
    let source = Source {
        name: "stream.json".to_owned(),
        text: wrong,
    };
    let errors = load(&[source]).expect_err("a field is unknown").render(false);
    assert!(errors.contains("stream.json:2:"), "{errors}");
    let source = Source {
        name: "stream.json".to_owned(),
        text: format!("{}\n{}\n", pod("one"), pod("two").replace("\"spec\":", "\"spec\"")),
    };
    let errors = load(&[source]).expect_err("it is no JSON").render(false);
    assert!(errors.contains("stream.json:2:"), "{errors}");
}
