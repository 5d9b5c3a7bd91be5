#!/bin/sh
# Test the compiled kernels on ARM, from a Linux PC: scripts/test_arm.sh PYTHON [TESTS]
#
# An emulator (QEMU, user mode) runs Debian's Python for aarch64 with PyPI's numpy for
# aarch64, so what is tested is what a student's ARM computer gets. A cross compiler
# builds the kernels: it is far faster than an emulated one. Python, packages and a copy
# of the sources lie in .cache/arm, half a gigabyte; nothing is installed elsewhere.
#
# PYTHON  any Python with pip, on this computer, to fetch the packages with
# TESTS   arguments for pytest; else the tests of the kernels and of what calls them
#
# QEMU_CPU=cortex-a72 makes QEMU imitate that processor; else it has all that QEMU knows.
set -eu

python=${1:?the first argument is a Python that has pip}
shift
arm=.cache/arm

missing=
while read -r command package; do
    command -v "$command" > /dev/null || missing="$missing $package"
done <<'COMMANDS'
qemu-aarch64-static qemu-user-static
aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
mmdebstrap mmdebstrap
COMMANDS
if [ -n "$missing" ]; then
    echo "The tests on ARM need programs that are not here. On Debian and Ubuntu:" \
        "apt install libc6-dev-arm64-cross$missing" >&2
    exit 1
fi

# Python itself: Debian's packages for arm64, unpacked. Only files are wanted, so no
# script of a package runs, and neither devices nor root's rights are needed.
if [ ! -e $arm/root.stamp ]; then
    echo "Fetching Debian's Python for ARM into $arm"
    rm -rf $arm/root
    mkdir -p $arm/root
    mmdebstrap --quiet --architectures=arm64 --variant=extract \
        --include=python3.11,libpython3.11-dev,libstdc++6 bookworm $arm/root.tar
    tar -x -C $arm/root -f $arm/root.tar ./lib ./usr
    rm $arm/root.tar
    touch $arm/root.stamp
fi

# An environment whose Python is a script: what a test starts with sys.executable is
# emulated as well. The folder may have been moved since: write both files anew.
here=$(pwd -P)/$arm
packages=$arm/venv/lib/python3.11/site-packages
mkdir -p $arm/venv/bin $packages
echo "home = $here/root/usr/bin" > $arm/venv/pyvenv.cfg
cat > $arm/venv/bin/python <<EMULATED
#!/bin/sh
exec qemu-aarch64-static -0 "\$0" -L "$here/root" "$here/root/usr/bin/python3.11" "\$@"
EMULATED
chmod +x $arm/venv/bin/python

# This computer's pip fetches wheels for the other one; emulated, it takes many minutes.
if [ -n "$(find pyproject.toml constraints.txt -newer $arm/packages.stamp 2>&1)" ]; then
    echo "Fetching packages for ARM into $packages"
    rm -rf $packages
    "$python" - > $arm/requirements.txt <<'REQUIREMENTS'
import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
extras = project["optional-dependencies"]
testing = [r for r in extras["test"] if r.startswith(("pytest", "hypothesis"))]
print(*project["dependencies"], *extras["build"], *testing, sep="\n")
REQUIREMENTS
    platforms=$(for glibc in 17 24 26 27 28 31 34; do
        echo "--platform=manylinux_2_${glibc}_aarch64"
    done)
    # shellcheck disable=SC2086 # each platform is a word
    "$python" -m pip --disable-pip-version-check install -q --target $packages \
        --python-version 3.11 --implementation cp --only-binary=:all: $platforms \
        --platform=manylinux2014_aarch64 -c constraints.txt -r $arm/requirements.txt
    touch $arm/packages.stamp
fi

# A copy of the sources as they are now: what is compiled for this computer stays as it
# is. Cython's C is taken along where there is any, as Cython is slow when emulated.
rm -rf $arm/tree
mkdir -p $arm/tree/build
git ls-files -z --cached --others --exclude-standard |
    tar -c --null --ignore-failed-read -T - 2> /dev/null | tar -x -C $arm/tree
[ ! -d build/cython ] || cp -Rp build/cython $arm/tree/build

# Headers: those of that Python lie in two folders, of which the second also holds the
# system's own. The cross compiler has these already, so it sees no more than a link.
mkdir -p $arm/include
ln -sfn ../root/usr/include/aarch64-linux-gnu $arm/include/aarch64-linux-gnu
C_INCLUDE_PATH=$here/include:$here/root/usr/include/python3.11
export C_INCLUDE_PATH

cd $arm/tree
python=../venv/bin/python
echo 'Compiling the kernels for ARM'
ECE662_REQUIRE_KERNELS=1 $python setup.py -q build_ext --inplace
$python -m ece662 doctor | tee ../doctor.txt
grep -q 'compiled kernels' ../doctor.txt || {
    echo 'The kernels were built, but do not serve; see above' >&2
    exit 1
}

# An emulated processor is some twenty times as slow: see tests/limits.py.
export ECE662_PATIENCE="${ECE662_PATIENCE:-20}"
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046 # our own file names have no spaces
    set -- $(find tests -path '*kernels/test_*.py' -o -name 'test_fast_*.py')
fi
exec $python -m pytest "$@"
