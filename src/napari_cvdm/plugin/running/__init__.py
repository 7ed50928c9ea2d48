"""A run, from its plan to its last message: in a thread, in a queue, in memory or to disk."""
