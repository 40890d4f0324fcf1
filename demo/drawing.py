"""Draw synthetic Drosophila embryos, one image at a time.

The images say nothing about real embryos. Use them to learn and to test the workflow, never to judge how well real embryos can
be classified.

The model is the mid-sagittal section of a membrane-labelled embryo, anterior left and dorsal up, from 51 to 204 minutes. The
epithelium is a strip of cells along a closed curve, the apical surface. Folds push that curve inwards. The model contains:
cellularization, the cephalic furrow, the posterior midgut pocket with its pole cells, the extending germ band with mesoderm
below it, the thinning amnioserosa, dorsal folds, the anterior midgut, the stomodeum, parasegmental furrows and mitotic cells.
Every embryo keeps its size, pose, brightness, fold positions and tempo throughout its movie.

The model does not contain: nuclei, tissue mechanics, cell lineages, the head lobes, mutants, damage, and anything outside the
mid-sagittal plane. The ventral furrow, for example, shows only as mesoderm that appears under the ectoderm.
"""

from datetime import date, timedelta
from functools import lru_cache
from types import SimpleNamespace

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

cv2.setNumThreads(1)  # the processes share the cores, so threads in each would only compete

FIRST_MINUTE, LAST_MINUTE = 51, 204
WIDTH, HEIGHT = 1110, 420  # size of the drawing, in pixels. Other sizes are scaled from it.
POINTS = 3000  # points along the egg outline
SHIFT = 4  # OpenCV draws at 1/16 of a pixel


# ---------------------------------------------------------------- small helpers


def ramp(age, start, end):
    """Return a value that rises smoothly from 0 (before `start`) to 1 (after `end`). All arguments are in minutes."""
    x = np.clip((age - start) / (end - start), 0, 1)
    return x * x * (3 - 2 * x)


def band(u, start, end, soft):
    """Return 1 where the position u is between start and end, 0 elsewhere, with soft flanks."""
    return 1 / (1 + np.exp(-np.clip((u - start) / soft, -30, 30))) / (1 + np.exp(np.clip((u - end) / soft, -30, 30)))


def smooth(curve, pixels, step):
    """Smooth a closed curve (or its normals) over `pixels`. Its points are `step` pixels apart."""
    return gaussian_filter1d(curve, max(pixels / step, 0.1), axis=0, mode="wrap", truncate=3)


