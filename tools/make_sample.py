"""Paint the sample person: ``src/muybridge/assets/sample_person.png``.

The built-in body gets a haircut, a t-shirt with a print, trousers and shoes: each is a
displacement of the skin and a colour that depends on where a point lies on the standing
body. Front and back are seen by one camera each, on a studio ground, side by side.

    python tools/make_sample.py [-o PICTURE] [--height 1328]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from muybridge.body import JOINT_INDEX, Shape, load_anny
from muybridge.camera import Cameras, look_at
from muybridge.methods.avatar.shadow import darken, shadow_maps
from muybridge.methods.background import Background
from muybridge.methods.ground import Ground
from muybridge.motion import Motion
from muybridge.render import interpolate, rasterize, vertex_normals
from muybridge.video import write_image

OUT = Path(__file__).parents[1] / "src" / "muybridge" / "assets" / "sample_person.png"
SHAPE = Shape(gender=0.95, age=0.68, height=0.47, weight=0.42, muscle=0.5, proportions=0.75)
SMILE = {"mouthSmileLeft": 0.35, "mouthSmileRight": 0.35}

SKIN = (0.80, 0.58, 0.46)
HAIR = (0.16, 0.095, 0.065)
SHIRT = (0.13, 0.40, 0.44)
PRINT = (0.95, 0.88, 0.72)
TROUSERS = (0.22, 0.24, 0.31)
SHOES = (0.90, 0.89, 0.87)
SOLE = (0.78, 0.22, 0.16)


def ramp(low: float, high: float, x: Tensor) -> Tensor:
    """0 below ``low``, 1 above ``high``, smooth between (either order)."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def noise(points: Tensor, frequency: float, seed: int = 0) -> Tensor:
    """Smooth value noise in 0..1 at points ``[..., 3]``, metres."""
    field = torch.rand(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(seed))
    place = (points * frequency / 32 + 0.137) % 1.0
    grid = place.reshape(1, -1, 1, 1, 3) * 2 - 1
    return F.grid_sample(field, grid, align_corners=True).reshape(points.shape[:-1])


def fbm(points: Tensor, frequency: float, octaves: int = 3, seed: int = 0) -> Tensor:
    """Noise of several octaves, 0..1."""
    total = sum(noise(points, frequency * 2**k, seed + k) / 2**k for k in range(octaves))
    return total / (2 - 2 ** (1 - octaves))


class Wardrobe:
    """Where on the standing body (T-pose, metres) each piece of clothing lies."""

    def __init__(self, joints: Tensor) -> None:
        self.j = {name: joints[i] for name, i in JOINT_INDEX.items()}
        self.eye = (self.j["left_eye"] + self.j["right_eye"]) / 2

    def shirt(self, p: Tensor) -> Tensor:
        """Signed distance-like: positive inside the t-shirt."""
        x, y = p[..., 0].abs(), p[..., 1]
        hem = self.j["pelvis"][1] - 0.035
        sleeve = self.j["left_shoulder"][0] + 0.62 * (
            self.j["left_elbow"][0] - self.j["left_shoulder"][0]
        )
        collar = self.j["neck"] + torch.tensor([0.0, 0.035, 0.02])
        away = ((p - collar) * torch.tensor([1.0, 0.95, 0.9])).norm(dim=-1) - 0.092
        inside = torch.minimum(torch.minimum(y - hem, sleeve - x), away)
        top = self.j["neck"][1] + 0.05 - 0.06 * ramp(0.03, 0.05, p[..., 2])  # not the chin
        return torch.minimum(inside, top - y)

    def trousers(self, p: Tensor) -> Tensor:
        """Positive inside the trousers."""
        x, y = p[..., 0].abs(), p[..., 1]
        inside = torch.minimum(self.j["pelvis"][1] + 0.08 - y, y - 0.055)
        return torch.minimum(inside, 0.30 - x)

    def hair(self, p: Tensor) -> Tensor:
        """Positive inside the hair: above a hairline that drops behind the ears."""
        q = p - self.eye
        depth = -q[..., 2]
        line = torch.full_like(depth, 0.068)
        for low, high, drop in ((0.03, 0.07, 0.045), (0.075, 0.10, 0.06), (0.11, 0.15, 0.075)):
            line = line - drop * ramp(low, high, depth)
        line = line - 0.016 * ramp(0.015, 0.05, q[..., 0].abs()) + 0.006 * (fbm(p, 55, 2, 3) - 0.5)
        ear = ((q - torch.tensor([0.0, -0.015, -0.085])) * torch.tensor([0.0, 1.0, 1.5])).norm(
            dim=-1
        )
        ear = torch.where(q[..., 0].abs() > 0.055, ear - 0.036, torch.ones_like(ear))
        above_neck = p[..., 1] - self.j["neck"][1] - 0.075
        return torch.minimum(torch.minimum(q[..., 1] - line, ear), above_neck)


