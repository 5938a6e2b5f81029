// Before and after, one over the other, with a divider to drag.

export class Compare {
  #figure = document.getElementById("compare");
  #before = document.getElementById("before");
  #after = document.getElementById("after");
  #split = document.getElementById("split");
  #newest = 0;

  constructor() {
    this.#split.addEventListener("input", () => this.#divide());
    this.#divide();
  }

  /** Show a photo, on both sides until it is relit. */
  open(photo) {
    this.#figure.style.setProperty("--ratio", photo.width / photo.height);
    this.#figure.style.setProperty("--width", photo.width);
    if (this.#after.src !== this.#before.src) URL.revokeObjectURL(this.#after.src);
    this.#before.src = photo.url;
    this.#before.alt = `Before: ${photo.name}`;
    this.#newest += 1;
    this.label("After");
    this.#after.src = photo.url;
    this.#after.alt = "";
  }

  /**
   * Show an answer once it is decoded, unless a newer one came meanwhile.
   * @param {Blob} blob an image file
   * @param {string} alt what it shows
   * @returns {Promise<boolean>} whether the browser can show it
   */
  async show(blob, alt) {
    const number = (this.#newest += 1);
    const url = URL.createObjectURL(blob);
    const image = new Image();
    image.src = url;
    try {
      await image.decode();
    } catch {
      URL.revokeObjectURL(url);
      return false;
    }
    if (number !== this.#newest) {
      URL.revokeObjectURL(url);
      return true;
    }
    if (this.#after.src !== this.#before.src) URL.revokeObjectURL(this.#after.src);
    this.#after.src = url;
    this.#after.alt = alt;
    return true;
  }

  /** Name what the right side shows. */
  label(name) {
    this.#figure.querySelector(".tag.after").textContent = name;
  }

  set busy(isBusy) {
    this.#figure.setAttribute("aria-busy", String(isBusy));
  }

  focus() {
    this.#split.focus({ preventScroll: true });
  }

  #divide() {
    const percent = Number(this.#split.value);
    this.#figure.style.setProperty("--split", `${percent}%`);
    this.#split.setAttribute("aria-valuetext", `before ${percent} %, after ${100 - percent} %`);
  }
}
