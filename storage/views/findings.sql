-- What was flagged, newest first, with the truth where it is known.
SELECT j.*, l.truth, l.label_ts
FROM judgements j
LEFT JOIN labelled_predictions l ON l.environment = j.environment AND l.prediction_id = j.prediction_id
WHERE j.flagged
ORDER BY j.ts DESC, j.prediction_id