def clothe(body, shaped, wear: Wardrobe) -> Tensor:
    """Displacement ``[N, 3]`` of the skin in the bind pose: cloth, hair, and shoes over toes."""
    p = shaped.zero.vertices[0]
    faces = shaped.mesh.faces
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = torch.cat([edges, edges.flip(1)])

    def smooth(values: Tensor, where: Tensor, times: int) -> Tensor:
        degree = torch.zeros(len(p)).index_add(0, edges[:, 0], torch.ones(len(edges)))
        for _ in range(times):
            mean = torch.zeros_like(values).index_add(0, edges[:, 0], values[edges[:, 1]])
            mean = mean / degree.clamp(min=1)[:, None]
            values = torch.where(where[:, None], mean, values)
        return values

    bind = shaped.bind_vertices
    shirt, trousers = wear.shirt(p), wear.trousers(p)
    y = p[:, 1]
    tilt = ramp(wear.j["spine3"][1], wear.j["pelvis"][1], y)
    thick = (0.010 + 0.016 * tilt) * ramp(-0.004, 0.012, shirt)
    knee, hip = wear.j["left_knee"], wear.j["left_hip"]
    side = torch.where(p[:, 0] > 0, 1.0, -1.0)
    axis_x = side * torch.where(
        y > knee[1], hip[0] + (knee[0] - hip[0]) * ramp(hip[1], knee[1], y), knee[0]
    )
    radius = ((p[:, 0] - axis_x).square() + (p[:, 2] + 0.015).square()).sqrt()
    lack = 0.072 - radius
    straight = ((lack + (lack.square() + 2e-4).sqrt()) / 2).clamp(max=0.04)
    straight = straight * ramp(hip[1] - 0.05, knee[1] + 0.1, y)
    legs = (0.009 + straight) * ramp(-0.006, 0.012, trousers)
    thick = torch.where(shirt > -0.004, torch.maximum(thick, legs * (shirt < 0)), legs)
    hair = wear.hair(p)
    is_head = p[:, 1] > wear.j["neck"][1] + 0.05
    locks = (0.016 + 0.010 * ramp(0.0, 0.09, p[:, 1] - wear.eye[1])) * ramp(0.0, 0.022, hair)
    locks = locks * (0.85 + 0.3 * fbm(p, 22, 2, 5))
    thick = torch.where(is_head, locks, thick)
    shrink = ramp(0.10, 0.05, y)  # the feet are inside the shoes
    thick = smooth(thick[:, None], thick > 0, 6)[:, 0] * (1 - shrink) - 0.012 * shrink
    hidden = torch.isin(
        body.labels.long(), torch.tensor([i for i, n in enumerate(body.label_names)
                                          if "eye" in n or "mouth" in n or n == "tongue"])
    )
    thick = torch.where(hidden, torch.zeros_like(thick), thick)
    normals = vertex_normals(bind[None], faces)[0]
    normals = F.normalize(smooth(normals, torch.ones(len(p), dtype=torch.bool), 4), dim=-1)
    worn = (torch.maximum(shirt, trousers) > 0.005) & (y > 0.3)
    hips = worn & ((y - wear.j["pelvis"][1] + 0.01).abs() < 0.16)
    spanned = smooth(smooth(bind, worn, 12), hips, 150)  # cloth spans hollows
    fill = ((spanned - bind) * normals).sum(1).clamp(0, 0.04)[:, None]
    fill = smooth(fill, worn, 3)[:, 0]
    return normals * (thick + fill)[:, None]


