-- Labelled predictions whose labels have come: what may be judged without favouring what is labelled early.
SELECT * EXCLUDE (is_mature) FROM predictions_with_maturity WHERE truth IS NOT NULL AND is_mature
