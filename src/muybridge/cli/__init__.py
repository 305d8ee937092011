"""The command line: ``muybridge VERB ...``.

One module per verb, loaded when the verb is used. Data goes to stdout, progress and
errors to stderr. Exit codes: 0 done, 1 failed, 2 an input can't be used, 3 weights are
missing, 130 stopped.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module

from muybridge.errors import InputError, Interrupted, MuybridgeError

VERBS: dict[str, str] = {
    "animate": "a person, a motion and cameras -> multi-view video",
    "drive": "a person moved by a video, the camera by words -> video",
    "compare": "the same input through several methods, side by side",
    "guide": "only the maps that steer: normals, depth, parts, skeleton, bone maps",
    "fit": "photos -> a person: body, clothing, texture, saved as a folder",
    "compose": "pictures of a face, garments and shoes -> a person, saved as a folder",
    "refine": "frames that flicker -> calmer ones, by a video model",
    "people": "people to learn from: clip folders of any number of them",
    "train": "a recipe and a budget -> a method's weights",
    "evaluate": "a method, or anybody's frames -> scores on held-out people",
    "ablate": "a method with parts taken away -> does its paper's order hold?",
    "plates": "the held-out people that methods are measured on",
    "plan": "how long an animation will take and how much memory, before it runs",
    "methods": "what can make the video",
    "motions": "built-in clips, and what is in a motion file",
    "cameras": "built-in camera paths, and what a sentence or a file means",
    "weights": "what each method needs on disk, where it is, how to get it",
    "doctor": "is everything installed as it should be?",
}


def usage() -> str:
    """What ``muybridge --help`` prints."""
    width = max(map(len, VERBS))
    lines = [
        "usage: muybridge VERB [OPTIONS]",
        "",
        "Multi-view video of a person from one photograph.",
        "",
        *(f"  {verb:{width}}  {about}" for verb, about in VERBS.items()),
        "",
        "  muybridge VERB --help says more; --version prints the version.",
        "",
        "  muybridge animate me.jpg --motion walk --camera orbit:8 -o out/me",
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: what follows ``muybridge``; the process' own arguments where absent.

    Returns:
        The exit code.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version"):
        from muybridge import __version__

        print(f"muybridge {__version__}")
        return 0
    # installed or not, diffusers looks for it, and it tells of kernels that a machine lacks
    logging.getLogger("torchao").setLevel(logging.ERROR)
    try:
        if arguments[0] not in VERBS:
            raise InputError(
                "muybridge", "", f"there is no verb {arguments[0]!r}", "use " + ", ".join(VERBS)
            )
        verb = import_module(f"muybridge.cli.{arguments[0]}")
        return int(verb.main(arguments[1:]))
    except MuybridgeError as error:
        print(f"muybridge: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("muybridge: stopped", file=sys.stderr)
        return Interrupted.exit_code
    except BrokenPipeError:  # the reader of stdout has gone; say nothing more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def run() -> int:
    """:func:`main` as the process's only work; a stopped run leaves at once.

    Threads of libraries may be in the midst of something then. Everything of ours is written
    and closed, so they are not waited for: some end the process with an abort.
    """
    code = main()
    if code == Interrupted.exit_code:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
