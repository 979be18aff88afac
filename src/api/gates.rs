//! Every feature gate that a kubelet of 1.31 to 1.36 knows: its stage, its value and its prerequisites.
//!
//! They come from `pkg/features`, which repeats those of apiserver and apiextensions-apiserver, and from client-go and
//! component-base, whose gates a kubelet registers with its own.

use std::collections::BTreeMap;

use super::diagnostic::nearest;
use super::features::Version;
use Version::{V1_35, V1_36};

/// How far a gate has come in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Stage {
    Alpha,
    Beta,
    Stable,
    Deprecated,
}

/// A feature gate in one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Its value when nobody says otherwise.
    pub default: bool,
    /// Its stage.
    pub stage: Stage,
    /// Whether it can't be changed any more.
    pub locked: bool,
}

/// Why a setting of the feature gates can't be used, in the words of that version's kubelet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateError {
    /// The gate that is at fault.
    pub gate: String,
    /// What is wrong.
    pub message: String,
    /// The nearest gate of that version, for a name that is not known.
    pub nearest: Option<&'static str>,
}

/// The gates that stand for all of a stage.
const OF_STAGES: [(&str, Stage); 2] = [("AllAlpha", Stage::Alpha), ("AllBeta", Stage::Beta)];

/// What a letter of the table says; None where the version does not have the gate.
const fn gate(letter: u8) -> Option<Gate> {
    let (stage, locked) = match letter.to_ascii_lowercase() {
        b'a' => (Stage::Alpha, false),
        b'b' => (Stage::Beta, false),
        b'g' => (Stage::Stable, false),
        b'l' => (Stage::Stable, true),
        b'd' => (Stage::Deprecated, false),
        b'x' => (Stage::Deprecated, true),
        _ => return None,
    };
    Some(Gate {
        default: letter.is_ascii_uppercase(),
        stage,
        locked,
    })
}

fn row(name: &str) -> Option<&'static [u8; 6]> {
    let found = GATES.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some(GATES[found].1)
}

/// The gate of that name in a version.
pub fn find_gate(version: Version, name: &str) -> Option<Gate> {
    gate(row(name)?[version as usize])
}

/// What became of a gate over the versions: `off by default in 1.34, on since 1.35`. None for one that is not listed.
pub fn gate_life(name: &str) -> Option<String> {
    let stages = Version::ALL.into_iter().zip(row(name)?);
    let positions: Vec<(Version, bool)> = stages
        .filter_map(|(version, letter)| Some((version, gate(*letter)?.default)))
        .collect();
    let told = positions.chunk_by(|a, b| a.1 == b.1).map(|stretch| {
        let (first, last) = (stretch[0].0, stretch[stretch.len() - 1].0);
        let word = if stretch[0].1 { "on" } else { "off by default" };
        format!("{word} {}", in_versions(first, last))
    });
    Some(told.collect::<Vec<_>>().join(", "))
}

/// `since 1.35`, `in 1.34`, `from 1.31 to 1.33`, `in all versions`.
fn in_versions(first: Version, last: Version) -> String {
    match (first == Version::ALL[0], last == Version::LATEST) {
        (true, true) => "in all versions".to_owned(),
        (false, true) if first != last => format!("since {first}"),
        _ if first == last => format!("in {first}"),
        _ => format!("from {first} to {last}"),
    }
}

/// The names of a version's gates, in order.
pub fn gate_names(version: Version) -> impl Iterator<Item = &'static str> {
    let known = GATES
        .iter()
        .filter(move |(_, life)| gate(life[version as usize]).is_some());
    known.map(|(name, _)| *name)
}

/// The gates that AllAlpha or AllBeta sets in a version: those of the stage that are not set by name, unless they are so
/// already. None for any other gate (`component-base/featuregate: setUnsetAlphaGates`).
pub fn gates_set_by(
    version: Version,
    gates: &BTreeMap<String, bool>,
    all: &str,
) -> Option<impl Iterator<Item = &'static str>> {
    let (_, stage) = OF_STAGES.into_iter().find(|(name, _)| *name == all)?;
    let value = *gates.get(all)?;
    let is_set = move |name: &&str| {
        let gate = find_gate(version, name).filter(|gate| gate.stage == stage && gate.default != value);
        gate.is_some() && !gates.contains_key(*name) && OF_STAGES.iter().all(|(all, _)| all != name)
    };
    Some(gate_names(version).filter(is_set))
}

