"""Which joint of a foreign skeleton is which of ours, by name and by topology.

Names are reduced to a side and a plain word: ``mixamorig:LeftUpLeg``, ``LeftHip``,
``lThigh``, ``L_Thigh``, ``thigh.L``, ``Bip01 L Thigh``, ``DEF-upper_leg.L`` all give
(left, thigh). What a word means may depend on its neighbours (``Shoulder`` is a
collar bone for Mixamo and an upper arm for others), so limbs are decided together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

from muybridge.errors import InputError

_NAMESPACE = re.compile(r"^.*[:|]")
_PREFIX = re.compile(
    r"^(mixamorig\d*|bip\d+|cc_base|def|org|mch|ctrl|j_bip|j_sec|[mf]_avg|character\d*|rokoko|"
    r"biped\d*|rig|skel|jnt|bn|b|valvebiped)(?=[\s_.\-]|(?<=\d)[A-Za-z]|(?<=mixamorig))[\s_.\-]*",
    re.IGNORECASE,
)
_SIDES = {
    **{"left": "left", "l": "left", "lft": "left"},
    **{"right": "right", "r": "right", "rgt": "right"},
}
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "pelvis": ("hips", "hip", "pelvis", "root", "cog", "centerofmass", "mhips"),
    "thigh": ("thigh", "upleg", "upperleg", "femur", "legupper"),
    "knee": ("knee", "shin", "calf", "lowerleg", "lowleg", "tibia", "crus", "leglower"),
    "leg": ("leg",),
    "ankle": ("ankle",),
    "foot": ("foot",),
    "toe": ("toebase", "toe", "toes", "ball", "toe0", "forefoot", "toe1", "bigtoe"),
    "collar": ("collar", "clavicle", "collarbone", "clav", "shoulderblade", "scapula"),
    "shoulder": ("shoulder",),
    "arm": ("arm", "upperarm", "uparm", "shldr", "humerus", "armupper", "upperarm1"),
    "elbow": ("elbow", "forearm", "lowerarm", "lowarm", "radius", "farm", "armlower", "ulna"),
    "hand": ("hand", "wrist", "palm"),
    "neck": ("neck", "neck0", "neck1", "lowerneck", "neckbase", "cervical"),
    "head": ("head", "skull"),
}
_WORD: dict[str, str] = {}
for _meaning, _words in _SYNONYMS.items():
    for _w in _words:
        _WORD.setdefault(_w, _meaning)
_FINGERS = {
    **{"thumb": "thumb", "index": "index", "pointer": "index", "middle": "middle", "mid": "middle"},
    **{"ring": "ring", "pinky": "pinky", "little": "pinky", "small": "pinky"},
}
_SEGMENTS = {"metacarpal": 0, "proximal": 1, "medial": 2, "intermediate": 2, "distal": 3}
_NUMBERED = ("thumb", "index", "middle", "ring", "pinky")
_LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")


@dataclass(frozen=True)
class Plain:
    """A joint's name, reduced: side (``""`` for the middle) and word without separators."""

    side: str
    word: str


def plain(name: str) -> Plain:
    """Reduces a joint's name to its side and word."""
    text = _NAMESPACE.sub("", name.strip())
    for _ in range(2):
        text = _PREFIX.sub("", text)
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)
    text = re.sub(r"([A-Z])([A-Z][a-z])", r"\1 \2", text)
    words = [w for w in re.split(r"[\s_.\-]+", text.lower()) if w]
    side = ""
    for k in (0, len(words) - 1, *range(1, len(words) - 1)):
        if words and not side and len(words) > 1 and words[k] in _SIDES:
            side = _SIDES[words.pop(k)]
            break
    joined = "".join(words)
    if not side:
        for prefix, value in (("left", "left"), ("right", "right")):
            if joined.startswith(prefix) and len(joined) > len(prefix):
                side, joined = value, joined[len(prefix) :]
            elif joined.endswith(prefix) and len(joined) > len(prefix):
                side, joined = value, joined[: -len(prefix)]
    if not side and len(joined) > 2 and joined[0] in "lr":
        rest = joined[1:]
        if _role(rest) or _finger(rest) is not None or rest == "hipjoint":
            side, joined = _SIDES[joined[0]], rest
    return Plain(side, joined)


