"""A class on one server; docs/hub.md explains it. Start: jupyterhub -f THIS_FILE.

Everything lies below one folder (ECE662_HUB, by default /srv/ece662), which only root
writes to: `course`, the students' copy, built; `data`, the prepared pictures;
`handed-in`, a folder for each student. Accounts are those of the system.
"""

import grp
import os
import pwd
from pathlib import Path

PLACE = Path(os.environ.get("ECE662_HUB", "/srv/ece662"))
HANDED_IN = PLACE / "handed-in"
GRADERS = os.environ.get("ECE662_GRADERS", "root")  # a group of the system
MEMORY = 4  # GiB for each process of a student: the server, every kernel
PROCESSES = 300  # of a student all together, threads counted

c = get_config()  # noqa: F821, JupyterHub puts it here

c.JupyterHub.bind_url = os.environ.get("ECE662_HUB_URL", "http://127.0.0.1:8000")
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.open_sessions = False
c.Authenticator.allow_all = True  # who has an account here, and knows its password
c.JupyterHub.cleanup_servers = True
c.JupyterHub.concurrent_spawn_limit = 10

c.Spawner.cmd = [
    "prlimit",
    f"--data={MEMORY << 30}",
    f"--nproc={PROCESSES}",
    "sh",
    str(Path(__file__).with_name("begin.sh")),
    "jupyterhub-singleuser",
]
c.Spawner.notebook_dir = "~/ece662"
c.Spawner.default_url = "/lab/tree/notebooks/Q1-FCNetworks.ipynb"
c.Spawner.start_timeout = 120
c.Spawner.environment = {
    # JupyterLab does not ask whether it may fetch news.
    "JUPYTER_CONFIG_PATH": str(Path(__file__).with_name("config")),
    "ECE662_COURSE": str(PLACE / "course"),
    "ECE662_DATA": str(PLACE / "data"),
    "ECE662_HAND_IN": lambda spawner: str(HANDED_IN / spawner.user.name),
    # One core for each student: numpy and its friends take all that they see.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def make_drop_folder(spawner):
    """Give a student a folder that they and the graders can read, and nobody else."""
    folder, user = HANDED_IN / spawner.user.name, pwd.getpwnam(spawner.user.name)
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, user.pw_uid, grp.getgrnam(GRADERS).gr_gid)
    folder.chmod(0o2750)  # what is put there belongs to the graders' group too


c.Spawner.pre_spawn_hook = make_drop_folder
