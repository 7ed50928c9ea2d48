"""Results and images in files, as layers, and layers as files."""
