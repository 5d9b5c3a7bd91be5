"""Leave out of a submission the regions that make a whole module unreadable.

Python compiles a module as a whole. A `break` outside a loop in one function would make
all the others fail, too, so the regions with such errors are found, reported, and left
out of the code that is run.
"""

from collections import defaultdict
from collections.abc import Mapping

from course.grade.marks.exchange import as_bytes, read_json
from course.grade.marks.pristine import Pristine
from course.grade.sandboxed.inside import PROBLEMS
from course.sandbox.client import Sandbox
from ece662.exercises.reading import Pieces, Place

__all__ = ["leave_out_unreadable"]

MAX_REASON = 200  # characters
FUNCTION = "ece662.check._inside:find_unreadable"


def leave_out_unreadable(
    pieces: Pieces, pristine: Pristine, sandbox: Sandbox
) -> dict[str, bytes]:
    """Take out of a submission what Python cannot read there.

    Most functions that spoil a module do so by themselves. One that does so only
    beside another is found by adding the functions one after the other.

    Args:
        pieces: of the submission; gets the reasons, too.
        pristine: what students were handed out.
        sandbox: to read texts in, which can take all memory or crash.

    Returns:
        The bytecode of modules with what is left, by file: of some of them.
    """
    reader = _Reader(pristine, sandbox)
    owned: dict[Place, dict[Place, str]] = defaultdict(dict)
    for place, body in pieces.bodies.items():
        if place[0].endswith(".py"):
            owned[(*place[:2], 0)][place] = body
    spoilt = reader.spoilt_files(owned)
    if not spoilt:
        return reader.bytecode
    found = reader.reasons({o: b for o, b in owned.items() if o[0] in spoilt})
    rest = {owner: bodies for owner, bodies in owned.items() if owner not in found}
    for file in reader.spoilt_files(rest):
        found |= reader.found_by_adding({o: b for o, b in rest.items() if o[0] == file})
    for owner, why in found.items():
        pieces.unreadable[owner[:2]] = why
        for place in owned[owner]:
            del pieces.bodies[place]
    return reader.bytecode


class _Reader:
    """Asks in the sandbox what Python says of a module with some regions filled."""

    def __init__(self, pristine: Pristine, sandbox: Sandbox):
        self.pristine, self.sandbox = pristine, sandbox
        self.bytecode: dict[str, bytes] = {}  # of whole modules that can be read

    def spoilt_files(self, owned: Mapping[Place, Mapping[Place, str]]) -> set[str]:
        """Return the modules that cannot be read with all that some owners have."""
        whole: dict[Place, dict[Place, str]] = defaultdict(dict)
        for owner, bodies in owned.items():
            whole[owner[0], "", 0] |= bodies
        self.bytecode = {}
        return {file for file, _, _ in self.reasons(whole)}

    def found_by_adding(self, owned: Mapping[Place, dict[Place, str]]) -> dict:
        """Return which owners of a module spoil it beside those before them."""
        kept: dict[Place, str] = {}
        spoiling: dict[Place, str] = {}
        for owner, bodies in owned.items():
            if why := self.reasons({owner: kept | bodies}):
                spoiling |= why
            else:
                kept |= bodies
        return spoiling

    def reasons(self, filled: Mapping[Place, Mapping[Place, str]]) -> dict[Place, str]:
        """Return why modules cannot be read, by the owners that they are asked for.

        Args:
            filled: bodies of regions of one module, by owner.
        """
        texts = {}
        for owner, bodies in filled.items():
            [texts[owner]] = self.pristine.modules(bodies).values()
        return self._asked(texts) if texts else {}

    def _asked(self, texts: Mapping[Place, str]) -> dict[Place, str]:
        by_name = {"/".join(map(str, place)): place for place in texts}
        arrays = {name: as_bytes(texts[place]) for name, place in by_name.items()}
        files = {name: place[0] for name, place in by_name.items()}
        given = {file: self.pristine.outlines[file] for file in {*files.values()}}
        asked = {"outlines": given, "files": files}
        outcome = self.sandbox.call(FUNCTION, arrays, asked)
        try:
            answer = read_json(outcome.outputs.get(PROBLEMS))
            reasons = {by_name[n]: str(why)[:MAX_REASON] for n, why in answer.items()}
            for name, (file, owner, _) in by_name.items():
                if not owner and name in outcome.outputs:
                    self.bytecode[file] = outcome.outputs[name].tobytes()
            return reasons
        except (KeyError, ValueError, AttributeError):
            if len(texts) == 1:
                why = outcome.message[:MAX_REASON] or "it stops Python"
                return dict.fromkeys(texts, why)
        # One of them stops whoever reads it: ask one by one.
        found: dict[Place, str] = {}
        for place, text in texts.items():
            found |= self._asked({place: text})
        return found
