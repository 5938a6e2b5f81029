// Colour temperature: its colour, its name, and its position on a slider.

export const NEUTRAL_K = 6500; // the white of sRGB: the photo's colours stay as they are

const STEP_K = 50;
const NAMES = [
  [2300, "candle"],
  [3000, "warm bulb"],
  [3700, "tungsten"],
  [4700, "low sun"],
  [6000, "daylight"],
  [7500, "overcast"],
  [9500, "open shade"],
  [Infinity, "blue sky"],
];

/** Return a temperature in words, as in "3200 K, tungsten". */
export function describe(temperatureK) {
  if (temperatureK === NEUTRAL_K) return `${temperatureK} K, as photographed`;
  return `${temperatureK} K, ${NAMES.find(([limitK]) => temperatureK < limitK)[1]}`;
}

/**
 * The colour of a blackbody in linear sRGB, the brightest channel 1.
 * Krystek 1985: a rational fit of the Planckian locus in CIE 1960 uv, as in service/contract/color.py.
 */
export function linearColor(temperatureK) {
  const t = temperatureK;
  const u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t * t) /
    (1 + 8.42420235e-4 * t + 7.08145163e-7 * t * t);
  const v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t * t) /
    (1 - 2.89741816e-5 * t + 1.61456053e-7 * t * t);
  const x = (3 * u) / (2 * u - 8 * v + 4);
  const y = (2 * v) / (2 * u - 8 * v + 4);
  const [X, Z] = [x / y, (1 - x - y) / y];
  const linear = [
    3.2404542 * X - 1.5371385 - 0.4985314 * Z,
    -0.969266 * X + 1.8760108 + 0.041556 * Z,
    0.0556434 * X - 0.2040259 + 1.0572252 * Z,
  ];
  const brightest = Math.max(...linear);
  return linear.map((c) => Math.max(0, c / brightest));
}

/** The colour of a blackbody as a CSS colour, as bright as sRGB can show it. */
export function cssColor(temperatureK) {
  return hexOf(linearColor(temperatureK).map(toSrgb));
}

/** A CSS gradient of the colours from one end of the slider to the other. */
export function gradient(minK, maxK) {
  const [from, to] = [positionOf(minK), positionOf(maxK)];
  const stops = Array.from({ length: 9 }, (_, k) => cssColor(temperatureAt(from + ((to - from) * k) / 8)));
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

// Steps of a slider look even if they are even in mired, 1e6 / K; warm is on the left.

/** Position of a temperature on the slider: minus its mired. */
export function positionOf(temperatureK) {
  return Math.round(-1e6 / temperatureK);
}

/** The temperature at a position of the slider, in steps of 50 K. */
export function temperatureAt(position) {
  return Math.round(-1e6 / position / STEP_K) * STEP_K;
}

/** Write sRGB codes, 0 to 1, as `#rrggbb`. */
export function hexOf(codes) {
  return `#${codes.map((c) => Math.round(255 * c).toString(16).padStart(2, "0")).join("")}`;
}

/** The linear values, 0 to 1, of a colour `#rrggbb`. */
export function linearOf(hex) {
  const codes = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  return codes.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
}

/** The sRGB code, 0 to 1, of a linear value. */
export function toSrgb(linear) {
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
}
