//! v1.PodStatus, as the kubelet writes it and as it serialises to JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::pod::{Name, Pod};
use super::resources::{ContainerResources, Requirements};
use super::volume_mounts::VolumeMounts;

/// An API timestamp: whole seconds since 1970-01-01T00:00:00Z, as `metav1.Time` serialises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Timestamp(pub i64);

impl std::fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.date();
        let rest = self.0.rem_euclid(86_400);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        if !(0..10_000).contains(&year) {
            return write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
        }
        // A status has a dozen of them, and `write!` takes 2,000 instructions for each.
        let mut text = *b"0000-00-00T00:00:00Z";
        let numbers = [(3, year), (6, month), (9, day), (12, hour), (15, minute), (18, second)];
        for (mut last, mut number) in numbers {
            while number > 0 {
                text[last] += u8::try_from(number % 10).unwrap_or(0);
                number /= 10;
                last = last.saturating_sub(1);
            }
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| std::fmt::Error)?)
    }
}

impl Timestamp {
    /// Year, month and day in UTC.
    pub(crate) fn date(self) -> (i64, i64, i64) {
        let days = self.0.div_euclid(86_400);
        // Days to a civil date: the calendar repeats every 400 years of 146,097 days, counted from March.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day)
    }

    /// Reads what `Display` writes: RFC 3339 in UTC, to the second. None for anything else.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let fields = |text: &str, separator| -> Option<[i64; 3]> {
            let numbers = text
                .split(separator)
                .map(|n| n.parse().ok())
                .collect::<Option<Vec<i64>>>()?;
            numbers.try_into().ok()
        };
        let ([year, month, day], [hour, minute, second]) = (fields(date, '-')?, fields(time, ':')?);
        // Years that begin in March, so that the leap day is the last one.
        let shifted = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Some(Timestamp(days * 86_400 + hour * 3600 + minute * 60 + second))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The ID of a container in the runtime; serialised as containerd's IDs look: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuntimeId(pub u64);

/// 64 hexadecimal digits that depend on nothing but the number.
fn hex_digits(number: u64, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut text = [0; 64];
    for digits in text.chunks_exact_mut(16) {
        state = (state ^ (state >> 29))
            .wrapping_mul(0xbf58_476d_1ce4_e5b9)
            .wrapping_add(0x94d0_49bb_1331_11eb);
        for (place, digit) in digits.iter_mut().rev().enumerate() {
            *digit = b"0123456789abcdef"[(state >> (4 * place)) as usize & 15];
        }
    }
    f.write_str(std::str::from_utf8(&text).map_err(|_| std::fmt::Error)?)
}

impl std::fmt::Display for RuntimeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("containerd://")?;
        hex_digits(self.0, f)
    }
}

impl Serialize for RuntimeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The digest of an image, which depends on its name alone; None is not known yet (an empty string in the API).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageId(pub Option<Name>);

impl std::fmt::Display for ImageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(image) = &self.0 else { return Ok(()) };
        f.write_str("sha256:")?;
        let number = image.bytes().fold(7, |h, b| h * 31 % 0xffff_fffb + u64::from(b));
        hex_digits(number, f)
    }
}

impl Serialize for ImageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// v1.PodPhase
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[allow(missing_docs)]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    Unknown,
}

impl Phase {
    /// As the API spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "Pending",
            Phase::Running => "Running",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
            Phase::Unknown => "Unknown",
        }
    }
}

/// v1.ConditionStatus
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[allow(missing_docs)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

/// v1.PodStatus
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PodStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    pub phase: Phase,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<PodCondition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Name>,
    /// hostIP, and hostIPs, which has it only
    #[serde(flatten, serialize_with = "serialize_host_ip")]
    pub host_ip: Option<Name>,
    /// podIP, and podIPs, which has it only
    #[serde(flatten, serialize_with = "serialize_pod_ip")]
    pub pod_ip: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init_container_statuses: Vec<ContainerStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub container_statuses: Vec<ContainerStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos_class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_resources: Option<Arc<serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Requirements>,
}

