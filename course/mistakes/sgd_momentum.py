"""Mistakes in SGD with momentum."""

from course.mistakes.registry import mistake
from course.mistakes.update_rules import completed
from ece662 import optim


def _momentum_config(config, w):
    return completed(config, w, learning_rate=1e-2, momentum=0.9, velocity=None)


@mistake(
    "sgd_momentum",
    says="The parameter climbs: it moves against its velocity.",
    asks="The velocity has the gradient's minus sign in it; what does a second one do?",
)
def momentum_climbs(w, dw, config=None):
    config = _momentum_config(config, w)
    next_w, config = optim.sgd_momentum(w, dw, config)
    return 2 * w - next_w, config


@mistake(
    "sgd_momentum",
    says="The gradient is added to the velocity, where its opposite is due.",
    asks="In which direction does the loss fall?",
)
def momentum_gradient_sign(w, dw, config=None):
    return optim.sgd_momentum(w, -dw, config)


@mistake(
    "sgd_momentum",
    says="The first step is right, and so is every step that begins at rest: the new "
    "velocity is used and then forgotten.",
    asks="Where does the next call find the velocity of this one?",
)
def momentum_velocity_never_stored(w, dw, config=None):
    config = _momentum_config(config, w)
    next_w, _ = optim.sgd_momentum(w, dw, dict(config))
    return next_w, config


@mistake(
    "sgd_momentum",
    says="The gradient enters as part of a weighted average; a velocity adds it up at "
    "full strength.",
    asks="Down a constant slope, how fast should a ball become, compared with one "
    "step of plain gradient descent?",
)
def momentum_averages(w, dw, config=None):
    config = _momentum_config(config, w)
    return optim.sgd_momentum(w, (1 - config["momentum"]) * dw, config)


@mistake(
    "sgd_momentum",
    says="This is Nesterov's variant, which looks one step ahead; plain momentum just "
    "follows its velocity.",
    asks="Given the velocity, how does plain momentum move the parameter?",
)
def momentum_is_nesterov(w, dw, config=None):
    config = _momentum_config(config, w)
    _, config = optim.sgd_momentum(w, dw, config)
    ahead = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    return w + ahead, config


@mistake(
    "sgd_momentum",
    says="The velocity is kept without the learning rate, which is applied at the "
    "end. That is another convention, and a velocity that is handed in means "
    "something else.",
    asks="Which quantities does the formula of this rule put into the velocity?",
)
def momentum_rate_outside_velocity(w, dw, config=None):
    config = _momentum_config(config, w)
    config["velocity"] = config["momentum"] * config["velocity"] - dw
    return w + config["learning_rate"] * config["velocity"], config


@mistake(
    "sgd_momentum",
    says="The velocity is kept with the opposite sign, so one that is handed in leads "
    "the wrong way.",
    asks="If the velocity is +1 and the gradient zero, in which direction should the "
    "parameter go?",
)
def momentum_velocity_points_uphill(w, dw, config=None):
    config = _momentum_config(config, w)
    learning_rate, momentum = config["learning_rate"], config["momentum"]
    config["velocity"] = momentum * config["velocity"] + learning_rate * dw
    return w - config["velocity"], config


@mistake(
    "sgd_momentum",
    says="The parameter moves by the velocity from before; the new one is kept for "
    "the next step.",
    asks="In the very first step, should the parameter stay where it is?",
)
def momentum_moves_by_old_velocity(w, dw, config=None):
    config = _momentum_config(config, w)
    old = config["velocity"].copy()
    _, config = optim.sgd_momentum(w, dw, config)
    return w + old, config


@mistake(
    "sgd_momentum",
    says="Earlier gradients have no effect: this is plain gradient descent.",
    asks="What does the rule remember between two steps?",
)
def momentum_is_plain_sgd(w, dw, config=None):
    config = _momentum_config(config, w)
    config["velocity"] = -config["learning_rate"] * dw
    return w + config["velocity"], config


@mistake(
    "sgd_momentum",
    says="The velocity never slows down: the old one is kept in full.",
    asks="What in the formula plays the part of friction?",
)
def momentum_without_friction(w, dw, config=None):
    config = _momentum_config(config, w)
    config["velocity"] = config["velocity"] - config["learning_rate"] * dw
    return w + config["velocity"], config


@mistake(
    "sgd_momentum",
    says="The momentum is always 0.9, whatever the config says.",
    asks="Where do the settings of the rule come from?",
    hidden=True,
)
def momentum_always_nine_tenths(w, dw, config=None):
    config = _momentum_config(config, w)
    asked = config["momentum"]
    next_w, config = optim.sgd_momentum(w, dw, config | {"momentum": 0.9})
    return next_w, config | {"momentum": asked}
