"""All the plots: each function draws one figure and shows it.

    style           colours, markers and sizes, for the dashboards too
    training        pictures by class, training curves, weights, mistakes
    normalisation   what batch and layer normalisation do
    convolution     windows, filters, channels
    pruning         masks, sensitivity, what a smaller network costs

Each returns nothing, so that a cell of a notebook prints nothing beside it.
"""
