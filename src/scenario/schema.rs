//! The fields of the Scenario document, with a sentence about each for editors.

use crate::api::schema::meta::OBJECT_META;
use crate::api::shape::Shape::{Boolean, Choice, ChoiceOr, Duration, DurationOr, Integer, List, Map, Number, Of, Text};
use crate::api::shape::{INT32, INT64, Shape, object};

/// A duration or a distribution of durations.
const SPAN: Shape = DurationOr(&DISTRIBUTION);
const EXIT_CODE: Shape = Integer(0, 255);
const PORT: Shape = Integer(1, 65_535);
const COUNT: Shape = Integer(0, u32::MAX as i128);

object! {
    SCENARIO = "Scenario" {
        apiVersion: Choice(&["podlapse.dev/v1alpha1"]),
        kind: Choice(&["Scenario"]),
        metadata: Of(&OBJECT_META),
        spec: Of(&SPEC) => "The world that a real cluster would supply.",
    }
    SPEC = "ScenarioSpec" {
        description: Text => "One sentence that a reader of the timeline sees first.",
        runFor: SPAN => "The virtual horizon; without it until nothing more can happen, at most 24h.",
        seed: Integer(0, u64::MAX as i128) => "All randomness comes from it; default 0.",
        epoch: Shape::Time => "The time of day at t = 0; default 2000-01-01T00:00:00Z.",
        jitter: Choice(&["None", "Kubernetes"]) => "Kubernetes draws the kubelet's own jitter from the seed.",
        schedule: Choice(&["Fifo", "Seeded"]) => "Seeded draws the order of what happens at one instant.",
        kubelet: Of(&KUBELET) => "The kubelet of every node.",
        nodes: List(&Of(&NODE)) => "The nodes; without it one, node-1.",
        latencies: Of(&LATENCIES) => "How long the container runtime's calls take.",
        images: List(&Of(&IMAGE)) => "Images; one that is not listed is already on the node.",
        containers: List(&Of(&CONTAINER)) => "What containers do; one that is not listed runs until it is stopped.",
        sandboxes: List(&Of(&SANDBOX)) => "What becomes of the attempts to make a pod's sandbox.",
        volumes: List(&Of(&VOLUME)) => "What becomes of the attempts to mount a volume.",
        programs: List(&Of(&PROGRAM)) => "Programs in containers that are not known otherwise.",
        actions: List(&Of(&ACTION)) => "What operators and the world do, in virtual time.",
        expect: List(&Of(&EXPECTATION)) => "What must hold.",
    }
    KUBELET = "Kubelet" {
        version: Text => "Which kubelet's rules, \"1.31\" to \"1.36\".",
        featureGates: Map(&Boolean) => "Feature gates by name.",
        config: Of(&CONFIG) => "Fields of KubeletConfiguration.",
        phases: ChoiceOr(&["Seeded"], &PHASES) => "When the kubelet's own ticks fall; Seeded draws them.",
    }
    NODE = "Node" {
        name: Text => "Its name.",
        kubelet: Of(&KUBELET) => "What is different from spec.kubelet.",
    }
    CONFIG = "KubeletConfiguration" {
        crashLoopBackOff: Of(&CRASH_LOOP),
        serializeImagePulls: Boolean => "Pull one image at a time; default true.",
        maxParallelImagePulls: COUNT => "At most so many pulls at a time.",
        syncFrequency: SPAN => "Default 1m.",
        nodeStatusUpdateFrequency: SPAN => "Default 10s.",
        evictionMaxPodGracePeriod: INT32 => "In seconds, for soft evictions.",
        shutdownGracePeriod: SPAN => "Default 30s.",
        shutdownGracePeriodCriticalPods: SPAN => "Default 10s.",
        shutdownGracePeriodByPodPriority: List(&Of(&PRIORITY_GRACE)),
        runtimeRequestTimeout: SPAN => "Default 2m.",
    }
    CRASH_LOOP = "CrashLoopBackOff" {
        maxContainerRestartPeriod: SPAN => "The longest back-off, 1s to 300s.",
    }
    PRIORITY_GRACE = "ShutdownGracePeriodByPodPriority" {
        priority: INT32,
        shutdownGracePeriodSeconds: INT64,
    }
    PHASES = "Phases" {
        relist: SPAN => "PLEG's global relist: this + k · 1s.",
        sync: SPAN => "The sync loop's ticker: this + k · 1s.",
        housekeeping: SPAN => "Housekeeping: this + k · 2s.",
        containerGC: SPAN => "Container garbage collection: this + k · 60s.",
        statusSync: SPAN => "The status manager's full sync: this + k · 10s.",
    }
    LATENCIES = "Latencies" {
        runPodSandbox: SPAN => "Default 211ms.",
        stopPodSandbox: SPAN => "Default 17ms.",
        removePodSandbox: SPAN => "Default 5ms.",
        createContainer: SPAN => "Default 23ms.",
        startContainer: SPAN => "Default 41ms.",
        removeContainer: SPAN => "Default 3ms.",
        pullImage: SPAN => "A pull of an image that is present; default 50ms.",
    }
    IMAGE = "Image" {
        image: Text => "Its name as containers have it.",
        present: Boolean => "Whether it is on the node; default true.",
        pulls: List(&Of(&OUTCOME)) => "One entry per attempt, the last repeats.",
        inspects: List(&Of(&INSPECT)) => "One entry per time that the kubelet asks whether it is there, the last repeats.",
    }
    INSPECT = "Inspect" {
        error: Text => "The message with which it fails.",
    }
    OUTCOME = "Outcome" {
        takes: SPAN => "How long the call takes.",
        error: Text => "The message with which it fails.",
    }
    CONTAINER = "ContainerScript" {
        pod: Text => "A pod's name, or a glob; without it every pod.",
        name: Text => "The container's name.",
        runs: List(&Of(&RUN)) => "One entry per attempt (0, 1, 2 …), the last repeats.",
    }
    SANDBOX = "SandboxScript" {
        pod: Text => "A pod's name, or a glob; without it every pod.",
        runs: List(&Of(&OUTCOME)) => "One entry per RunPodSandbox call, the last repeats.",
    }
    VOLUME = "VolumeScript" {
        pod: Text => "A pod's name, or a glob; without it every pod.",
        name: Text => "The volume's name.",
        mounts: List(&Of(&OUTCOME)) => "One entry per attempt to mount it, the last repeats.",
    }
    RUN = "Run" {
        create: Of(&OUTCOME) => "CreateContainer.",
        start: Of(&OUTCOME) => "StartContainer.",
        exit: Of(&EXIT) => "When and how it ends; without it it runs until it is stopped.",
        onTerm: Of(&ON_TERM) => "Its reaction to SIGTERM; default {after: 0s, code: 143}.",
        postStart: Of(&OUTCOME) => "The outcome of the hook.",
        preStop: Of(&OUTCOME) => "The outcome of the hook.",
        probes: Of(&PROBES) => "What probes find.",
    }
    EXIT = "Exit" {
        after: SPAN => "Counted from StartContainer's return.",
        code: EXIT_CODE,
        reason: Text => "Default Completed for 0, Error otherwise.",
        message: Text => "The termination message.",
    }
    ON_TERM = "OnTerm" {
        after: SPAN => "Counted from the signal.",
        code: EXIT_CODE,
        ignore: Boolean => "Only SIGKILL ends it.",
    }
    PROBES = "Probes" {
        startup: List(&Of(&WINDOW)),
        readiness: List(&Of(&WINDOW)),
        liveness: List(&Of(&WINDOW)),
    }
    WINDOW = "ProbeWindow" {
        from: SPAN => "Since the container started; the window holds until the next begins.",
        result: Choice(&["Success", "Failure", "Error"]) => "Default Success.",
        status: Integer(100, 599) => "An httpGet probe's status, instead of a result.",
        exitCode: EXIT_CODE => "An exec probe's exit code, instead of a result.",
        takes: SPAN => "Default 7ms.",
        message: Text => "The handler's output.",
        probability: Number => "The share of calls for which the result holds; otherwise the opposite.",
    }
    PROGRAM = "Program" {
        name: Text => "The command's name; or give an image.",
        image: Text => "An image whose entry point it is.",
        listens: List(&PORT) => "Ports that it listens on.",
        answers: List(&Of(&ANSWER)) => "Its answers to HTTP requests; the first that matches.",
        signals: Map(&Of(&ON_TERM)) => "Its reaction to signals: TERM, INT, QUIT …",
        runsFor: SPAN => "Without it it runs until it is stopped.",
        exitCode: EXIT_CODE => "Its exit code after that time; default 0.",
        output: Text => "What it writes at its start.",
    }
    ANSWER = "ProgramAnswer" {
        port: PORT,
        path: Text => "Without it any path.",
        from: SPAN => "Since the program started.",
        status: Integer(100, 599) => "Default 200.",
        body: Text,
    }
    ACTION = "Action" {
        at: SPAN => "When.",
        create: Of(&CREATE) => "This object of the input is created then, not at 0.",
        delete: Of(&DELETE) => "Deletes an object.",
        kill: Of(&KILL) => "Kills a container's process.",
        setImage: Of(&SET_IMAGE) => "Changes a container's image.",
        setCondition: Of(&SET_CONDITION) => "Writes a condition of a pod's status.",
        debug: Of(&DEBUG) => "Adds an ephemeral container, as kubectl debug does.",
        evict: Of(&EVICT) => "The kubelet evicts the pod.",
        killSandbox: Of(&POD) => "The pod's sandbox dies, with its containers.",
        restartKubelet: Of(&NODE_ACTION) => "The kubelet is away for a time; containers live on.",
        shutdownNode: Of(&NODE_SHUTDOWN) => "A graceful shutdown of the node.",
        rebootNode: Of(&NODE_ACTION) => "The machine is away for a time.",
    }
    CREATE = "Create" {
        pod: Text,
        configMap: Text,
        secret: Text,
        service: Text,
        deployment: Text,
        replicaSet: Text,
        replicationController: Text,
        statefulSet: Text,
        daemonSet: Text,
        job: Text,
        cronJob: Text,
    }
    DELETE = "Delete" {
        pod: Text,
        configMap: Text,
        secret: Text,
        service: Text,
        deployment: Text,
        replicaSet: Text,
        replicationController: Text,
        statefulSet: Text,
        daemonSet: Text,
        job: Text,
        cronJob: Text,
        gracePeriodSeconds: COUNT => "Instead of the pod's own.",
    }
    KILL = "Kill" {
        pod: Text,
        container: Text,
        code: EXIT_CODE => "Default 137.",
        reason: Text,
    }
    SET_IMAGE = "SetImage" {
        pod: Text,
        container: Text,
        image: Text,
    }
    SET_CONDITION = "SetCondition" {
        pod: Text,
        type: Text,
        status: Choice(&["True", "False", "Unknown"]),
    }
    DEBUG = "Debug" {
        pod: Text,
        name: Text => "The ephemeral container's name.",
        image: Text,
    }
    EVICT = "Evict" {
        pod: Text,
        reason: Choice(&["NodePressure", "SoftThreshold", "LocalStorageLimit"]) => "Default NodePressure.",
        message: Text,
    }
    POD = "PodName" {
        pod: Text,
    }
    NODE_ACTION = "NodeAction" {
        node: Text => "Without it the only one.",
        down: SPAN => "How long it is away.",
    }
    NODE_SHUTDOWN = "NodeShutdown" {
        node: Text => "Without it the only one.",
    }
    EXPECTATION = "Expectation" {
        at: Duration => "It holds at that time.",
        within: Duration => "It holds at some time not later than that.",
        from: Duration => "Default 0s.",
        to: Duration => "Default the end of the run.",
        that: Text => "A CEL expression, with at or within.",
        always: Text => "A CEL expression that holds all the time.",
        never: Text => "A CEL expression that holds at no time.",
    }
    /// Where a duration is allowed.
    DISTRIBUTION = "Distribution" {
        uniform: List(&Duration) => "[shortest, longest]",
        normal: Of(&NORMAL),
        exponential: Of(&EXPONENTIAL),
        lognormal: Of(&LOG_NORMAL),
    }
    NORMAL = "Normal" {
        mean: Duration,
        sd: Duration => "The standard deviation.",
    }
    EXPONENTIAL = "Exponential" {
        mean: Duration,
    }
    LOG_NORMAL = "LogNormal" {
        p50: Duration => "The median.",
        p99: Duration => "99 of 100 are shorter.",
    }
}
