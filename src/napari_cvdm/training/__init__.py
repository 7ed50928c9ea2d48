"""Training: configuration, data, loop, validation and export; `trainer` is the place to start."""
