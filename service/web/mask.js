// The mask of a photo: a picture that is loaded, and strokes of a brush over it.
//
// It is kept in the alpha channel of the canvas that lies over the photo. What is sent to the service
// is white on black, as its API has masks.

const TINT = "#ff2bd6"; // rare in photos
const MAX_SIDE_PX = 1280;
const FIRM_SHARE = 0.5; // of the brush's radius; outside it the edge is soft
const STEP_SHARE = 0.2; // of the radius, between two touches of a stroke
const PROBE_PX = 64;

export class Mask {
  #canvas;
  #context;
  #steps = []; // what was done, in order: strokes, and loaded pictures
  #sent = null; // promises of the files, until the next step

  /** @param {HTMLCanvasElement} canvas lies over the photo */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
  }

  /** Begin anew, for a photo of these sides in px. */
  open({ width, height }) {
    const scale = Math.min(1, MAX_SIDE_PX / Math.max(width, height));
    this.#canvas.width = Math.max(1, Math.round(width * scale));
    this.#canvas.height = Math.max(1, Math.round(height * scale));
    this.clear();
  }

  /** Whether there is no mask: all of the photo is relit. */
  get isEmpty() {
    return this.#steps.length === 0;
  }

  /** The share of the photo that is relit, 0 to 1. */
  get share() {
    if (this.isEmpty) return 1;
    const small = scratch(PROBE_PX, PROBE_PX);
    small.imageSmoothingQuality = "high";
    small.drawImage(this.#canvas, 0, 0, PROBE_PX, PROBE_PX);
    const { data } = small.getImageData(0, 0, PROBE_PX, PROBE_PX);
    let sum = 0;
    for (let k = 3; k < data.length; k += 4) sum += data[k];
    return sum / (255 * PROBE_PX ** 2);
  }

  /** The file that was loaded, if nothing was painted on it. */
  get loadedFile() {
    return this.#steps.at(-1)?.file ?? null;
  }

  /** Replace the mask by a picture: its luminance, black where it is transparent. */
  load(file, bitmap) {
    this.#do({ file, picture: this.#alphaOf(bitmap) });
  }

  /**
   * Begin a stroke; `extend` goes on with it.
   * @param {boolean} erases
   * @param {number} radius of the brush, as a share of the photo's longer side
   */
  begin(erases, radius, point) {
    this.#do({ erases, radius: radius * Math.max(this.#canvas.width, this.#canvas.height), points: [] });
    this.extend(point);
  }

  /** Lead the newest stroke to a point: shares of the photo's width and height. */
  extend([right, down]) {
    const stroke = this.#steps.at(-1);
    const before = stroke.points.at(-1);
    const point = [right * this.#canvas.width, down * this.#canvas.height];
    stroke.points.push(point);
    this.#sent = null;
    this.#draw(stroke, before ?? point, point);
  }

  /** Take the newest step back. */
  undo() {
    this.#steps.pop();
    this.#sent = null;
    this.#wipe();
    for (const step of this.#steps) {
      if (step.picture) this.#put(step.picture);
      else step.points.forEach((point, k) => this.#draw(step, step.points[Math.max(0, k - 1)], point));
    }
  }

  clear() {
    this.#steps = [];
    this.#sent = null;
    this.#wipe();
  }

  /**
   * The mask as promises of files: `full` to send with the photo itself, `preview` with a small copy.
   * Null where there is none. The same object until the mask changes.
   */
  get files() {
    if (this.isEmpty) return null;
    if (!this.#sent) {
      const preview = this.#toPng();
      const full = this.loadedFile ? Promise.resolve(this.loadedFile) : preview;
      this.#sent = { preview, full };
    }
    return this.#sent;
  }

  #do(step) {
    this.#steps.push(step);
    this.#sent = null;
    if (step.picture) this.#put(step.picture);
  }

  #wipe() {
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  #put(picture) {
    this.#wipe();
    this.#context.drawImage(picture, 0, 0);
  }

  // Touch after touch along a line, so that all of a stroke has a soft edge.
  #draw({ erases, radius }, [fromX, fromY], [toX, toY]) {
    const numTouches = Math.ceil(Math.hypot(toX - fromX, toY - fromY) / (STEP_SHARE * radius)) || 1;
    this.#context.globalCompositeOperation = erases ? "destination-out" : "source-over";
    for (let k = 1; k <= numTouches; k++) {
      const x = fromX + ((toX - fromX) * k) / numTouches;
      const y = fromY + ((toY - fromY) * k) / numTouches;
      const touch = this.#context.createRadialGradient(x, y, FIRM_SHARE * radius, x, y, radius);
      touch.addColorStop(0, TINT);
      touch.addColorStop(1, `${TINT}00`);
      this.#context.fillStyle = touch;
      this.#context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    }
    this.#context.globalCompositeOperation = "source-over";
  }

  #alphaOf(bitmap) {
    const { width, height } = this.#canvas;
    const context = scratch(width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    const pixels = context.getImageData(0, 0, width, height);
    const { data } = pixels;
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(TINT.slice(at, at + 2), 16));
    for (let k = 0; k < data.length; k += 4) {
      const luminance = 0.299 * data[k] + 0.587 * data[k + 1] + 0.114 * data[k + 2];
      data[k + 3] = Math.round((luminance * data[k + 3]) / 255);
      data.set([red, green, blue], k);
    }
    context.putImageData(pixels, 0, 0);
    return context.canvas;
  }

  #toPng() {
    const { width, height } = this.#canvas;
    const context = scratch(width, height);
    context.drawImage(this.#canvas, 0, 0);
    for (const [operation, color] of [["source-in", "#fff"], ["destination-over", "#000"]]) {
      context.globalCompositeOperation = operation;
      context.fillStyle = color;
      context.fillRect(0, 0, width, height);
    }
    return new Promise((done) => context.canvas.toBlob(done, "image/png"));
  }
}

function scratch(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return canvas.getContext("2d", { willReadFrequently: true });
}
