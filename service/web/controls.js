// The panel: options of the light and the file. Reads and writes the form's controls.
//
// A model that computes the light has lamps on a dome. Other models have a compass of the directions
// that they paint.

import { Compass, describe as describeDirection } from "./compass.js";
import { Lamps } from "./lamps.js";
import { describe } from "./slider.js";
import * as kelvin from "./temperature.js";

const LOSSY = ["jpeg", "webp", "avif"];
const SHOWN = ["jpeg", "png", "webp", "avif"]; // by every current browser
const NAMES = { jpeg: "JPEG", png: "PNG", webp: "WebP", avif: "AVIF", tiff: "TIFF", heif: "HEIC" };
const DEFAULT_DIRECTION = "E";

/** The name of a format as people write it. */
export function formatName(format) {
  return NAMES[format] ?? format.toUpperCase();
}

export class Controls {
  #panel = document.getElementById("panel");
  #temperature = document.getElementById("temperature");
  #strength = document.getElementById("strength");
  #fill = document.getElementById("fill");
  #format = document.getElementById("format");
  #quality = document.getElementById("quality");
  #metadata = document.getElementById("metadata");
  #compass;
  #lamps;
  #computes = false;
  #directions = [];
  #isQualityChosen = false;
  #photoFormat = "";
  #onChange;

  /** @param {function()} onChange called when the user changed a control */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#compass = new Compass(() => onChange());
    this.#lamps = new Lamps(() => onChange());
    this.#temperature.addEventListener("input", () => {
      if (this.#computes) this.#lamps.temperatureK = this.#temperatureK;
      else this.#changed();
    });
    for (const slider of [this.#strength, this.#fill]) {
      slider.addEventListener("input", () => this.#changed());
    }
    this.#metadata.addEventListener("change", () => this.#changed());
    this.#format.addEventListener("change", () => {
      this.#isQualityChosen = false;
      this.#changed();
    });
    this.#quality.addEventListener("input", () => {
      this.#isQualityChosen = true;
      this.#changed();
    });
    document.getElementById("reset").addEventListener("click", () => {
      this.reset();
      onChange();
    });
  }

  /** Offer the options of the service (`GET /models`). */
  offer({ models, directions, answer_formats: formats, limits }) {
    const computing = models.find(({ options }) => options.includes("azimuth")); // the default, if any
    this.#computes = Boolean(computing);
    document.getElementById("compass").hidden = this.#computes;
    for (const control of document.querySelectorAll("[data-computed]")) control.hidden = !this.#computes;
    if (computing) this.#lamps.offer(computing);
    this.#directions = directions;
    this.#compass.offer(directions);
    this.#temperature.min = kelvin.positionOf(limits.min_temperature_k);
    this.#temperature.max = kelvin.positionOf(limits.max_temperature_k);
    const colors = kelvin.gradient(limits.min_temperature_k, limits.max_temperature_k);
    this.#temperature.style.setProperty("--track", colors);
    this.#format.replaceChildren(new Option("As the photo", ""));
    for (const format of formats) this.#format.add(new Option(formatName(format), format));
    this.reset();
  }

  /** Show the panel, for a photo of a format. */
  open(photoFormat) {
    this.#photoFormat = photoFormat;
    this.#panel.hidden = false;
    this.#describe();
  }

  /** Reset the light. */
  reset() {
    this.#temperature.value = kelvin.positionOf(kelvin.NEUTRAL_K);
    if (this.#computes) {
      this.#lamps.reset();
    } else {
      const hasDefault = this.#directions.includes(DEFAULT_DIRECTION);
      this.#compass.value = hasDefault ? DEFAULT_DIRECTION : this.#directions[0];
    }
    this.#strength.value = 100;
    this.#fill.value = 0;
    this.#describe();
  }

  /** The light as options of the API; null for defaults. */
  get light() {
    return {
      ...(this.#computes ? this.#lamps.options : this.#painted),
      strength: this.#strength.value === "100" ? null : this.#strength.value / 100,
      fill: this.#fill.value === "0" ? null : this.#fill.value / 100,
    };
  }

  /** The file as options of the API; null for defaults. */
  get file() {
    return {
      format: this.#format.value || null,
      quality: this.#isQualityChosen && this.#isLossy ? Number(this.#quality.value) : null,
      metadata: this.#metadata.checked ? null : "strip",
    };
  }

  /** Whether the model computes the light, and makes maps of the scene. */
  get computes() {
    return this.#computes;
  }

  /** Format of the file to download. */
  get format() {
    return this.#format.value || this.#photoFormat;
  }

  /** Whether browsers show the format of the file. */
  get canShow() {
    return SHOWN.includes(this.format);
  }

  /** The light in words. */
  get lightText() {
    if (this.#computes) return this.#lamps.text;
    const direction = describeDirection(this.#compass.value);
    const isNeutral = this.#temperatureK === kelvin.NEUTRAL_K;
    return isNeutral ? direction : `${direction}, ${kelvin.describe(this.#temperatureK)}`;
  }

  /** The light as part of a file's name. */
  get fileLabel() {
    if (this.#computes) return this.#lamps.fileLabel;
    const { direction, temperature } = this.#painted;
    return temperature ? `${direction}-${temperature}K` : direction;
  }

  get #painted() {
    const isNeutral = this.#temperatureK === kelvin.NEUTRAL_K;
    return { direction: this.#compass.value, temperature: isNeutral ? null : this.#temperatureK };
  }

  get #temperatureK() {
    return kelvin.temperatureAt(Number(this.#temperature.value));
  }

  get #isLossy() {
    return LOSSY.includes(this.format);
  }

  #changed() {
    this.#describe();
    this.#onChange();
  }

  #describe() {
    describe(this.#strength, `${this.#strength.value} %`);
    describe(this.#fill, `${this.#fill.value} %`);
    if (!this.#computes) this.#describeTemperature();
    describe(this.#quality, this.#isQualityChosen ? this.#quality.value : "standard");
    document.getElementById("quality-control").hidden = !this.#isLossy;
    document.getElementById("download").textContent = `Download ${formatName(this.format)}`;
  }

  #describeTemperature() {
    describe(this.#temperature, kelvin.describe(this.#temperatureK));
    this.#panel.style.setProperty("--lamp", kelvin.cssColor(this.#temperatureK));
  }
}
