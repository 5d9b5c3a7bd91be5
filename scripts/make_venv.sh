#!/bin/sh
# Make an empty Python environment: scripts/make_venv.sh FOLDER [PYTHON]
#
# Without PYTHON the first program on PATH that is Python 3.11 or newer serves, tested
# versions first, and of these the ones that TensorFlow has builds for. When there is
# none, one line says what was found instead.
set -eu

folder=$1
python=${2:-}
if [ -n "$python" ]; then
    set -- "$python"
else
    set -- python3.13 python3.12 python3.11 python3.14 python3 python
fi

found=
for candidate in "$@"; do
    # A command that is there may still fail: pyenv's shims stand for absent versions.
    version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' \
        2>/dev/null) || continue
    case $version in
        2.* | 3.[0-9].* | 3.10.*)
            found="$found, $candidate is $version"
            ;;
        *)
            if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
                echo "Making $folder with Python $version"
                case $version in
                    3.1[123].*) ;;
                    *) echo "TensorFlow has no build for Python ${version%.*} yet:" \
                        "everything else works" ;;
                esac
                exec "$candidate" -m venv --clear "$folder"
            fi
            found="$found, $candidate $version has no venv"
            found="$found (on Debian and Ubuntu: apt install python${version%.*}-venv)"
            ;;
    esac
done

found=${found#, }
echo "ece662 needs Python 3.11 or newer; found: ${found:-none named $*}." \
    "Install one, or name yours: make lab PYTHON=/path/to/python3.12" >&2
exit 1
