//! A pod at a moment as `kubectl describe pod` prints it.

use std::io::Write;

use serde_json::Value;
use tabwriter::TabWriter;

use super::events::{self, Event};
use super::humane::{escape_terminal, human_duration, rfc1123};
use super::objects::PodAt;
use crate::api::pod::{Container, EnvValue, Handler, Name, PodSpec, Probe, VolumeSource};
use crate::api::qos;
use crate::api::status::{ContainerState, ContainerStatus};
use crate::kernel::Time;
use crate::trace::Record;

/// The description of `pod` at `time`, with its events of `records`.
pub fn render(records: &[Record], pod: &PodAt, time: Time) -> String {
    let mut page = Page::default();
    let api_spec = Value::Object(pod.spec());
    page.head(pod, &api_spec, time);
    let spec = &pod.pod.spec;
    let status = &pod.status;
    if !spec.init_containers.is_empty() {
        page.containers(
            "Init Containers",
            &spec.init_containers,
            &status.init_container_statuses,
            pod,
        );
    }
    page.containers("Containers", &spec.containers, &status.container_statuses, pod);
    page.ephemeral(pod);
    if !status.conditions.is_empty() {
        page.line("Conditions:");
        page.line("  Type\tStatus");
        for condition in &status.conditions {
            page.line(&format!("  {}\t{:?}", condition.kind, condition.status));
        }
    }
    page.volumes(spec);
    // `pkg/kubectl/describe: describePod` computes what the status does not say.
    let class = status.qos_class.unwrap_or_else(|| qos::class(spec, true));
    page.line(&format!("QoS Class:\t{class}"));
    page.scheduling(&api_spec);
    let subject = format!("pod/{}", pod.pod.name);
    let mut events = events::at(records, time);
    events.retain(|e| e.object == subject && e.namespace == *pod.pod.namespace && e.last >= pod.created);
    events.sort_by_key(|e| e.last);
    page.events(&events, time);
    page.finish()
}

