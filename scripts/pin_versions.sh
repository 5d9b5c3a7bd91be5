#!/bin/sh
# Print constraints.txt: install the newest of everything, write down what came.
# scripts/pin_versions.sh [PYTHON]
set -eu

# Held back: a newer torch is a change of its own, with its own round of tests. From
# jsonschema 4.25 on, every import of nbformat, by pytest and JupyterLab too, builds the
# 35 parsers of rfc3987-syntax, which takes over a second and serves no notebook.
held="torch==2.13.0 jsonschema<4.25"

venv=.venv-constraints
sh scripts/make_venv.sh "$venv" "${1:-}" >&2
"$venv/bin/python" -m pip install -q --progress-bar=off -e '.[all,dev,demo,hub,site]' $held >&2

cat <<'HEADER'
# The known-good versions: what continuous integration tests and `make` installs, on
# Python 3.11 to 3.14. Written by `make constraints`, not by hand; run it with an early
# patch release of Python 3.11, because what installs there installs everywhere.
HEADER
# The two builds of TensorFlow go together (see pyproject.toml), appnope comes with
# IPython on macOS only, the next three with Jupyter on Windows, and +cpu is a build of
# torch, not a version.
"$venv/bin/python" -m pip freeze --all --exclude-editable |
    awk -F== '
        $1 == "pip" || $1 == "ece662" { next }
        { sub(/\+cpu$/, ""); print }
        $1 == "ipython" {
            print "appnope==0.1.4\ncolorama==0.4.6\npywin32==312\npywinpty==3.1.2"
        }
        tolower($1) ~ /^tensorflow[-_]cpu$/ { print "tensorflow==" $2 }
    ' | LC_ALL=C sort -f
