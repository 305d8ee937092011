"""The words that a camera sentence may use, and what they mean."""

from __future__ import annotations


def forms(base: str) -> tuple[str, ...]:
    """A verb's forms: arc, arcs, arcing, arced."""
    if base.endswith("e"):
        return base, base + "s", base[:-1] + "ing", base + "d"
    if base.endswith(("sh", "ch")):
        return base, base + "es", base + "ing", base + "ed"
    if base in ("pan", "dip", "drop", "spin", "strafe", "drag", "jib"):
        return base, base + "s", base + base[-1] + "ing", base + base[-1] + "ed"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base, base[:-1] + "ies", base + "ing", base[:-1] + "ied"
    return base, base + "s", base + "ing", base + "ed"


_VERBS: dict[str, str] = {
    # meaning: words. A colon gives a direction that the word itself says.
    "move": "move go travel glide float drift shift slide come fly proceed head push pull track "
            "truck strafe step ease inch walk",
    "dolly:forward": "advance approach near",
    "dolly:back": "retreat recede withdraw retire",
    "dolly": "dolly",
    "arc": "arc curve swing sweep",
    "orbit": "orbit circle revolve loop encircle spin",
    "turn": "rotate turn",
    "crane:up": "rise ascend climb lift raise elevate",
    "crane:down": "descend sink lower drop fall dip",
    "crane": "crane boom pedestal jib",
    "zoom": "zoom magnify",
    "pan": "pan",
    "tilt": "tilt look",
    "roll": "roll",
}

PHRASES: dict[str, tuple[str, ...]] = {}
"""Every phrase, as words joined by one space, to (class, value...)."""


def _add(kind: str, value: str, phrases: str) -> None:
    for phrase in phrases.split("|"):
        PHRASES[phrase.strip()] = (kind, value)


for _meaning, _words in _VERBS.items():
    for _word in _words.split():
        for _form in forms(_word):
            PHRASES[_form] = ("verb", *_meaning.split(":"))
for _irregular, _meaning in {
    "rose": "crane:up", "went": "move", "flew": "move", "swung": "arc", "spun": "orbit",
    "sank": "crane:down", "fell": "crane:down", "came": "move", "slid": "move",
    "backs away": "dolly:back", "backing away": "dolly:back", "back away": "dolly:back",
    "closes in": "dolly:forward", "closing in": "dolly:forward", "close in": "dolly:forward",
    "vertigo": "vertigo", "dolly zoom": "vertigo", "dolly zooms": "vertigo", "zolly": "vertigo",
    "dolly zooming": "vertigo", "hitchcock zoom": "vertigo", "hitchcock": "vertigo",
    "vertigo effect": "vertigo", "vertigo shot": "vertigo",
    "aerial pull out": "aerial", "aerial pull back": "aerial", "aerial pullout": "aerial",
    "drone pull out": "aerial", "drone pull back": "aerial", "aerial pulling out": "aerial",
    "aerial pulls out": "aerial", "dynamic zoom swing": "swing", "zoom swing": "swing",
    "punch in": "zoom:in", "punches in": "zoom:in", "pedestal": "crane",
}.items():
    PHRASES[_irregular] = ("verb", *_meaning.split(":"))

_add("dir", "left", "left|leftward|leftwards|to the left|toward the left|towards the left|"
     "to its left|to left|on the left")
_add("dir", "right", "right|rightward|rightwards|to the right|toward the right|"
     "towards the right|to its right|to right|on the right")
_add("dir", "up", "up|upward|upwards|higher")
_add("dir", "down", "down|downward|downwards|lower")
_add("dir", "forward", "forward|forwards|ahead|inward|inwards|closer|nearer|toward|towards|"
     "closer to|nearer to|in close|in closer|in toward|in towards|closer in|forward toward")
_add("dir", "back", "back|backward|backwards|away|outward|outwards|further away|farther away|"
     "back away|away from|further back|farther back|further|farther|backward away")
_add("dir", "in", "in")
_add("dir", "out", "out")
_add("dir", "clockwise", "clockwise")
_add("dir", "counterclockwise", "counterclockwise|counter clockwise|anticlockwise|anti clockwise")
_add("speed", "slow", "slowly|slow|gently|gentle|gradually|gradual|softly|slightly|slight|"
     "leisurely|at a slow speed|at slow speed|at a slow pace|subtly|subtle|a little|a bit")