/// Lines with tabs, which are aligned block by block as in Go's text/tabwriter.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn finish(self) -> String {
        let mut out = TabWriter::new(Vec::new()).minwidth(0).padding(2);
        out.write_all(self.text.as_bytes()).expect("memory can be written");
        let bytes = out.into_inner().expect("memory can be written");
        escape_terminal(std::str::from_utf8(&bytes).expect("the page is UTF-8"))
    }

    /// `Labels:\ta=b`, one a line, or `<none>`.
    fn map(&mut self, title: &str, entries: &[String]) {
        match entries {
            [] => self.line(&format!("{title}:\t<none>")),
            [first, rest @ ..] => {
                self.line(&format!("{title}:\t{first}"));
                for entry in rest {
                    self.line(&format!("\t{entry}"));
                }
            }
        }
    }

    fn head(&mut self, at: &PodAt, api_spec: &Value, time: Time) {
        let (pod, status) = (at.pod, &at.status);
        self.line(&format!("Name:\t{}", pod.name));
        self.line(&format!("Namespace:\t{}", pod.namespace));
        self.line(&format!("Priority:\t{}", pod.spec.priority));
        if let Some(class) = &pod.spec.priority_class_name {
            self.line(&format!("Priority Class Name:\t{class}"));
        }
        let account = api_spec["serviceAccountName"].as_str().unwrap_or_default();
        self.line(&format!("Service Account:\t{account}"));
        match (&at.node, status.host_ip.as_deref()) {
            (Some(node), Some(ip)) => self.line(&format!("Node:\t{node}/{ip}")),
            (Some(node), None) => self.line(&format!("Node:\t{node}")),
            (None, _) => self.line("Node:\t<none>"),
        }
        if let Some(start) = status.start_time {
            self.line(&format!("Start Time:\t{}", rfc1123(start)));
        }
        let labels: Vec<String> = pod.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        self.map("Labels", &labels);
        let annotations: Vec<String> = pod.annotations.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        self.map("Annotations", &annotations);
        match (at.deletion_timestamp(), at.deletion) {
            (Some(timestamp), Some((_, grace))) if !status.is_terminal() => {
                let lasts = human_duration(at.timestamp(time).0 - timestamp.0);
                self.line(&format!("Status:\tTerminating (lasts {lasts})"));
                self.line(&format!("Termination Grace Period:\t{grace}s"));
            }
            _ => self.line(&format!("Status:\t{}", status.phase.as_str())),
        }
        for (title, text) in [("Reason", &status.reason), ("Message", &status.message)] {
            if let Some(text) = text {
                self.line(&format!("{title}:\t{text}"));
            }
        }
        let ip = status.pod_ip.as_deref().unwrap_or_default();
        self.line(&format!("IP:\t{ip}"));
        if ip.is_empty() {
            self.line("IPs:\t<none>");
        } else {
            self.line("IPs:");
            self.line(&format!("  IP:\t{ip}"));
        }
        if let Some((kind, name)) = &pod.owner {
            self.line(&format!("Controlled By:\t{kind}/{name}"));
        }
    }

    fn containers(&mut self, title: &str, containers: &[Container], statuses: &[ContainerStatus], at: &PodAt) {
        self.line(&format!("{title}:"));
        for container in containers {
            let status = statuses.iter().find(|s| s.name == container.name);
            self.container(container, status, at.images.get(&container.name));
        }
    }

    fn container(&mut self, container: &Container, status: Option<&ContainerStatus>, image: Option<&Name>) {
        self.line(&format!("  {}:", container.name));
        if let Some(status) = status {
            let id = status.container_id.map_or(String::new(), |id| id.to_string());
            self.line(&format!("    Container ID:\t{id}"));
        }
        self.line(&format!("    Image:\t{}", image.unwrap_or(&container.image)));
        if let Some(status) = status {
            self.line(&format!("    Image ID:\t{}", status.image_id));
        }
        let ports: Vec<String> = container
            .ports
            .iter()
            .map(|p| format!("{}/{}", p.port, p.protocol))
            .collect();
        match &*ports {
            [] => self.line("    Port:\t<none>"),
            [port] => self.line(&format!("    Port:\t{port}")),
            ports => self.line(&format!("    Ports:\t{}", ports.join(", "))),
        }
        let host: Vec<String> = container.ports.iter().map(|p| format!("0/{}", p.protocol)).collect();
        match &*host {
            [] => self.line("    Host Port:\t<none>"),
            [port] => self.line(&format!("    Host Port:\t{port}")),
            ports => self.line(&format!("    Host Ports:\t{}", ports.join(", "))),
        }
        self.words("Command", &container.command);
        self.words("Args", &container.args);
        if let Some(status) = status {
            self.state("State", &status.state);
            if let Some(last @ ContainerState::Terminated(_)) = &status.last_state {
                self.state("Last State", last);
            }
            self.line(&format!("    Ready:\t{}", if status.ready { "True" } else { "False" }));
            self.line(&format!("    Restart Count:\t{}", status.restart_count));
        }
        self.resources(container);
        for (title, probe) in [
            ("Liveness", &container.liveness_probe),
            ("Readiness", &container.readiness_probe),
            ("Startup", &container.startup_probe),
        ] {
            if let Some(probe) = probe {
                self.line(&format!("    {title}:\t{}", describe_probe(probe)));
            }
        }
        self.environment(container);
        if container.volume_mounts.is_empty() {
            self.line("    Mounts:\t<none>");
        } else {
            self.line("    Mounts:");
            for (volume, path) in container.volume_mounts.iter().zip(&container.mount_paths) {
                self.line(&format!("      {path} from {volume} (rw)"));
            }
        }
    }

    fn words(&mut self, title: &str, words: &[Name]) {
        if words.is_empty() {
            return;
        }
        self.line(&format!("    {title}:"));
        for line in words.iter().flat_map(|word| word.lines()) {
            self.line(&format!("      {line}"));
        }
    }

    fn state(&mut self, title: &str, state: &ContainerState) {
        match state {
            ContainerState::Running(running) => {
                self.line(&format!("    {title}:\tRunning"));
                self.line(&format!("      Started:\t{}", rfc1123(running.started_at)));
            }
            ContainerState::Waiting(waiting) => {
                self.line(&format!("    {title}:\tWaiting"));
                if let Some(reason) = &waiting.reason {
                    self.line(&format!("      Reason:\t{reason}"));
                }
            }
            ContainerState::Terminated(ended) => {
                self.line(&format!("    {title}:\tTerminated"));
                if let Some(reason) = &ended.reason {
                    self.line(&format!("      Reason:\t{reason}"));
                }
                if let Some(message) = &ended.message {
                    self.line(&format!("      Message:\t{message}"));
                }
                self.line(&format!("      Exit Code:\t{}", ended.exit_code));
                for (title, at) in [("Started", ended.started_at), ("Finished", ended.finished_at)] {
                    let at = at.unwrap_or(crate::api::status::Timestamp(0));
                    self.line(&format!("      {title}:\t{}", rfc1123(at)));
                }
            }
        }
    }

    fn resources(&mut self, container: &Container) {
        let Some(resources) = &container.resources else { return };
        for (title, field) in [("Limits", "limits"), ("Requests", "requests")] {
            let Some(amounts) = resources[field].as_object().filter(|a| !a.is_empty()) else {
                continue;
            };
            self.line(&format!("    {title}:"));
            for (name, amount) in amounts {
                self.line(&format!("      {name}:\t{}", plain(amount)));
            }
        }
    }

    fn environment(&mut self, container: &Container) {
        if container.env.is_empty() {
            self.line("    Environment:\t<none>");
            return;
        }
        self.line("    Environment:");
        for variable in &container.env {
            let name = &variable.name;
            let optional = |optional: &bool| if *optional { "true" } else { "false" };
            self.line(&match &variable.value {
                EnvValue::Literal(value) => format!("      {name}:\t{value}"),
                EnvValue::ConfigMapKey {
                    name: object,
                    key,
                    optional: o,
                } => {
                    let optional = optional(o);
                    format!("      {name}:\t<set to the key '{key}' of config map '{object}'>\tOptional: {optional}")
                }
                EnvValue::SecretKey {
                    name: object,
                    key,
                    optional: o,
                } => {
                    let optional = optional(o);
                    format!("      {name}:\t<set to the key '{key}' in secret '{object}'>\tOptional: {optional}")
                }
                EnvValue::Field(path) => format!("      {name}:\t(v1:{path})"),
                EnvValue::Other => format!("      {name}:\t"),
            });
        }
    }

    fn ephemeral(&mut self, at: &PodAt) {
        if at.ephemeral.is_empty() {
            return;
        }
        self.line("Ephemeral Containers:");
        for (name, image) in &at.ephemeral {
            self.line(&format!("  {name}:"));
            self.line(&format!("    Image:\t{image}"));
            let mut statuses = at.status.ephemeral_container_statuses.iter();
            if let Some(status) = statuses.find(|s| s.name == *name) {
                self.state("State", &status.state);
                self.line(&format!("    Ready:\t{}", if status.ready { "True" } else { "False" }));
                self.line(&format!("    Restart Count:\t{}", status.restart_count));
            }
        }
    }

    fn volumes(&mut self, spec: &PodSpec) {
        if spec.volumes.is_empty() {
            self.line("Volumes:\t<none>");
            return;
        }
        self.line("Volumes:");
        for volume in &spec.volumes {
            self.line(&format!("  {}:", volume.name));
            match &volume.source {
                VolumeSource::Plain => self.line("    Type:\tPlain"),
                VolumeSource::ConfigMap { name, optional } => {
                    self.line("    Type:\tConfigMap");
                    self.line(&format!("    Name:\t{name}"));
                    self.line(&format!("    Optional:\t{optional}"));
                }
                VolumeSource::Secret { name, optional } => {
                    self.line("    Type:\tSecret");
                    self.line(&format!("    SecretName:\t{name}"));
                    self.line(&format!("    Optional:\t{optional}"));
                }
                VolumeSource::Claim { name } => {
                    self.line("    Type:\tPersistentVolumeClaim");
                    self.line(&format!("    ClaimName:\t{name}"));
                }
                VolumeSource::Image { reference, pull_policy } => {
                    self.line("    Type:\tImage (a container image or OCI artifact)");
                    self.line(&format!("    Reference:\t{reference}"));
                    self.line(&format!("    PullPolicy:\t{pull_policy:?}"));
                }
            }
        }
    }

    fn scheduling(&mut self, spec: &Value) {
        let selectors = spec["nodeSelector"].as_object().into_iter().flatten();
        let selectors: Vec<String> = selectors.map(|(k, v)| format!("{k}={}", plain(v))).collect();
        self.map("Node-Selectors", &selectors);
        let tolerations: Vec<String> = spec["tolerations"]
            .as_array()
            .into_iter()
            .flatten()
            .map(toleration)
            .collect();
        self.map("Tolerations", &tolerations);
    }

    fn events(&mut self, events: &[Event], time: Time) {
        if events.is_empty() {
            self.line("Events:\t<none>");
            return;
        }
        self.line("Events:");
        self.line("  Type\tReason\tAge\tFrom\tMessage");
        self.line("  ----\t------\t----\t----\t-------");
        for event in events {
            let kind = if event.warning { "Warning" } else { "Normal" };
            let from = if event.reason == "Scheduled" {
                "default-scheduler"
            } else {
                "kubelet"
            };
            let (age, message) = (event.age(time), event.message.trim());
            self.line(&format!("  {kind}\t{}\t{age}\t{from}\t{message}", event.reason));
        }
    }
}

