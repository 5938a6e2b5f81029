// What the right side of the figure shows: the relit photo, or a map that the network reads from it.

import { fetchMaps } from "./service.js";

const RELIT = "relit";
const WORDS = {
  normals: "Normals: red is to the right, green is up, blue is to the camera",
  depth: "Depth: white is near, black is far",
  albedo: "Albedo: the colours without the light",
  shading: "Shading: the photo’s own light",
};

export class Views {
  #choice = document.getElementById("views");
  #hasMaps = false;
  #photo = null;
  #maps = null; // promise of the photo's maps, by file name
  #hooks;

  /**
   * @param {Object} hooks
   * @param {function()} hooks.onRelit the relit photo was chosen
   * @param {function(Blob, string)} hooks.onMap a map was chosen: its picture, what it shows
   * @param {function(Error, function())} hooks.onProblem with what to try again
   */
  constructor(hooks) {
    this.#hooks = hooks;
    this.#choice.addEventListener("change", () => this.#show());
  }

  /** Offer the maps with the next photo, if a model of the service makes them. */
  offer(hasMaps) {
    this.#hasMaps = hasMaps;
  }

  /** Go back to the relit photo, for another photo. */
  open(photo) {
    this.#choice.hidden = !this.#hasMaps;
    this.#photo = photo;
    this.#maps = null;
    this.#chosen = RELIT;
  }

  /** Whether the relit photo is chosen. */
  get isRelit() {
    return this.#chosen === RELIT;
  }

  get #chosen() {
    return this.#choice.querySelector(":checked").value;
  }

  set #chosen(name) {
    this.#choice.querySelector(`[value="${name}"]`).checked = true;
  }

  async #show() {
    const [photo, name] = [this.#photo, this.#chosen];
    if (name === RELIT) return this.#hooks.onRelit();
    try {
      const maps = await (this.#maps ??= fetchMaps(photo.preview));
      const isCurrent = photo === this.#photo && name === this.#chosen;
      if (isCurrent) this.#hooks.onMap(maps.get(`${name}.png`), WORDS[name]);
    } catch (error) {
      if (photo !== this.#photo) return;
      this.#maps = null;
      this.#chosen = RELIT;
      this.#hooks.onRelit();
      this.#hooks.onProblem(error, () => this.#again(name));
    }
  }

  #again(name) {
    this.#chosen = name;
    return this.#show();
  }
}
