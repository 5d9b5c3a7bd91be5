"""What makes NumPy fast: nothing here is needed to understand a layer.

    im2col       convolution as a matrix product
    winograd     convolution with fewer multiplications
    batch_norm   spatial batch normalisation without turning arrays
    _kernels/    convolution and pooling without copies, compiled
    fast_optim   Adam in one pass over memory
    speed        the ways side by side, timed

`ece662.fast_layers` is the front of the kernels.
"""
