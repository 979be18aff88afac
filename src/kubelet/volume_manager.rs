//! Volumes: which are wanted, which are mounted, and who waits for them (`pkg/kubelet/volumemanager`).
//!
//! Only pods that a script of volumes matches go through it; the volumes of all others are mounted at once. The two
//! loops tick ten times a second upstream; here they wake at those ticks only that find something to do.

use std::cell::RefCell;
use std::rc::Rc;

use litemap::LiteMap;

use super::Kubelet;
use super::pod_workers::PodConfig;
use super::ticks::Ticker;
use crate::api::pod::{Name, Pod};
use crate::kernel::{Duration, Gate, Kernel, Notify, Time, race};
use crate::runtime::{PodIx, PodMap, VolumePlugin};
use crate::scenario::types::Sabotage;
use crate::trace::{CallPhase, What};

/// `reconcilerLoopSleepPeriod`, `desiredStateOfWorldPopulatorLoopSleepPeriod`
const LOOP_PERIOD: Duration = Duration::from_millis(100);
/// When the populator's loop begins, after the kubelet's start.
const POPULATOR_PHASE: Duration = Duration::from_micros(30_500);
/// When the reconciler's loop begins, after the kubelet's start.
const RECONCILER_PHASE: Duration = Duration::from_micros(60_500);
/// `podAttachAndMountRetryInterval`
const POLL: Duration = Duration::from_millis(300);
/// `podAttachAndMountTimeout`
const TIMEOUT: Duration = Duration::from_secs(123);
/// The first wait after a failed mount (`exponentialbackoff`).
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// The longest wait after a failed mount.
const MAX_BACKOFF: Duration = Duration::from_secs(122);

/// `volumeManager`
pub(super) struct VolumeManager {
    plugin: Rc<VolumePlugin>,
    populator: Ticker,
    reconciler: Ticker,
    pods: RefCell<PodMap<PodVolumes>>,
    /// Raised when a loop may find something that it did not find before.
    pub(super) changed: Notify,
}

/// The volumes of one pod, in both worlds.
struct PodVolumes {
    config: PodConfig,
    volumes: LiteMap<Name, Volume>,
}

/// A volume in the actual state of the world.
#[derive(Default)]
struct Volume {
    /// In the desired state of the world.
    desired: bool,
    /// Known to be attached: needed before it can be mounted, even where nothing is ever attached.
    attached: bool,
    mounted: bool,
    mounting: bool,
    /// The length of the last back-off and when it ends.
    backoff: Option<(Duration, Time)>,
}

/// What a wait for volumes gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VolumeWait {
    /// All are mounted.
    Mounted,
    /// The time is over.
    TimedOut,
    /// The pod began to end.
    Cancelled,
}

/// Volumes that some container mounts (`getExpectedVolumes`).
fn used_volumes(pod: &Pod) -> Vec<Name> {
    let used = |name: &Name| pod.all_containers().any(|(_, c)| c.volume_mounts.uses(name));
    let names = pod.spec.volumes.iter().map(|v| v.name.clone());
    names.filter(used).collect()
}

impl VolumeManager {
    pub(super) fn new(kernel: &Kernel, plugin: Rc<VolumePlugin>, started_at: Time) -> VolumeManager {
        VolumeManager {
            plugin,
            populator: Ticker::new(started_at + POPULATOR_PHASE, LOOP_PERIOD),
            reconciler: Ticker::new(started_at + RECONCILER_PHASE, LOOP_PERIOD),
            pods: RefCell::default(),
            changed: Notify::new(kernel),
        }
    }

    /// Whether the pod's volumes are this manager's business.
    fn manages(&self, pod: &Pod) -> bool {
        self.plugin.is_scripted((&pod.namespace, &pod.name)) && !used_volumes(pod).is_empty()
    }

    fn all_mounted(&self, ix: PodIx) -> bool {
        let pods = self.pods.borrow();
        pods.get(ix)
            .is_some_and(|p| p.volumes.values().all(|v| v.desired && v.mounted))
    }

