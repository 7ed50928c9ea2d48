"""Super-resolution with an uncertainty map for fluorescence microscopy."""
