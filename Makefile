# The repository's commands; `make` alone lists them.
#
# Everything is installed into .venv, beside this file: remove the folder and nothing is
# left behind. The files .venv/*.stamp say what is done already, so that repeating a
# command costs next to nothing; .venv/*.sum are checksums of what it was done for. Paths
# are relative and programs are called as `python -m program`, because the folder's own
# path may hold spaces. Kept to GNU make 3.81, which macOS still ships.

# What a user may set, as in `make lab PYTHON=python3.12`:
# PYTHON       the Python to build .venv with; else the first good one on PATH
# ARGS         options passed on, as in `make lab ARGS=--no-browser`
# TORCH_INDEX  an additional package index, with smaller torch builds than PyPI's
PYTHON ?=
ARGS ?=
TORCH_INDEX ?=

# What the targets test-colab, test-oldest and constraints set.
VENV := .venv
CONSTRAINTS := constraints.txt
BUILD_ARGS :=

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# -q hides hundreds of lines; the bars of the big downloads are for people only.
INSTALL := $(PIP) install -q $$(test -t 1 || echo --progress-bar=off) \
    $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") -c $(CONSTRAINTS)

# What pip installs for each purpose: extras of pyproject.toml.
extras_lab := build,lab
# staff only
extras_test := test,torch,tensorflow
extras_oldest := test
extras_demo := demo
extras_lint := dev
extras_site := site
extras_hub := test,hub
# end of staff only

