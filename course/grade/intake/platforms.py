"""What Gradescope's export says of who handed in; read in the child with limits."""

from pathlib import Path

__all__ = ["submitters_in"]

MAX_BYTES = 64 << 20
MAX_WORDS = 200  # characters


def submitters_in(path: Path) -> dict[str, dict[str, str]]:
    """Return name, sid, email and time by the folder of a submission.

    Of several who handed in together the first stands for all, and all are named.

    Raises:
        ValueError: it has another form, or PyYAML is missing.
    """
    try:
        import yaml
    except ImportError:
        raise ValueError("PyYAML is missing: pip install 'ece662[staff]'") from None
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES >> 20} MB")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    held = yaml.load(path.read_bytes(), Loader=loader)
    if not isinstance(held, dict):
        raise ValueError("it lists no submissions")
    return {str(folder): _of(entry) for folder, entry in held.items()}


def _of(entry: object) -> dict[str, str]:
    entry = entry if isinstance(entry, dict) else {}
    listed = entry.get(":submitters") or []
    submitters = [s for s in listed if isinstance(s, dict)]

    def joined(key: str) -> str:
        return ", ".join(str(s[key])[:MAX_WORDS] for s in submitters if s.get(key))

    when = entry.get(":created_at")
    when = when.isoformat() if hasattr(when, "isoformat") else str(when or "")
    return {
        "name": joined(":name"),
        "sid": joined(":sid"),
        "email": joined(":email"),
        "when": when[:MAX_WORDS],
    }
