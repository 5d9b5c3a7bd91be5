"""Measurements: what the package claims about its speed, made repeatable.

`harness` compares libraries fairly, `worker` is the process each of them runs in.
`ece662_nets` and `torch_nets` hold the two sides of a comparison; a test shows that
they compute the same thing. What can be run, from the repository's top folder:

    python -m benchmarks.training_step    # samples per second, against torch
    python -m benchmarks.memory           # peak memory of training, against torch
    python -m benchmarks.conv             # convolution and pooling, against torch

And, apart from speed, whether the synthetic images teach what they are there for, and
whether the checks judge well:

    python -m benchmarks.synthetic_lessons
    python -m benchmarks.judging          # who is blamed, what passes, what is said
    python -m benchmarks.confusion        # which mistake is taken for which
"""