/// As `kubectl/pkg/describe: DescribeProbe` has it.
fn describe_probe(probe: &Probe) -> String {
    let what = match &probe.handler {
        Handler::Exec { command } => format!("exec [{}]", command.iter().map(|w| &**w).collect::<Vec<_>>().join(" ")),
        Handler::HttpGet {
            path,
            port,
            https,
            host,
        } => {
            let scheme = if *https { "https" } else { "http" };
            format!(
                "http-get {scheme}://{}:{port}{path}",
                host.as_deref().unwrap_or_default()
            )
        }
        Handler::TcpSocket { port, host } => format!("tcp-socket {}:{port}", host.as_deref().unwrap_or_default()),
        Handler::Grpc { port, service } => format!("grpc <pod>:{port} {service}"),
        Handler::Sleep { seconds } => format!("sleep {seconds}s"),
    };
    format!(
        "{what} delay={}s timeout={}s period={}s #success={} #failure={}",
        probe.initial_delay_seconds,
        probe.timeout_seconds,
        probe.period_seconds,
        probe.success_threshold,
        probe.failure_threshold
    )
}

fn toleration(toleration: &Value) -> String {
    let field = |name: &str| toleration[name].as_str().unwrap_or_default();
    let mut text = field("key").to_owned();
    if !field("value").is_empty() {
        text.push_str(&format!("={}", field("value")));
    }
    if !field("effect").is_empty() {
        text.push_str(&format!(":{}", field("effect")));
    }
    if field("operator") == "Exists" && field("value").is_empty() {
        let gap = if field("key").is_empty() && field("effect").is_empty() {
            ""
        } else {
            " "
        };
        text.push_str(&format!("{gap}op=Exists"));
    }
    if let Some(seconds) = toleration["tolerationSeconds"].as_i64() {
        text.push_str(&format!(" for {seconds}s"));
    }
    text
}

/// A scalar of the manifest without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
