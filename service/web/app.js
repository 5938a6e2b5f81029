// The page: takes a photo, reads the options from the panel, and shows the renderer's results.

import { Brush } from "./brush.js";
import { Compare } from "./compare.js";
import { Controls, formatName } from "./controls.js";
import { listen } from "./intake.js";
import { askForKey } from "./key.js";
import { Photo } from "./photo.js";
import { ProblemView } from "./problem.js";
import { Renderer } from "./renderer.js";
import { save } from "./saving.js";
import { fetchCatalogue, fetchFile, key, Problem } from "./service.js";
import * as snippets from "./snippets.js";
import { Views } from "./views.js";

const COPIED_MS = 2000;
const LIVE_BYTES = 12e6; // a larger file is sent only for the download, not for every change

const element = (id) => document.getElementById(id);
const compare = new Compare();
const problems = new ProblemView();
const controls = new Controls(() => update());
const brush = new Brush({
  onChange: () => update(),
  onProblem: (problem, retry) => handle(problem, brush, retry),
});
const renderer = new Renderer({
  onAnswer: showAnswer,
  onBusy: (isBusy) => (compare.busy = isBusy),
  onProblem: (problem) => handle(problem, renderer, () => renderer.again()),
});
const views = new Views({
  onRelit: showRelit,
  onMap: showMap,
  onProblem: (problem, retry) => handle(problem, views, retry),
});
let catalogue = null;
let relit = null; // the newest relit picture, to show when no map is shown
let photo = null;
let numOpened = 0;

listen(open, openSample);
element("download").addEventListener("click", download);
element("copy-curl").addEventListener("click", () => copy("curl"));
element("copy-python").addEventListener("click", () => copy("python"));
element("change-key").addEventListener("click", async () => {
  if (await askForKey("The key in use is replaced.")) renderer.again();
});
start();

async function start() {
  try {
    await loadCatalogue();
    problems.clear();
  } catch (error) {
    handle(error, start, start);
  }
}

async function loadCatalogue() {
  catalogue = await fetchCatalogue();
  controls.offer(catalogue);
  views.offer(controls.computes);
  const { max_body_bytes: bytes, max_pixels: pixels } = catalogue.limits;
  element("limits").textContent =
    `Up to ${sizeText(bytes)} and ${Math.floor(pixels / 1e6)} megapixels. ` +
    "It goes to this service and nowhere else.";
  element("change-key").hidden = key.get() === "";
}

async function open(file, sample = null) {
  const number = (numOpened += 1);
  tell(`Opening ${file.name || "the photo"}.`);
  try {
    catalogue ?? (await loadCatalogue());
    check(file);
    const opened = await Photo.open(file, sample);
    if (number !== numOpened) return opened.close(); // another photo was opened meanwhile
    show(opened);
  } catch (error) {
    if (number === numOpened) handle(error, file, () => open(file, sample));
  }
}

async function openSample(path) {
  try {
    await open(await fetchFile(path), path);
  } catch (error) {
    handle(error, path, () => openSample(path));
  }
}

function check(file) {
  const limit = catalogue.limits.max_body_bytes;
  if (file.size <= limit) return;
  throw new Problem({
    status: 413,
    title: "The file is too large",
    detail: `${file.name} has ${sizeText(file.size)}; this service takes up to ${sizeText(limit)}`,
  });
}

function show(opened) {
  renderer.stop();
  problems.clear();
  const before = photo;
  photo = opened;
  relit = null;
  views.open(photo);
  brush.open(photo);
  compare.open(photo);
  before?.close();
  const { name, width, height, format, file } = photo;
  element("photo-facts").textContent = [
    name, `${width} × ${height}`, formatName(format), sizeText(file.size),
  ].filter(Boolean).join(" · ");
  element("answer-facts").textContent = "";
  element("welcome").hidden = true;
  element("viewer").hidden = element("facts").hidden = false;
  element("change-photo").hidden = false;
  controls.open(photo.answerFormat);
  compare.focus();
  update();
}

