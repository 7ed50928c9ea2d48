"""The layer that a run is about: its axes, pixel size, colours and parts."""
