"""Restoration: from an image or a stack to a sharp one with its uncertainty. No files, no Qt.

Read `restore` first: it is the door, and lists what a caller may ask for. `request` checks all of it before
any work begins, with `validation` for the pixels and `axes` for the planes. `run` then goes through planes
and draws and yields `events`; `plane` does one plane, using `normalization` for intensities, `tiling` and
`device` to fit memory, and `noise`, which belongs to the pixel, so that neither tile nor order changes the
outcome. `posterior` turns draws into a mean and a standard deviation, `provenance` tells how that was done,
and `result` is what comes back.

What does not fit in memory goes through `lazy`, as dask arrays: `block` restores a part of a plane with its
halo, `tasks` is what a worker does for it, `resident` keeps the model there, `cluster` finds workers.

What goes wrong for a reason the user can mend is one of `errors`.
"""
