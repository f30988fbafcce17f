"""PromQL instant queries over the change points of series."""
