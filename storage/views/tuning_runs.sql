-- Every search for a better threshold, newest first: apparent gain on the data it was chosen on, honest gain on other
-- data, the gates, the verdict, and how an applied one did afterwards.
SELECT id, CAST(ts AS TIMESTAMPTZ) AS ts, model, environment, objective, n, n_positive, current_threshold,
    best_threshold, exact_threshold, current_metric, best_metric, apparent_gain, crossfit_gain, gain_low, verdict, detail,
    check_verdict, check_detail, realised_gain, CAST(window_from AS TIMESTAMPTZ) AS window_from,
    CAST(window_to AS TIMESTAMPTZ) AS window_to, gates, curve, applied_deployment_id
FROM tuning_run ORDER BY id DESC
