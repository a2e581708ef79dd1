-- What was flagged, newest first, with the truth where it is known.
SELECT * EXCLUDE (propensity, labelled_by) FROM predictions_with_truth
WHERE flagged
ORDER BY ts DESC, prediction_id
