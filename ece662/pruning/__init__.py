"""Networks made smaller: what `ece662.pruning_helper` and notebook Q6 are built on.

`architecture` says of which layers a network consists and what they cost, and imports
no framework; `torch_net` and `keras_net` build and train it. `masks` sets weights to
zero and keeps them there, `filters` takes whole filters out, `store` and `sparse` keep
weights on disk, `measure` weighs and times. `training` holds what both frameworks
share: batches and the learning rate.

`torch_net`, `keras_net` and `filters` import their framework when they are imported, so
the package itself imports them inside functions only.
"""
