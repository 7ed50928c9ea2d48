"""The method: conditional variational diffusion, in torch alone.

Read `model` first, then `schedule`, `objective` and `sampling`.
"""