def normals_of(curve):
    """Return tangents and inward normals, (points, 2) each, of a closed curve that runs clockwise on the screen."""
    tangent = np.roll(curve, -1, axis=0) - np.roll(curve, 1, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    return tangent, np.column_stack([-tangent[:, 1], tangent[:, 0]])


def fixed(points):
    """Return points as the fixed-point integers that OpenCV's `shift` expects."""
    return np.round(np.asarray(points) * (1 << SHIFT)).astype(np.int32)


# ---------------------------------------------------------------- the individual embryo


@lru_cache(maxsize=64)
def _traits(embryo, seed):
    """Draw the traits that one embryo keeps in all its minutes and slices, from its own random stream."""
    rng = np.random.default_rng([seed, embryo])
    return SimpleNamespace(
        # tempo: minutes ahead of the average embryo, and speed of its clock
        offset=np.clip(rng.normal(0, 5.5), -12, 12),
        rate=np.clip(rng.normal(1, 0.055), 0.87, 1.13),
        heterochrony=rng.normal(0, 1.5, 8),  # minutes by which single events are late
        # pose and shape, in pixels and radians
        half_length=rng.uniform(510, 540),
        dorsal=rng.uniform(138, 156),
        ventral=rng.uniform(202, 226),
        flatness=rng.uniform(2.5, 3.1),
        taper=rng.uniform(0.03, 0.12),
        tilt=np.radians(rng.normal(0, 1.5)),
        centre=np.array([WIDTH / 2 - 3, HEIGHT * 0.435]) + rng.normal(0, [8, 4]),
        bumps=rng.normal(0, 2.5, 6),
        # positions of folds, as fractions of egg length from the anterior end
        cephalic=rng.normal([0.335, 0.355], 0.015),
        cephalic_lean=rng.normal([0.25, 0.25], 0.12),
        dorsal_folds=rng.normal([0.48, 0.60], 0.015),
        anterior_midgut=rng.normal(0.12, 0.012),
        stomodeum=rng.normal(0.15, 0.012),
        reach=rng.normal(0.435, 0.015),
        depth=rng.normal(1, 0.1, 6),
        # cells
        cell_width=rng.normal(11.0, 0.6),
        cell_height=rng.normal(68, 4),
        jitter=rng.uniform(-0.28, 0.28, 900),
        wobble=rng.normal(0, 0.9, (900, 3)),
        membrane=np.clip(rng.gamma(9, 0.11, 900), 0.45, 1.7),
        cytoplasm=rng.normal(1, 0.08, 900),
        division=rng.uniform(0, 1, 900),
        domains=np.column_stack([rng.uniform(0, 1, 14), rng.uniform(95, 210, 14), rng.uniform(0.012, 0.03, 14)]),
        # pole cells: place along the posterior plate, and row
        pole_cells=np.column_stack([np.r_[-3:4, -2:3] + rng.normal(0, 0.15, 12), np.arange(12) // 7]),
        # the microscope
        brightness=rng.uniform(0.7, 1.1),
        bleaching=rng.uniform(0.0, 0.25),
        background=rng.uniform(250, 420),
        noise=rng.uniform(90, 170),
        light=rng.normal(0, [0.12, 0.15]),
        haze=rng.uniform(0.5, 1.4),
        corners=rng.uniform(0, 1, 4),
        corner_size=rng.uniform(25, 105, (4, 2)),
    )


def embryo_name(embryo):
    """Return the name of the k-th embryo (k from 1), such as 20230811-Cycle00-embryo03. Each imaging cycle has four embryos."""
    session, number = divmod(embryo - 1, 4)
    day = date(2023, 8, 11) + timedelta(days=5 * (session // 2))
    return f"{day:%Y%m%d}-Cycle{session % 2:02d}-embryo{number + 1:02d}"


# ---------------------------------------------------------------- geometry


def _egg(traits, scale):
    """Return the egg outline, (POINTS, 2) in pixels around the egg's centre, evenly spaced, clockwise from anterior; and its length."""
    angle = np.linspace(0, 2 * np.pi, 2 * POINTS, endpoint=False)
    power = 2 / np.where(np.sin(angle) > 0, traits.flatness, 2.2)
    x = -np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / 2.25)
    y = -np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    y *= np.where(y < 0, traits.dorsal, traits.ventral) * (1 + traits.taper * x)
    outline = smooth(np.column_stack([traits.half_length * x, y]) * scale, 40, 1.3)
    for k, bump in enumerate(traits.bumps):  # no egg is a perfect ellipse
        outline *= 1 + bump / 600 * np.sin((k // 2 + 1) * angle + (k % 2) * np.pi / 2)[:, None]
    length = np.r_[0, np.cumsum(np.hypot(*np.diff(outline, axis=0, append=outline[:1]).T))]
    even = np.linspace(0, length[-1], POINTS, endpoint=False)
    outline = np.vstack([outline, outline[:1]])
    return np.column_stack([np.interp(even, length, outline[:, i]) for i in (0, 1)]), length[-1]


def _tissue(traits, age, scale):
    """Return the tissues at this age (in minutes) as a namespace of curves in pixels around the egg's centre.

    Positions along the outline are fractions u of its perimeter: 0 is the anterior pole, about 0.25 mid-dorsal, about
    0.5 the posterior pole, about 0.75 mid-ventral.
    """
    egg, perimeter = _egg(traits, scale)
    u = np.arange(POINTS) / POINTS
    fraction = (egg[:, 0] - egg[:, 0].min()) / np.ptp(egg[:, 0])  # of egg length, from the anterior end
    posterior = int(fraction.argmax())

    def dorsal(x):
        return np.interp(x, fraction[:posterior], u[:posterior])

    def ventral(x):
        return np.interp(-x, -fraction[posterior:], u[posterior:])

    late = traits.heterochrony
    tangent, normal = normals_of(smooth(egg, 30, perimeter / POINTS))
    # after gastrulation the embryo no longer fills the egg at its two ends
    gap = 3 + 11 * ramp(age, 75, 150) * np.abs(2 * fraction - 1) ** 4
    apical = egg + normal * gap[:, None]

    def fold(at, depth, width, lean=0.0, sharpness=2.5):
        """Push the apical surface inwards around u = at; a positive lean tilts the fold along the direction of u."""
        distance = np.abs((u - at + 0.5) % 1 - 0.5) * perimeter / width
        here = int(at * POINTS) % POINTS
        direction = np.cos(lean) * normal[here] + np.sin(lean) * tangent[here]
        near = distance < 4
        apical[near] += depth * scale * np.exp(-(distance[near] ** sharpness))[:, None] * direction

    # germ band extension moves the posterior plate from the posterior pole forwards along the dorsal side
    extension = 0.10 * ramp(age, 70, 95) + 0.65 * ramp(age, 84 + late[0], 128 + late[0]) + 0.25 * ramp(age, 110, 175)
    front = u[posterior] - 0.006 + (dorsal(traits.reach) - u[posterior]) * extension
    pocket = ramp(age, 74 + late[1], 108 + late[1])
    closing = ramp(age, 125, 185)
    fold(
        front,
        32 + (98 * pocket - 25 * closing) * traits.depth[0],
        54 - 20 * pocket - 15 * closing,
        lean=-0.48 * pocket * (1 - 0.75 * ramp(age, 120, 160)),
        sharpness=2 + 0.8 * pocket,
    )

    cleft = ramp(age, 70 + late[2], 100 + late[2])
    for side, (place, sign, end, stays) in enumerate(((dorsal, 1, 150, 0.4), (ventral, -1, 195, 0.55))):
        depth = 105 * cleft * (1 - (1 - stays) * ramp(age, 108, end)) * traits.depth[1 + side]
        lean = sign * traits.cephalic_lean[side] * cleft * (1 + 0.7 * ramp(age, 85, 120))
        fold(place(traits.cephalic[side] + 0.02 * ramp(age, 90, 130)), depth, 7.5, lean, sharpness=3)

    for number, place in enumerate(traits.dorsal_folds):
        ahead = ramp(front - dorsal(place), 0.01, 0.06)  # the arriving germ band flattens the fold
        depth = 42 * ramp(age, 86 + late[3], 106 + late[3]) * ahead * traits.depth[3]
        fold(dorsal(place), depth, 9, -0.1 + 0.2 * number)

    midgut = ramp(age, 92 + late[4], 122 + late[4]) * (1 - 0.9 * ramp(age, 135, 165))
    fold(ventral(traits.anterior_midgut), 72 * midgut * traits.depth[4], 12, 0.1)
    fold(ventral(traits.stomodeum), 85 * ramp(age, 155 + late[5], 204 + late[5]) * traits.depth[5], 12, -0.15)

    head = ventral(traits.cephalic[1] + 0.03)
    for place in np.linspace(front + 0.035, head - 0.02, 15):  # parasegmental furrows all along the germ band
        fold(place, 12 * ramp(age, 145 + late[6], 200 + late[6]), 9)

    # space the points evenly again, because the folds have stretched the curve
    closed = np.vstack([apical, apical[:1]])
    length = np.r_[0, np.cumsum(np.hypot(*np.diff(closed, axis=0).T))]
    even = np.linspace(0, length[-1], POINTS, endpoint=False)
    apical = np.column_stack([np.interp(even, length, closed[:, i]) for i in (0, 1)])
    u = np.interp(even, length, np.r_[u, 1])
    step = length[-1] / POINTS
    apical = smooth(apical, 5, step)  # rounds the lips of the folds

    # height of the cells, in pixels
    full = traits.cell_height * scale * (0.42 + 0.58 * ramp(age, 38, 70))
    height = np.full(POINTS, full * (1 - 0.36 * ramp(age, 85, 195)))
    amnioserosa = band(u, dorsal(traits.cephalic[0]) + 0.025, front - 0.006, 0.006)
    height *= 1 - 0.72 * amnioserosa * ramp(age, 84, 130)
    germ_band = band(u, front + 0.025, head - 0.01, 0.008)
    height *= 1 - 0.30 * germ_band * ramp(age, 70, 88)
    height *= 1 - 0.38 * band(u, front - 0.027, front + 0.027, 0.009)  # the posterior plate

    # rotate the inward normals gradually at the shoulders of a fold, so that cells do not cross
    turn = smooth(normals_of(apical)[1], 24, step)
    turn /= np.maximum(np.hypot(*turn.T), 0.25)[:, None]
    height = smooth(height, 15, step)
    basal = smooth(apical + turn * height[:, None], 16, step)
    spread = 1 - 0.38 * ramp(age, 92, 125)
    inner = 46 * scale * ramp(age, 72 + late[7], 88 + late[7]) * spread * germ_band
    inward = smooth(normals_of(smooth(basal, 20, step))[1], 30, step)
    return SimpleNamespace(
        u=u,
        step=step,
        egg=egg,
        apical=apical,
        normal=normals_of(smooth(apical, 8, step))[1],
        basal=basal,
        height=height,
        inside=basal + inward * inner[:, None],  # the inner side of the mesoderm
        thickness=inner,  # of the mesoderm
        amnioserosa=amnioserosa * ramp(age, 84, 130),
        front=front,
    )


def _walls(outer, inner, width, traits):
    """Return the side walls of the cells between two curves, (cells, 5, 2) points from outer to inner; their place and number."""
    lengths = [np.hypot(*np.diff(curve, axis=0, append=curve[:1]).T) for curve in (outer, inner)]
    count = np.cumsum(np.mean(lengths, axis=0) / width)  # the mean makes cells wedges where the strip bends
    cells = int(count[-1])
    number = np.arange(cells) % len(traits.jitter)
    where = np.interp(np.arange(cells) + 0.5 + traits.jitter[number], count, np.arange(len(outer)))
    at = [np.column_stack([np.interp(where, np.arange(len(c)), c[:, i]) for i in (0, 1)]) for c in (outer, inner)]
    along = np.linspace(0, 1, 5)[None, :, None]
    walls = at[0][:, None] * (1 - along) + at[1][:, None] * along
    sideways = np.roll(at[0], -1, axis=0) - at[0]
    sideways /= np.maximum(np.hypot(*sideways.T), 1)[:, None]
    height = np.hypot(*(at[1] - at[0]).T)
    walls[:, 1:4] += (traits.wobble[number] * np.clip(height / 60, 0, 1)[:, None])[:, :, None] * sideways[:, None]
    return walls, where.astype(int), number


# ---------------------------------------------------------------- drawing


def _draw(traits, age, tissue, place):
    """Draw the membranes as an 8-bit picture (HEIGHT, WIDTH), before light, blur and noise. Return it and the egg (0 or 1)."""
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    rounded = ramp(age, 95, 195)

    def cells(outlines, numbers):
        fills = np.clip(48 * traits.cytoplasm[numbers], 0, 255).astype(int).tolist()
        lines = np.clip(150 * traits.membrane[numbers], 0, 255).astype(int).tolist()
        for outline, fill, line in zip(fixed(outlines), fills, lines, strict=True):
            cv2.fillPoly(canvas, [outline], fill, cv2.LINE_AA, SHIFT)
            cv2.polylines(canvas, [outline], True, line, 1, cv2.LINE_AA, SHIFT)

    def ball(centre, radius, fill, line):
        for value, thickness in ((fill, -1), (line, 1)):
            cv2.circle(canvas, fixed(centre).tolist(), int(radius * (1 << SHIFT)), value, thickness, cv2.LINE_AA, SHIFT)

    # mesoderm: two rows of loose round cells under the germ band
    layer = np.flatnonzero(tissue.thickness > 9)
    if layer.size:
        underside = tissue.basal[layer] * 0.25 + tissue.inside[layer] * 0.75
        strip = np.vstack([tissue.basal[layer], underside[::-1]])
        cv2.fillPoly(canvas, [fixed(place(strip))], 36, cv2.LINE_AA, SHIFT)
    for row in (0.72, 0.28):
        middle = place(tissue.basal + (tissue.inside - tissue.basal) * row)
        lengths = np.hypot(*np.diff(middle, axis=0, append=middle[:1]).T)
        cells_so_far = np.cumsum(lengths / np.maximum(0.5 * tissue.thickness, 8))
        where = np.searchsorted(cells_so_far, np.arange(int(cells_so_far[-1])) + (0.5 if row > 0.5 else 0))
        for count, i in enumerate(where, start=int(row * 1000)):
            k = count % len(traits.jitter)
            if tissue.thickness[i] > 9:
                radius = tissue.thickness[i] * (0.29 + 0.05 * traits.wobble[k, 0])
                shift = 2 * traits.wobble[k, 1:]
                ball(middle[i] + shift, max(radius, 3), int(44 * traits.cytoplasm[k]), int(115 * traits.membrane[k]))

    # ectoderm and the other cells of the surface
    width = traits.cell_width * (1 + 0.15 * rounded) * (1 + 1.8 * tissue.amnioserosa)
    walls, where, number = _walls(place(tissue.apical), place(tissue.basal), width, traits)
    following = np.roll(walls, -1, axis=0)
    dome = (walls[:, 0] + following[:, 0]) / 2 - tissue.normal[where] * 2.2 * rounded
    cells(np.concatenate([dome[:, None], following, walls[:, ::-1]], axis=1), number)

    # furrow canals: the bright inner ends of the membranes until the cells close
    canals = 1 - ramp(age, 62, 80)
    if canals > 0.05:
        for end, k in zip(walls[:, -1], number, strict=True):
            ball(end, 1.8, int(150 * canals * traits.membrane[k] / 1.7), int(60 * canals))

    # mitotic cells round up near the surface
    for start, minute, reach in traits.domains:
        active = np.exp(-(((age - minute) / 14) ** 2))
        near = np.abs((tissue.u[where] - start + 0.5) % 1 - 0.5) < reach
        for i in np.flatnonzero(near & (traits.division[number] < 0.6 * active) & (tissue.height[where] > 22)):
            ball(dome[i] * 0.6 + (walls[i, 2] + following[i, 2]) * 0.2, 8, 80, 150)

    # pole cells are on the posterior plate and move into the pocket with it
    packed = 15 - 4 * ramp(age, 75, 105)
    plate = np.abs(tissue.u - tissue.front).argmin()
    plate = plate + np.round(traits.pole_cells[:, 0] * packed / tissue.step).astype(int)
    seats = tissue.apical[plate] - tissue.normal[plate] * (8.5 + 12 * traits.pole_cells[:, 1:])
    for k, centre in enumerate(place(seats)):
        ball(centre, 7.5, 60, int(np.clip(170 * traits.membrane[k], 0, 255)))

    # the vitelline membrane encloses everything
    outline = [fixed(place(tissue.egg))]
    egg = cv2.fillPoly(np.zeros_like(canvas), outline, 1, cv2.LINE_8, SHIFT)
    canvas *= egg
    cv2.polylines(canvas, outline, True, 105, 1, cv2.LINE_AA, SHIFT)
    return canvas, egg


def _cloud(rng, cell):
    """Return a soft random texture around 0, of shape (HEIGHT, WIDTH), with grains `cell` pixels wide."""
    grains = rng.standard_normal((HEIGHT // cell + 2, WIDTH // cell + 2), dtype=np.float32)
    return cv2.resize(grains, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def render(embryo, minute, slice_number=1, size=(WIDTH, HEIGHT), seed=0):
    """Draw one optical slice of one embryo at one minute. Return uint16 of shape (height, width), in counts of the camera.

    embryo (from 1), slice_number (from 1) and seed (from 0) are whole numbers. minute is between 51 and 204. size is (width,
    height) in pixels. The picture is scaled to fit it without distortion. Raises ValueError for other values.
    """
    check_drawable([embryo], [minute], slice_number, size, seed)
    traits = _traits(embryo, seed)
    rng = np.random.default_rng([seed, embryo, round(minute * 100), slice_number])
    age = 123 + traits.rate * (minute - 123) + traits.offset

    # slices of one movie differ a little in depth, focus and position
    depth = (slice_number - 2) * 0.8 + rng.normal(0, 0.25)
    scale = 1 - 0.004 * abs(depth)
    focus = 0.85 + 0.15 * abs(depth) + rng.uniform(0, 0.15)
    turn = traits.tilt + rng.normal(0, 0.003)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    centre = traits.centre + rng.normal(0, 1.5, 2)

    def place(points):
        return points @ rotation + centre

    tissue = _tissue(traits, age, scale)
    canvas, egg = _draw(traits, age, tissue, place)
    membranes = cv2.GaussianBlur(canvas, (0, 0), focus).astype(np.float32)

    # light from out of focus: strong in the tissue, faint and grainy in the yolk
    small = cv2.resize(membranes, (WIDTH // 10, HEIGHT // 10), interpolation=cv2.INTER_AREA)
    glow = cv2.resize(cv2.GaussianBlur(small, (0, 0), 4), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    grain = 0.13 * _cloud(rng, 7) + 0.12 * _cloud(rng, 50)
    yolk = (3 + 0.4 * traits.haze * glow) * np.maximum(1 + 1.6 * grain, 0.2)
    light = membranes * np.maximum(1 + grain, 0.3) + yolk * egg

    across = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None]
    down = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    light *= np.clip(1 + traits.light[0] * across - (0.12 + traits.light[1]) * down, 0.4, 1.6)
    faded = 1 - traits.bleaching * (minute - FIRST_MINUTE) / (LAST_MINUTE - FIRST_MINUTE)
    light *= 25 * traits.brightness * faded * rng.normal(1, 0.03)
    return _camera(light + 8, traits, rng, size)


def _camera(light, traits, rng, size):
    """Return the image of the camera: scaled to size, with shot noise, offset, and corners outside its field."""
    zoom = min(size[0] / WIDTH, size[1] / HEIGHT)
    inner = (max(round(WIDTH * zoom), 1), max(round(HEIGHT * zoom), 1))
    light = cv2.resize(light, inner, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    light = cv2.copyMakeBorder(
        light, top, size[1] - inner[1] - top, left, size[0] - inner[0] - left, cv2.BORDER_CONSTANT, value=8
    )

    # shot noise grows with the square root of the light. The rotation of the field blurs the noise a little.
    noise = rng.standard_normal((size[1], size[0]), dtype=np.float32)
    noise = cv2.sepFilter2D(noise, -1, np.float32([0.13, 0.97, 0.13]), np.float32([0.13, 0.97, 0.13]))
    strength = 0.5 * np.sqrt(traits.noise) * min(zoom, 1)  # a smaller picture averages the noise
    counts = traits.background + np.square(np.sqrt(light) + strength * noise)

    image = np.clip(counts, 1, 65535).astype(np.uint16)
    for k, (wide, high) in enumerate(traits.corner_size * zoom):
        if traits.corners[k] < 0.55:
            x, y = (k % 2) * (size[0] - 1), (k // 2) * (size[1] - 1)
            triangle = [(x, y), (x + wide * (1 - 2 * (k % 2)), y), (x, y + high * (1 - 2 * (k // 2)))]
            cv2.fillPoly(image, [np.round(triangle).astype(np.int32)], 0)
    return image


def check_drawable(embryos, minutes, slices, size, seed):
    """Raise ValueError, with a message that says what to change, if any of these images cannot be drawn."""
    if len(embryos) < 1 or embryos[0] < 1:
        raise ValueError("Embryos are counted from 1. Give a first number and a count of at least 1.")
    if len(minutes) < 1:
        raise ValueError("No minute is given. Give at least one, for example --minutes 51 195 9.")
    wrong = [minute for minute in minutes if not FIRST_MINUTE <= minute <= LAST_MINUTE]
    if wrong:
        raise ValueError(
            f"Minute {wrong[0]} cannot be drawn, because only {FIRST_MINUTE} to {LAST_MINUTE} are modelled."
        )
    if slices < 1:
        raise ValueError(f"The number of slices must be 1 or more, not {slices}.")
    if len(size) != 2 or min(size) < 8 or max(size) > 8000:
        raise ValueError(f"The size must be a width and a height between 8 and 8000 pixels, not {tuple(size)}.")
    if seed < 0:
        raise ValueError(f"The seed must be 0 or a positive whole number, not {seed}.")
