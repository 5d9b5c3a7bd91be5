"""``ece662 data``: bring real images into the cache, and look at what is there."""

import argparse
import os
import sys
import time
from pathlib import Path

from ece662._files import writing
from ece662.data.classes import ALL_CLASSES, CLASSES, LIMITS, SPLITS

__all__ = ["HELP", "configure", "run"]

HELP = "download, prepare or inspect the images"

DESCRIPTION = """\
The notebooks work at once, on synthetic pictures. For real photographs bring CINIC-10
into the cache, by one of

  ece662 data fetch           download the official archive (0.7 GB), then prepare it
  ece662 data prepare PATH    take an archive (.tar.gz, .zip, ...) or folder you have

'ece662 data info' shows what the notebooks are served. The cache is in your user
cache folder; set ECE662_DATA to have it elsewhere, or to share one with a class.
"""

MAX_NAMED = 5  # skipped files that a report names for each reason; meta.json has more


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands and their options."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    fetch = actions.add_parser("fetch", help="download CINIC-10, then prepare it")
    fetch.add_argument(
        "--mirror",
        action="append",
        metavar="URL",
        help="take the archive from here (repeatable); its MD5 is checked all the same",
    )
    _add_selection(fetch)

    prepare = actions.add_parser("prepare", help="prepare an archive or a folder")
    prepare.add_argument("path", metavar="PATH", help="a .tar.gz, .tar, .zip or folder")
    _add_selection(prepare)

    info = actions.add_parser("info", help="show what the notebooks are served")
    info.add_argument(
        "--source",
        choices=["cinic10", "synthetic"],
        help="show this one (default: the one that is served)",
    )
    info.add_argument(
        "--sheet",
        metavar="PATH",
        help="where to write the contact sheet (default: beside the data)",
    )


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--classes",
        type=lambda text: text.split(","),
        metavar="NAME,NAME",
        default=CLASSES,
        help=f"classes to keep, of {', '.join(ALL_CLASSES)} "
        "(default: the first six, which the notebooks expect)",
    )
    for split, folder in SPLITS.items():
        parser.add_argument(
            f"--{folder}",
            type=int,
            default=LIMITS[split],
            metavar="N",
            help=f"keep at most N {folder} images a class (default: %(default)s)",
        )


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return 0, or 1 after saying what went wrong."""
    try:
        {"fetch": _fetch, "prepare": _prepare, "info": _info}[args.action](args)
    except KeyboardInterrupt:
        print("\nStopped. What was in the cache before is still in force.")
        return 130
    except BrokenPipeError:
        raise  # `ece662 data info | head`: the caller knows what to do
    except (ValueError, OSError) as error:
        print(f"ece662 data {args.action}: {error}", file=sys.stderr)
        return 1
    return 0


def _fetch(args: argparse.Namespace) -> None:
    from ece662.data.fetch import MIRRORS, fetch_archive

    args.path = fetch_archive(args.mirror or MIRRORS)
    print(f"The archive is at {args.path}, and its MD5 is right.")
    _prepare(args)
    print(f"The archive is no longer needed: delete {args.path} to free 0.7 GB.")


def _prepare(args: argparse.Namespace) -> None:
    from tqdm.auto import tqdm

    from ece662.data.archive import read_images
    from ece662.data.cache import commit, exclusive

    def watch(files):
        return tqdm(files, desc=Path(args.path).name, unit=" files", disable=None)

    began = time.perf_counter()
    limits = {split: getattr(args, folder) for split, folder in SPLITS.items()}
    print(f"Reading {args.path} ...")
    with exclusive("cinic10") as folder:
        arrays, meta = read_images(args.path, args.classes, limits, watch)
        data_set = commit(folder, arrays, meta)
    print(_counts_table(data_set.meta))
    print(_skipped_lines(data_set.meta))
    seconds = time.perf_counter() - began
    print(f"Done in {seconds:.1f} s. The images are in {data_set.folder}.")
    if os.environ.get("ECE662_DATA") and not _for_all(data_set.folder):
        shared = folder.parent
        print(f"Only you can read them; to share with a class: chmod -R go+rX {shared}")
    print("Notebooks find them from now on: restart the kernel and run all cells.")


def _for_all(folder: Path) -> bool:
    """True where every account may read what is in a folder of the cache."""
    if os.name == "nt":
        return True  # rights are inherited there, and no mode says which
    ways = all(path.stat().st_mode & 0o005 == 0o005 for path in [folder, folder.parent])
    return ways and all(path.stat().st_mode & 0o004 for path in folder.iterdir())


def _info(args: argparse.Namespace) -> None:
    from ece662.data_utils import describe, find_data_set

    data_set = find_data_set(args.source)
    meta = data_set.meta
    print(describe(data_set))
    print(_counts_table(meta))
    print(f"classes   {', '.join(meta['classes'])}")
    print(f"source    {_source_line(meta['source'])}")
    print(f"content   sha256 {meta['content_sha256']}")
    print(f"folder    {data_set.folder or 'none: the cache cannot be written'}")
    print(f"sheet     {_write_sheet(data_set, args.sheet)}")
    if "skipped" in meta:
        print(_skipped_lines(meta))


def _write_sheet(data_set, path: str | None) -> str:
    """Write the contact sheet; return where, or why not."""
    from ece662.data.sheet import contact_sheet
    from ece662.data_utils import describe

    folder = data_set.folder
    if path is None and (folder is None or not os.access(folder, os.W_OK)):
        return "not written, the cache is read-only; --sheet PATH puts it elsewhere"
    target = Path(path).expanduser() if path else folder / "contact_sheet.png"
    X, y = data_set.arrays["X_train"], data_set.arrays["y_train"]
    title = describe(data_set).split(": ")[0]
    sheet = contact_sheet(X, y, data_set.meta["classes"], title)
    with writing(target) as file:
        sheet.save(file, format="PNG")
    return str(target)


def _counts_table(meta: dict) -> str:
    width = max(map(len, meta["classes"]))
    lines = [f"{'':{width}}" + "".join(f"{f:>9}" for f in SPLITS.values())]
    for name in meta["classes"]:
        counts = [meta["counts"][split][name] for split in SPLITS]
        lines.append(f"{name:{width}}" + "".join(f"{n:9,}" for n in counts))
    totals = [sum(meta["counts"][split].values()) for split in SPLITS]
    lines.append(f"{'all':{width}}" + "".join(f"{n:9,}" for n in totals))
    return "\n".join(lines)


def _skipped_lines(meta: dict) -> str:
    if not meta["skipped"]:
        return "No file had to be left out."
    lines = []
    for reason, skipped in meta["skipped"].items():
        count, files = skipped["count"], skipped["files"][:MAX_NAMED]
        lines.append(
            f"{count:,} {'file' if count == 1 else 'files'} left out: {reason}"
        )
        lines += [f"    {file}" for file in files]
        if count > len(files):
            lines.append(f"    ... and {count - len(files):,} more")
    return "\n".join(lines)


def _source_line(source: dict) -> str:
    if source["kind"] == "synthetic":
        return f"drawn by ece662, version {source['version']} of the recipe"
    if source["kind"] == "folder":
        return f"the folder {source['file']}"
    official = "the official archive" if source["official"] else "not the official one"
    return f"{source['file']}, {official}, sha256 {source['sha256']}"