    fn any_mounted(&self, ix: PodIx) -> bool {
        let pods = self.pods.borrow();
        pods.get(ix).is_some_and(|p| p.volumes.values().any(|v| v.mounted))
    }
}

impl Kubelet {
    /// `WaitForAttachAndMount`
    pub(super) async fn wait_for_mounts(&self, ix: PodIx, config: &PodConfig, cancelled: &Gate) -> VolumeWait {
        if !self.volumes.manages(&config.pod) || self.breaks(Sabotage::MountsNotAwaited) {
            return VolumeWait::Mounted;
        }
        self.volumes.changed.raise();
        let deadline = self.kernel.now() + TIMEOUT;
        loop {
            if self.volumes.all_mounted(ix) {
                return VolumeWait::Mounted;
            }
            if cancelled.is_open() {
                return VolumeWait::Cancelled;
            }
            if self.kernel.now() >= deadline {
                return VolumeWait::TimedOut;
            }
            let cause = self.kernel.cause();
            let _ = race(self.kernel.sleep(POLL), cancelled.wait()).await;
            self.kernel.set_cause(cause);
        }
    }

    /// `WaitForUnmount`
    pub(super) async fn wait_for_unmounts(&self, ix: PodIx) {
        self.volumes.changed.raise();
        let deadline = self.kernel.now() + TIMEOUT;
        while self.volumes.any_mounted(ix) && self.kernel.now() < deadline {
            self.kernel.sleep(POLL).await;
        }
    }

    /// The task: both loops.
    pub(super) async fn manage_volumes_forever(self: Rc<Self>) {
        if self.volumes.plugin.is_unused() {
            return;
        }
        loop {
            let Some(next) = self.next_volume_tick() else {
                self.volumes.changed.wait().await;
                continue;
            };
            if race(self.kernel.sleep_until(next), self.volumes.changed.wait())
                .await
                .is_err()
            {
                continue;
            }
            if self.volumes.populator.last(next) == Some(next) {
                self.populate_volumes();
            } else {
                self.reconcile_volumes();
            }
        }
    }

    /// The next tick of either loop at which it finds something to do.
    fn next_volume_tick(&self) -> Option<Time> {
        let now = self.kernel.now();
        let (populator, reconciler) = (&self.volumes.populator, &self.volumes.reconciler);
        let tick = populator.after(now);
        let new = self.known_pods().into_iter().filter(|ix| self.wants_volumes(*ix, tick));
        if !self.leaves_out_idle_ticks() {
            return Some(tick.min(reconciler.after(now)));
        }
        let mut ticks: Vec<Time> = new.take(1).map(|_| tick).collect();
        for (ix, pod) in self.volumes.pods.borrow().iter() {
            for volume in pod.volumes.values() {
                if self.drops_volume(ix, volume) {
                    ticks.push(tick);
                }
                if volume.desired && !volume.mounted && !volume.mounting {
                    let ready = volume.backoff.map_or(now, |(_, end)| end.max(now));
                    ticks.push(reconciler.after(ready));
                } else if !volume.desired && volume.mounted {
                    ticks.push(reconciler.after(now));
                }
            }
        }
        ticks.into_iter().min()
    }

    /// A pod whose volumes are not in the desired state yet, but should be at that tick (`findAndAddNewPods`): unless it
    /// ends. The first loop of a kubelet adds all that may still run.
    fn wants_volumes(&self, ix: PodIx, tick: Time) -> bool {
        let pods = self.volumes.pods.borrow();
        let desired = pods.get(ix).is_some_and(|p| p.volumes.values().any(|v| v.desired));
        let config = self.pods.borrow().get(ix).cloned();
        let ends = if tick <= self.volumes.populator.after(self.ticks.sync_loop) {
            self.should_pod_runtime_be_removed(ix)
        } else {
            self.should_containers_be_terminating(ix)
        };
        config.is_some_and(|c| !desired && self.volumes.manages(&c.pod) && !ends)
    }