/// Whether a gate is on in a version with those gates set.
pub(super) fn is_on(version: Version, gates: &BTreeMap<String, bool>, name: &str) -> bool {
    if let Some(value) = gates.get(name) {
        return *value;
    }
    let Some(gate) = find_gate(version, name) else {
        return false;
    };
    let all = OF_STAGES.iter().find(|(_, stage)| *stage == gate.stage);
    let of_stage = all.and_then(|(all, _)| gates.get(*all));
    of_stage.copied().unwrap_or(gate.default)
}

/// Whether a version's kubelet takes those gates (`component-base/featuregate: SetFromMap`). It names the first that it
/// does not take.
pub(super) fn check(version: Version, gates: &BTreeMap<String, bool>) -> Result<(), GateError> {
    for (name, value) in gates {
        check_one(version, name, *value)?;
    }
    // The defaults go together.
    let of_stage = OF_STAGES.iter().any(|(all, _)| gates.contains_key(*all));
    let is_set = |gate: &str| of_stage || gates.contains_key(gate);
    let known = PREREQUISITES
        .iter()
        .filter(|(_, gate, needed)| is_set(gate) || is_set(needed))
        .filter(|(since, _, needed)| version >= *since && find_gate(version, needed).is_some());
    let missing: Vec<(&str, &str)> = known
        .map(|(_, gate, needed)| (*gate, *needed))
        .filter(|(gate, needed)| is_on(version, gates, gate) && !is_on(version, gates, needed))
        .collect();
    let Some((gate, _)) = missing.first() else {
        return Ok(());
    };
    let needed = missing.iter().filter(|(other, _)| other == gate);
    let needed: Vec<&str> = needed.map(|(_, needed)| *needed).collect();
    let needed = needed.join(" ");
    Err(GateError {
        gate: (*gate).to_owned(),
        message: format!("{gate} is enabled, but depends on features that are disabled: [{needed}]"),
        nearest: None,
    })
}

fn check_one(version: Version, name: &str, value: bool) -> Result<(), GateError> {
    let error = |message, nearest| {
        Err(GateError {
            gate: name.to_owned(),
            message,
            nearest,
        })
    };
    match find_gate(version, name) {
        None => {
            let near = nearest(name, gate_names(version));
            error(format!("unrecognized feature gate: {name}"), near)
        }
        Some(gate) if gate.locked && gate.default != value => {
            let locked = gate.default;
            let message = format!("cannot set feature gate {name} to {value}, feature is locked to {locked}");
            error(message, None)
        }
        Some(_) => Ok(()),
    }
}

