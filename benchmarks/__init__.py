"""Measures logwatch against grep and mtail on one seeded corpus: `python -m benchmarks`."""
