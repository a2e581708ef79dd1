"""What queue-anomaly says of itself."""

from __future__ import annotations

from engine.about import About

ABOUT = About(
    definition=(
        "A run is anomalous when it breaks with its type's own past or neighbours (execution_time_spike, memory_leak,"
        " rising_retries, high_failure_rate), with those that waited beside it (starvation, backlog), or when the runs"
        " of its worker together lack CPU or stall, more than those of its peers (worker_degradation). A figure must"
        " be off by both a robust z and Tukey's fence. One failed run, one retry, a large payload, a busy hour or a"
        " new job type are no anomalies. A figure that is missing switches off what rests on it, nothing else."
    ),
    features={
        "job_type": "as logged", "queue": "as logged", "worker": "as logged", "status": "as logged",
        "execution_ms": "as logged; what cannot be (NaN, negative) is null", "wait_ms": "the same; skew is 0",
        "memory_mb": "the same; 0 is null", "cpu_ms": "the same; 0 is null", "retry_count": "as logged",
        "payload_kb": "as logged", "hour": "UTC hour of the run's end", "failed": "whether the status says failed",
        "time_z": "run time against its neighbours in time, at its payload: robust z",
        "time_fence": "the same in interquartile ranges beyond the third quartile",
        "time_usual_ms": "what was usual", "time_spread": "spread of the logarithm",
        "slow_z": "run time against the type's week", "slow_usual_ms": "what was usual in it",
        "slow_runs": "runs of the type around it that are slow against the week", "slow_of": "of how many",
        "memory_z": "memory peak against its neighbours", "memory_fence": "the same beyond the third quartile",
        "memory_usual_mb": "what was usual", "memory_spread": "spread of the logarithm",
        "wait_z": "wait against that of neighbours of its payload", "wait_fence": "the same beyond the third quartile",
        "wait_usual_ms": "what was usual", "wait_spread": "spread of the logarithm",
        "late_z": "wait against the queue's week when it was enqueued", "late_fence": "beyond the third quartile",
        "late_usual_ms": "what was usual", "queue_late": "runs around it in the queue that are late as well",
        "queue_runs": "of how many", "retry_usual": "the type's ninth decile of retries in a week",
        "cpu_share": "CPU time as a share of run time", "cpu_share_usual": "the same in the type's week",
        "worker_z": "what the worker's last runs together lack of CPU or time, less what all workers lack",
        "worker_runs": "runs of the worker looked at",
        "leak_z": "Mann and Kendall's z of the worker's memory", "leak_rise": "how much it rose",
        "failed_recent": "failures in the type's runs around it", "failed_usual": "rate of failures in its week",
        "retried_recent": "retried runs around it", "retried_usual": "rate of retried runs in its week",
        "series_runs": "runs of the type around it", "worker_failed_recent": "failures on the worker around it",
        "worker_failed_usual": "the worker's rate in a week", "worker_series_runs": "runs of the worker around it",
        "runs": "runs that the usual run time was taken from",
    },
    evidence={
        "anomalies": "the surest first: type, feature, value, usual, spread, runs, confidence, words",
        "suspected": "how probable it is that the run is on a degraded worker though too little shows to name it",
        "lacked": "figures that this run's log left out",
    },
    blind_spots=(
        "A change for good (a deploy that makes a type five times as slow) is told until it fills a quarter of the"
        " type's week; a smaller one only where CPU times show that its workers wait, and for some thirty runs.",
        "A type's first dozen runs are hardly ever flagged: nothing is known yet.",
        "Run times are taken to differ by a third by nature: a run three times as slow is flagged only in a type that"
        " is otherwise steady.",
        "If all workers are sick alike, half of it is taken for the machine's state.",
        "Withheld cores hardly leave a trace in a run that needs one; `suspected` says how probable they are, at most a"
        " half, and names nothing.",
        "A leak shows as a slope only while memory rises by two fifths over the last 87 runs of a worker within a day.",
        "Failures that come back regularly are usual after a few days.",
        "Times, waits and peaks below 20 ms, half a second (or the run's own time) and 16 MB count as equal.",
        "Waits of a type that ranges over hours at the same payload by nature.",
    ),
)  # fmt: skip
