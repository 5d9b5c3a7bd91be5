"""The networks of the course in PyTorch and in TensorFlow, and what Q5 needs for it.

    installed      which of the two is there, and what to say where one is not
    images         axes in the order that TensorFlow wants
    torch_tools    batches, accuracy and the Solver's view of a PyTorch model
    tf_tools       the same for Keras
    ten_epochs     what helps a network that has ten epochs, in PyTorch
    pointwise      strided 1 x 1 convolutions that crash on no processor
    same_net       one network, once for each library, and its losses
    training_log   losses and accuracies of a loop that a student writes

Both frameworks are imported inside the functions that use them; `pointwise` and
`ten_epochs`, which are made of PyTorch, are themselves imported where it is there.
"""