_add("speed", "normal", "at a normal speed|at normal speed|normal speed|normally|at a moderate "
     "speed|moderately|moderate|medium|at a medium speed|at a normal pace|at a steady pace|"
     "at a moderate pace|at a steady speed")
_add("speed", "quick", "quickly|quick|fast|rapid|rapidly|swift|swiftly|sharply|suddenly|speedily|"
     "at a fast speed|at a high speed|at high speed|at a fast pace|dramatically|hastily|abruptly|"
     "at a quick speed|at speed")
_add("around", "", "around|round|about|circular|in an arc|in a curve|around in an arc")
_add("turnabout", "360", "in a circle|in circles|in a full circle|full circle|all around|"
     "all the way around|in a circular path|in a circular path around|full turn|full orbit|"
     "a full circle|circular path|a circular path|completely around|in a complete circle|"
     "all the way round|full rotation|whole circle|full revolution|in a circular motion|"
     "in a circular motion around|in a circular path all around")
_add("turnabout", "180", "half circle|a half circle|half a circle|in a half circle|halfway around|"
     "half turn|in a semicircle|semicircle|half way around|halfway round|a half turn")
_add("turnabout", "90", "quarter circle|a quarter circle|a quarter of a circle|quarter turn|"
     "a quarter turn")
_add("static", "", "static|still|stationary|fixed|motionless|unmoving|locked|locked off|"
     "does not move|do not move|without moving|not moving|no movement|no camera movement|"
     "no motion|steady|in place|hold|holds|holding|stands still|standing still|pause|pauses|"
     "pausing|stop|stops|rests")
_add("handheld", "", "handheld|hand held|shaky|shaking|shakes|trembling|trembles|with a shake|"
     "in the hand|wobbly")
_add("noise", "", "the|a|an|camera|cameras|camera's|cam|shot|lens|it|its|his|her|their|of|on|at|"
     "with|to|by|from|for|this|that|is|are|be|being|remains|remain|stays|stay|keeps|keep|staying|"
     "remaining|keeping|begins|begin|beginning|starts|start|starting|continues|continue|"
     "continuing|does|do|doing|makes|make|making|performs|performing|perform|man|woman|person|"
     "girl|boy|subject|model|dancer|figure|character|lady|guy|actor|actress|performer|human|"
     "player|body|face|him|them|people|child|kid|old|young|whole|frame|scene|view|movement|"
     "motion|move smoothly|smoothly|smooth|steadily|along|path|which|who|while it|she|he|they|"
     "position|very|just|again|straight|directly|in order|focus|focused|centered|centred|"
     "completely|over|in front of|speed|pace|angle|same|effect|action|way|gets|getting|"
     "get|direction|side to|off|one|into|through")

SEQUENCE = ("and then", "then", "after that", "afterwards", "afterward", "next", "finally",
            "followed by", "and finally", "before", "subsequently", "later")
TOGETHER = ("while also", "while", "as it", "as well as", "at the same time", "simultaneously",
            "and", "plus", "combined with", "as", "together with", "but", "and simultaneously",
            "and also", "also")

NUMBERS = {
    "five": 5, "ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty five": 45,
    "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "two": 2, "three": 3,
    "four": 4, "half": 0.5, "twice": 2,
}
UNITS = {
    "degree": "degrees", "degrees": "degrees", "deg": "degrees", "metre": "metres",
    "metres": "metres", "meter": "metres", "meters": "metres", "m": "metres",
    "times": "times", "x": "times", "fold": "times", "centimetres": "cm", "centimeters": "cm",
    "cm": "cm", "percent": "percent",
}

HELP = (
    "say a viewpoint (\"Front view.\", \"Left side view.\", \"from behind\") and moves: static, "
    "arc left/right, orbit, move forward/back/left/right/up/down, dolly in/out, pull back, rise, "
    "descend, zoom in/out, pan, tilt, roll, vertigo in/out, aerial pull-out, dynamic zoom swing, "
    "handheld; slowly, at a normal speed or quickly; by 30 degrees, by 0.5 metres or by a factor "
    "of 2; joined by \"while\", \"and\" or \"then\""
)
