"""Files: TIFF and OME-Zarr in and out, and the micrographs that come with the package.

`tiff` and `ome_zarr_reading` open images, whole or to be read in pieces (`tiff_slices`). `ome_tiff` writes
results that are in memory; `streaming` computes lazy ones into `ome_zarr`, region by region, with the place
that `pixel_grid` finds, and `unfinished` lets it go on where it was interrupted.
"""
