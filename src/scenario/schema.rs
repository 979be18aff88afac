//! The fields of the Scenario document, with a sentence about each, and its default, for editors and docs/scenario.md.

use crate::api::schema::meta::OBJECT_META;
use crate::api::shape::Shape::{
    Boolean, Choice, ChoiceOr, Duration, DurationOr, Integer, List, Map, Number, Of, Text, Version,
};
use crate::api::shape::{INT32, INT64, Shape, object};

/// A duration or a distribution of durations.
const SPAN: Shape = DurationOr(&DISTRIBUTION);
const EXIT_CODE: Shape = Integer(0, 255);
const PORT: Shape = Integer(1, 65_535);
const COUNT: Shape = Integer(0, u32::MAX as i128);

object! {
    SCENARIO = "Scenario" {
        apiVersion: Choice(&["podlapse.dev/v1alpha1"]) => "The version of this format." ["required"],
        kind: Choice(&["Scenario"]) => "What the document is." ["required"],
        metadata: Of(&OBJECT_META) => "The name is shown; the rest is as in any manifest." ["required"],
        spec: Of(&SPEC) => "The world that a real cluster would supply.",
    }
    SPEC = "ScenarioSpec" {
        description: Text => "One sentence that a reader of the timeline sees first.",
        runFor: SPAN => "The virtual horizon." ["until nothing more can happen, at most 24h"],
        seed: Integer(0, u64::MAX as i128) => "All randomness comes from it." ["0"],
        epoch: Shape::Time => "The time of day at t = 0, in UTC." ["2000-01-01T00:00:00Z"],
        jitter: Choice(&["None", "Kubernetes"]) => "Kubernetes draws the kubelet's own jitter from the seed." ["None"],
        schedule: Choice(&["Fifo", "Seeded"])
            => "The order of what happens at one instant: first come, first served, or drawn from the seed." ["Fifo"],
        kubelet: Of(&KUBELET) => "The kubelet of every node.",
        nodes: List(&Of(&NODE)) => "The nodes; pods that name none take turns." ["one, node-1"],
        latencies: Of(&LATENCIES) => "How long the container runtime's calls take.",
        images: List(&Of(&IMAGE)) => "Images; one that is not listed is already on the node.",
        containers: List(&Of(&CONTAINER))
            => "What containers do; one that is not listed acts by itself, or runs until it is stopped.",
        sandboxes: List(&Of(&SANDBOX)) => "What becomes of the attempts to make a pod's sandbox.",
        volumes: List(&Of(&VOLUME)) => "What becomes of the attempts to mount a volume.",
        programs: List(&Of(&PROGRAM)) => "Programs in containers that are not known otherwise.",
        actions: List(&Of(&ACTION)) => "What operators and the world do, in virtual time; objects are named `NAME`, or `NAMESPACE/NAME` where several have the name.",
        expect: List(&Of(&EXPECTATION)) => "What must hold.",
    }
    KUBELET = "Kubelet" {
        version: Version => "Which kubelet's rules, \"1.31\" to \"1.36\"." ["\"1.36\""],
        featureGates: Map(&Boolean)
            => "Feature gates by name; AllAlpha and AllBeta set all of their stage." ["as in the version"],
        config: Of(&CONFIG) => "Fields of KubeletConfiguration.",
        phases: ChoiceOr(&["Seeded"], &PHASES) => "When the kubelet's own ticks fall; Seeded draws them.",
    }
    NODE = "Node" {
        name: Text => "Its name; the nodeName of a pod is one of them." ["required"],
        kubelet: Of(&KUBELET) => "What is different from spec.kubelet.",
    }
    CONFIG = "KubeletConfiguration" {
        crashLoopBackOff: Of(&CRASH_LOOP) => "The back-off of containers that crash.",
        serializeImagePulls: Boolean => "Pull one image at a time." ["true; false with `maxParallelImagePulls` above 1"],
        maxParallelImagePulls: Integer(1, i32::MAX as i128)
            => "At most so many pulls at a time; not more than 1 where `serializeImagePulls: true` is given." ["no limit"],
        registryPullQPS: Integer(0, i32::MAX as i128) => "At most so many pulls a second, after the burst; 0: no limit." ["5"],
        registryBurst: Integer(0, i32::MAX as i128) => "So many pulls may come at once; 0: the default." ["10"],
        syncFrequency: SPAN => "How often each pod is synced, at the least; 0s: the default." ["1m"],
        nodeStatusUpdateFrequency: SPAN => "How often the kubelet tells the status of its node; 0s: the default." ["10s"],
        evictionMaxPodGracePeriod: INT32 => "In seconds, for soft evictions." ["0"],
        shutdownGracePeriod: SPAN => "How long a node that shuts down waits for its pods, in all; 0s: its kubelet takes no notice." ["30s"],
        shutdownGracePeriodCriticalPods: SPAN => "How much of that is for critical pods, which end last." ["10s; 0s when `shutdownGracePeriod` is shorter"],
        shutdownGracePeriodByPodPriority: List(&Of(&PRIORITY_GRACE))
            => "Instead of the two: a grace period for each range of priorities.",
        runtimeRequestTimeout: SPAN => "After this time the kubelet gives up CreateContainer and StartContainer, after twice as long RunPodSandbox; 0s: the default." ["2m"],
    }
    CRASH_LOOP = "CrashLoopBackOff" {
        maxContainerRestartPeriod: SPAN => "The longest back-off, 1s to 300s." ["5m"],
    }
    PRIORITY_GRACE = "ShutdownGracePeriodByPodPriority" {
        priority: INT32 => "Pods of this priority or a higher one, up to the next entry's." ["0"],
        shutdownGracePeriodSeconds: INT64 => "How long the node waits for them." ["0"],
    }
    PHASES = "Phases" {
        relist: SPAN => "PLEG's global relist: this + k · 1s." ["100ms"],
        sync: SPAN => "The sync loop's ticker: this + k · 1s." ["200ms"],
        housekeeping: SPAN => "Housekeeping: this + k · 2s." ["250ms"],
        containerGC: SPAN => "Container garbage collection: this + k · 60s." ["300ms"],
        statusSync: SPAN => "The status manager's full sync: this + k · 10s." ["400ms"],
    }
    LATENCIES = "Latencies" {
        runPodSandbox: SPAN => "How long RunPodSandbox takes." ["211ms"],
        stopPodSandbox: SPAN => "How long StopPodSandbox takes." ["17ms"],
        removePodSandbox: SPAN => "How long RemovePodSandbox takes." ["5ms"],
        createContainer: SPAN => "How long CreateContainer takes." ["23ms"],
        startContainer: SPAN => "How long StartContainer takes." ["41ms"],
        removeContainer: SPAN => "How long RemoveContainer takes." ["3ms"],
        pullImage: SPAN => "How long a pull takes that `images` does not time." ["50ms"],
    }
    IMAGE = "Image" {
        image: Text => "Its name as containers have it." ["required"],
        present: Boolean => "Whether it is on the node." ["true"],
        pulls: List(&Of(&OUTCOME)) => "One entry per attempt, the last repeats.",
        inspects: List(&Of(&INSPECT))
            => "One entry per ImageStatus call, the last repeats: the kubelet asks whether the image is there, how large it is after a pull, and for its user before each CreateContainer.",
    }
    INSPECT = "Inspect" {
        error: Text => "The message with which it fails." ["it succeeds"],
    }
    OUTCOME = "Outcome" {
        takes: SPAN => "How long the call takes." ["that of latencies; 0s for hooks and mounts"],
        error: Text => "The message with which it fails." ["it succeeds"],
    }
    CONTAINER = "ContainerScript" {
        pod: Text => "A pod's name, or a glob: `web-*` for pods that a controller makes; `NAMESPACE/NAME` where the namespace counts." ["every pod"],
        name: Text => "The container's name." ["required"],
        runs: List(&Of(&RUN)) => "One entry per attempt (0, 1, 2 …), the last repeats.",
    }
    SANDBOX = "SandboxScript" {
        pod: Text => "A pod's name, or a glob: `web-*` for pods that a controller makes; `NAMESPACE/NAME` where the namespace counts." ["every pod"],
        runs: List(&Of(&OUTCOME)) => "One entry per RunPodSandbox call, the last repeats.",
    }
    VOLUME = "VolumeScript" {
        pod: Text => "A pod's name, or a glob: `web-*` for pods that a controller makes; `NAMESPACE/NAME` where the namespace counts." ["every pod"],
        name: Text => "The volume's name." ["required"],
        mounts: List(&Of(&OUTCOME)) => "One entry per attempt to mount it, the last repeats.",
    }
    RUN = "Run" {
        create: Of(&OUTCOME) => "What becomes of CreateContainer.",
        start: Of(&OUTCOME) => "What becomes of StartContainer.",
        exit: Of(&EXIT) => "When and how it ends by itself." ["it runs until it is stopped"],
        onTerm: Of(&ON_TERM) => "Its reaction to SIGTERM." ["{after: 0s, code: 143}"],
        postStart: Of(&OUTCOME) => "What becomes of the hook.",
        preStop: Of(&OUTCOME) => "What becomes of the hook.",
        probes: Of(&PROBES) => "What probes find." ["they succeed"],
    }
    EXIT = "Exit" {
        after: SPAN => "Counted from StartContainer's return." ["required"],
        code: EXIT_CODE => "The exit code." ["required"],
        reason: Text => "The reason in the status, such as OOMKilled." ["Completed for 0, Error otherwise"],
        message: Text => "The termination message.",
    }
    ON_TERM = "OnTerm" {
        after: SPAN => "Counted from the signal." ["0s"],
        code: EXIT_CODE => "The exit code." ["143"],
        ignore: Boolean => "Only SIGKILL ends it, with 137." ["false"],
    }
    PROBES = "Probes" {
        startup: List(&Of(&WINDOW)) => "What the startup probe finds, and from when on." ["it succeeds"],
        readiness: List(&Of(&WINDOW)) => "What the readiness probe finds, and from when on." ["it succeeds"],
        liveness: List(&Of(&WINDOW)) => "What the liveness probe finds, and from when on." ["it succeeds"],
    }
    WINDOW = "ProbeWindow" {
        from: SPAN => "Since the container started; the window holds until the next begins." ["0s"],
        result: Choice(&["Success", "Failure", "Error"])
            => "Error is a handler that fails: the kubelet ignores the answer." ["Success"],
        status: Integer(100, 599) => "An httpGet probe's status, instead of a result.",
        exitCode: EXIT_CODE => "An exec probe's exit code, instead of a result.",
        takes: SPAN => "How long a call takes; longer than timeoutSeconds is a timeout." ["7ms"],
        message: Text => "The handler's output.",
        probability: Number(0, 1) => "The share of calls, 0 to 1, for which the result holds; otherwise the opposite." ["1"],
    }
    PROGRAM = "Program" {
        name: Text => "The command's name; or give an image.",
        image: Text => "An image whose entry point it is.",
        listens: List(&PORT) => "Ports that it listens on.",
        answers: List(&Of(&ANSWER)) => "Its answers to HTTP requests; the first that matches.",
        signals: Map(&Of(&ON_TERM)) => "Its reaction to signals by name: TERM, INT, QUIT …",
        runsFor: SPAN => "How long it runs." ["until it is stopped"],
        exitCode: EXIT_CODE => "Its exit code after that time." ["0"],
        output: Text => "What it writes at its start.",
    }
    ANSWER = "ProgramAnswer" {
        port: PORT => "The port that is asked." ["any of listens"],
        path: Text => "The path that is asked." ["any"],
        from: SPAN => "Since the program started." ["0s"],
        status: Integer(100, 599) => "The status of the answer." ["200"],
        body: Text => "The body of the answer." ["empty"],
    }
    ACTION = "Action" {
        at: SPAN => "When it is done." ["required"],
        create: Of(&CREATE) => "The one object of the input that is named is created then, not at 0." ["one of these"],
        delete: Of(&DELETE) => "Deletes the one object that is named." ["one of these"],
        kill: Of(&KILL) => "Kills a container's process." ["one of these"],
        setImage: Of(&SET_IMAGE) => "Changes a container's image." ["one of these"],
        setCondition: Of(&SET_CONDITION) => "Writes a condition of a pod's status." ["one of these"],
        debug: Of(&DEBUG) => "Adds an ephemeral container, as kubectl debug does." ["one of these"],
        evict: Of(&EVICT) => "The kubelet evicts the pod." ["one of these"],
        killSandbox: Of(&POD) => "The pod's sandbox dies, with its containers." ["one of these"],
        restartKubelet: Of(&NODE_ACTION) => "The kubelet is away for a time; containers live on." ["one of these"],
        shutdownNode: Of(&NODE_SHUTDOWN) => "A graceful shutdown of the node." ["one of these"],
        rebootNode: Of(&NODE_ACTION) => "The machine is away for a time." ["one of these"],
    }
    CREATE = "Create" {
        pod: Text => "The name of the Pod that is created." ["one of these"],
        configMap: Text => "The name of the ConfigMap that is created." ["one of these"],
        secret: Text => "The name of the Secret that is created." ["one of these"],
        service: Text => "The name of the Service that is created." ["one of these"],
        deployment: Text => "The name of the Deployment whose pods are created." ["one of these"],
        replicaSet: Text => "The name of the ReplicaSet whose pods are created." ["one of these"],
        replicationController: Text => "The name of the ReplicationController whose pods are created." ["one of these"],
        statefulSet: Text => "The name of the StatefulSet whose pods are created." ["one of these"],
        daemonSet: Text => "The name of the DaemonSet whose pods are created." ["one of these"],
        job: Text => "The name of the Job whose pods are created." ["one of these"],
        cronJob: Text => "The name of the CronJob whose pods are created." ["one of these"],
    }
    DELETE = "Delete" {
        pod: Text => "The name of the Pod that is deleted." ["one of these"],
        configMap: Text => "The name of the ConfigMap that is deleted." ["one of these"],
        secret: Text => "The name of the Secret that is deleted." ["one of these"],
        service: Text => "The name of the Service that is deleted." ["one of these"],
        deployment: Text => "The name of the Deployment whose pods are deleted." ["one of these"],
        replicaSet: Text => "The name of the ReplicaSet whose pods are deleted." ["one of these"],
        replicationController: Text => "The name of the ReplicationController whose pods are deleted." ["one of these"],
        statefulSet: Text => "The name of the StatefulSet whose pods are deleted." ["one of these"],
        daemonSet: Text => "The name of the DaemonSet whose pods are deleted." ["one of these"],
        job: Text => "The name of the Job whose pods are deleted." ["one of these"],
        cronJob: Text => "The name of the CronJob whose pods are deleted." ["one of these"],
        gracePeriodSeconds: COUNT => "Instead of the pods' own." ["terminationGracePeriodSeconds"],
    }
    KILL = "Kill" {
        pod: Text => "The pod's name." ["required"],
        container: Text => "The container's name." ["required"],
        code: EXIT_CODE => "The exit code." ["137"],
        reason: Text => "The reason in the status." ["Completed for 0, Error otherwise"],
    }
    SET_IMAGE = "SetImage" {
        pod: Text => "The pod's name." ["required"],
        container: Text => "The container's name." ["required"],
        image: Text => "The new image." ["required"],
    }
    SET_CONDITION = "SetCondition" {
        pod: Text => "The pod's name." ["required"],
        type: Text => "The condition's type." ["required"],
        status: Choice(&["True", "False", "Unknown"]) => "Its status." ["required"],
    }
    DEBUG = "Debug" {
        pod: Text => "The pod's name." ["required"],
        name: Text => "The ephemeral container's name." ["required"],
        image: Text => "Its image." ["required"],
    }
    EVICT = "Evict" {
        pod: Text => "The pod's name." ["required"],
        reason: Choice(&["NodePressure", "SoftThreshold", "LocalStorageLimit"])
            => "Why: a threshold of the node, a soft one, or the pod's own limit." ["NodePressure"],
        message: Text => "The message in the status." ["The node was low on resource: memory."],
    }
    POD = "PodName" {
        pod: Text => "The pod's name." ["required"],
    }
    NODE_ACTION = "NodeAction" {
        node: Text => "The node's name." ["the only one"],
        down: SPAN => "How long it is away." ["0s"],
    }
    NODE_SHUTDOWN = "NodeShutdown" {
        node: Text => "The node's name." ["the only one"],
    }
    EXPECTATION = "Expectation" {
        at: Duration => "With `that`: it holds at that time.",
        within: Duration => "With `that`: it holds at some time not later than this.",
        from: Duration => "With `always` and `never`: from then on." ["0s"],
        to: Duration => "With `always` and `never`: until then." ["the end of the run"],
        that: Text => "A CEL expression, with `at` or `within`." ["one of these"],
        always: Text => "A CEL expression that holds all the time." ["one of these"],
        never: Text => "A CEL expression that holds at no time." ["one of these"],
    }
    DISTRIBUTION = "Distribution" {
        uniform: List(&Duration) => "[shortest, longest]" ["one of these"],
        normal: Of(&NORMAL) => "Cut at 0." ["one of these"],
        exponential: Of(&EXPONENTIAL) => "Most are short, few are very long." ["one of these"],
        lognormal: Of(&LOG_NORMAL) => "As latencies are: most are near the median, some are much longer." ["one of these"],
    }
    NORMAL = "Normal" {
        mean: Duration => "The mean." ["required"],
        sd: Duration => "The standard deviation." ["required"],
    }
    EXPONENTIAL = "Exponential" {
        mean: Duration => "The mean." ["required"],
    }
    LOG_NORMAL = "LogNormal" {
        p50: Duration => "The median." ["required"],
        p99: Duration => "99 of 100 are shorter." ["required"],
    }
}
