"""Download the official CINIC-10 archive.

University servers move, stall and answer with error pages. So each mirror is tried in
turn, a dropped connection a few times, and a file takes its place under its own name
only after its MD5 is the one that was published with it. (MD5 tells a wrong file from
the right one here; against a forger it would be no help.)
"""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ece662.data.archive import OFFICIAL_MD5
from ece662.data.cache import exclusive

__all__ = ["ARCHIVE", "MIRRORS", "FetchError", "fetch_archive"]

ARCHIVE = "CINIC-10.tar.gz"
ARCHIVE_BYTES = 687_544_992

# All are doors to the archive at Edinburgh DataShare, of several generations.
MIRRORS = (
    "https://datashare.ed.ac.uk/bitstream/handle/10283/3192/CINIC-10.tar.gz",
    "https://datashare.ed.ac.uk/bitstreams/e8e186cc-2688-48f1-aa5a-3fda1a43f8b6/download",
    "https://datashare.is.ed.ac.uk/bitstream/handle/10283/3192/CINIC-10.tar.gz",
)

TIMEOUT = 30  # seconds without an answer, or without a byte
CHUNK = 1 << 16  # bytes between two writes to the disk


class FetchError(OSError):
    """No mirror gave the right file."""


def fetch_archive(
    mirrors: Sequence[str] = MIRRORS,
    md5: str = OFFICIAL_MD5,
    attempts: int = 3,
    pause: float = 5.0,
    say: Callable[[str], None] = print,
) -> Path:
    """Return the path of the verified archive, downloading it unless it is there.

    Args:
        mirrors: addresses to try in turn.
        md5: what the file must have.
        attempts: how often to try a mirror whose connection fails.
        pause: seconds to wait before the same mirror is tried again.
        say: takes one line for each thing that goes wrong on the way.

    Raises:
        FetchError: no mirror gave the right file, or the disk is too full for it.
    """
    with exclusive("downloads") as folder:
        for leftover in folder.glob("tmp*"):  # of a download that was killed
            leftover.unlink(missing_ok=True)
        if not (folder / ARCHIVE).exists():
            _check_space(folder)
        for url in mirrors:
            try:
                return _try_mirror(url, folder, md5, attempts, pause, say)
            except FetchError as error:
                say(str(error))
    raise FetchError(
        f"none of {len(mirrors)} mirrors gave the archive. If you can get {ARCHIVE} "
        "another way, run 'ece662 data prepare PATH' on it"
    )


def _try_mirror(url, folder, md5, attempts, pause, say) -> Path:
    import requests

    for attempt in range(1, attempts + 1):
        try:
            return _download(url, folder, md5)
        except requests.HTTPError as error:
            status = error.response.status_code
            if status < 500:  # asking again will not help
                raise FetchError(f"{url}: the server answers {status}") from error
            problem = f"the server answers {status}"
        except requests.RequestException as error:
            problem = f"the connection failed ({_first_line(error)})"
        except ValueError as error:  # pooch: the hash is another one
            raise FetchError(
                f"{url}: expected a file with MD5 {md5}, got another one (cut short, "
                "or a page in its place); it was thrown away"
            ) from error
        if attempt < attempts:
            say(f"{url}: {problem}; trying again ({attempt + 1} of {attempts})")
            time.sleep(pause)
    raise FetchError(f"{url}: {problem}; gave up after {attempts} attempts")


def _download(url: str, folder: Path, md5: str) -> Path:
    import pooch
    from tqdm.auto import tqdm

    pooch.get_logger().setLevel("WARNING")
    # pooch asks for the bar's truth value, which tqdm bases on its total.
    with tqdm(desc=ARCHIVE, total=1, unit="B", unit_scale=True, disable=None) as bar:
        downloader = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=CHUNK,
            timeout=TIMEOUT,
            headers={"Accept-Encoding": "identity"},  # else some servers repack it
        )
        path = pooch.retrieve(
            url, f"md5:{md5}", fname=ARCHIVE, path=folder, downloader=downloader
        )
    return Path(path)


def _check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    needed = ARCHIVE_BYTES + (1 << 28)  # the archive, and the cache made from it
    if free < needed:
        raise FetchError(
            f"expected {needed / 1e9:.1f} GB of free space in {folder}, "
            f"found {free / 1e9:.1f} GB; set ECE662_DATA to a larger disk"
        )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
