"""Every dashboard in JupyterLab: shown at once, moved by keyboard and mouse."""

import json
import re

import pytest

from course.sandbox.waiting import slowness
from tests import limits

from .conftest import SCREENSHOTS

FIRST_PICTURE, UPDATE, STOP = 1.0, 0.3, 0.5  # seconds that a student may wait

# The cell's last line; a slider for the keyboard; one for the mouse; a list and what to
# choose there.
DASHBOARDS = {
    "optimiser_race": ("learning rate", "momentum", "surface", "saddle"),
    "gradient_checker": ("nudge h", "random inputs", "layer", "batchnorm"),
    "activations_through_depth": (
        *("weight scale", "layers"),
        *("normalisation", "batch normalisation"),
    ),
    "normalisation_cube": ("batch size", "batch size", "normalisation", "group"),
    "dropout_masks": ("keep p", "sub-networks", None, None),
    "convolution_window": ("window, in %", "stride", "ready kernels", "blur"),
}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_dashboard_is_shown_and_moved(open_page, name):
    by_keyboard, by_mouse, menu, option = DASHBOARDS[name]
    source = f"from ece662.widgets import {name}\n\n{name}()"
    page = open_page(name, source)
    times = {"first": page.run()}
    page.screenshot(name)
    said = page.text()
    times["keyboard"] = page.press(by_keyboard, "ArrowLeft")
    times["mouse"] = page.drag(by_mouse, 0.2)
    assert page.text() != said
    if menu:
        times["list"] = page.choose(menu, option)
    page.screenshot(f"{name}-moved")
    keep_times(name, times)
    assert page.errors == []
    assert times.pop("first") < allowed(FIRST_PICTURE)
    assert max(times.values()) < allowed(UPDATE), times


# More than a minute of training on any machine: it must not end before it is stopped.
TRAINING = """
from ece662.data_utils import get_CINIC10_data
from ece662.widgets import training_dashboard

data = globals().get("data") or get_CINIC10_data(verbose=False)
training_dashboard(
    data,
    net="3 layers, convolution first",
    rule="adam",
    learning_rate=1e-3,
    batch_size=10,
    pictures=len(data["y_train"]),
    epochs=30,
)
"""
THREADS = """
import threading
print(sum(t.name == "ece662 training" for t in threading.enumerate()), "trainers")
"""


def test_training_is_started_paused_stopped_and_run_again(open_page):
    page = open_page("training_dashboard", TRAINING.strip(), height=1250)
    times = {"first": page.run()}
    page.choose_only("update rule", "rmsprop")
    page.click("Start")
    times["live picture"] = page.wait_for_picture()
    page.wait_for_text("left")
    page.click("Pause")
    page.wait_for_text("paused")
    page.click("Go on")
    page.wait_for_text("running")
    page.press_only("learning rate", "ArrowLeft", 10)  # the page is alive
    page.wait_for_picture()
    page.screenshot("training_dashboard")
    page.click("Stop")
    times["stop"] = page.wait_for_text("stopped")
    page.click("Start")
    page.wait_for_text("running")
    page.run()  # the cell once more, in the middle of a run
    page.page.get_by_text("2 ★").or_(page.page.get_by_text("1 ★")).first.wait_for()
    page.click("Start")
    page.wait_for_text("running")
    page.screenshot("training_dashboard-again")
    said = page.run_new_cell(THREADS.strip(), "trainers")
    page.click("Stop")
    page.wait_for_text("stopped")
    keep_times("training_dashboard", times)
    assert said == "1 trainers"
    assert page.errors == []
    # The data is loaded in this cell, too.
    assert times["first"] < allowed(5 * FIRST_PICTURE)
    assert times["stop"] < allowed(STOP)


TORCH_TRAINING = """
from functools import partial

from torch import nn

from ece662.data_utils import get_CINIC10_data
from ece662.widgets import training_dashboard


def my_net(filters):
    layers = nn.Conv2d(3, filters, 4, stride=4), nn.ReLU(), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(64 * filters, 6))


data = get_CINIC10_data(verbose=False)
training_dashboard(
    data,
    framework="torch",
    networks={"mine": partial(my_net, 8)},
    net="3 layers, convolution first",
    rule="adam",
    learning_rate=1e-3,
    batch_size=10,
    pictures=len(data["y_train"]),
    epochs=30,
)
"""


