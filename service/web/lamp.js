// A lamp of computed light: where it stands, what it sends, and how people and the API say it.
//
// Angles are in degrees. The azimuth runs clockwise seen from above: 0 behind the scene, 90 at image
// right, 180 behind the camera. The elevation is above the horizontal plane.

import { NEUTRAL_K, describe as describeTemperature, hexOf, linearColor, linearOf, toSrgb } from "./temperature.js";

const RADIANS = Math.PI / 180;
const NAMES = [ // each 45 degrees, clockwise
  "from behind the scene",
  "from behind, right",
  "from the right",
  "from the front, right",
  "from the camera",
  "from the front, left",
  "from the left",
  "from behind, left",
];
const OVERHEAD_DEG = 75; // above, the azimuth hardly matters
const HIGH_DEG = 55;
const LOW_DEG = 12;

/** The unit vector to a lamp: x right, y up, z to the viewer, as in relight/lights.py. */
export function vectorOf({ azimuth, elevation }) {
  const flat = Math.cos(elevation * RADIANS);
  return [
    flat * Math.sin(azimuth * RADIANS),
    Math.sin(elevation * RADIANS),
    -flat * Math.cos(azimuth * RADIANS),
  ];
}

/** Where a lamp stands, as in "from the right, high". */
export function placeOf({ azimuth, elevation }) {
  if (elevation >= OVERHEAD_DEG) return "from above";
  const side = NAMES[Math.round(azimuth / 45) % 8];
  if (elevation >= HIGH_DEG) return `${side}, high`;
  return elevation <= LOW_DEG ? `${side}, low` : side;
}

/** A lamp in words: its place, and its colour or temperature unless it is neutral. */
export function describe(lamp) {
  const place = placeOf(lamp);
  if (lamp.color) return `${place}, in the colour ${lamp.color}`;
  return lamp.temperature === NEUTRAL_K ? place : `${place}, ${describeTemperature(lamp.temperature)}`;
}

/** The colour of a lamp in linear sRGB, the brightest channel 1. */
export function linearColorOf({ color, temperature }) {
  if (!color) return linearColor(temperature);
  const linear = linearOf(color);
  const brightest = Math.max(...linear) || 1; // the service refuses black
  return linear.map((c) => c / brightest);
}

/** The colour of a lamp as `#rrggbb`, as bright as sRGB can show it. */
export function hexColorOf(lamp) {
  return hexOf(linearColorOf(lamp).map(toSrgb));
}

/** Softness in words, as in "20 %, a little soft". */
export function softnessText(softness) {
  const word = [[0.05, "hard"], [0.35, "a little soft"], [0.75, "soft"], [2, "overcast"]]
    .find(([limit]) => softness < limit)[1];
  return `${Math.round(100 * softness)} %, ${word}`;
}

/** Intensity in words, as in "+0.5 stops". */
export function intensityText(stops) {
  const sign = stops > 0 ? "+" : stops < 0 ? "−" : "";
  return `${sign}${Math.abs(stops)} ${Math.abs(stops) === 1 ? "stop" : "stops"}`;
}

/** A lamp as options of the API; null for the model's defaults. */
export function optionsOf(lamp, defaults) {
  const unlessDefault = (name) => (lamp[name] === defaults[name] ? null : lamp[name]);
  return {
    azimuth: lamp.azimuth,
    elevation: unlessDefault("elevation"),
    softness: unlessDefault("softness"),
    intensity: unlessDefault("intensity"),
    lamp_color: lamp.color,
    temperature: lamp.color ? null : unlessDefault("temperature"),
  };
}
