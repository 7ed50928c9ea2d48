"""What several benchmarks measure, and on what."""
