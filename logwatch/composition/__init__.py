"""What the configuration makes of the parts: pipelines, receivers, all of `run`, and what a reload puts in place."""
