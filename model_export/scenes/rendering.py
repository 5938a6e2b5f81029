"""Light transport with Mitsuba: one primary ray and eight shadow rays give eight pictures.

Direct light from a point lamp has no Monte-Carlo noise, so the samples of a pixel only smooth
its edges. What the lamp does not reach directly stays black but for the scene's ambient light.

The same code runs on arrays of samples (LLVM, CUDA) and, one by one, on scalars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np

from model_export.scenes.description import Camera, FloatArray, Material, Mesh, Scene
from model_export.scenes.shapes import facing_normals

CHUNK_SAMPLES = 2**20
MAX_RADIANCE = 60.0
# Roberts' R2 sequence: each new point falls into the largest gap of those before it.
_R2_STEP = (0.7548776662466927, 0.5698402909980532)


@dataclass(frozen=True, slots=True)
class Frames:
    """Scene-linear light of one view, float64.

    Attributes:
        lamps: (8, h, w, 3), each lamp alone, white, of irradiance 1 at the ring's centre.
        ambient: (h, w, 3), the light that all pictures share, and the sky behind.
        distance_m: (h, w), mean distance to the surface, counting 0 where there is none.
    """

    lamps: FloatArray
    ambient: FloatArray
    distance_m: FloatArray


def render(scene: Scene, *, size_px: int, samples: int, rng: np.random.Generator) -> Frames:
    """Render all eight lights of a scene with Mitsuba's active variant.

    Args:
        scene: what to render.
        size_px: width and height.
        samples: samples per pixel.
        rng: shifts the sampling pattern of each pixel.
    """
    light_paths = _LightPaths(scene)
    pixels_at_once = max(1, CHUNK_SAMPLES // samples)
    results = []
    for start in range(0, size_px * size_px, pixels_at_once):
        pixel = np.arange(start, min(start + pixels_at_once, size_px * size_px))
        corner = np.stack([pixel % size_px, pixel // size_px], axis=1)[:, None]
        film = (corner + _pattern(rng, len(pixel), samples)) / size_px
        chance = [_pattern(rng, len(pixel), samples) for _ in range(1 + scene.ambient.num_rays)]
        radiance = light_paths.trace(film.reshape(-1, 2), [c.reshape(-1, 2) for c in chance])
        results.append(radiance.reshape(len(radiance), len(pixel), samples, 3).mean(axis=2))
    image = np.concatenate(results, axis=1).reshape(-1, size_px, size_px, 3)
    return Frames(lamps=image[:8], ambient=image[8], distance_m=image[9, ..., 0])


def _pattern(rng: np.random.Generator, num_pixels: int, samples: int) -> FloatArray:
    """Draw (num_pixels, samples, 2) points in the unit square, evenly spread in every pixel."""
    steps = np.arange(samples)[:, None] * np.array(_R2_STEP)
    return np.asarray((steps + rng.random((num_pixels, 1, 2))) % 1.0)


class _LightPaths:
    """A scene in Mitsuba's hands."""

    def __init__(self, scene: Scene) -> None:
        self._description = scene
        self._scene: Any = mi.load_dict({"type": "scene", **_shapes(scene)})
        self._sensor: Any = mi.load_dict(_sensor(scene.camera))
        self._nothing: Any = mi.load_dict({"type": "diffuse"})
        self._context = mi.BSDFContext()

    def trace(self, film: FloatArray, chance: list[FloatArray]) -> FloatArray:
        """Follow n samples.

        Args:
            film: (n, 2) positions on the film in [0, 1].
            chance: pairs (n, 2) of random numbers for the lamp and for each ambient ray.

        Returns:
            (10, n, 3): eight lamps, the ambient light, the distance (three times).
        """
        if _is_array():
            return self._follow(film, chance)
        ones = [
            self._follow(film[k : k + 1], [c[k : k + 1] for c in chance]) for k in range(len(film))
        ]
        return np.concatenate(ones, axis=1)

    def _follow(self, film: FloatArray, chance: list[FloatArray]) -> FloatArray:
        ray, _ = self._sensor.sample_ray(0.0, 0.5, _point2(film), mi.Point2f(0.5))
        hit = self._scene.ray_intersect(ray)
        dr.eval(hit)
        lamp_chance = _point2(chance[0])
        rows = [
            _rgb(self._lamp(hit, position, lamp_chance))
            for position in self._description.lamps.positions()
        ]
        rows.append(self._ambient(ray, hit, chance[1:]))
        distance = dr.select(hit.is_valid(), hit.t, 0.0)
        rows.append(_rgb(mi.Color3f(distance)))
        return np.stack([np.broadcast_to(row, (len(film), 3)) for row in rows])

    def _lamp(self, hit: Any, position: FloatArray, chance: Any) -> Any:
        """Light of one lamp that the camera sees at `hit`."""
        lamps = self._description.lamps
        centre = mi.Point3f(*[float(x) for x in position])
        dr.make_opaque(centre)  # one kernel for all lamps of all scenes
        radius, reach, distance = (
            _opaque(x) for x in (lamps.lamp_radius_m, lamps.reach_m, lamps.distance_m)
        )
        source = centre + radius * mi.warp.square_to_uniform_sphere(chance)
        to_lamp = source - hit.p
        squared = dr.squared_norm(to_lamp)
        direction = to_lamp * dr.rsqrt(squared)
        valid = hit.is_valid()
        lit = dr.select(self._scene.ray_test(hit.spawn_ray_to(source), valid), False, valid)
        value = self._surface(hit).eval(self._context, hit, hit.to_local(direction), lit)
        cut_off = dr.square(dr.clip(1 - dr.square(squared / dr.square(reach)), 0, 1))
        radiance = value * (np.pi * cut_off * dr.square(distance) / squared)
        # Bumps can turn a normal away from the viewer, where the microfacet model divides 0 by 0.
        usable = lit & dr.isfinite(dr.sum(radiance))
        return dr.select(usable, dr.clip(radiance, 0, MAX_RADIANCE), 0)

    def _surface(self, hit: Any) -> Any:
        """The material at `hit`; arrays may hold misses, but a scalar miss has no material."""
        return self._nothing if not _is_array() and not hit.is_valid() else hit.bsdf()

    def _ambient(self, ray: Any, hit: Any, chance: list[FloatArray]) -> FloatArray:
        """Light from everywhere that is not hidden, or the sky itself where nothing is hit."""
        ambient = self._description.ambient
        if not chance:
            return np.zeros((1, 3))
        valid, normal = hit.is_valid(), hit.sh_frame.n
        albedo = _rgb(self._surface(hit).eval_diffuse_reflectance(hit, valid))
        frame = mi.Frame3f(mi.Vector3f(dr.select(dr.dot(normal, ray.d) > 0, -normal, normal)))
        shares = []
        for pair in chance:
            outward = frame.to_world(mi.warp.square_to_cosine_hemisphere(_point2(pair)))
            probe = hit.spawn_ray(outward)
            probe.maxt = _opaque(ambient.reach_m)
            free = dr.select(self._scene.ray_test(probe, valid), False, valid)
            shares.append(_column(dr.select(free, 0.6 + 0.4 * outward.z, 0.0)))
        sky = _column(dr.select(valid, 0.0, 1.0 - 0.5 * dr.clip(ray.d.z, 0, 1)))
        albedo = np.where(np.isfinite(albedo), albedo, 0)
        light = albedo * np.mean(shares, axis=0) + sky
        return np.asarray(light * np.array(ambient.color))