/// An address, alone and as a list.
fn serialize_ip<S: Serializer>(keys: [&'static str; 2], ip: &Option<Name>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_map(None)?;
    if let Some(ip) = ip {
        fields.serialize_entry(keys[0], ip)?;
        fields.serialize_entry(keys[1], &[BTreeMap::from([("ip", ip)])])?;
    }
    fields.end()
}

fn serialize_host_ip<S: Serializer>(ip: &Option<Name>, serializer: S) -> Result<S::Ok, S::Error> {
    serialize_ip(["hostIP", "hostIPs"], ip, serializer)
}

fn serialize_pod_ip<S: Serializer>(ip: &Option<Name>, serializer: S) -> Result<S::Ok, S::Error> {
    serialize_ip(["podIP", "podIPs"], ip, serializer)
}

/// v1.PodConditionType: the kubelet's own, and anybody else's.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ConditionKind {
    PodScheduled,
    PodReadyToStartContainers,
    Initialized,
    ContainersReady,
    Ready,
    AllContainersRestarting,
    PodResizePending,
    PodResizeInProgress,
    DisruptionTarget,
    Other(Name),
}

impl ConditionKind {
    /// Those that the kubelet writes.
    const KNOWN: [ConditionKind; 9] = [
        ConditionKind::PodScheduled,
        ConditionKind::PodReadyToStartContainers,
        ConditionKind::Initialized,
        ConditionKind::ContainersReady,
        ConditionKind::Ready,
        ConditionKind::AllContainersRestarting,
        ConditionKind::PodResizePending,
        ConditionKind::PodResizeInProgress,
        ConditionKind::DisruptionTarget,
    ];

    /// As the API spells it.
    pub fn as_str(&self) -> &str {
        match self {
            ConditionKind::PodScheduled => "PodScheduled",
            ConditionKind::PodReadyToStartContainers => "PodReadyToStartContainers",
            ConditionKind::Initialized => "Initialized",
            ConditionKind::ContainersReady => "ContainersReady",
            ConditionKind::Ready => "Ready",
            ConditionKind::AllContainersRestarting => "AllContainersRestarting",
            ConditionKind::PodResizePending => "PodResizePending",
            ConditionKind::PodResizeInProgress => "PodResizeInProgress",
            ConditionKind::DisruptionTarget => "DisruptionTarget",
            ConditionKind::Other(name) => name,
        }
    }
}

impl From<&Name> for ConditionKind {
    fn from(name: &Name) -> ConditionKind {
        let known = ConditionKind::KNOWN.into_iter().find(|kind| kind.as_str() == name);
        known.unwrap_or_else(|| ConditionKind::Other(name.clone()))
    }
}

impl std::ops::Deref for ConditionKind {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl std::fmt::Display for ConditionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}

impl std::fmt::Debug for ConditionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl Serialize for ConditionKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// v1.PodCondition
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PodCondition {
    #[serde(rename = "type")]
    pub kind: ConditionKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    pub status: ConditionStatus,
    /// lastTransitionTime, and lastProbeTime, which nobody sets and the API writes nevertheless
    #[serde(flatten, serialize_with = "serialize_times")]
    pub last_transition_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Name>,
}

fn serialize_times<S: Serializer>(changed: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_map(None)?;
    fields.serialize_entry("lastProbeTime", &())?;
    fields.serialize_entry("lastTransitionTime", changed)?;
    fields.end()
}

/// v1.ContainerStatus
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ContainerStatus {
    pub name: Name,
    pub state: ContainerState,
    #[serde(serialize_with = "serialize_last_state")]
    pub last_state: Option<ContainerState>,
    pub ready: bool,
    pub restart_count: i32,
    pub image: Name,
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    #[serde(rename = "containerID", skip_serializing_if = "Option::is_none")]
    pub container_id: Option<RuntimeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<bool>,
    #[serde(flatten)]
    pub resources: Option<ContainerResources>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub volume_mounts: VolumeMounts,
}

/// The status of a container of that name. Statuses are mostly in the order of the spec: the one at the container's place
/// there is looked at first.
pub fn find_status<'a>(statuses: &'a [ContainerStatus], place: usize, name: &Name) -> Option<&'a ContainerStatus> {
    let guess = statuses.get(place).filter(|status| status.name == *name);
    guess.or_else(|| statuses.iter().find(|status| status.name == *name))
}

fn serialize_last_state<S: Serializer>(state: &Option<ContainerState>, serializer: S) -> Result<S::Ok, S::Error> {
    match state {
        Some(state) => state.serialize(serializer),
        None => serializer.serialize_map(Some(0))?.end(),
    }
}

/// v1.ContainerState: exactly one of the three.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum ContainerState {
    Waiting(Waiting),
    Running(Running),
    Terminated(Terminated),
}

