"""Small logs recorded from real servers, with ground truth, and the recorder that made them."""