function update() {
  if (!photo) return;
  const { light, file } = controls;
  const lightText = [controls.lightText, brush.text].filter(Boolean).join(", ");
  if (problems.about === brush) problems.clear();
  const isLive = controls.canShow && photo.file.size <= LIVE_BYTES;
  renderer.want({ photo, light, file, mask: brush.files, isLive, lightText, outName: outName() });
  for (const language of ["curl", "python"]) {
    const write = snippets[language];
    const code = write(photo, { ...light, ...file }, {
      maskName: brush.fileName, outName: outName(), needsKey: key.get() !== "",
    });
    element(language).textContent = code;
  }
}

async function showAnswer(kind, order, answer) {
  if (problems.about === renderer) problems.clear();
  const text = `lit ${order.lightText}`;
  if (order.photo !== photo) return;
  if (kind === "preview" || order.isLive) {
    relit = { blob: answer.blob, text };
    if (views.isRelit) await compare.show(answer.blob, `After: the photo ${text}`);
  }
  if (order.photo !== photo) return;
  element("answer-facts").textContent = factsOf(kind, answer);
  element("mark").hidden = !answer.isMarked;
  if (kind === "full" || !order.isLive) tell(`Now ${text}`);
}

async function showRelit() {
  compare.label("After");
  if (!relit) return;
  await compare.show(relit.blob, `After: the photo ${relit.text}`);
  tell(`Now ${relit.text}`);
}

async function showMap(picture, text) {
  if (problems.about === views) problems.clear();
  compare.label(text.split(":")[0]);
  await compare.show(picture, `Map of the photo: ${text}`);
  tell(`${text}.`);
}

async function download() {
  const button = element("download");
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    const { order, answer } = await renderer.full();
    save(answer.blob, order.outName);
    tell(`${order.outName}, ${sizeText(answer.blob.size)}, is downloaded.`);
  } catch {
    // Already shown, or another photo was opened meanwhile.
  } finally {
    button.removeAttribute("aria-busy");
  }
}

async function copy(language) {
  const code = element(language);
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Browsers block the clipboard on plain HTTP: select the code, so that the user can copy it.
    code.closest("details").open = true;
    getSelection().selectAllChildren(code);
    return tell("The browser blocks the clipboard here: the code is selected, copy it by hand.");
  }
  const button = element(`copy-${language}`);
  const label = (button.dataset.label ??= button.textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), COPIED_MS);
  return tell("Copied.");
}

async function handle(error, about, retry) {
  tell("");
  if (!(error instanceof Problem)) {
    console.error(error);
    return problems.show(new Problem({ title: "This page made a mistake", detail: String(error) }), about, null);
  }
  if (error.status === 401) {
    if (await askForKey(error.detail)) {
      element("change-key").hidden = false;
      return retry();
    }
    return problems.show(error, about, () => handle(error, about, retry), "Enter a key");
  }
  const mayChange = error.status === 0 || error.status >= 500 || [408, 429].includes(error.status);
  return problems.show(error, about, mayChange ? retry : null);
}

function outName() {
  const extension = controls.format === "jpeg" ? "jpg" : controls.format;
  return `${photo.stem}-${controls.fileLabel}.${extension}`;
}

function factsOf(kind, { timing, cache, model }) {
  const stages = [...timing].filter(([stage, ms]) => stage !== "total" && ms >= 1);
  const parts = stages.map(([stage, ms]) => `${stage} ${Math.round(ms)}`).join(", ");
  return [
    `${kind === "full" ? "full size" : "preview"} in ${Math.round(timing.get("total") ?? 0)} ms (${parts})`,
    ...(cache ? [`cache ${cache}`] : []),
    model,
  ].join(" · ");
}

function sizeText(numBytes) {
  if (numBytes < 1e6) return `${Math.ceil(numBytes / 1e3)} kB`;
  return `${(numBytes / 1e6).toFixed(numBytes < 1e7 ? 1 : 0)} MB`;
}

function tell(text) {
  element("status").textContent = text;
}