/// What a gate is in 1.31, 1.32 … 1.36: a(lpha), b(eta), g(A), l(ocked GA), d(eprecated), x (deprecated and locked), - where it
/// does not exist. A capital is one that is on.
#[rustfmt::skip]
const GATES: &[(&str, &[u8; 6])] = &[
    ("APIListChunking", b"LL----"),
    ("APIResponseCompression", b"BBBBBB"),
    ("APIServerIdentity", b"BBBBBB"),
    ("APIServerTracing", b"BBBLLL"),
    ("APIServingWithRoutine", b"aaaaaa"),
    ("AdmissionWebhookMatchConditions", b"LL----"),
    ("AggregatedDiscoveryEndpoint", b"LL----"),
    ("AggregatedDiscoveryRemoveBetaType", b"--DDXX"),
    ("AllAlpha", b"aaaaaa"),
    ("AllBeta", b"bbbbbb"),
    ("AllowDNSOnlyNodeCSR", b"dddddd"),
    ("AllowInsecureKubeletCertificateSigningRequests", b"dddddd"),
    ("AllowOverwriteTerminationGracePeriodSeconds", b"-dddxx"),
    ("AllowParsingUserUIDFromCertAuth", b"--BBBB"),
    ("AllowServiceExternalIPs", b"-----G"),
    ("AllowServiceLBStatusOnNonLB", b"dxxx--"),
    ("AllowUnsafeMalformedObjectDeletion", b"-aaaaa"),
    ("AnonymousAuthConfigurableEndpoints", b"aBBLLL"),
    ("AnyVolumeDataSource", b"BBLLLL"),
    ("AppArmor", b"LL----"),
    ("AppArmorFields", b"LL----"),
    ("AtomicFIFO", b"-----B"),
    ("AuthorizeNodeWithSelectors", b"aBBLLL"),
    ("AuthorizePodWebsocketUpgradeCreatePermission", b"----BB"),
    ("AuthorizeWithSelectors", b"aBBLLL"),
    ("BtreeWatchCache", b"-BLLLL"),
    ("CBORServingAndStorage", b"-aaaaa"),
    ("CPUManager", b"LL----"),
    ("CPUManagerPolicyAlphaOptions", b"aaaaaa"),
    ("CPUManagerPolicyBetaOptions", b"BBBBBB"),
    ("CPUManagerPolicyOptions", b"BBLLLL"),
    ("CRDObservedGenerationTracking", b"----bB"),
    ("CRDValidationRatcheting", b"BBLLLL"),
    ("CRIListStreaming", b"-----a"),
    ("CSIMigrationPortworx", b"BBLLL-"),
    ("CSIServiceAccountTokenSecrets", b"----BL"),
    ("CSIVolumeHealth", b"aaaaaa"),
    ("ChangeContainerStatusOnKubeletRestart", b"----dd"),
    ("ClearingNominatedNodeNameAfterBinding", b"---aBB"),
    ("ClientsAllowCARotation", b"-----B"),
    ("ClientsAllowCBOR", b"-aaaaa"),
    ("ClientsAllowTLSCacheGC", b"-----b"),
    ("ClientsPreferCBOR", b"-aaaaa"),
    ("CloudControllerManagerWatchBasedRoutesReconciliation", b"----aa"),
    ("CloudControllerManagerWebhook", b"aaaaaa"),
    ("CloudDualStackNodeIPs", b"L-----"),
    ("ClusterTrustBundle", b"aabbbb"),
    ("ClusterTrustBundleProjection", b"aabbbb"),
    ("ComponentFlagz", b"-aaaaB"),
    ("ComponentStatusz", b"-aaaaB"),
    ("ConcurrentWatchObjectDecode", b"bbbbbb"),
    ("ConsistentListFromCache", b"BBBLLL"),
    ("ConstrainedImpersonation", b"----aB"),
    ("ContainerCheckpoint", b"BBBBBB"),
    ("ContainerRestartRules", b"---aBB"),
    ("ContainerStopSignals", b"--aaaa"),
    ("ContextualLogging", b"BBBBBB"),
    ("CoordinatedLeaderElection", b"aabbbb"),
    ("CronJobsScheduledAnnotation", b"BLLL--"),
    ("CrossNamespaceVolumeDataSource", b"aaaaaa"),
    ("CustomCPUCFSQuotaPeriod", b"aaaaaG"),
    ("CustomResourceFieldSelectors", b"BLLLLL"),
    ("DRAAdminAccess", b"-aaBBL"),
    ("DRAConsumableCapacity", b"---aaB"),
    ("DRAControlPlaneController", b"a-----"),
    ("DRADeviceBindingConditions", b"---aaB"),
    ("DRADeviceTaintRules", b"----ab"),
    ("DRADeviceTaints", b"--aaaB"),
    ("DRAExtendedResource", b"---aaB"),
    ("DRAListTypeAttributes", b"-----a"),
    ("DRANodeAllocatableResources", b"-----a"),
    ("DRAPartitionableDevices", b"--aaaB"),
    ("DRAPrioritizedList", b"--aBBG"),
    ("DRAResourceClaimDeviceStatus", b"-aBBBB"),
    ("DRAResourceClaimGranularStatusAuthorization", b"-----B"),
    ("DRAResourcePoolStatus", b"-----a"),
    ("DRASchedulerFilterTimeout", b"---BBB"),
    ("DRAWorkloadResourceClaims", b"-----a"),
    ("DeclarativeValidation", b"--BBBL"),
    ("DeclarativeValidationBeta", b"-----B"),
    ("DeclarativeValidationTakeover", b"--bbbd"),
    ("DeploymentReplicaSetTerminatingReplicas", b"--aaBB"),
    ("DetectCacheInconsistency", b"---BBB"),
    ("DevicePluginCDIDevices", b"LLL---"),
    ("DisableAllocatorDualWrite", b"aabGLL"),
    ("DisableCPUQuotaWithExclusiveCPUs", b"--BBBD"),
    ("DisableCloudProviders", b"LL----"),
    ("DisableKubeletCloudCredentialProviders", b"LL----"),
    ("DisableNodeKubeProxyVersion", b"ddDDDX"),
    ("DynamicResourceAllocation", b"abbGLL"),
    ("EfficientWatchResumption", b"LL----"),
    ("ElasticIndexedJob", b"LLL---"),
    ("EnvFiles", b"---aBB"),
    ("EventedPLEG", b"aaaaaa"),
    ("ExecProbeTimeout", b"GGGGLL"),
    ("ExtendWebSocketsToKubelet", b"-----B"),
    ("ExternalServiceAccountTokenSigner", b"-aaBBL"),
    ("GangScheduling", b"----aa"),
    ("GenericWorkload", b"----aa"),
    ("GitRepoVolumeDriver", b"--dddx"),
    ("GracefulNodeShutdown", b"BBBBBB"),
    ("GracefulNodeShutdownBasedOnPodPriority", b"BBBBBB"),
    ("HPAConfigurableTolerance", b"--aaBB"),
    ("HPAContainerMetrics", b"L-----"),
    ("HPAScaleToZero", b"aaaaaa"),
    ("HonorPVReclaimPolicy", b"BBLLL-"),
    ("HostnameOverride", b"---aBB"),
    ("ImageMaximumGCAge", b"BBBBLL"),
    ("ImageVolume", b"aabbBL"),
    ("ImageVolumeWithDigest", b"-----a"),
    ("InOrderInformers", b"--BBBL"),
    ("InOrderInformersBatchProcess", b"----BB"),
    ("InPlacePodLevelResourcesVerticalScaling", b"----aB"),
    ("InPlacePodVerticalScaling", b"aaBBLL"),
    ("InPlacePodVerticalScalingAllocatedStatus", b"-addd-"),
    ("InPlacePodVerticalScalingExclusiveCPUs", b"-aaaaa"),
    ("InPlacePodVerticalScalingExclusiveMemory", b"---aaa"),
    ("InPlacePodVerticalScalingInitContainers", b"-----B"),
    ("InTreePluginPortworxUnregister", b"aaaaa-"),
    ("InformerResourceVersion", b"aaaaGG"),
    ("JobBackoffLimitPerIndex", b"BBLLLL"),
    ("JobManagedBy", b"aBBBLL"),
    ("JobPodFailurePolicy", b"LL----"),
    ("JobPodReplacementPolicy", b"BBBLLL"),
    ("JobSuccessPolicy", b"BBLLLL"),
    ("KMSv1", b"dddddd"),
    ("KMSv2", b"L-----"),
    ("KMSv2KDF", b"L-----"),
    ("KubeProxyDrainingTerminatingNodes", b"LL----"),
    ("KubeletCgroupDriverFromCRI", b"BBBLLL"),
    ("KubeletCrashLoopBackOffMax", b"-aaaBB"),
    ("KubeletEnsureSecretPulledImages", b"--aaBB"),
    ("KubeletFineGrainedAuthz", b"-aBBBL"),
    ("KubeletInUserNamespace", b"aaaaaa"),
    ("KubeletPSI", b"--aBBL"),
    ("KubeletPodResourcesDynamicResources", b"aaaBBL"),
    ("KubeletPodResourcesGet", b"aaaBBL"),
    ("KubeletPodResourcesListUseActivePods", b"---DDD"),
    ("KubeletRegistrationGetOnExistsOnly", b"-ddddd"),
    ("KubeletSeparateDiskGC", b"BBBBBB"),
    ("KubeletServiceAccountTokenForCredentialProviders", b"--aBBB"),
    ("KubeletTracing", b"BBBLLL"),
    ("LegacyServiceAccountTokenCleanUp", b"L-----"),
    ("LegacySidecarContainers", b"--d---"),
    ("ListFromCacheSnapshot", b"--aBBB"),
    ("LoadBalancerIPMode", b"BLLL--"),
    ("LocalStorageCapacityIsolationFSQuotaMonitoring", b"bbbbbb"),
    ("LogarithmicScaleDown", b"LLLLLL"),
    ("LoggingAlphaOptions", b"aaaaaa"),
    ("LoggingBetaOptions", b"BBBBBB"),
    ("ManifestBasedAdmissionControlConfig", b"-----a"),
    ("MatchLabelKeysInPodAffinity", b"BBLLLL"),
    ("MatchLabelKeysInPodTopologySpread", b"BBBBBB"),
    ("MatchLabelKeysInPodTopologySpreadSelectorMerge", b"---BBB"),
    ("MaxUnavailableStatefulSet", b"aaaabb"),
    ("MemoryManager", b"BLLLL-"),
    ("MemoryQoS", b"aaaaaa"),
    ("MinDomainsInPodTopologySpread", b"L-----"),
    ("MultiCIDRServiceAllocator", b"bbGLLL"),
    ("MutableCSINodeAllocatableCount", b"--abBL"),
    ("MutablePVNodeAffinity", b"----aa"),
    ("MutablePodResourcesForSuspendedJobs", b"----aB"),
    ("MutableSchedulingDirectivesForSuspendedJobs", b"----aB"),
    ("MutatingAdmissionPolicy", b"aaabbG"),
    ("NFTablesProxyMode", b"BBLLLL"),
    ("NewVolumeManagerReconstruction", b"L-----"),
    ("NodeDeclaredFeatures", b"----aB"),
    ("NodeInclusionPolicyInPodTopologySpread", b"BBLLLL"),
    ("NodeLogQuery", b"BBBBBL"),
    ("NodeOutOfServiceVolumeDetach", b"L-----"),
    ("NodeSwap", b"BBBLLL"),
    ("NominatedNodeNameForExpectation", b"---aBB"),
    ("OpenAPIEnums", b"BBBBBB"),
    ("OpportunisticBatching", b"----BB"),
    ("OrderedNamespaceDeletion", b"bbBLLL"),
    ("PDBUnhealthyPodEvictionPolicy", b"LL----"),
    ("PLEGOnDemandRelist", b"-----B"),
    ("PersistentVolumeClaimUnusedSinceTime", b"-----a"),
    ("PersistentVolumeLastPhaseTransitionTime", b"LL----"),
    ("PodAndContainerStatsFromCRI", b"aaaaaa"),
    ("PodCertificateRequest", b"---abb"),
    ("PodDeletionCost", b"BBBBBB"),
    ("PodDisruptionConditions", b"LLL---"),
    ("PodHostIPs", b"L-----"),
    ("PodIndexLabel", b"BLLL--"),
    ("PodLevelResourceManagers", b"-----a"),
    ("PodLevelResources", b"-aaBBB"),
    ("PodLifecycleSleepAction", b"BBBLLL"),
    ("PodLifecycleSleepActionAllowZero", b"-aBLLL"),
    ("PodLogsQuerySplitStreams", b"-aaaaa"),
    ("PodObservedGenerationTracking", b"--aBLL"),
    ("PodReadyToStartContainersCondition", b"BBBBBB"),
    ("PodSchedulingReadiness", b"LLLLLL"),
    ("PodTopologyLabelsAdmission", b"--aaBB"),
    ("PodsAPI", b"-----a"),
    ("PortForwardWebsockets", b"BBBBBB"),
    ("PreferSameTrafficDistribution", b"--aBLL"),
    ("PreventStaticPodAPIReferences", b"---BBB"),
    ("ProbeHostPodSecurityStandards", b"---L--"),
    ("ProcMountType", b"bbBBBL"),
    ("QOSReserved", b"aaaaaa"),
    ("RecoverVolumeExpansionFailure", b"aBBLLL"),
    ("RecursiveReadOnlyMounts", b"BBLLLL"),
    ("ReduceDefaultCrashLoopBackOffDecay", b"--aaaa"),
    ("RelaxedDNSSearchValidation", b"-aBLLL"),
    ("RelaxedEnvironmentVariableValidation", b"aBBLLL"),
    ("RelaxedServiceNameValidation", b"---aaB"),
    ("ReloadKubeletClientCAFile", b"-----B"),
    ("ReloadKubeletServerCertificateFile", b"BBBBBB"),
    ("RemainingItemCount", b"LL----"),
    ("RemoteRequestHeaderUID", b"-aBBBB"),
    ("ResilientWatchCacheInitialization", b"bBBLLL"),
    ("ResourceHealthStatus", b"aaaaaB"),
    ("ResourceHealthStatusMessage", b"-----B"),
    ("RestartAllContainersOnContainerExits", b"----aB"),
    ("RetryGenerateName", b"BLLLLL"),
    ("RotateKubeletServerCertificate", b"BBBBBB"),
    ("RuntimeClassInImageCriApi", b"aaaaaa"),
    ("SELinuxChangePolicy", b"-aBBBL"),
    ("SELinuxMount", b"aabbbb"),
    ("SELinuxMountReadWriteOncePod", b"BBBBBL"),
    ("SchedulerAsyncAPICalls", b"---bbb"),
    ("SchedulerAsyncPreemption", b"-aBBBB"),
    ("SchedulerPopFromBackoffQ", b"--BBBB"),
    ("SchedulerQueueingHints", b"bBBLLL"),
    ("SeparateCacheWatchRPC", b"BBdddx"),
    ("SeparateTaintEvictionController", b"BBBLLL"),
    ("ServerSideApply", b"L-----"),
    ("ServerSideFieldValidation", b"L-----"),
    ("ServiceAccountNodeAudienceRestriction", b"-bBBBB"),
    ("ServiceAccountTokenJTI", b"BLLLLL"),
    ("ServiceAccountTokenNodeBinding", b"BBLLLL"),
    ("ServiceAccountTokenNodeBindingValidation", b"BLLLLL"),
    ("ServiceAccountTokenPodNodeInfo", b"BLLLLL"),
    ("ServiceCIDRStatusFieldWiping", b"-----D"),
    ("ServiceTrafficDistribution", b"BBLLL-"),
    ("ShardedListAndWatch", b"-----a"),
    ("SidecarContainers", b"BBLLLL"),
    ("SizeBasedListCostEstimate", b"---BBB"),
    ("SizeMemoryBackedVolumes", b"BLLL--"),
    ("StableLoadBalancerNodeSet", b"L-----"),
    ("StaleControllerConsistencyDaemonSet", b"-----B"),
    ("StaleControllerConsistencyJob", b"-----B"),
    ("StaleControllerConsistencyReplicaSet", b"-----B"),
    ("StaleControllerConsistencyStatefulSet", b"-----B"),
    ("StatefulSetAutoDeletePVC", b"BLLL--"),
    ("StatefulSetSemanticRevisionComparison", b"---BBB"),
    ("StatefulSetStartOrdinal", b"LLL---"),
    ("StorageCapacityScoring", b"--aaaa"),
    ("StorageNamespaceIndex", b"BBDDDD"),
    ("StorageVersionAPI", b"aaaaaa"),
    ("StorageVersionHash", b"BBBBBB"),
    ("StorageVersionMigrator", b"aaaabb"),
    ("StreamingCollectionEncodingToJSON", b"bbBLLL"),
    ("StreamingCollectionEncodingToProtobuf", b"bbBLLL"),
    ("StrictCostEnforcementForVAP", b"bLLL--"),
    ("StrictCostEnforcementForWebhooks", b"bLLL--"),
    ("StrictIPCIDRValidation", b"--aaaB"),
    ("StructuredAuthenticationConfiguration", b"BBBLLL"),
    ("StructuredAuthenticationConfigurationEgressSelector", b"---BBB"),
    ("StructuredAuthenticationConfigurationJWKSMetrics", b"----BB"),
    ("StructuredAuthorizationConfiguration", b"BLLLL-"),
    ("SupplementalGroupsPolicy", b"aaBBLL"),
    ("SystemdWatchdog", b"-BBBLL"),
    ("TaintTolerationComparisonOperators", b"----aa"),
    ("TokenRequestServiceAccountUIDValidation", b"---BBB"),
    ("TopologyAwareHints", b"BBLLL-"),
    ("TopologyAwareWorkloadScheduling", b"-----a"),
    ("TopologyManagerPolicyAlphaOptions", b"aaaaaa"),
    ("TopologyManagerPolicyBetaOptions", b"BBBBBB"),
    ("TopologyManagerPolicyOptions", b"BGGGGL"),
    ("TranslateStreamCloseWebsocketRequests", b"BBBBBB"),
    ("UnauthenticatedHTTP2DOSMitigation", b"BBBBBB"),
    ("UnknownVersionInteroperabilityProxy", b"aaaaaB"),
    ("UnlockWhileProcessingFIFO", b"-----B"),
    ("UserNamespacesHostNetworkSupport", b"----aa"),
    ("UserNamespacesPodSecurityStandards", b"aaaa--"),
    ("UserNamespacesSupport", b"bbBBBL"),
    ("ValidatingAdmissionPolicy", b"L-----"),
    ("VolumeAttributesClass", b"bbbGGL"),
    ("VolumeCapacityPriority", b"aa----"),
    ("VolumeLimitScaling", b"----aa"),
    ("WatchBookmark", b"LL----"),
    ("WatchCacheInitializationPostStartHook", b"bbbbbB"),
    ("WatchFromStorageWithoutResourceVersion", b"bbxxx-"),
    ("WatchList", b"aBbBBB"),
    ("WatchListClient", b"bbbbBB"),
    ("WinDSR", b"aaBLLL"),
    ("WinOverlay", b"BBBLLL"),
    ("WindowsCPUAndMemoryAffinity", b"-aaaaa"),
    ("WindowsGracefulNodeShutdown", b"-aaBBB"),
    ("WindowsHostNetwork", b"AAdddd"),
    ("WorkloadAwarePreemption", b"-----a"),
    ("WorkloadWithJob", b"-----a"),
    ("ZeroLimitedNominalConcurrencyShares", b"L-----"),
];

