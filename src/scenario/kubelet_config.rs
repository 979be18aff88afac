//! Decodes KubeletConfiguration: with the kubelet's own defaults and checks, where the scenario format has no other ones
//! (`pkg/kubelet/apis/config: v1beta1.SetDefaults_KubeletConfiguration, validation.ValidateKubeletConfiguration`).

use super::decode::Decoder;
use super::gates;
use super::moments::{Moment, moment};
use super::types::{KubeletConfig, Scenario};
use crate::api::features::Features;
use crate::api::node::Node;
use crate::kernel::Duration;

/// How long a node that shuts down takes in all, how long of it critical pods have, and instead of both a list.
const ALL: &str = "shutdownGracePeriod";
const CRITICAL: &str = "shutdownGracePeriodCriticalPods";
const BY_PRIORITY: &str = "shutdownGracePeriodByPodPriority";

impl Decoder<'_, '_> {
    /// Puts what is given into `config`, which has what `base` gives.
    pub(super) fn kubelet_configuration(&mut self, node: &Node, base: Option<&Node>, config: &mut KubeletConfig) {
        self.field(node, "crashLoopBackOff", |decoder, back_off| {
            let field = "maxContainerRestartPeriod";
            if let (Some(given), Some(longest)) = (back_off.get(field), decoder.moment_at(back_off, field)) {
                if longest.shortest < Duration::from_secs(1) || longest.longest > Duration::from_secs(300) {
                    let message = longest.refused("it must be from 1s to 300s");
                    decoder.problems.at(given, &message);
                }
                config.max_container_restart_period = Some(longest.drawn);
            }
        });
        self.image_pulls(node, base, config);
        if let Some(seconds) = node.integer_at("evictionMaxPodGracePeriod") {
            config.eviction_max_pod_grace_period = seconds;
        }
        let usual = Scenario::default().kubelet;
        for (field, target, usual) in [
            ("syncFrequency", &mut config.sync_frequency, usual.sync_frequency),
            (
                "nodeStatusUpdateFrequency",
                &mut config.node_status_update_frequency,
                usual.node_status_update_frequency,
            ),
            (
                "runtimeRequestTimeout",
                &mut config.runtime_request_timeout,
                usual.runtime_request_timeout,
            ),
        ] {
            if let Some(span) = self.drawn_at(node, field) {
                // Zero is what is not given.
                *target = if span == Duration::ZERO { usual } else { span };
            }
        }
        self.shutdown(node, base, config);
    }

    /// Refuses what a kubelet does not take whose gates of node shutdowns are off. `kubelet` has the gates, and maybe a
    /// configuration that is written on top of `base`.
    pub(super) fn shutdown_gates(&mut self, kubelet: &Node, base: Option<&Node>, features: &Features) {
        let own = |field: &'static str| kubelet.at(&["config", field]);
        let in_force = |field: &'static str| own(field).or_else(|| base?.get(field));
        let takes_time =
            |field: &'static str| in_force(field).is_some_and(|node| moment(node).longest > Duration::ZERO);
        let period = [ALL, CRITICAL].into_iter().find(|field| takes_time(field));
        let list = in_force(BY_PRIORITY).filter(|list| !list.items().is_empty());
        for (gate, is_on, field, message) in [
            (
                "GracefulNodeShutdown",
                features.graceful_node_shutdown,
                period,
                "specifying shutdownGracePeriod or shutdownGracePeriodCriticalPods requires feature gate \
                 GracefulNodeShutdown",
            ),
            (
                "GracefulNodeShutdownBasedOnPodPriority",
                features.shutdown_by_pod_priority,
                list.map(|_| BY_PRIORITY),
                "Specifying shutdownGracePeriodByPodPriority requires feature gate \
                 GracefulNodeShutdownBasedOnPodPriority",
            ),
        ] {
            if let (false, Some(field)) = (is_on, field) {
                // Where the configuration is another one's, the gate that does not fit to it is this one's.
                let place = own(field).or_else(|| kubelet.at(&["featureGates", gate]));
                let message = format!("invalid configuration: {message}");
                let refused = self.problems.at(place.unwrap_or(kubelet), &message);
                gates::name(gate, refused);
            }
        }
    }

