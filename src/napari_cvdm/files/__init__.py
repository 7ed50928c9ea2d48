"""Files: TIFF in, OME-TIFF out, and the micrographs that come with the package."""
