// The ball in the middle of the dome, as the camera sees it, lit by the lamps.

import { linearColorOf, vectorOf } from "./lamp.js";
import { toSrgb } from "./temperature.js";

const ALBEDO = 0.85;
const AMBIENT = 0.02; // so that the ball is visible when the light comes from behind
const CODES = Uint8ClampedArray.from({ length: 1025 }, (_, k) => 255 * toSrgb(k / 1024));

/**
 * Return a picture of the ball.
 * A hard lamp gives Lambert's max(n . l, 0); an even sky around it gives (1 + n . l) / 2. Softness
 * blends the two. The light of the lamps is added in linear light.
 * @param {Object[]} lamps
 * @param {number} sidePx
 * @returns {ImageData} transparent around the ball
 */
export function drawBall(lamps, sidePx) {
  const picture = new ImageData(sidePx, sidePx);
  const lights = lamps.map((lamp) => lightOf(lamp, lamps.length));
  const radius = sidePx / 2;
  for (let row = 0; row < sidePx; row++) {
    for (let column = 0; column < sidePx; column++) {
      const x = (column + 0.5) / radius - 1;
      const y = 1 - (row + 0.5) / radius;
      const inside = 1 - x * x - y * y;
      if (inside <= 0) continue;
      const edge = Math.min(1, (1 - Math.hypot(x, y)) * radius); // one pixel of antialiasing
      paint(picture.data, 4 * (row * sidePx + column), shade(lights, x, y, Math.sqrt(inside)), edge);
    }
  }
  return picture;
}

function lightOf(lamp, numLamps) {
  const power = (ALBEDO * 2 ** lamp.intensity) / numLamps;
  return {
    vector: vectorOf(lamp),
    softness: lamp.softness,
    color: linearColorOf(lamp).map((c) => power * c),
  };
}

function shade(lights, x, y, z) {
  const sum = [AMBIENT, AMBIENT, AMBIENT];
  for (const { vector, softness, color } of lights) {
    const cosine = x * vector[0] + y * vector[1] + z * vector[2];
    const irradiance = (1 - softness) * Math.max(cosine, 0) + softness * (0.5 + cosine / 2);
    for (let k = 0; k < 3; k++) sum[k] += irradiance * color[k];
  }
  return sum;
}

function paint(data, at, linear, opacity) {
  for (let k = 0; k < 3; k++) data[at + k] = CODES[Math.round(1024 * Math.min(linear[k], 1))];
  data[at + 3] = 255 * opacity;
}