    fn image_pulls(&mut self, node: &Node, base: Option<&Node>, config: &mut KubeletConfig) {
        let serialize = node.boolean_at("serializeImagePulls");
        if let Some(serialize) = serialize {
            config.serialize_image_pulls = serialize;
        }
        if let Some(most) = node.integer_at("maxParallelImagePulls") {
            config.max_parallel_image_pulls = Some(most);
            let serialize = serialize.or_else(|| base?.boolean_at("serializeImagePulls"));
            if serialize.is_none() {
                config.serialize_image_pulls = most < 2;
            }
        }
        if let Some(rate) = node.integer_at("registryPullQPS") {
            config.registry_pull_qps = rate;
        }
        if let Some(burst) = node.integer_at("registryBurst") {
            let usual = Scenario::default().kubelet.registry_burst;
            // Zero is what is not given.
            config.registry_burst = if burst == 0 { usual } else { burst };
        }
        let several = config.max_parallel_image_pulls.is_some_and(|most| most > 1);
        let fields = ["maxParallelImagePulls", "serializeImagePulls"];
        if let Some(field) = fields.into_iter().find_map(|field| node.get(field))
            && config.serialize_image_pulls
            && several
        {
            let message = "maxParallelImagePulls cannot be larger than 1 unless serializeImagePulls is false";
            self.problems.at(field, message);
        }
    }

    /// How a node shuts down. Without a word it has the format's grace periods, not the kubelet's: that has none.
    fn shutdown(&mut self, node: &Node, base: Option<&Node>, config: &mut KubeletConfig) {
        let (all, critical) = (ALL, CRITICAL);
        for (field, target) in [
            (all, &mut config.shutdown_grace_period),
            (critical, &mut config.shutdown_grace_period_critical_pods),
        ] {
            let (Some(given), Some(moment)) = (node.get(field), self.moment_at(node, field)) else {
                continue;
            };
            *target = moment.drawn;
            if moment.longest > Duration::ZERO && moment.shortest < Duration::from_secs(1) {
                let message = moment.refused("it must be zero or at least 1s");
                self.problems.at(given, &message);
            }
        }
        let own = |field| node.get(field);
        let in_force = |field| own(field).or_else(|| base?.get(field)).map(moment);
        let critical_pods = in_force(critical);
        if critical_pods.is_none() {
            let usual = Scenario::default().kubelet.shutdown_grace_period_critical_pods;
            // Where the format's default does not fit, the kubelet's does.
            let fits = usual <= config.shutdown_grace_period;
            config.shutdown_grace_period_critical_pods = if fits { usual } else { Duration::ZERO };
        }
        let usual = || Moment::fixed(Scenario::default().kubelet.shutdown_grace_period);
        let in_all = in_force(all).unwrap_or_else(usual);
        if let Some(critical_pods) = critical_pods
            && config.features.graceful_node_shutdown
            && critical_pods.longest > in_all.shortest
            && let Some(given) = own(all).or_else(|| own(critical))
        {
            let up_to = if critical_pods.is_drawn() { "up to " } else { "" };
            let message = format!(
                "{all} must be at least {critical}, which is {up_to}{}",
                critical_pods.longest
            );
            self.problems.at(given, &in_all.refused(&message));
        }
        if let Some(by_priority) = node.get(BY_PRIORITY) {
            let pair = |node: &Node| {
                let seconds = node.integer_at("shutdownGracePeriodSeconds").unwrap_or(0);
                (node.integer_at("priority").unwrap_or(0), seconds)
            };
            config.shutdown_grace_period_by_pod_priority = by_priority.items().iter().map(pair).collect();
            let both = own(all).is_some() && in_all.longest > Duration::ZERO
                || own(critical).is_some() && critical_pods.is_some_and(|moment| moment.longest > Duration::ZERO);
            if both && !by_priority.items().is_empty() {
                let message = "shutdownGracePeriodByPodPriority and shutdownGracePeriod cannot both be given";
                self.problems.at(by_priority, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load::{Source, load};
    use crate::scenario::shared::Shared;
    use crate::scenario::types::Input;

    fn loaded(config: &str, node: &str) -> Result<Input, String> {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{containers: [{{name: app, image: a}}]}}\n---\n\
             apiVersion: podlapse.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: s}}\nspec: {{kubelet: {{config: \
             {{{config}}}}}, nodes: [{{name: one, kubelet: {{config: {{{node}}}}}}}]}}\n"
        );
        let name = "x.yaml".to_owned();
        load(&[Source { name, text }])
            .map(|(input, _)| input)
            .map_err(|error| error.to_string())
    }