/// Since when a gate needs another one; a component with such a pair half on does not start.
#[rustfmt::skip]
const PREREQUISITES: &[(Version, &str, &str)] = &[
    (V1_35, "AuthorizeNodeWithSelectors", "AuthorizeWithSelectors"),
    (V1_35, "ClusterTrustBundleProjection", "ClusterTrustBundle"),
    (V1_35, "DRAAdminAccess", "DynamicResourceAllocation"),
    (V1_35, "DRAConsumableCapacity", "DynamicResourceAllocation"),
    (V1_35, "DRADeviceBindingConditions", "DRAResourceClaimDeviceStatus"),
    (V1_35, "DRADeviceBindingConditions", "DynamicResourceAllocation"),
    (V1_35, "DRADeviceTaintRules", "DRADeviceTaints"),
    (V1_35, "DRADeviceTaints", "DynamicResourceAllocation"),
    (V1_35, "DRAExtendedResource", "DynamicResourceAllocation"),
    (V1_36, "DRAListTypeAttributes", "DynamicResourceAllocation"),
    (V1_36, "DRANodeAllocatableResources", "DynamicResourceAllocation"),
    (V1_35, "DRAPartitionableDevices", "DynamicResourceAllocation"),
    (V1_35, "DRAPrioritizedList", "DynamicResourceAllocation"),
    (V1_36, "DRAResourceClaimGranularStatusAuthorization", "DRAResourceClaimDeviceStatus"),
    (V1_36, "DRAResourceClaimGranularStatusAuthorization", "DynamicResourceAllocation"),
    (V1_36, "DRAResourcePoolStatus", "DynamicResourceAllocation"),
    (V1_35, "DRASchedulerFilterTimeout", "DynamicResourceAllocation"),
    (V1_36, "DRAWorkloadResourceClaims", "DynamicResourceAllocation"),
    (V1_36, "DRAWorkloadResourceClaims", "GenericWorkload"),
    (V1_36, "DeclarativeValidationBeta", "DeclarativeValidation"),
    (V1_35, "DeclarativeValidationTakeover", "DeclarativeValidation"),
    (V1_35, "DisableAllocatorDualWrite", "MultiCIDRServiceAllocator"),
    (V1_36, "ExtendWebSocketsToKubelet", "NodeDeclaredFeatures"),
    (V1_35, "GangScheduling", "GenericWorkload"),
    (V1_35, "GracefulNodeShutdownBasedOnPodPriority", "GracefulNodeShutdown"),
    (V1_36, "ImageVolumeWithDigest", "ImageVolume"),
    (V1_35, "InPlacePodLevelResourcesVerticalScaling", "InPlacePodVerticalScaling"),
    (V1_35, "InPlacePodLevelResourcesVerticalScaling", "NodeDeclaredFeatures"),
    (V1_35, "InPlacePodLevelResourcesVerticalScaling", "PodLevelResources"),
    (V1_35, "InPlacePodVerticalScalingAllocatedStatus", "InPlacePodVerticalScaling"),
    (V1_35, "InPlacePodVerticalScalingExclusiveCPUs", "InPlacePodVerticalScaling"),
    (V1_35, "InPlacePodVerticalScalingExclusiveMemory", "InPlacePodVerticalScaling"),
    (V1_35, "InPlacePodVerticalScalingExclusiveMemory", "MemoryManager"),
    (V1_36, "InPlacePodVerticalScalingInitContainers", "InPlacePodVerticalScaling"),
    (V1_36, "InPlacePodVerticalScalingInitContainers", "NodeDeclaredFeatures"),
    (V1_35, "MatchLabelKeysInPodTopologySpreadSelectorMerge", "MatchLabelKeysInPodTopologySpread"),
    (V1_35, "PodCertificateRequest", "AuthorizeNodeWithSelectors"),
    (V1_36, "PodLevelResourceManagers", "PodLevelResources"),
    (V1_35, "PodLifecycleSleepActionAllowZero", "PodLifecycleSleepAction"),
    (V1_35, "ProcMountType", "UserNamespacesSupport"),
    (V1_35, "ResourceHealthStatus", "DynamicResourceAllocation"),
    (V1_36, "ResourceHealthStatusMessage", "ResourceHealthStatus"),
    (V1_35, "RestartAllContainersOnContainerExits", "ContainerRestartRules"),
    (V1_35, "RestartAllContainersOnContainerExits", "NodeDeclaredFeatures"),
    (V1_35, "ServiceAccountTokenNodeBinding", "ServiceAccountTokenNodeBindingValidation"),
    (V1_36, "StaleControllerConsistencyDaemonSet", "AtomicFIFO"),
    (V1_36, "StaleControllerConsistencyJob", "AtomicFIFO"),
    (V1_36, "StaleControllerConsistencyReplicaSet", "AtomicFIFO"),
    (V1_36, "StaleControllerConsistencyStatefulSet", "AtomicFIFO"),
    (V1_35, "StorageVersionAPI", "APIServerIdentity"),
    (V1_35, "StructuredAuthenticationConfigurationEgressSelector", "StructuredAuthenticationConfiguration"),
    (V1_35, "StructuredAuthenticationConfigurationJWKSMetrics", "StructuredAuthenticationConfiguration"),
    (V1_36, "TopologyAwareWorkloadScheduling", "GenericWorkload"),
    (V1_35, "UnknownVersionInteroperabilityProxy", "APIServerIdentity"),
    (V1_36, "UserNamespacesHostNetworkSupport", "NodeDeclaredFeatures"),
    (V1_35, "UserNamespacesHostNetworkSupport", "UserNamespacesSupport"),
    (V1_35, "WindowsCPUAndMemoryAffinity", "MemoryManager"),
    (V1_35, "WindowsGracefulNodeShutdown", "GracefulNodeShutdown"),
    (V1_36, "WorkloadAwarePreemption", "GangScheduling"),
    (V1_36, "WorkloadWithJob", "GenericWorkload"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_its_defaults_go_together() {
        assert!(GATES.is_sorted_by(|a, b| a.0 < b.0), "it is searched");
        for version in Version::ALL {
            let defaults =
                gate_names(version).filter_map(|name| Some((name.to_owned(), find_gate(version, name)?.default)));
            assert_eq!(check(version, &defaults.collect()), Ok(()), "{version}");
        }
        for (_, gate, needed) in PREREQUISITES {
            assert!(row(gate).is_some() && row(needed).is_some(), "{gate} needs {needed}");
        }
    }
}
