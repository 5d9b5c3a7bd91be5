"""A class on one server, as docs/hub.md sets it up: `make test-hub`.

A real JupyterHub on loopback with ten accounts of this system, and two students in
Chromium. It needs root, to make the accounts, and configurable-http-proxy from npm.
"""

import contextlib
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest

from tests.limits import WAIT, wait_until

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "docs" / "hub" / "jupyterhub_config.py"
STUDENTS = [f"ece662-pupil-{number}" for number in range(10)]
PASSWORD = "open sesame 662"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
RIGHT = "out = np.maximum(0, x)\n    cache = x"
SHOTS = Path(os.environ.get("ECE662_SCREENSHOTS", ROOT / ".cache" / "screenshots"))


def missing():
    """Say what this computer lacks; None where the hub can be tried."""
    if os.name != "posix" or os.geteuid() != 0:
        return "only root may make accounts"
    for program in ("useradd", "userdel", "chpasswd", "prlimit", "setpriv"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    if shutil.which("configurable-http-proxy") is None:
        return "there is no configurable-http-proxy: npm install -g it"
    if not any(map(shutil.which, BROWSERS)):
        return "there is no Chromium"
    try:
        import jupyterhub  # noqa: F401
    except ImportError:
        return "there is no jupyterhub"
    # By a shell: what setpriv itself starts may still pass through root's folders.
    switch = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    command = [*switch, "sh", "-c", '"$0" -c ""', sys.executable]
    if subprocess.run(command, check=False, capture_output=True, cwd="/").returncode:
        return f"only root can run {sys.executable}"
    return None


@pytest.fixture(scope="module")
def accounts():
    """Ten accounts with homes of their own; gone afterwards."""
    if why := missing():
        if os.environ.get("ECE662_REQUIRE_HUB"):
            pytest.fail(why)
        pytest.skip(why)
    homes = Path(tempfile.mkdtemp(prefix="ece662-homes-"))
    homes.chmod(0o755)
    made = []
    try:
        for name in STUDENTS:
            command = ["useradd", "--create-home", "--base-dir", homes, name]
            subprocess.run([*command, "--shell", "/bin/bash"], check=True)
            made.append(name)
            (homes / name).chmod(0o700)
        words = "".join(f"{name}:{PASSWORD}\n" for name in STUDENTS)
        subprocess.run(["chpasswd"], input=words, text=True, check=True)
        yield homes
    finally:
        for name in made:
            subprocess.run(["userdel", name], check=False)
        shutil.rmtree(homes, ignore_errors=True)


@pytest.fixture(scope="module")
def place(accounts):
    """What the teacher lays out: the course, built, its data, and the drop folders."""
    place = Path(tempfile.mkdtemp(prefix="ece662-hub-"))
    place.chmod(0o755)
    course = place / "course"
    release = [sys.executable, "-m", "course", "release", "--out", str(course)]
    subprocess.run(release, cwd=ROOT, check=True, capture_output=True)
    for kernel in (ROOT / "ece662").rglob("*.so"):
        shutil.copy(kernel, course / kernel.relative_to(ROOT))
    data = {**os.environ, "ECE662_DATA": str(place / "data"), "PYTHONPATH": str(course)}
    prepare = "from ece662.data_utils import get_CINIC10_data as g; g()"
    subprocess.run([sys.executable, "-c", prepare], env=data, cwd="/", check=True)
    (place / "handed-in").mkdir(mode=0o711)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def hub(place):
    """The address of a running hub."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    state = place / "state"
    state.mkdir(mode=0o700)
    bin = str(Path(sys.executable).parent)
    environment = {
        **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        "PATH": f"{bin}:{os.environ['PATH']}",
        "ECE662_HUB": str(place),
        "ECE662_HUB_URL": address,
    }
    command = [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)]
    with open(place / "hub.log", "w", encoding="utf-8") as log:
        running = subprocess.Popen(
            command, cwd=state, env=environment, stdout=log, stderr=log
        )
    try:

        def answers():
            assert running.poll() is None, (place / "hub.log").read_text()[-3000:]
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{address}/hub/health", timeout=60),
            ):
                return True

        wait_until(answers, "an answer of the hub")
        yield address
    finally:
        running.terminate()
        running.wait(WAIT)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, BROWSERS)))
    options = ["--no-sandbox", "--disable-gpu"]
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=options)
        yield browser
        browser.close()


def as_student(name, *command):
    """Run a command as a student; return what came of it."""
    user = pwd.getpwnam(name)
    switch = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"]
    return subprocess.run(
        [*switch, "--clear-groups", *map(str, command)],
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


def log_in(browser, hub, name):
    """Log a student in; return the page with Q1 in JupyterLab."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(WAIT * 1000)
    page.goto(f"{hub}/hub/login")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("input[type=submit]")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    return page


def run_in_terminal(page, hub, name, command):
    """Run a shell command in the student's own server, as its terminal would."""
    code = f"import subprocess; r = subprocess.run({command!r}, shell=True, \
capture_output=True, text=True); print(r.returncode, r.stdout, r.stderr)"
    return page.evaluate(RUN, [f"{hub}/user/{name}", code])


# Start a kernel, run a piece of code in it, and return what it prints.
RUN = """
async ([base, code]) => {
    const token = document.cookie.match(/_xsrf=([^;]+)/g) || [];
    const headers = {'Content-Type': 'application/json'};
    const xsrf = token.length ? token[token.length - 1].split('=')[1] : '';
    headers['X-XSRFToken'] = decodeURIComponent(xsrf);
    const started = await fetch(base + '/api/kernels', {
        method: 'POST', headers, body: JSON.stringify({name: 'python3'})});
    if (!started.ok) throw new Error(await started.text());
    const kernel = await started.json();
    const socket = new WebSocket(base.replace('http', 'ws') + '/api/kernels/' +
        kernel.id + '/channels');
    await new Promise(done => socket.onopen = done);
    const id = crypto.randomUUID?.() || String(Math.random());
    let printed = '';
    const ended = new Promise(done => socket.onmessage = event => {
        const message = JSON.parse(event.data);
        if (message.parent_header?.msg_id !== id) return;
        if (message.msg_type === 'stream') printed += message.content.text;
        if (message.msg_type === 'error') printed += message.content.evalue;
        if (message.msg_type === 'status' && message.content.execution_state === 'idle')
            done();
    });
    socket.send(JSON.stringify({channel: 'shell', header: {msg_id: id, username: '',
        session: id, msg_type: 'execute_request', version: '5.3'}, parent_header: {},
        metadata: {}, content: {code, silent: false, store_history: false,
        user_expressions: {}, allow_stdin: false}}));
    await ended;
    await fetch(base + '/api/kernels/' + kernel.id, {method: 'DELETE', headers});
    return printed;
}
"""


def test_two_students_work_hand_in_and_are_graded(
    accounts, place, hub, browser, tmp_path
):
    first, second = STUDENTS[:2]
    pages = {name: log_in(browser, hub, name) for name in (first, second)}
    SHOTS.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        page.screenshot(path=SHOTS / f"hub-{name}.png")
        work = accounts / name / "ece662"
        assert work.stat().st_uid == pwd.getpwnam(name).pw_uid
        assert (work / "notebooks" / "Q1-FCNetworks.ipynb").is_file()
    solve(accounts / first / "ece662" / "ece662" / "layers.py")

    # Q1's beginning: the set-up cell, and the pictures of the shared folder.
    page = pages[first]
    page.click(".jp-NotebookPanel .jp-CodeCell >> nth=0")
    for _ in range(6):
        page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".jp-OutputArea-output >> text=/SYNTHETIC pictures/")
    page.wait_for_selector("text=| Idle")
    page.screenshot(path=SHOTS / "hub-q1.png")
    assert page.locator("text=Jupyter news").count() == 0

    hand_in = (
        "cd ~/ece662 && python -m ece662 submit Q1 --student {} "
        '--out "$ECE662_HAND_IN/q1.zip"'
    )
    for name, page in pages.items():
        said = run_in_terminal(page, hub, name, hand_in.format(name))
        handed = place / "handed-in" / name / "q1.zip"
        assert handed.is_file(), said
        assert handed.stat().st_uid == pwd.getpwnam(name).pw_uid
        assert as_student(name, "test", "-r", handed).returncode == 0
    for mine, other in ((first, second), (second, first)):
        folder = place / "handed-in" / other
        for command in (
            ("cat", folder / "q1.zip"),
            ("ls", folder),
            ("cp", "/etc/hostname", folder / "more"),
            ("ls", place / "handed-in"),
            ("ls", accounts / other),
            ("touch", place / "course" / "README.md"),
            ("sh", "-c", f"echo x > {place}/data/x"),
        ):
            assert as_student(mine, *command).returncode != 0, command

    out = tmp_path / "graded"
    grade = [sys.executable, "-m", "course", "grade", str(place / "handed-in")]
    subprocess.run(
        [*grade, "--out", str(out), "--skip-training"], cwd=ROOT, check=True,
        capture_output=True,
    )  # fmt: skip
    records = [json.loads(f.read_text()) for f in (out / "records").glob("*.json")]
    passed = {
        record["student"]: {m["exercise"] for m in record["marks"] if m["points"]}
        for record in records
    }
    assert passed == {first: {"relu_forward"}, second: set()}