    fn kubelets(config: &str, node: &str) -> [Shared<KubeletConfig>; 2] {
        let scenario = loaded(config, node).unwrap_or_else(|error| panic!("{error}")).scenario;
        [scenario.kubelet.clone(), scenario.nodes[0].kubelet.clone()]
    }

    #[test]
    fn zero_is_the_default() {
        let zero = "syncFrequency: 0s, nodeStatusUpdateFrequency: 0s, runtimeRequestTimeout: 0s";
        let other = "syncFrequency: 7s, nodeStatusUpdateFrequency: 7s, runtimeRequestTimeout: 7s";
        for (config, node, expected) in [
            (zero, "", [60, 10, 120]),
            (other, zero, [60, 10, 120]),
            (other, "", [7, 7, 7]),
        ] {
            let [_, kubelet] = kubelets(config, node);
            let spans = [
                kubelet.sync_frequency,
                kubelet.node_status_update_frequency,
                kubelet.runtime_request_timeout,
            ];
            assert_eq!(spans.map(Duration::as_secs), expected, "{config} {node}");
        }
    }

    #[test]
    fn a_burst_of_none_is_the_default_and_a_rate_of_none_no_limit() {
        for (config, node, expected) in [
            ("", "registryPullQPS: 0", [(5, 10), (0, 10)]),
            (
                "registryPullQPS: 2, registryBurst: 3",
                "registryBurst: 0",
                [(2, 3), (2, 10)],
            ),
        ] {
            let found = kubelets(config, node).map(|kubelet| (kubelet.registry_pull_qps, kubelet.registry_burst));
            assert_eq!(found, expected, "{config} {node}");
        }
        assert!(loaded("registryPullQPS: -1", "").is_err());
    }

    #[test]
    fn several_pulls_at_a_time_are_not_one_after_the_other() {
        for (config, node, expected) in [
            ("maxParallelImagePulls: 5", "", [false, false]),
            ("maxParallelImagePulls: 1", "maxParallelImagePulls: 2", [true, false]),
            ("maxParallelImagePulls: 5", "maxParallelImagePulls: 1", [false, true]),
            ("serializeImagePulls: false", "maxParallelImagePulls: 1", [false, false]),
        ] {
            let found = kubelets(config, node).map(|kubelet| kubelet.serialize_image_pulls);
            assert_eq!(found, expected, "{config} {node}");
        }
        for (config, node) in [
            ("serializeImagePulls: true, maxParallelImagePulls: 2", ""),
            ("serializeImagePulls: true", "maxParallelImagePulls: 2"),
            ("maxParallelImagePulls: 2", "serializeImagePulls: true"),
            ("maxParallelImagePulls: 0", ""),
        ] {
            assert!(loaded(config, node).is_err(), "{config} {node}");
        }
    }

    #[test]
    fn grace_periods_of_a_shutdown_hold_together() {
        let (all, critical) = ("shutdownGracePeriod", "shutdownGracePeriodCriticalPods");
        for (config, node, expected) in [
            (String::new(), String::new(), [(30, 10), (30, 10)]),
            (format!("{all}: 0s"), format!("{all}: 20s"), [(0, 0), (20, 10)]),
            (format!("{all}: 5s"), format!("{critical}: 2s"), [(5, 0), (5, 2)]),
            (format!("{critical}: 20s"), format!("{all}: 20s"), [(30, 20), (20, 20)]),
        ] {
            let found = kubelets(&config, &node).map(|kubelet| {
                let spans = (
                    kubelet.shutdown_grace_period,
                    kubelet.shutdown_grace_period_critical_pods,
                );
                (spans.0.as_secs(), spans.1.as_secs())
            });
            assert_eq!(found, expected, "{config} {node}");
        }
        for (config, node) in [
            (format!("{critical}: 31s"), String::new()),
            (format!("{critical}: 10s"), format!("{all}: 9s")),
            (format!("{all}: 500ms"), String::new()),
            (format!("{critical}: 500ms"), String::new()),
            (
                format!("{all}: 20s, shutdownGracePeriodByPodPriority: [{{priority: 0}}]"),
                String::new(),
            ),
        ] {
            assert!(loaded(&config, &node).is_err(), "{config} {node}");
        }
    }
}
