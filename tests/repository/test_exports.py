"""What the modules of the course export: a name that goes or comes is a decision.

The notebooks, and every student's own code, import these names. Those that the course
has always had stand first; what was added is listed apart.
"""

import ast
import importlib
import inspect
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def both_ways(*layers, suffix=""):
    """Return the names of the forward and the backward of each layer."""
    return {
        f"{layer}_{direction}{suffix}"
        for layer in layers
        for direction in ("forward", "backward")
    }


LAYERS = (
    both_ways("affine", "relu", "batchnorm", "layernorm", "dropout")
    | both_ways("spatial_batchnorm", "spatial_groupnorm")
    | both_ways("conv", "max_pool", suffix="_naive")
    | {"batchnorm_backward_alt", "svm_loss", "softmax_loss"}
)
SANDWICHES = both_ways("affine_relu", "conv_relu", "conv_relu_pool") | both_ways(
    "affine_bn_relu", "affine_ln_relu", "conv_bn_relu", "conv_bn_relu_pool"
)
NUMERICAL = {"eval_numerical_gradient", "eval_numerical_gradient_array"}

# {module: (names of the course, names that were added)}
EXPORTS = {
    "ece662.layers": (LAYERS, set()),
    "ece662.layer_utils": (SANDWICHES, set()),
    "ece662.fast_layers": (
        both_ways("conv", "max_pool", suffix="_fast"),
        {"backend", "build"}
        | both_ways("spatial_batchnorm", "spatial_batchnorm_relu", suffix="_fast"),
    ),
    "ece662.optim": ({"sgd", "sgd_momentum", "rmsprop", "adam"}, set()),
    "ece662.solver": ({"Solver"}, {"DivergenceWarning"}),
    "ece662.gradient_check": (NUMERICAL, {"rel_error"}),
    "ece662.vis_utils": ({"visualize_grid"}, set()),
    "ece662.data_utils": (
        {"get_CINIC10_data"},
        {"SOURCES", "describe", "find_data_set"},
    ),
    "ece662.classifiers.fc_net": (
        {"TwoLayerNet", "FullyConnectedNet"} | LAYERS | SANDWICHES,
        set(),
    ),
    "ece662.classifiers.cnn": (
        {"ThreeLayerConvNet"} | LAYERS | SANDWICHES,
        {"ConvNet"},
    ),
    "ece662.classifiers.base": (set(), {"Classifier"}),
    "ece662.pruning_helper": ({"load_model", "test_model", "invert_ch"}, {"MODES"}),
    "ece662.notebook": (
        set(),
        {"RELEASE", "REPOSITORY", "compare_losses", "full_size", "get_ready"}
        | {"report_accuracy", "report_error", "report_value"},
    ),
}


@pytest.mark.parametrize("module", EXPORTS)
def test_exports_are_those_of_the_course_and_of_the_list(module):
    exported = importlib.import_module(module).__all__
    course, added = EXPORTS[module]
    assert sorted(exported) == sorted(course | added)


@pytest.mark.parametrize("module", EXPORTS)
def test_star_import_brings_every_name_and_no_other(module):
    names = {}
    exec(f"from {module} import *", names)
    assert names.keys() - {"__builtins__"} == set.union(*EXPORTS[module])


@pytest.mark.parametrize("module", EXPORTS)
def test_no_function_or_class_is_public_but_the_exported(module):
    loaded = importlib.import_module(module)
    public = {
        name
        for name, value in vars(loaded).items()
        if inspect.isfunction(value) or inspect.isclass(value)
        if value.__module__ == module and not name.startswith("_")
    }
    assert public - INTERNAL <= set(loaded.__all__)


# What a layer keeps for its backward pass; students have forms of their own.
INTERNAL = {"BatchNormCache"}


def test_types_are_checked_in_every_module_of_the_course():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    checked = {
        path
        for entry in settings["files"]
        for path in [ROOT / entry, *(ROOT / entry).glob("*.py")]
    }
    for module in EXPORTS:
        assert ROOT.joinpath(*module.split(".")).with_suffix(".py") in checked
    assert ROOT / "tests" / "repository" / "wrong_types.py" in checked


@pytest.mark.parametrize("module", EXPORTS)
def test_every_argument_and_result_has_a_type(module):
    """mypy asks for it as well; this finds a file that it was made to ignore."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    text = path.read_text("utf-8")
    assert "type: ignore\n" not in text
    assert "mypy:" not in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            given = node.args
            arguments = given.posonlyargs + given.args + given.kwonlyargs
            untyped = {
                argument.arg for argument in arguments if not argument.annotation
            }
            assert untyped <= {"self", "cls"}, f"{module}.{node.name}: {untyped}"
            assert node.returns, f"{module}.{node.name} says not what it returns"
