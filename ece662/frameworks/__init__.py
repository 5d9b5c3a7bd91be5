"""The networks of the course in PyTorch and in TensorFlow, and what Q5 needs for it.

    images         axes in the order that TensorFlow wants
    torch_tools    batches, accuracy and the Solver's view of a PyTorch model
    tf_tools       the same for Keras
    same_net       one network, once for each library, and its losses
    training_log   losses and accuracies of a loop that a student writes

Both are imported inside the functions that use them.
"""
