"""Sentences for mistakes that the ConvNets of both Q5 notebooks have in common.

conv 5x5 - relu - conv 3x3 - relu - affine, in PyTorch and in TensorFlow.
"""

__all__ = [
    "CUT",
    "NO_BIAS",
    "NO_RELU",
    "ONE_RELU",
    "RELU_ON_SCORES",
    "SHORT",
    "SOFTMAX",
    "TURNED",
]

CUT = {
    "says": "A convolution has no padding, so its maps shrink, and the affine weights "
    "were cut to what is left of them.",
    "asks": "What were the weights that you cut off there for, and which padding keeps "
    "the size of an image under a filter of 3 x 3?",
}
SHORT = {
    "says": "The first convolution has too little padding, so its maps shrink, and the "
    "affine weights were cut to what is left of them.",
    "asks": "How wide must the border be for a filter of 5 x 5 to keep the size of an "
    "image?",
}
NO_RELU = {
    "says": "There is no ReLU after the convolutions.",
    "asks": "What do two linear layers in a row amount to?",
}
ONE_RELU = {
    "says": "A ReLU follows the first convolution, but none follows the second.",
    "asks": "What does the exercise name between the second convolution and the affine "
    "layer?",
}
NO_BIAS = {
    "says": "The convolutions leave out their biases.",
    "asks": "How many of the six parameters does your code use?",
}
SOFTMAX = {
    "says": "What comes back are probabilities; the loss takes plain scores and "
    "computes the softmax itself.",
    "asks": "How often should a softmax stand between the scores and the loss?",
}
RELU_ON_SCORES = {
    "says": "A ReLU follows the last layer, too, so no score can be negative.",
    "asks": "What does the softmax make of scores: does it need them to be positive?",
}
TURNED = {
    "says": "Height and width have changed places on the way to the affine layer.",
    "asks": "Which axis of the images is which, and have you tried one that is not "
    "square?",
}