def test_training_in_torch_is_started_and_stopped(open_page):
    pytest.importorskip("torch")
    page = open_page("training_dashboard-torch", TORCH_TRAINING.strip(), height=1250)
    times = {"first": page.run()}
    page.click("Start")
    times["live picture"] = page.wait_for_picture()
    page.wait_for_text("left")
    page.press_only("learning rate", "ArrowLeft", 10)  # the page is alive
    page.click("Stop")
    times["stop"] = page.wait_for_text("stopped")
    page.choose_only("network", "mine")
    page.choose_only("batch size", "500")
    page.press_only("epochs", "Home")
    page.click("Start")
    page.wait_for_text(re.compile(r"Run 2 \(mine, .* finished"))
    page.page.get_by_text("is the best so far").click()
    page.screenshot("training_dashboard-torch")
    code = page.page.locator("details pre").inner_text()
    keep_times("training_dashboard-torch", times)
    assert "TorchModel(model, optimizer" in code
    assert page.errors == []
    # torch and the data are loaded in this cell, too.
    assert times["first"] < allowed(10 * FIRST_PICTURE)
    assert times["stop"] < allowed(STOP)


SEARCH = """
from ece662.data_utils import get_CINIC10_data
from ece662.widgets import hyperparameter_search

data = get_CINIC10_data(verbose=False)
hyperparameter_search(data, trials=40, pictures=500, epochs=2, cores=1)
"""


def test_search_is_started_stopped_and_resumed(open_page):
    page = open_page("hyperparameter_search", SEARCH.strip(), height=1250)
    times = {"first": page.run()}
    page.click("Start")
    times["first trials"] = page.wait_for_text("Best validation accuracy", 60_000)
    page.press_only("trials in all", "ArrowLeft", 3)  # the page is alive
    # A fast machine may go from 3 to 5 between two looks.
    page.wait_for_text(re.compile(r"^([4-9]|[123]\d) of 40 trials"), 60_000)
    page.click("Stop")
    times["stop"] = page.wait_for_text("stopped")
    done = int(page.text().split()[0])
    page.screenshot("hyperparameter_search")
    page.click("Start")
    later = "|".join(str(number) for number in range(done + 2, 38))
    page.wait_for_text(re.compile(rf"^({later}) of 37 trials"), 60_000)
    page.click("Stop")
    page.wait_for_text("stopped")
    keep_times("hyperparameter_search", times)
    assert page.errors == []
    assert times["first"] < allowed(5 * FIRST_PICTURE)
    assert times["stop"] < allowed(STOP)


PRUNING = """
from ece662.data_utils import get_CINIC10_data
from ece662.pruning.architecture import residual
from ece662.pruning.torch_net import build
from ece662.widgets import pruning_dashboard

data = get_CINIC10_data(verbose=False)
model = build(residual(8), seed=1)
pruning_dashboard(model, [data["X_test"], data["y_test"]])
"""


def test_pruning_is_shown_and_moved(open_page):
    pytest.importorskip("torch")
    page = open_page("pruning_dashboard", PRUNING.strip())
    times = {"first": page.run()}
    times["keyboard"] = page.press("pruned, in %", "ArrowLeft")
    times["mouse"] = page.drag("pruned, in %", 0.9)
    times["list"] = page.choose("prune", "random ones")
    page.screenshot("pruning_dashboard")
    keep_times("pruning_dashboard", times)
    assert "MiB" in page.text() or "KiB" in page.text()
    assert page.errors == []
    # torch and the data are loaded in this cell, too.
    assert times.pop("first") < allowed(10 * FIRST_PICTURE)
    assert max(times.values()) < allowed(UPDATE), times


def allowed(seconds):
    """Return what a wait may take here: a test's machine is slower than a student's.

    Four times as long, as many times that as it has other work, and $ECE662_PATIENCE
    times that.
    """
    return 4 * seconds * slowness() * limits.PATIENCE


def keep_times(name, times):
    """Keep the times beside the screenshots."""
    rounded = {what: round(seconds, 2) for what, seconds in times.items()}
    with open(SCREENSHOTS / "times.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"dashboard": name, **rounded}) + "\n")


def test_narrow_page_puts_panels_below_each_other(open_page):
    source = "from ece662.widgets import optimiser_race\n\noptimiser_race()"
    page = open_page("narrow", source, width=560)
    page.page.keyboard.press("Control+b")  # closes the side bar
    page.run()
    boxes = [i.bounding_box() for i in page.page.locator("img.widget-image").all()]
    page.screenshot("narrow")
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    assert all(box["x"] + box["width"] <= 560 for box in boxes)


def test_unfinished_exercise_gives_a_friendly_line(open_page):
    source = (
        "from ece662 import layers\n\n"
        "def unwritten(x, gamma, beta, bn_param):\n    raise NotImplementedError\n\n"
        "layers.batchnorm_forward = unwritten\n"
        "from ece662.widgets import activations_through_depth\n\n"
        "activations_through_depth()"
    )
    page = open_page("unfinished", source)
    page.run()
    page.dial("normalisation").locator("select").select_option("batch normalisation")
    page.page.get_by_text("Not written yet: unwritten").wait_for()
    page.page.locator("img.widget-image").first.wait_for(state="hidden")
    page.screenshot("unfinished")
    assert page.errors == []