    /// A volume that leaves the desired state (`findAndRemoveDeletedPods`): its pod has ended. As long as the API has the
    /// pod, a volume that is not mounted is kept.
    fn drops_volume(&self, ix: PodIx, volume: &Volume) -> bool {
        let exists = self.pods.borrow().has(ix);
        volume.desired && self.should_pod_runtime_be_removed(ix) && (!exists || volume.mounted)
    }

    fn populate_volumes(&self) {
        let now = self.kernel.now();
        for ix in self.known_pods() {
            if self.wants_volumes(ix, now)
                && let Some(config) = self.known_pod(ix)
            {
                let names = used_volumes(&config.pod).into_iter();
                let mut pods = self.volumes.pods.borrow_mut();
                let pod = pods.or_insert_with(ix, || PodVolumes {
                    config,
                    volumes: names.map(|name| (name, Volume::default())).collect(),
                });
                pod.volumes.iter_mut().for_each(|(_, volume)| volume.desired = true);
            }
        }
        for (ix, pod) in self.volumes.pods.borrow_mut().iter_mut() {
            for (_, volume) in pod.volumes.iter_mut() {
                volume.desired &= !self.drops_volume(ix, volume);
            }
        }
    }

    /// Unmounts what nobody wants, then mounts what is wanted (`reconcile`).
    fn reconcile_volumes(self: &Rc<Self>) {
        let now = self.kernel.now();
        let mut to_mount = Vec::new();
        {
            let mut pods = self.volumes.pods.borrow_mut();
            for (_, volume) in pods.iter_mut().flat_map(|(_, pod)| pod.volumes.iter_mut()) {
                if !volume.desired {
                    *volume = Volume::default();
                }
            }
            pods.retain(|_, pod| pod.volumes.values().any(|volume| volume.desired));
            for (ix, pod) in pods.iter_mut() {
                for (name, volume) in &mut pod.volumes {
                    let waits = volume.backoff.is_some_and(|(_, end)| end >= now);
                    if !volume.desired || volume.mounted || volume.mounting || waits {
                        continue;
                    }
                    if std::mem::replace(&mut volume.attached, true) {
                        volume.mounting = true;
                        to_mount.push((ix, pod.config.clone(), name.clone()));
                    }
                }
            }
        }
        for (ix, config, name) in to_mount {
            let kubelet = self.clone();
            self.kernel
                .spawn(async move { kubelet.mount(ix, &config, &name).await });
        }
    }

    /// One SetUp call of the plugin (`GenerateMountVolumeFunc`).
    async fn mount(&self, ix: PodIx, config: &PodConfig, name: &Name) {
        let full_name = config.full_name.clone();
        let record = |phase, error| {
            let what = What::Volume {
                volume: name.clone(),
                phase,
                error,
            };
            self.recorder.record(Some(&full_name), None, None, what);
        };
        record(CallPhase::Begin, None);
        let (takes, error) = self.volumes.plugin.next_mount(ix, &full_name, name);
        self.kernel.sleep(takes).await;
        record(CallPhase::End, error.clone());
        if let Some(error) = &error {
            let text = format!("MountVolume.SetUp failed for volume \"{name}\" : {error}");
            self.pod_event(config, true, "FailedMount", text.into());
        }
        let now = self.kernel.now();
        if let Some(pod) = self.volumes.pods.borrow_mut().get_mut(ix)
            && let Some(volume) = pod.volumes.get_mut(name)
        {
            volume.mounting = false;
            volume.mounted = error.is_none();
            let waits = error.is_some() && !self.breaks(Sabotage::NoMountBackOff);
            volume.backoff = waits.then(|| {
                let length = volume
                    .backoff
                    .map_or(FIRST_BACKOFF, |(last, _)| last.times(2).min(MAX_BACKOFF));
                (length, now + length)
            });
        }
        self.volumes.changed.raise();
    }
}