def shoe(wear: Wardrobe, side: str, ground: float) -> tuple[Tensor, Tensor, Tensor]:
    """A shoe around a standing foot: vertices, triangles, and colours of the vertices."""
    ankle, ball = wear.j[f"{side}_ankle"], wear.j[f"{side}_foot"]
    along = F.normalize((ball - ankle) * torch.tensor([1.0, 0.0, 1.0]), dim=0)
    across = torch.stack([along[2], along[1], -along[0]])
    nu, nv = 120, 120
    u = torch.linspace(0, 1, nu)[:, None]
    v = torch.linspace(0, 2 * torch.pi, nv)[None]

    def curve(values: list[float]) -> Tensor:
        """A smooth curve over ``u`` through evenly spread values."""
        knots = torch.tensor(values)[None, None]
        return F.interpolate(knots, size=nu, mode="linear", align_corners=True)[0, 0][:, None]

    end = (1 - (2 * u - 1).abs() ** 5).clamp(min=0) ** 0.4  # closes heel and toe
    half = curve([0.036, 0.037, 0.036, 0.037, 0.043, 0.047, 0.046, 0.040]) * end
    top = curve([0.098, 0.100, 0.098, 0.090, 0.070, 0.056, 0.048, 0.040])
    c, s = v.cos(), v.sin()
    x = half * c.sign() * c.abs() ** 0.7
    y = (0.5 * top * (0.4 + 0.6 * end)) * s.sign() * s.abs() ** 0.55
    y = y + 0.5 * top * (0.4 + 0.6 * end)
    reach = (u - 0.26) * 0.262
    place = ankle * torch.tensor([1.0, 0.0, 1.0]) + torch.tensor([0.0, ground, 0.0])
    up = torch.tensor([0.0, 1.0, 0.0])
    points = place + reach[..., None] * along + x[..., None] * across + y[..., None] * up
    leather = torch.tensor(SHOES).expand(nu, nv, 3)
    dark, sole = torch.tensor([0.25, 0.26, 0.30]), torch.tensor(SOLE)
    tongue = (u > 0.40) & (u < 0.68) & (x.abs() < 0.013) & (s > 0)
    laces = (torch.sin(u * 95) > 0.25) & (u > 0.42) & (u < 0.67) & (x.abs() < 0.019) & (s > 0)
    stripe = ((x.abs() > 0.024) & ((u - 0.42 - (y - 0.03) * 2).abs() < 0.035)) & (y > 0.02)
    color = torch.where(tongue[..., None], leather * 0.8, leather)
    color = torch.where(stripe[..., None], dark, color)
    color = torch.where(laces[..., None], torch.tensor([0.97, 0.96, 0.94]), color)
    color = torch.where((u < 0.1)[..., None] & (y > 0.05)[..., None], dark, color)
    color = torch.where((y < 0.018)[..., None], sole, color)
    index = torch.arange(nu * nv).reshape(nu, nv)
    a, b = index[:-1, :-1].flatten(), index[1:, :-1].flatten()
    d, e = index[:-1, 1:].flatten(), index[1:, 1:].flatten()
    triangles = torch.cat([torch.stack([a, e, b], 1), torch.stack([a, d, e], 1)])
    return points.reshape(-1, 3), triangles, color.reshape(-1, 3)