def _is_array() -> bool:
    """Whether the active variant works on arrays of samples."""
    return bool(dr.is_jit_v(mi.Float))


def _point2(values: FloatArray) -> Any:
    """Hand (n, 2) numbers to Mitsuba; n is 1 in the scalar variants."""
    if _is_array():
        return mi.Point2f(np.ascontiguousarray(values.T, dtype=np.float32))
    return mi.Point2f(float(values[0, 0]), float(values[0, 1]))


def _opaque(value: float) -> Any:
    """Keep a number out of the kernel's code, so that the kernel serves every scene."""
    return dr.opaque(mi.Float, value) if _is_array() else value


def _rgb(color: Any) -> FloatArray:
    """Fetch a colour as (n, 3) float32."""
    return np.array(color, dtype=np.float32).reshape(3, -1).T


def _column(values: Any) -> FloatArray:
    """Fetch one number a sample as (n, 1) float32."""
    return np.array(values, dtype=np.float32).reshape(-1, 1)


def _sensor(camera: Camera) -> dict[str, Any]:
    """Describe the camera; the film's size does not matter, rays are drawn by position."""
    transform = mi.ScalarTransform4f
    look = transform().look_at(origin=camera.origin, target=camera.target, up=(0, 0, 1))
    return {
        "type": "perspective",
        "fov": camera.field_of_view_deg,
        "to_world": look @ transform().rotate((0, 0, 1), camera.roll_deg),
        "film": {"type": "hdrfilm", "width": 16, "height": 16},
    }


def _shapes(scene: Scene) -> dict[str, Any]:
    return {name: _shape(name, mesh, scene.materials[name]) for name, mesh in scene.meshes.items()}


def _shape(name: str, mesh: Mesh, material: Material) -> Any:
    """Make Mitsuba's mesh in memory."""
    properties = mi.Properties()
    properties["mesh_bsdf"] = mi.load_dict(_bsdf(material))
    shape = mi.Mesh(
        name,
        len(mesh.positions),
        len(mesh.faces),
        has_vertex_normals=True,
        has_vertex_texcoords=True,
        props=properties,
    )
    data = {
        "vertex_positions": mesh.positions,
        "vertex_normals": mesh.normals,
        "vertex_texcoords": mesh.uvs / material.width_m,
    }
    # Mitsuba's bump map takes the outside from the winding.
    faces = np.ascontiguousarray(facing_normals(mesh), dtype=np.uint32)
    parameters = mi.traverse(shape)
    for key, values in data.items():
        flat = np.ascontiguousarray(values, dtype=np.float32).ravel()
        parameters[key] = type(parameters[key])(flat)
    parameters["faces"] = type(parameters["faces"])(faces.ravel())
    parameters.update()
    return shape


def _bsdf(material: Material) -> dict[str, Any]:
    """Describe Disney's principled surface with relief, seen from both sides."""
    surface = {
        "type": "principled",
        "base_color": _texture(material.albedo),
        "roughness": _texture(material.roughness[..., None]),
        "metallic": material.metallic,
        "specular": 0.5,
    }
    if material.relief_m > 0:
        relief = _texture(material.height[..., None])
        surface = {
            "type": "bumpmap",
            "relief": relief,
            "scale": material.relief_m,
            "surface": surface,
        }
    return {"type": "twosided", "surface": surface}


def _texture(values: FloatArray) -> dict[str, Any]:
    bitmap = mi.Bitmap(np.ascontiguousarray(values, dtype=np.float32))
    return {"type": "bitmap", "bitmap": bitmap, "raw": True}
