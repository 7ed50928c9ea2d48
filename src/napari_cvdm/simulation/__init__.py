"""Fluorescence structures, optics and a camera: what training data is made of.

`structures` draws where the fluorophores are, `micrographs` takes them from real super-resolved images,
`acquisition` images them; `pairs` does both by name and seed.
"""
