"""What thinks: detectors, the pipeline that runs them, and the model operations over what they said."""
