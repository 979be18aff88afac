//! Ports that a handler names and the container does not have: the API takes them, and nothing can call them.

use super::Questions;
use crate::api::pod::{Handler, Port};

impl Questions<'_> {
    pub(super) fn ports(&mut self) {
        let container = self.container;
        let probes = [
            ("startupProbe", &container.startup_probe),
            ("readinessProbe", &container.readiness_probe),
            ("livenessProbe", &container.liveness_probe),
        ];
        for (field, probe) in probes {
            if let Some(probe) = probe {
                let effect = "the probe errs each time, and has no result";
                self.port(&[field], &probe.handler, effect);
            }
        }
        let hooks = [("postStart", &container.post_start), ("preStop", &container.pre_stop)];
        for (field, hook) in hooks {
            if let Some(handler) = hook {
                self.port(&["lifecycle", field], handler, "the hook fails");
            }
        }
    }

    fn port(&mut self, above: &[&str], handler: &Handler, effect: &str) {
        let (kind, port) = match handler {
            Handler::HttpGet { port, .. } => ("httpGet", port),
            Handler::TcpSocket { port, .. } => ("tcpSocket", port),
            Handler::Exec { .. } | Handler::Grpc { .. } | Handler::Sleep { .. } => return,
        };
        if let Port::Named { name, number: None } = port {
            let field = [above, &[kind, "port"]].concat();
            let known = self.container.ports.iter().filter_map(|port| port.name.as_deref());
            let known: Vec<String> = known.map(|name| format!("{name:?}")).collect();
            let only = if known.is_empty() {
                String::new()
            } else {
                format!(", only {}", known.join(", "))
            };
            let message = format!("it has no port {name:?}{only}: {effect}", name = &**name);
            self.ask(
                "unknown-port",
                &field,
                message,
                "give the number, or name the port in `ports`",
            );
        }
    }
}
