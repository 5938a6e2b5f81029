// Keeps the picture up to date with the options, one request at a time.
//
//   change ──> preview: small and quick, while a slider moves
//                └─ no change for a moment ──> full size, in the format to download
//
// A preview in flight for the same photo and direction may finish, because otherwise a slider that
// moves faster than the answers would show nothing. Only the latest change waits behind it. All
// other requests in flight are stale after a change and are aborted: the service drops their work.

import { relight } from "./service.js";

const SETTLE_MS = 350;

export class Renderer {
  #wanted = null;
  #job = null;
  #timer = null;
  #notBefore = 0; // earliest time of the next request
  #complete = null;
  #waiting = []; // for the full size
  #hooks;

  /**
   * @param {Object} hooks
   * @param {function("preview"|"full", Object, Object)} hooks.onAnswer kind, order, answer
   * @param {function(boolean)} hooks.onBusy
   * @param {function(Problem)} hooks.onProblem
   */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /**
   * Request a picture; it replaces the earlier request.
   * @param {{photo: Photo, light: Object, file: Object, mask: ?Object, isLive: boolean}} order
   *   options of the API in `light` and `file`; the files of the mask, if any; `isLive`: whether to
   *   make the full size before it is needed
   */
  want(order) {
    this.#wanted = order;
    if (this.#job?.kind === "preview" && isSameScene(this.#job.order, order)) return;
    this.#abort();
    this.#schedule("preview");
  }

  /** Repeat the request now. */
  again() {
    this.#notBefore = 0;
    this.#abort();
    if (this.#wanted) this.#schedule("preview");
  }

  /** Drop the request and stop. */
  stop() {
    this.#wanted = null;
    this.#abort();
    clearTimeout(this.#timer);
    this.#giveUp(new DOMException("stopped", "AbortError"));
  }

  /** Return a promise of the full-size file, for the options at the time when it is ready. */
  full() {
    if (this.#complete?.order === this.#wanted) return Promise.resolve(this.#complete);
    const promise = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (!this.#job) this.#schedule("full");
    return promise;
  }

  #schedule(kind, delayMs = 0) {
    clearTimeout(this.#timer);
    const startMs = Math.max(delayMs, this.#notBefore - Date.now());
    if (startMs <= 0) this.#run(kind);
    else this.#timer = setTimeout(() => this.#run(kind), startMs);
  }

  #abort() {
    this.#job?.controller.abort();
    this.#job = null;
  }

  async #run(kind) {
    const order = this.#wanted;
    const job = (this.#job = { kind, order, controller: new AbortController() });
    this.#hooks.onBusy(true);
    let answer;
    try {
      const mask = await order.mask?.[kind];
      answer = await relight(...requestOf(kind, order), { mask, signal: job.controller.signal });
    } catch (error) {
      if (this.#job === job) this.#fail(error);
      return;
    }
    if (this.#job !== job) return; // aborted just before it arrived
    this.#job = null;
    this.#notBefore = 0;
    this.#hooks.onAnswer(kind, order, answer);
    this.#goOn(kind, order, answer);
  }

  #goOn(kind, order, answer) {
    if (this.#wanted !== order) {
      this.#schedule("preview");
    } else if (kind === "preview") {
      this.#hooks.onBusy(this.#waiting.length > 0);
      if (this.#waiting.length) this.#schedule("full");
      else if (order.isLive) this.#schedule("full", SETTLE_MS);
    } else {
      this.#complete = { order, answer };
      this.#hooks.onBusy(false);
      for (const { resolve } of this.#waiting.splice(0)) resolve(this.#complete);
    }
  }

  #fail(error) {
    const { order } = this.#job;
    this.#job = null;
    this.#notBefore = Date.now() + (error.retryAfterMs ?? 0);
    if (this.#wanted !== order && error.retryAfterMs === null) {
      this.#schedule("preview"); // the failed request is obsolete
      return;
    }
    this.#giveUp(error);
    this.#hooks.onProblem(error);
  }

  #giveUp(error) {
    this.#hooks.onBusy(false);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function requestOf(kind, { photo, light, file }) {
  return kind === "full"
    ? [photo.file, { ...light, ...file }]
    : [photo.preview, { ...light, ...photo.previewFile }];
}

function isSameScene(a, b) {
  return a.photo === b.photo && a.light.direction === b.light.direction;
}