def solve(layers):
    """Write relu_forward into a student's file, as they would."""
    text = layers.read_text("utf-8")
    begin = text.index("def relu_forward")
    start = text.index("START OF YOUR CODE", begin)
    line = text.index("\n", start) + 1
    end = text.rindex("\n", 0, text.index("END OF YOUR CODE", line)) + 1
    layers.write_text(f"{text[:line]}    {RIGHT}\n{text[end:]}", "utf-8")


def test_limits_hold_in_a_students_server(hub, browser):
    page = log_in(browser, hub, STUDENTS[2])
    code = "import resource as r; print(r.getrlimit(r.RLIMIT_DATA)[0] >> 30, "
    code += "r.getrlimit(r.RLIMIT_NPROC)[0])"
    said = page.evaluate(RUN, [f"{hub}/user/{STUDENTS[2]}", code])
    assert said.split() == ["4", "300"]


def test_homes_and_the_course_are_nobody_elses(accounts, place, hub, browser):
    log_in(browser, hub, STUDENTS[3])
    work = accounts / STUDENTS[3] / "ece662"
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    mine = work / "notebooks" / "my own.ipynb"
    mine.write_text("mine")
    (work / "README.md").write_text("changed")
    begin = ROOT / "docs" / "hub" / "begin.sh"
    again = as_student(
        STUDENTS[3], "env", f"HOME={work.parent}", f"ECE662_COURSE={place / 'course'}",
        "sh", begin, "true",
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert mine.read_text() == "mine"
    assert (work / "README.md").read_text() == "changed"
