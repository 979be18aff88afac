//! The world that a Scenario scripts: latencies, images, sandboxes, volumes, programs.

use super::Draw;
use crate::api::place::Place;
use crate::api::pod::{Name, Pod};
use crate::explore::stream::Stream;
use crate::kernel::Duration;
use crate::scenario::named::shortest_of;
use crate::scenario::types::{
    ImageScript, Outcome, ProgramAnswer, ProgramScript, SandboxScript, Scenario, VolumeScript,
};

impl Draw<'_> {
    pub(super) fn outcome(&self, stream: &mut Stream, longest_millis: u32, failures: u8) -> Outcome {
        Outcome {
            takes: Some(stream.millis(1, longest_millis).into()),
            error: stream.chance(failures).then(|| stream.pick(&self.names.errors).clone()),
        }
    }

    /// What the runtime says when it is asked for an image: mostly nothing special.
    fn inspects(&self, stream: &mut Stream, failures: u8) -> Vec<Option<Name>> {
        if !stream.chance(failures) {
            return Vec::new();
        }
        let mut inspects = vec![Some(stream.pick(&self.names.errors).clone())];
        inspects.resize(stream.between(1, 3) as usize, None);
        inspects
    }

    /// Latencies, images, sandboxes, volumes and programs.
    pub(super) fn world(&self, stream: &mut Stream, scenario: &mut Scenario, pods: &[Pod]) {
        let (weights, names) = (self.weights, self.names);
        if stream.chance(weights.latencies) {
            let latencies = &mut scenario.latencies;
            latencies.run_pod_sandbox = stream.millis(1, 3_000).into();
            latencies.stop_pod_sandbox = stream.millis(1, 500).into();
            latencies.create_container = stream.millis(1, 500).into();
            latencies.start_container = stream.millis(1, 1_500).into();
            latencies.remove_container = stream.millis(1, 100).into();
            latencies.pull_image = stream.millis(1, 2_000).into();
            latencies.remove_pod_sandbox = stream.millis(1, 200).into();
        }
        let pulled = pods
            .iter()
            .flat_map(|p| p.all_containers())
            .any(|(_, c)| c.image == names.absent);
        if pulled {
            let pulls = (0..stream.between(1, 3)).map(|_| self.outcome(stream, 8_000, weights.failures / 2));
            scenario.images.push(ImageScript {
                image: names.absent.clone(),
                present: false,
                pulls: pulls.collect(),
                inspects: self.inspects(stream, weights.failures / 2),
            });
        }
        if stream.chance(weights.world) {
            let runs = (0..stream.between(1, 3))
                .map(|_| self.outcome(stream, 2_000, 40))
                .collect();
            scenario.sandboxes.push(SandboxScript {
                pod: self.some_pod(stream, pods),
                runs,
            });
        }
        // Without a script a volume is mounted at once.
        if pods.iter().any(|pod| !pod.spec.volumes.is_empty()) && stream.chance(80) {
            let mounts = (0..stream.between(1, 3))
                .map(|_| self.outcome(stream, 3_000, 40))
                .collect();
            scenario.volumes.push(VolumeScript {
                pod: None,
                name: names.volume.clone(),
                mounts,
            });
        }
        let guests = pods
            .iter()
            .flat_map(Pod::all_containers)
            .any(|(_, c)| !c.command.is_empty());
        if guests && stream.chance(80) {
            scenario.programs.push(ProgramScript {
                name: Some(names.server.clone()),
                ..self.program(stream)
            });
        }
        if stream.chance(weights.guests) {
            // What containers of this image do that are told nothing else.
            scenario.programs.push(ProgramScript {
                image: Some(names.present.clone()),
                ..self.program(stream)
            });
        }
        if stream.chance(weights.epochs) {
            scenario.epoch_unix_secs += i64::from(stream.below(1_000_000_000));
        }
    }

    /// A pod by its name, all by a pattern, or all by saying nothing.
    pub(super) fn some_pod(&self, stream: &mut Stream, pods: &[Pod]) -> Option<Name> {
        match stream.below(4) {
            0 => Some(shortest_of(pods.iter(), stream.pick(pods))),
            1 => Some(self.names.every_pod.clone()),
            _ => None,
        }
    }

    fn program(&self, stream: &mut Stream) -> ProgramScript {
        let names = self.names;
        let answer = |from, status| ProgramAnswer {
            port: Some(8080),
            path: Some(names.path.clone()),
            from,
            status,
            body: names.body.clone(),
        };
        let later = stream.millis(500, 20_000);
        ProgramScript {
            name: None,
            image: None,
            listens: vec![8080],
            answers: vec![
                answer(later, *stream.pick(&[200, 500])),
                answer(Duration::ZERO, *stream.pick(&[200, 503])),
            ],
            signals: if stream.chance(50) {
                [(names.term.clone(), self.on_term(stream))].into()
            } else {
                Default::default()
            },
            runs_for: stream.chance(40).then(|| stream.millis(500, 20_000).into()),
            exit_code: *stream.pick(&[0, 0, 1]),
            output: stream.chance(50).then(|| names.body.clone()),
            place: Place::default(),
        }
    }
}
