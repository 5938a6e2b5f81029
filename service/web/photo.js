// A photo of the user: a version to show, and a small copy for quick answers.

import { relight } from "./service.js";

const PREVIEW_SIDE_PX = 1280; // the resolution of the page, and quick to send and to relight
const PREVIEW_SENT_QUALITY = 0.88;
const PREVIEW_FILES = { // options of the API for an answer that is small and quick to make
  jpeg: { format: "jpeg", quality: 82, subsampling: "420", metadata: "strip" },
  webp: { format: "webp", quality: 80, metadata: "strip" },
};

const SIGNATURES = [
  ["jpeg", /^\xff\xd8\xff/],
  ["png", /^\x89PNG/],
  ["webp", /^RIFF.{4}WEBP/s],
  ["tiff", /^(II\*\0|MM\0\*)/],
  ["avif", /^.{4}ftyp(.{4}){0,12}?avi[fs]/s],
  ["heif", /^.{4}ftyp/s],
];

export class Photo {
  /**
   * Open a file. What the browser cannot show (TIFF, HEIC) the service shows, unchanged.
   * @param {File} file
   * @param {?string} sample path of the file on the service, when it is a sample
   * @returns {Promise<Photo>}
   * @throws {Problem} the service cannot read it either
   */
  static async open(file, sample = null) {
    const photo = new Photo();
    photo.file = file;
    photo.sample = sample;
    photo.name = file.name || "photo";
    photo.format = await sniff(file);
    let shown = file;
    let bitmap = await createImageBitmap(file).catch(() => null);
    if (!bitmap) {
      shown = (await relight(file, { strength: 0, format: "jpeg" })).blob;
      bitmap = await createImageBitmap(shown);
    }
    photo.width = bitmap.width;
    photo.height = bitmap.height;
    photo.url = URL.createObjectURL(shown);
    await photo.#makePreview(bitmap);
    bitmap.close();
    return photo;
  }

  /** Release the resources of the browser. */
  close() {
    URL.revokeObjectURL(this.url);
  }

  /** The name without its extension. */
  get stem() {
    return this.name.replace(/\.[^.]*$/, "") || "photo";
  }

  /** The default format of the answer: its own, except for formats that are only read. */
  get answerFormat() {
    return this.format === "heif" ? "jpeg" : this.format;
  }

  async #makePreview(bitmap) {
    const scale = Math.min(1, PREVIEW_SIDE_PX / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const isOpaque = this.format === "jpeg" || isEverywhereOpaque(context, canvas);
    const format = isOpaque ? "jpeg" : "webp"; // WebP takes longer, but keeps transparency
    this.previewFile = PREVIEW_FILES[format];
    this.preview = this.file; // a small photo is its own preview: the service caches both as one
    if (scale < 1) {
      this.preview = await new Promise((done) => canvas.toBlob(done, `image/${format}`, PREVIEW_SENT_QUALITY));
    }
  }
}

async function sniff(file) {
  const head = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const text = String.fromCharCode(...head);
  return SIGNATURES.find(([, signature]) => signature.test(text))?.[0] ?? "";
}

function isEverywhereOpaque(context, { width, height }) {
  const { data } = context.getImageData(0, 0, width, height);
  for (let k = 3; k < data.length; k += 4) if (data[k] < 255) return false;
  return true;
}
