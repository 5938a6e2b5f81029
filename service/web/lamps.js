// The lamps of a model that computes the light: a dome to move them, and controls of the selected one.

import { angleText, Dome } from "./dome.js";
import * as words from "./lamp.js";
import { describe } from "./slider.js";
import * as kelvin from "./temperature.js";

const MAX_LAMPS = 4; // of the API
const DEFAULT_AZIMUTH = 90;
const element = (id) => document.getElementById(id);

export class Lamps {
  #dome;
  #lamps = [];
  #selected = 0;
  #defaults = {};
  #numbers = { azimuth: element("azimuth"), elevation: element("elevation") };
  #softness = element("softness");
  #intensity = element("intensity");
  #temperature = element("temperature");
  #color = element("lamp-color");
  #choice = element("lamp-choice");
  #onChange;

  /** @param {function()} onChange called when the user changed a lamp */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#dome = new Dome({
      onSelect: (k) => this.#select(k),
      onMove: (place) => this.#change(place),
    });
    for (const [name, input] of Object.entries(this.#numbers)) {
      input.addEventListener("input", () => {
        if (input.value !== "" && input.checkValidity()) this.#change({ [name]: Number(input.value) }, input);
      });
      input.addEventListener("change", () => this.#show()); // an unfinished number is put back
    }
    for (const name of ["softness", "intensity"]) {
      element(name).addEventListener("input", (event) => this.#change({ [name]: Number(event.target.value) }));
    }
    this.#color.addEventListener("input", () => this.#change({ color: this.#color.value }));
    element("use-temperature").addEventListener("click", () => {
      this.#change({ color: null });
      this.#temperature.focus(); // the button is gone
    });
    element("add-lamp").addEventListener("click", () => this.#add());
    element("remove-lamp").addEventListener("click", () => this.#remove());
  }

  /** Offer lamps, as a model of the catalogue has them by default. */
  offer({ elevation, softness }) {
    this.#defaults = {
      azimuth: DEFAULT_AZIMUTH, elevation, softness, intensity: 0, temperature: kelvin.NEUTRAL_K, color: null,
    };
  }

  /** Go back to one lamp, at the right. */
  reset() {
    this.#lamps = [{ ...this.#defaults }];
    this.#selected = 0;
    this.#show();
  }

  /** The lamps as options of the API; null for defaults. */
  get options() {
    const each = this.#lamps.map((lamp) => words.optionsOf(lamp, this.#defaults));
    if (each.length === 1) return each[0];
    const given = each.map((lamp) => Object.fromEntries(Object.entries(lamp).filter(([, v]) => v !== null)));
    return { lights: JSON.stringify(given) };
  }

  /** The lamps in words. */
  get text() {
    return this.#lamps.map(words.describe).join(", and ");
  }

  /** What the lamps are called in the name of a file. */
  get fileLabel() {
    const [{ azimuth, elevation, temperature, color }, ...others] = this.#lamps;
    if (others.length) return `${this.#lamps.length}-lamps`;
    const hue = color ?? (temperature === kelvin.NEUTRAL_K ? "" : `-${temperature}K`);
    return `az${azimuth}-el${elevation}${hue.replace("#", "-")}`;
  }

  /** Give the selected lamp a temperature in kelvin, instead of a colour. */
  set temperatureK(temperature) {
    this.#change({ temperature, color: null });
  }

  #change(values, origin = null) {
    Object.assign(this.#lamps[this.#selected], values);
    this.#show(origin);
    this.#onChange();
  }

  #select(k) {
    this.#selected = k;
    this.#show();
  }

  #add() {
    this.#lamps.push({ ...this.#defaults, azimuth: this.#freeAzimuth() });
    this.#selected = this.#lamps.length - 1;
    this.#show();
    this.#dome.focus();
    this.#onChange();
  }

  // Farthest from all other lamps: across from the first one, then at right angles.
  #freeAzimuth() {
    const candidates = Array.from({ length: 8 }, (_, k) => (this.#lamps[0].azimuth + 45 * k) % 360);
    const distance = (a, b) => Math.abs(((a - b + 540) % 360) - 180);
    const gap = (candidate) => Math.min(...this.#lamps.map(({ azimuth }) => distance(candidate, azimuth)));
    return candidates.reduce((best, candidate) => (gap(candidate) > gap(best) ? candidate : best));
  }

  #remove() {
    this.#lamps.splice(this.#selected, 1);
    this.#selected = Math.max(0, this.#selected - 1);
    this.#show();
    this.#dome.focus(); // the button may be gone
    this.#onChange();
  }

  // An input that is being typed in keeps its text.
  #show(origin = null) {
    const lamp = this.#lamps[this.#selected];
    this.#dome.show(this.#lamps, this.#selected);
    for (const [name, input] of Object.entries(this.#numbers)) if (input !== origin) input.value = lamp[name];
    this.#softness.value = lamp.softness;
    this.#intensity.value = lamp.intensity;
    this.#temperature.value = kelvin.positionOf(lamp.temperature);
    describe(this.#softness, words.softnessText(lamp.softness));
    describe(this.#intensity, words.intensityText(lamp.intensity));
    describe(this.#temperature, lamp.color ? "replaced by the colour" : kelvin.describe(lamp.temperature));
    this.#color.value = words.hexColorOf(lamp);
    element("lamp-color-text").textContent = lamp.color ?? "of the temperature";
    element("use-temperature").hidden = !lamp.color;
    element("lamp-text").textContent = angleText(lamp);
    element("panel").style.setProperty("--lamp", kelvin.cssColor(lamp.temperature));
    this.#showChoice();
  }

  #showChoice() {
    const hasSeveral = this.#lamps.length > 1;
    element("add-lamp").hidden = this.#lamps.length === MAX_LAMPS;
    element("remove-lamp").hidden = !hasSeveral;
    element("remove-lamp").textContent = `Remove lamp ${this.#selected + 1}`;
    this.#choice.hidden = !hasSeveral;
    if (this.#choice.children.length !== this.#lamps.length) {
      this.#choice.replaceChildren(...this.#lamps.map((_, k) => this.#option(k)));
    }
    this.#choice.querySelectorAll("input")[this.#selected].checked = true;
  }

  #option(k) {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: "lamp", value: k });
    radio.addEventListener("change", () => this.#select(k));
    label.append(radio, `Lamp ${k + 1}`);
    return label;
  }
}
