-- Judgements whose truth is known.
SELECT * FROM predictions_with_truth WHERE truth IS NOT NULL