/// v1.ContainerStateWaiting
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Default)]
#[allow(missing_docs)]
pub struct Waiting {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Name>,
}

/// v1.ContainerStateRunning
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Running {
    pub started_at: Timestamp,
}

/// v1.ContainerStateTerminated
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Terminated {
    pub exit_code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Name>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    #[serde(rename = "containerID", skip_serializing_if = "Option::is_none")]
    pub container_id: Option<RuntimeId>,
}

impl PodStatus {
    /// A status with nothing in it but the phase.
    pub fn empty(phase: Phase) -> PodStatus {
        PodStatus {
            observed_generation: None,
            phase,
            conditions: Vec::new(),
            message: None,
            reason: None,
            host_ip: None,
            pod_ip: None,
            start_time: None,
            init_container_statuses: Vec::new(),
            container_statuses: Vec::new(),
            ephemeral_container_statuses: Vec::new(),
            qos_class: None,
            allocated_resources: None,
            resources: None,
        }
    }

    /// The status that the API server gives a pod that was created at that time
    /// (`pkg/registry/core/pod: PrepareForCreate, applySchedulingGatedCondition`).
    pub fn of_new(pod: &Pod, now: Timestamp) -> PodStatus {
        let mut status = PodStatus::empty(Phase::Pending);
        if pod.is_gated() {
            status.conditions.push(PodCondition {
                kind: ConditionKind::PodScheduled,
                observed_generation: None,
                status: ConditionStatus::False,
                last_transition_time: Some(now),
                reason: Some("SchedulingGated".into()),
                message: Some("Scheduling is blocked due to non-empty scheduling gates".into()),
            });
        }
        status
    }

    /// `pkg/kubelet/eviction: PodIsEvicted`
    pub fn is_evicted(&self) -> bool {
        self.phase == Phase::Failed && self.reason.as_deref() == Some("Evicted")
    }

    /// The condition of that type.
    pub fn condition(&self, kind: &str) -> Option<&PodCondition> {
        self.conditions.iter().find(|c| &*c.kind == kind)
    }

    /// The same, for one of which the kubelet knows.
    pub fn condition_of(&self, kind: &ConditionKind) -> Option<&PodCondition> {
        self.conditions.iter().find(|c| c.kind == *kind)
    }

    /// Whether everything but the conditions is the same.
    pub(crate) fn differs_in_conditions_only(&self, other: &PodStatus) -> bool {
        let PodStatus {
            observed_generation,
            phase,
            conditions: _,
            message,
            reason,
            host_ip,
            pod_ip,
            start_time,
            init_container_statuses,
            container_statuses,
            ephemeral_container_statuses,
            qos_class,
            allocated_resources,
            resources,
        } = self;
        *phase == other.phase
            && *container_statuses == other.container_statuses
            && *init_container_statuses == other.init_container_statuses
            && *ephemeral_container_statuses == other.ephemeral_container_statuses
            && *observed_generation == other.observed_generation
            && (reason, message) == (&other.reason, &other.message)
            && (host_ip, pod_ip) == (&other.host_ip, &other.pod_ip)
            && *start_time == other.start_time
            && *qos_class == other.qos_class
            && (allocated_resources, resources) == (&other.allocated_resources, &other.resources)
    }

    /// Whether the kubelet has other words for an amount in it than the API: it never sees that nothing is new.
    pub(crate) fn is_worded_otherwise(&self) -> bool {
        let lists = [
            &self.init_container_statuses,
            &self.container_statuses,
            &self.ephemeral_container_statuses,
        ];
        lists.into_iter().flatten().any(|container| {
            let told = container
                .resources
                .as_ref()
                .filter(|_| matches!(container.state, ContainerState::Running(_)));
            told.is_some_and(|resources| resources.actual.is_worded_otherwise())
        })
    }

    /// Whether the condition AllContainersRestarting is true.
    pub fn is_restarting_all_containers(&self) -> bool {
        let condition = self.condition_of(&ConditionKind::AllContainersRestarting);
        condition.is_some_and(|c| c.status == ConditionStatus::True)
    }

    /// Whether the phase is Succeeded or Failed.
    pub fn is_terminal(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (946_684_800, "2000-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "10000-01-01T00:00:00Z"),
            (-62_135_596_801, "0000-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp(secs).to_string(), text);
            assert_eq!(Timestamp::parse(text), Some(Timestamp(secs)));
        }
    }
}
