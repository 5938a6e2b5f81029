// The service over HTTP: its catalogue, a relit photo, and its problems (RFC 9457) as exceptions.

import { unzip } from "./zip.js";

const KEY_SLOT = "relight-key"; // sessionStorage: gone with the tab

/** A failure of the service or of the connection to it. */
export class Problem extends Error {
  constructor({ status = 0, title, detail = "", code = "", allowed = [], requestId = "", retryAfterMs = null }) {
    super(title);
    Object.assign(this, { status, title, detail: sentence(detail), code, allowed, requestId, retryAfterMs });
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY_SLOT) ?? "",
  set: (value) => sessionStorage.setItem(KEY_SLOT, value),
};

/** Return the catalogue (`GET /models`). */
export async function fetchCatalogue() {
  return (await call("models", {})).json();
}

/** Return a file of the page. */
export async function fetchFile(path) {
  const blob = await (await call(path, {})).blob();
  return new File([blob], path.split("/").at(-1), { type: blob.type });
}

/**
 * Relight a photo.
 * @param {Blob} photo the image file
 * @param {Object} options as in the API; those that are null or empty are left out
 * @param {Object} more
 * @param {?Blob} more.mask an image file, white where the photo is relit; else all of it is
 * @param {AbortSignal} more.signal
 * @returns {Promise<{blob: Blob, timing: Map, cache: ?string, model: string, isMarked: boolean}>} timing in ms, by stage
 */
export async function relight(photo, options, { mask = null, signal } = {}) {
  const body = mask ? formOf({ image: photo, mask }) : photo;
  const answer = await call(`relight?${queryOf(options)}`, { method: "POST", body, signal });
  return {
    blob: await answer.blob(),
    timing: readServerTiming(answer.headers.get("Server-Timing") ?? ""),
    cache: answer.headers.get("X-Cache"),
    model: answer.headers.get("X-Model") ?? "",
    isMarked: answer.headers.has("X-Digital-Source-Type"),
  };
}

/**
 * Return what the network reads from a photo (`POST /maps`): pictures by file name.
 * @param {Blob} photo the image file
 * @returns {Promise<Map<string, Blob>>}
 */
export async function fetchMaps(photo) {
  const answer = await call("maps", { method: "POST", body: photo });
  const files = await unzip(await answer.blob());
  const typed = [...files].map(([name, file]) => [name, new Blob([file], { type: "image/png" })]);
  return new Map(typed.filter(([name]) => name.endsWith(".png")));
}

/** Write options as a query; the service's defaults replace null and empty ones. */
export function queryOf(options) {
  const given = Object.entries(options).filter(([, value]) => value !== null && value !== "");
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

/** The absolute address of a path of this service. */
export function addressOf(path) {
  return new URL(path, document.baseURI).href;
}

function formOf(files) {
  const form = new FormData();
  for (const [name, file] of Object.entries(files)) form.append(name, file, name);
  return form;
}

async function call(path, init) {
  const headers = key.get() ? { "X-Api-Key": key.get() } : {};
  let answer;
  try {
    answer = await fetch(addressOf(path), { ...init, headers, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: "The service cannot be reached",
      detail: "No answer came. It may have stopped, or the connection is gone.",
    });
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

async function problemOf(answer) {
  const isProblem = answer.headers.get("Content-Type")?.startsWith("application/problem+json");
  const body = isProblem ? await answer.json() : {};
  const headerS = Number(answer.headers.get("Retry-After") ?? NaN);
  return new Problem({
    status: answer.status,
    title: body.title ?? `The service answered ${answer.status} ${answer.statusText}`,
    detail: body.detail,
    code: body.code,
    allowed: body.allowed,
    requestId: body.request_id,
    retryAfterMs: body.retry_after_ms ?? (Number.isFinite(headerS) ? headerS * 1000 : null),
  });
}

function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return begun === "" || /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

// W3C Server-Timing: `decode;dur=12.3, infer;dur=20.1;desc="n=4"`
function readServerTiming(header) {
  const stages = [...header.matchAll(/([\w-]+);dur=([\d.]+)/g)];
  return new Map(stages.map(([, stage, duration]) => [stage, Number(duration)]));
}
