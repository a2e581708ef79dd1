"""The recorder: real servers, a small shop, and traffic whose truth is known."""
