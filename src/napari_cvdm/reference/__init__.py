"""The architecture that the authors of CVDM published, in torch, and the Keras weights files trained with it.

An independent implementation, compared with recordings of the authors' TensorFlow code (github casus/cvdm).
Read `model` first: a `ReferenceCVDM` is a noise network (`sr3` or `unet`), a learned `schedule`, and with
zero-mean diffusion a mean network. `sampling` draws sharp images from it, `keras_file` reads the arrays of an
.h5 file without trusting it, and `recognition` finds out from the arrays alone which variant they belong to.
"""
