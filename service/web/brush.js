// The panel's part for the mask: load one, or brush on the photo.

import { Mask } from "./mask.js";
import { save } from "./saving.js";
import { Problem } from "./service.js";
import { describe } from "./slider.js";

const OFF_BY_PX = 1; // a side of a picture that was scaled is a whole number
const element = (id) => document.getElementById(id);

export class Brush {
  #canvas = element("mask-canvas");
  #ring = element("brush-ring");
  #toggle = element("mask-brush");
  #isShown = element("mask-shown");
  #size = element("brush-size");
  #mask = new Mask(this.#canvas);
  #photo = null;
  #pointer = null; // that draws a stroke
  #hooks;

  /**
   * @param {Object} hooks
   * @param {function()} hooks.onChange the mask is another one
   * @param {function(Error, function())} hooks.onProblem with what to try again
   */
  constructor(hooks) {
    this.#hooks = hooks;
    this.#listenToPanel();
    this.#canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    this.#canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.#canvas.addEventListener(end, (event) => this.#end(event));
    }
    this.#canvas.addEventListener("pointerleave", () => (this.#ring.hidden = true));
    this.#show();
  }

  /** Begin without a mask, for another photo. */
  open(photo) {
    this.#photo = photo;
    this.#pointer = null;
    this.#mask.open(photo);
    this.#isOn = false;
    this.#show();
  }

  /** The files of the mask, see `Mask.files`; null where there is no mask. */
  get files() {
    return this.#mask.files;
  }

  /** A name for the file of the mask; null where there is no mask. */
  get fileName() {
    if (this.#mask.isEmpty) return null;
    return this.#mask.loadedFile?.name ?? `${this.#photo.stem}-mask.png`;
  }

  /** Where the photo is relit, in words; empty where there is no mask. */
  get text() {
    return this.#mask.isEmpty ? "" : `in ${shareText(this.#mask.share)} of the photo`;
  }

  get #isOn() {
    return this.#toggle.getAttribute("aria-pressed") === "true";
  }

  set #isOn(isOn) {
    this.#toggle.setAttribute("aria-pressed", String(isOn));
    this.#isShown.checked = isOn;
  }

  #listenToPanel() {
    const picker = element("mask-file");
    element("mask-load").addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => {
      const [file] = picker.files;
      picker.value = ""; // so that picking the same file again is a change
      if (file) this.#load(file);
    });
    this.#toggle.addEventListener("click", () => {
      this.#isOn = !this.#isOn;
      this.#show();
    });
    this.#isShown.addEventListener("change", () => this.#show());
    this.#size.addEventListener("input", () => this.#show());
    element("mask-undo").addEventListener("click", () => this.#change(() => this.#mask.undo()));
    element("mask-clear").addEventListener("click", () => this.#change(() => this.#mask.clear()));
    element("mask-save").addEventListener("click", () => this.#save());
  }

  async #load(file) {
    const photo = this.#photo;
    try {
      const bitmap = await createImageBitmap(file).catch(() => null);
      if (photo !== this.#photo) return;
      check(file, bitmap, photo);
      this.#change(() => this.#mask.load(file, bitmap));
      bitmap.close();
    } catch (error) {
      this.#hooks.onProblem(error, null);
    }
  }

  async #save() {
    const { fileName } = this; // it may change while the file is written
    save(await this.files.full, fileName);
  }

  #begin(event) {
    if (event.button !== 0 || this.#pointer !== null) return;
    event.preventDefault();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    const erases = element("brush-erase").checked;
    this.#mask.begin(erases, this.#radius, this.#placeOf(event));
    this.#moveRing(event);
  }

  #move(event) {
    this.#moveRing(event);
    if (event.pointerId !== this.#pointer) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) this.#mask.extend(this.#placeOf(move));
  }

  #end(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#ring.hidden = event.pointerType !== "mouse";
    this.#change(() => {});
  }

  #change(act) {
    this.#pointer = null; // undo, clear and load take the step of an unfinished stroke away
    const tools = element("mask-tools");
    const hasFocus = tools.contains(document.activeElement);
    act();
    this.#show();
    if (hasFocus && tools.hidden) this.#toggle.focus();
    this.#hooks.onChange();
  }

  get #radius() {
    return this.#size.value / 200; // its value is the diameter, in percent
  }

  #placeOf({ clientX, clientY }) {
    const { x, y, width, height } = this.#canvas.getBoundingClientRect();
    return [(clientX - x) / width, (clientY - y) / height];
  }

  #moveRing(event) {
    const [right, down] = this.#placeOf(event);
    const { width, height } = this.#canvas.getBoundingClientRect();
    const diameterPx = 2 * this.#radius * Math.max(width, height);
    this.#ring.hidden = !this.#isOn;
    this.#ring.style.left = `${100 * right}%`;
    this.#ring.style.top = `${100 * down}%`;
    this.#ring.style.width = this.#ring.style.height = `${diameterPx}px`;
  }

  #show() {
    const { isEmpty } = this.#mask;
    element("brush-tools").hidden = !this.#isOn;
    element("mask-tools").hidden = isEmpty;
    this.#canvas.hidden = !this.#isOn && (isEmpty || !this.#isShown.checked);
    this.#canvas.classList.toggle("bare", !this.#isShown.checked);
    this.#canvas.classList.toggle("brushed", this.#isOn);
    if (!this.#isOn) this.#ring.hidden = true;
    describe(this.#size, `${this.#size.value} %`);
    element("mask-text").textContent = isEmpty
      ? "all of the photo is relit"
      : `${shareText(this.#mask.share)} is relit`;
  }
}

function check(file, bitmap, photo) {
  if (!bitmap) {
    throw new Problem({ title: "The mask cannot be used", detail: `this browser cannot read ${file.name}` });
  }
  const { width, height } = bitmap;
  const offPx = Math.min(
    Math.abs(height - (width * photo.height) / photo.width),
    Math.abs(width - (height * photo.width) / photo.height),
  );
  if (offPx <= OFF_BY_PX) return;
  bitmap.close();
  throw new Problem({
    title: "The mask does not fit the photo",
    detail: `it has ${width} × ${height} pixels; it must have the proportions of the photo, ` +
      `${photo.width} × ${photo.height}`,
  });
}

function shareText(share) {
  const percent = Math.round(100 * share);
  if (percent === 0 && share > 0) return "less than 1 %";
  return `${percent} %`;
}
