-- Labelled predictions of cohorts whose labels have come: what may be judged without favouring what is labelled early.
SELECT l.*
FROM labelled_predictions l
JOIN label_cohorts c ON c.model = l.model AND c.version = l.version AND c.environment = l.environment
    AND c.hour = date_trunc('hour', l.ts)
WHERE c.is_mature