def graphic(text: str, size: int = 512) -> Tensor:
    """The print: a ring with a number in it, 1 where there is ink."""
    image = np.zeros((size, size), np.uint8)
    middle = (size // 2, size // 2)
    cv2.circle(image, middle, int(size * 0.46), 255, int(size * 0.045), cv2.LINE_AA)
    for k in range(4):  # four plates in a row
        left = int(size * (0.20 + 0.155 * k))
        cv2.rectangle(
            image, (left, int(size * 0.26)), (left + int(size * 0.12), int(size * 0.40)), 255, -1
        )
    scale = size / 200
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, scale, int(size * 0.03))
    cv2.putText(
        image, text, (middle[0] - w // 2, int(size * 0.53) + h // 2), cv2.FONT_HERSHEY_DUPLEX,
        scale, 255, int(size * 0.03), cv2.LINE_AA,
    )
    cv2.rectangle(
        image, (int(size * 0.28), int(size * 0.70)), (int(size * 0.72), int(size * 0.74)), 255, -1
    )
    return torch.from_numpy(image).float() / 255


def stamp(picture: Tensor, x: Tensor, y: Tensor, width: float) -> Tensor:
    """The picture's value at offsets (right, down) from its centre, metres."""
    grid = torch.stack([x, y], -1).reshape(1, -1, 1, 2) / (width / 2)
    value = F.grid_sample(picture[None, None], grid, align_corners=False)
    return value.reshape(x.shape)


def paint(body, wear: Wardrobe, p: Tensor, masks: dict[str, Tensor], eyes: Tensor) -> Tensor:
    """Colour ``[P, 3]`` of points ``p`` of the standing body.

    Args:
        masks: lips and eyelids, 0..1 at each point. ``eyes``: which points are eyeballs.
    """
    def tone(color: tuple[float, float, float]) -> Tensor:
        return torch.tensor(color).expand(len(p), 3)

    def over(base: Tensor, color: Tensor, share: Tensor) -> Tensor:
        return torch.lerp(base, color, share.clamp(0, 1)[:, None])

    q = p - wear.eye
    x, up, front = q[:, 0], q[:, 1], q[:, 2] > -0.06
    side = x.abs()
    color = tone(SKIN) * (0.95 + 0.10 * fbm(p, 30, 3))[:, None]
    cheek = torch.exp(-((side - 0.042) / 0.022) ** 2 - ((up + 0.042) / 0.02) ** 2) * front * 0.4
    color = over(color, tone((0.82, 0.47, 0.40)), cheek)
    color = over(color, tone((0.72, 0.34, 0.33)), masks["lips"] * 0.8)
    color = over(color, tone((0.62, 0.42, 0.35)), masks["eyelids"] * 0.45)
    arch = 0.021 + 0.006 * torch.sin((side - 0.012) / 0.042 * 2.5)
    brow = torch.exp(-(((up - arch) / 0.0042) ** 4)) * ramp(0.008, 0.014, side)
    brow = brow * ramp(0.056, 0.046, side) * front
    color = over(color, tone((0.14, 0.09, 0.07)), brow * (0.6 + 0.5 * noise(p, 420, 4)))
    nail = masks["fingernails"] * 0.5
    color = over(color, tone((0.88, 0.68, 0.60)), nail)
    for name in ("left_eye", "right_eye"):
        d = p - wear.j[name]
        radius = d[:, :2].norm(dim=-1)
        lash = (d.norm(dim=-1) - 0.0150).abs() < 0.0022
        lash = lash & (d[:, 1] > 0.001) & (d[:, 2] > 0.004) & ~eyes
        color = over(color, tone((0.10, 0.06, 0.05)), lash * 0.7)
        near = eyes & (d.norm(dim=-1) < 0.03)
        ball = tone((0.90, 0.88, 0.86))
        ball = over(ball, tone((0.28, 0.19, 0.10)), ramp(0.0068, 0.0060, radius))
        ball = over(ball, tone((0.03, 0.03, 0.03)), ramp(0.0031, 0.0026, radius))
        glint = (d[:, :2] - torch.tensor([0.0020, 0.0022])).norm(dim=-1)
        ball = over(ball, tone((1.0, 1.0, 1.0)), ramp(0.0013, 0.0009, glint) * (d[:, 2] > 0))
        color = torch.where(near[:, None], ball, color)
    around = torch.atan2(q[:, 0], -(q[:, 2] + 0.08))
    strand = fbm(torch.stack([around * 0.9, q[:, 2] * 0.6, q[:, 1] * 0.35], -1), 60, 3, 7)
    locks = tone(HAIR) * (0.55 + 0.95 * strand)[:, None]
    is_head = p[:, 1] > wear.j["neck"][1] + 0.05
    color = over(color, locks, ramp(-0.002, 0.003, wear.hair(p)) * is_head)

    weave = 0.97 + 0.06 * noise(p, 500, 9)
    folds = 1 + 0.16 * (fbm(p * torch.tensor([1.0, 0.55, 1.0]), 11, 3, 11) - 0.5)
    legs = tone(TROUSERS) * (weave * folds * (0.94 + 0.12 * fbm(p, 90, 2, 13)))[:, None]
    inside = ramp(-0.0015, 0.0015, wear.trousers(p))
    color = over(color, legs, inside * (p[:, 1] < wear.j["pelvis"][1] + 0.09))
    cloth = tone(SHIRT) * (weave * folds)[:, None]
    edge = wear.shirt(p)
    cloth = cloth * (1 - 0.22 * torch.exp(-((edge - 0.018) / 0.0022) ** 2))[:, None]
    chest = wear.j["spine3"][1] - 0.035
    badge = graphic("1878")
    ahead = p[:, 2] > wear.j["spine3"][2]
    ink = stamp(badge, p[:, 0], chest - p[:, 1], 0.20) * ahead
    stripes = ((p[:, 1] - chest).abs() < 0.045) & (((p[:, 1] - chest) / 0.03).frac().abs() < 0.55)
    ink = torch.maximum(ink, (stripes & ~ahead & (p[:, 0].abs() < 0.12)).float())
    cloth = over(cloth, tone(PRINT) * weave[:, None], ink)
    color = over(color, cloth, ramp(-0.0012, 0.0012, edge))
    return color.clamp(0, 1)


def standing() -> Motion:
    """Arms hanging a little away from the body, feet apart as they stand in the T-pose."""
    R = torch.eye(3).repeat(1, 55, 1, 1)

    def turn(name: str, axis: str, degrees: float) -> None:
        a = torch.deg2rad(torch.tensor(float(degrees)))
        c, s = torch.cos(a), torch.sin(a)
        i, k = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        M = torch.eye(3)
        M[i, i] = M[k, k] = c
        M[i, k], M[k, i] = -s, s
        R[0, JOINT_INDEX[name]] = R[0, JOINT_INDEX[name]] @ M

    for side, sign in (("left", -1), ("right", 1)):
        turn(f"{side}_collar", "z", 6 * sign)
        turn(f"{side}_shoulder", "z", 64 * sign)
        turn(f"{side}_elbow", "y", -14 * -sign)
        for finger in ("index", "middle", "ring", "pinky"):
            for knuckle in (1, 2, 3):
                turn(f"{side}_{finger}{knuckle}", "z", 16 * sign)
    return Motion(R, torch.zeros(1, 3))


def occlusion(vertices: Tensor, faces: Tensor, directions: int = 64) -> Tensor:
    """Share of the sky that each vertex sees ``[N]``, by looking from many directions."""
    normals = vertex_normals(vertices[None], faces)[0]
    k = torch.arange(directions) + 0.5
    up = 1 - 2 * k / directions
    around = torch.pi * (1 + 5**0.5) * k
    flat = (1 - up**2).sqrt()
    sky = torch.stack([flat * around.cos(), up, flat * around.sin()], -1)
    eye = sky * 400 + vertices.mean(0)
    T = look_at(eye, vertices.mean(0).expand_as(eye))
    size = 320
    K = torch.tensor([[size * 190.0, 0, size / 2], [0, size * 190.0, size / 2], [0, 0, 1]])
    batch = vertices.expand(directions, -1, 3)
    seen = rasterize(batch, faces, K.expand(directions, 3, 3), T, size, size, cull=False)
    local = torch.einsum("dij,nj->dni", T[:, :3, :3], vertices) + T[:, None, :3, 3]
    pixel = (local[..., :2] / local[..., 2:] * K[0, 0] + size / 2).long().clamp(0, size - 1)
    front = seen.depth.reshape(directions, -1).gather(1, pixel[..., 1] * size + pixel[..., 0])
    clear = (local[..., 2] < front + 0.012) | (front == 0)
    weight = (normals @ sky.T).clamp(min=0).T * torch.where(sky[:, 1:2] > -0.3, 1.0, 0.45)
    return (clear * weight).sum(0) / weight.sum(0).clamp(min=1e-6)


def main() -> None:
    """Paint and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=OUT)
    parser.add_argument("--height", type=int, default=1328)
    options = parser.parse_args()
    height, width = options.height, round(options.height * 800 / 1328)
    write_image(options.out, picture(height, width))
    print(options.out)


def picture(height: int, width: int) -> np.ndarray:
    """Front and back, side by side, uint8 ``[height, 2 * width, 3]``."""
    body = load_anny()
    shaped = body.with_shape(SHAPE)
    wear = Wardrobe(shaped.rest_joints)
    face = {name: torch.tensor([value]) for name, value in SMILE.items()}
    posed = shaped.pose(standing(), offsets=clothe(body, shaped, wear), face=face)
    shift = posed.joints[0, 0] - shaped.rest_joints[0]
    vertices = posed.vertices[0] - shift  # the feet stand as they do in the T-pose
    feet = [shoe(wear, side, 0.0) for side in ("left", "right")]
    count, skin = len(vertices), len(vertices)
    faces = shaped.mesh.faces
    faces = faces[(shaped.zero.vertices[0, faces, 1] > 0.05).any(1)]
    for points, triangles, _ in feet:
        faces = torch.cat([faces, triangles + count])
        vertices = torch.cat([vertices, points])
        count += len(points)
    leather = torch.cat([torch.zeros(skin, 3), *(color for _, _, color in feet)])
    eye = torch.tensor([[0.0, 1.15, 4.6], [0.0, 1.15, -4.6]])
    T = look_at(eye, torch.tensor([[0.0, 0.88, 0.0]]).expand(2, 3))
    focal = height * 2.36
    K = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]).expand(2, 3, 3)
    cameras = Cameras(K[:, None].clone(), T[:, None], width, height)
    fine = K.clone()
    fine[:, :2] *= 2
    seen = rasterize(vertices.expand(2, -1, 3), faces, fine, T, height * 2, width * 2)
    names = ("lips", "eyelids", "fingernails")
    eyes = torch.isin(body.labels.long(), torch.tensor(
        [i for i, n in enumerate(body.label_names) if n.startswith("eye_") and "cavity" not in n]
    )).float()
    own = torch.cat(
        [shaped.zero.vertices[0], eyes[:, None], *(body.masks[name][:, None] for name in names)], 1
    )
    own = F.pad(own, (0, 0, 0, count - skin))
    attributes = torch.cat(
        [
            vertex_normals(vertices[None], faces)[0], occlusion(vertices, faces)[:, None],
            leather, (torch.arange(count) >= skin)[:, None], own,
        ], 1,
    )
    hit = seen.mask
    values = interpolate(seen, faces, attributes)[hit]
    masks = {name: values[:, 12 + k] for k, name in enumerate(names)}
    color = paint(body, wear, values[:, 8:11], masks, values[:, 11] > 0.5)
    color = torch.where(values[:, 7:8] > 0.5, values[:, 4:7], color)
    normal = F.normalize(values[:, :3], dim=-1)
    view = torch.nonzero(hit)[:, 0]
    key = F.normalize(torch.tensor([[-0.5, 0.7, 1.0], [0.5, 0.7, -1.0]]), dim=-1)[view]
    lit = 0.68 + 0.16 * normal[:, 1] + 0.42 * (normal * key).sum(1).clamp(min=0)
    color = (color * (lit * (0.45 + 0.55 * values[:, 3]))[:, None]).clamp(0, 1)
    canvas = torch.zeros(2, height * 2, width * 2, 4)
    canvas[hit] = torch.cat([color, torch.ones(len(color), 1)], 1)
    canvas = F.avg_pool2d(canvas.permute(0, 3, 1, 2), 2)
    behind, point, slope = Ground(Background(), cameras, vertices.mean(0)[None]).see(0, 1)
    shown = 1 - canvas[:, None, 3:]
    darken(shown, 0.5, *shadow_maps(vertices[None]), point, slope)
    result = (canvas[:, None, :3] + behind * shown)[:, 0]
    sheet = torch.cat([result[0], result[1]], dim=2).permute(1, 2, 0)
    return (sheet.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


if __name__ == "__main__":
    main()