def _role(word: str) -> str:
    return _WORD.get(word, "") or _WORD.get(re.sub(r"(0*1|bend)$", "", word), "")


def _finger(word: str) -> tuple[str, int] | None:
    """Finger and knuckle 1..3 (0: a bone of the palm); ``None`` where it is no finger."""
    base = re.sub(r"^(hand|inhand|f|finger)(?=[a-z])", "", word)
    for key, finger in _FINGERS.items():
        if base.startswith(key):
            rest = base[len(key) :].removeprefix("finger")
            for segment, number in _SEGMENTS.items():
                if rest.startswith(segment):
                    return finger, number
            digits = rest.lstrip("0")
            if digits in ("1", "2", "3"):
                return finger, int(digits)
            return (finger, 1) if rest == "" else None
    # 3ds Max: Finger0, Finger01, Finger02 is the thumb; rokoko: Finger1Proximal.
    match = re.fullmatch(r"finger([0-5])([12])?", word)
    if match:
        return _NUMBERED[min(int(match[1]), 4)], int(match[2] or 0) + 1
    match = re.fullmatch(r"finger([1-5])(metacarpal|proximal|medial|intermediate|distal)", word)
    if match:
        return _NUMBERED[int(match[1]) - 1], _SEGMENTS[match[2]]
    return None


@dataclass(frozen=True)
class Matched:
    """Joints of a foreign skeleton by our names.

    Attributes:
        joints: our joint name -> index in the file; the pelvis, both hips, knees,
            ankles, shoulders and elbows are always there.
        spine: indices between pelvis and chest, upwards, the chest last.
        necks: indices between chest and head, upwards.
        unused: names in the file that were given no role.
    """

    joints: dict[str, int]
    spine: tuple[int, ...]
    necks: tuple[int, ...]
    unused: tuple[str, ...]


def match(path: str | PathLike[str], names: Sequence[str], parents: Sequence[int]) -> Matched:
    """Finds our joints among the named joints of a tree.

    Raises:
        InputError: limbs could not be told; it lists what was not recognised.
    """
    table = _Table(names, parents)
    joints: dict[str, int] = {}
    for side in ("left", "right"):
        joints.update(table.leg(side))
        joints.update(table.arm(side))
        joints.update(table.fingers(side, joints.get(f"{side}_wrist")))
    missing = [
        f"{side}_{limb}"
        for side in ("left", "right")
        for limb in _LIMBS
        if f"{side}_{limb}" not in joints
    ]
    if any("wrist" not in m for m in missing):
        spare = [n for k, n in enumerate(names) if k not in joints.values()]
        raise InputError(
            path,
            "joints",
            f"no joint was recognised as {', '.join(missing)}; "
            f"not recognised: {', '.join(spare[:40]) or 'none'}",
            "rename the joints as Mixamo or CMU do (LeftUpLeg, LeftLeg, LeftFoot, LeftArm, ...)",
        )
    pelvis = table.common(joints["left_hip"], joints["right_hip"])
    chest = table.common(joints["left_shoulder"], joints["right_shoulder"])
    if pelvis < 0 or chest < 0:
        raise InputError(path, "joints", "legs or arms do not hang together", "export one skeleton")
    joints["pelvis"] = pelvis
    spine = table.path(pelvis, chest)
    head = table.head(chest)
    necks: tuple[int, ...] = ()
    if head is not None:
        joints["head"] = head
        necks = table.path(chest, head)[:-1]
    used = set(joints.values()) | set(spine) | set(necks)
    unused = tuple(n for k, n in enumerate(names) if k not in used)
    return Matched(joints, spine, necks, unused)