KERNEL_SOURCES := $(wildcard ece662/fast/_kernels/*.pyx ece662/fast/_kernels/*.[ch])

.SUFFIXES:
.NOTPARALLEL:
.PHONY: help lab setup doctor clean
# staff only
.PHONY: fuzz test test-processors test-planted test-browser test-arm test-colab test-oldest
.PHONY: coverage test-random
.PHONY: demo site test-site test-hub notebooks release bench lint constraints
# end of staff only

help:
	@echo 'make lab          set everything up and open the notebooks in JupyterLab'
# staff only
	@echo 'make test         set everything up and run every test, notebooks included'
# end of staff only
	@echo
	@echo 'make setup        only set everything up, as make lab does'
	@echo 'make doctor       say what is installed, and what to do where something is not'
# staff only
	@echo 'make coverage     run the tests, and say which lines none of them reaches'
	@echo 'make test-processors  run notebooks and fast layers as on other processors'
	@echo 'make test-planted see errors noticed that are planted in the notebooks'
	@echo 'make test-random  try the property tests on examples that are new each time'
	@echo 'make test-browser try the dashboards in JupyterLab and Chromium'
	@echo 'make test-arm     test the compiled kernels on an emulated ARM processor'
	@echo 'make fuzz         grade what nobody would hand in, until something breaks'
	@echo 'make demo         serve the dashboards alone, for a lecture hall'
	@echo 'make site         make web pages of notebooks and documentation'
	@echo 'make test-site    make them, and look at every page, link and formula'
	@echo 'make test-hub     a class on one server: start it, log students in (root only)'
	@echo 'make notebooks    run the notebooks and store their outputs'
	@echo "make release      make the students' copy: ARGS='--out DIR'"
	@echo 'make bench        measure the speed against PyTorch'
	@echo 'make lint         check format, style, spelling and types'
	@echo 'make test-colab   run the tests with the package versions of Google Colab'
	@echo 'make test-oldest  run them with the lowest versions of pyproject.toml'
	@echo 'make constraints  renew constraints.txt with the newest packages'
# end of staff only
	@echo 'make clean        remove .venv and all that was built'
	@echo
	@echo 'Settings: make lab PYTHON=python3.12     the Python to use'
	@echo '          make lab ARGS=--no-browser     options for JupyterLab'
# staff only
	@echo '          make test ARGS="-k solver -x"  options for pytest'
	@echo '          make bench ARGS="--write docs/speed.md"'
# end of staff only

setup: $(VENV)/lab.stamp $(VENV)/kernels.stamp
	@echo 'Everything is set up. `make lab` opens the notebooks.'

lab: $(VENV)/lab.stamp $(VENV)/kernels.stamp
	@$(PY) -m ece662 lab $(ARGS)

# staff only
# One pytest session for tests and notebooks; a notebook's cells stay in one process.
test: $(VENV)/test.stamp $(VENV)/kernels.stamp
	@$(PY) scripts/notebooks.py test tests --ignore=tests/browser -n auto \
	    --dist loadfile $(ARGS)

# Of the package and of the staff's; the notebooks' kernels do not count. The pages are
# in .cache/coverage; `make coverage ARGS="-m 'not slow'"` takes half the time.
coverage: $(VENV)/test.stamp $(VENV)/kernels.stamp
	@$(PY) -m pytest tests --ignore=tests/browser -n auto --dist loadfile \
	    --cov --cov-report=term --cov-report=html $(ARGS)

# Each library held back to what an older processor has; see scripts/processors.py.
test-processors: $(VENV)/test.stamp $(VENV)/kernels.stamp
	@$(PY) scripts/processors.py $(ARGS)

# All of tests/notebooks/planted.toml; make test tries a sample.
test-planted: $(VENV)/test.stamp $(VENV)/kernels.stamp
	@ECE662_PLANTED=1 $(PY) -m pytest tests/notebooks/test_planted.py -v -n auto \
	    --dist loadgroup $(ARGS)

# Where CI is set, `make test` draws the same examples each time; see tests/conftest.py.
test-random: $(VENV)/test.stamp $(VENV)/kernels.stamp
	@env -u CI $(PY) -m pytest tests --ignore=tests/browser -m hypothesis -n auto \
	    --dist loadfile $(ARGS)

# One after the other, beside nothing that does not give way (see .ci/run): it is about
# what a student waits for. One worker, not none: where a test takes it along, somebody
# is left to say which, and to go on.
test-browser: $(VENV)/test.stamp $(VENV)/kernels.stamp
	@ECE662_REQUIRE_BROWSER=1 $(PY) -m pytest tests/browser -n 1 --dist loadfile \
	    $(ARGS)

# The kernels on an emulated ARM processor; the script says what it needs.
test-arm: $(VENV)/lab.stamp $(VENV)/kernels.stamp
	@sh scripts/test_arm.sh $(PY) $(ARGS)

# Ten minutes, and 2,000 submissions at least, or ARGS="--seconds 3600 --seed 1".
fuzz: $(VENV)/test.stamp $(VENV)/kernels.stamp
	@$(PY) -m tests.course.grade.fuzz.fuzzing $(ARGS)

demo: $(VENV)/demo.stamp $(VENV)/kernels.stamp
	@$(PY) -m voila docs/dashboards.ipynb $(ARGS)

# The pages of both editions, in .cache/site; ARGS="--repo OWNER/NAME" for their links.
site: $(VENV)/site.stamp
	@$(PY) scripts/book.py $(ARGS)

test-site: $(VENV)/test.stamp $(VENV)/site.stamp
	@ECE662_REQUIRE_SITE=1 $(PY) -m pytest tests/site $(ARGS)

# Makes ten accounts, and removes them; wants configurable-http-proxy from npm.
test-hub: $(VENV)/hub.stamp $(VENV)/kernels.stamp
	@ECE662_REQUIRE_HUB=1 $(PY) -m pytest tests/hub -v $(ARGS)

notebooks: $(VENV)/test.stamp $(VENV)/kernels.stamp
	@$(PY) scripts/notebooks.py $(ARGS)

release: $(VENV)/lab.stamp $(VENV)/kernels.stamp
	@$(PY) -m course release $(ARGS)

bench: $(VENV)/test.stamp $(VENV)/kernels.stamp
	@$(PY) -m benchmarks.training_step $(ARGS)
	@$(PY) -m benchmarks.conv $(ARGS)
	@$(PY) -m benchmarks.deep $(ARGS)
	@$(PY) -m benchmarks.memory $(ARGS)

lint: $(VENV)/lint.stamp
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m codespell_lib
	@$(PY) -m mypy
	@$(PY) scripts/notebooks.py check
# end of staff only

doctor: $(VENV)/python.stamp
	@$(PY) -m ece662 doctor

# staff only
test-colab:
	@$(MAKE) test VENV=.venv-colab CONSTRAINTS=constraints-colab.txt \
	    extras_test=test BUILD_ARGS=--force

# The lower bounds of pyproject.toml, tried. Without torch and TensorFlow: PyPI's oldest
# torch brings CUDA; name them in extras_oldest to have them all the same.
test-oldest:
	@$(MAKE) -s .venv-oldest/python.stamp VENV=.venv-oldest
	@.venv-oldest/bin/python scripts/oldest_versions.py > .venv-oldest/oldest.txt
	@echo 'With the oldest versions, and of the frameworks with none:' \
	    'their tests skip'
	@$(MAKE) test VENV=.venv-oldest CONSTRAINTS=.venv-oldest/oldest.txt \
	    extras_test=$(extras_oldest) BUILD_ARGS=--force
# end of staff only

# An environment whose folder was moved, or whose Python was removed, is made anew:
# forget what was done in it.
$(shell test "$$(cat $(VENV)/python.stamp 2>/dev/null)" = "$$(pwd -P)" \
    && $(PY) -c '' 2>/dev/null || rm -f $(VENV)/*.stamp)

$(VENV)/python.stamp:
	@sh scripts/make_venv.sh $(VENV) "$(PYTHON)"
	@pwd -P > $@

# Times do not tell whether there is something new: a corrected copy of the course,
# unzipped over an old one, may be dated 1980. A sum is written where it has changed.
$(VENV)/install.sum: SUMMED = pyproject.toml setup.py $(CONSTRAINTS)
$(VENV)/kernels.sum: SUMMED = setup.py $(KERNEL_SOURCES)
$(VENV)/%.sum: always | $(VENV)/python.stamp
	@sum=$$(cksum $(SUMMED)); \
	test "$$sum" = "$$(cat $@ 2>/dev/null)" || echo "$$sum" > $@

always:

# Without isolation, pip builds with the Cython and the numpy of the constraints. Where
# an earlier run was killed, packages may be there in part: install them again. All
# purposes include that of lab.
$(VENV)/%.stamp: $(VENV)/install.sum | $(VENV)/python.stamp
	@echo 'Installing into $(VENV) what `make $*` needs; the first time takes minutes'
	@again=$$(test -e $(VENV)/unfinished && echo --force-reinstall); \
	touch $(VENV)/unfinished; \
	$(INSTALL) $$again setuptools cython numpy \
	    && $(INSTALL) $$again --no-build-isolation -e '.[$(extras_$*)]'; \
	status=$$?; rm -f $(VENV)/unfinished; exit $$status
	@touch $@ $(VENV)/lab.stamp

# No stamp unless every kernel was compiled: next time there may be a compiler.
$(VENV)/kernels.stamp: $(VENV)/kernels.sum
	@if ECE662_REQUIRE_KERNELS=1 $(PY) setup.py -q build_ext --inplace $(BUILD_ARGS) \
	    > $(VENV)/kernels.log 2>&1; \
	then touch $@; \
	else grep '^ece662:' $(VENV)/kernels.log || tail -3 $(VENV)/kernels.log; fi

# staff only
constraints:
	@sh scripts/pin_versions.sh "$(PYTHON)" > constraints.new
	@mv constraints.new constraints.txt
# end of staff only

clean:
	rm -rf .venv .venv-colab .venv-oldest .venv-constraints .cache build dist wheelhouse *.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis
	find ece662 -name '*.so' -exec rm -f {} +
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
