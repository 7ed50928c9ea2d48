"""The layers of a result: what they are called, how they look, how they come into the viewer."""