class _Table:
    def __init__(self, names: Sequence[str], parents: Sequence[int]) -> None:
        self.parents = parents
        self.plain = [plain(n) for n in names]
        self.roles = [_role(p.word) for p in self.plain]
        self.depth = [0] * len(names)
        for j, p in enumerate(parents):
            self.depth[j] = 0 if p < 0 else self.depth[p] + 1

    def of(self, side: str, *roles: str) -> int | None:
        """The joint of a side with the first role that any has, the highest in the tree."""
        for role in roles:
            found = [
                j for j, r in enumerate(self.roles) if r == role and self.plain[j].side == side
            ]
            if found:
                return min(found, key=lambda j: self.depth[j])
        return None

    def leg(self, side: str) -> dict[str, int]:
        thigh = self.of(side, "thigh", "pelvis")
        knee = self.of(side, "knee", "leg")
        # "Leg" above a knee is a thigh: Leg, Knee or Leg, Shin.
        if thigh is None and self.of(side, "knee") is not None:
            thigh = self.of(side, "leg")
        ankle = self.of(side, "ankle", "foot")
        toe = self.of(side, "toe")
        if toe is None and self.of(side, "ankle") is not None:
            toe = self.of(side, "foot")
        chain = {"hip": thigh, "knee": knee, "ankle": ankle, "foot": toe}
        return self._chain(side, chain)

    def arm(self, side: str) -> dict[str, int]:
        collar = self.of(side, "collar")
        upper = self.of(side, "arm")
        if collar is None and upper is not None:
            collar = self.of(side, "shoulder")
        if upper is None:
            upper = self.of(side, "shoulder")
        chain = {
            "collar": collar,
            "shoulder": upper,
            "elbow": self.of(side, "elbow"),
            "wrist": self.of(side, "hand"),
        }
        return self._chain(side, chain)

    def _chain(self, side: str, chain: dict[str, int | None]) -> dict[str, int]:
        """The part of a chain in which each joint hangs below the one before."""
        out: dict[str, int] = {}
        above: int | None = None
        for name, joint in chain.items():
            if joint is None or (above is not None and not self.below(joint, above)):
                continue
            out[f"{side}_{name}"] = joint
            above = joint
        return out

    def fingers(self, side: str, wrist: int | None) -> dict[str, int]:
        if wrist is None:
            return {}
        out: dict[str, int] = {}
        seen = [
            (j, _finger(p.word))
            for j, p in enumerate(self.plain)
            if p.side == side and self.below(j, wrist)
        ]
        # A Biped's thumb is Finger0; without one, Finger1 is the thumb only for rokoko.
        for j, found in seen:
            if found is not None and found[1] > 0:
                out.setdefault(f"{side}_{found[0]}{found[1]}", j)
        return out

    def head(self, chest: int) -> int | None:
        found = [j for j, r in enumerate(self.roles) if r == "head" and self.below(j, chest)]
        if not found:
            found = [j for j, r in enumerate(self.roles) if r == "neck" and self.below(j, chest)]
        return min(found, key=lambda j: self.depth[j]) if found else None

    def below(self, joint: int, above: int) -> bool:
        while joint >= 0:
            joint = self.parents[joint]
            if joint == above:
                return True
        return False

    def common(self, a: int, b: int) -> int:
        """The lowest joint above both, -1 if there is none."""
        above = set()
        while a >= 0:
            a = self.parents[a]
            above.add(a)
        b = self.parents[b]
        while b not in above:
            b = self.parents[b]
        return b

    def path(self, top: int, bottom: int) -> tuple[int, ...]:
        """Joints below ``top`` down to ``bottom``; empty where one is not below the other."""
        out: list[int] = []
        while bottom >= 0 and bottom != top:
            out.append(bottom)
            bottom = self.parents[bottom]
        return tuple(reversed(out)) if bottom == top else ()
