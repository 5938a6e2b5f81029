// The dome over the scene, seen from above: the centre is the zenith, the rim is the horizon.
//
// Each lamp is a slider with two axes. It is dragged, or moved by arrow keys: left and right go
// round, up and down change the height. The ball in the middle is seen from the camera.

import { drawBall } from "./ball.js";
import { hexColorOf, placeOf, vectorOf } from "./lamp.js";

const BALL_SHARE = 0.36; // of the dome's side
const RIM_SHARE = 0.42; // radius at which a lamp stands on the horizon
const GRAB_PX = 24;
const STEPS = { // azimuth and elevation, in degrees
  ArrowLeft: [-5, 0],
  ArrowRight: [5, 0],
  ArrowUp: [0, 5],
  ArrowDown: [0, -5],
  PageDown: [-45, 0],
  PageUp: [45, 0],
};

/** Say where a lamp stands, with its angles. */
export function angleText(lamp) {
  return `${placeOf(lamp)} (azimuth ${lamp.azimuth}°, elevation ${lamp.elevation}°)`;
}

export class Dome {
  #dome = document.getElementById("dome");
  #canvas = document.getElementById("dome-canvas");
  #ball = document.createElement("canvas"); // apart, because pixels that are put blend with nothing
  #handles = [];
  #lamps = [];
  #selected = 0;
  #grip = null; // of the drag: the pointer's distance from the lamp, in px
  #frame = 0;
  #hooks;

  /**
   * @param {Object} hooks
   * @param {function(number)} hooks.onSelect
   * @param {function({azimuth: number, elevation: number})} hooks.onMove of the selected lamp
   */
  constructor(hooks) {
    this.#hooks = hooks;
    this.#dome.addEventListener("pointerdown", (event) => this.#grab(event));
    this.#dome.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["lostpointercapture", "pointercancel"]) {
      this.#dome.addEventListener(end, () => (this.#grip = null));
    }
    new ResizeObserver(() => this.#redraw()).observe(this.#dome);
  }

  /** Show lamps, one of them selected. */
  show(lamps, selected) {
    this.#lamps = lamps;
    this.#selected = selected;
    while (this.#handles.length > lamps.length) this.#handles.pop().remove();
    while (this.#handles.length < lamps.length) this.#handles.push(this.#handle());
    for (const [k, handle] of this.#handles.entries()) this.#place(handle, k);
    this.#redraw();
  }

  /** Move the focus to the selected lamp. */
  focus() {
    this.#handles[this.#selected].focus({ preventScroll: true });
  }

  #handle() {
    const handle = document.createElement("span");
    handle.className = "handle";
    handle.setAttribute("role", "slider");
    handle.setAttribute("aria-valuemin", "0");
    handle.setAttribute("aria-valuemax", "359");
    handle.setAttribute("aria-describedby", "dome-hint");
    handle.addEventListener("keydown", (event) => this.#press(event));
    this.#dome.append(handle);
    return handle;
  }

  #place(handle, k) {
    const lamp = this.#lamps[k];
    const isSelected = k === this.#selected;
    const [x, y] = positionOf(lamp);
    handle.textContent = this.#lamps.length > 1 ? k + 1 : "";
    handle.tabIndex = isSelected ? 0 : -1;
    handle.classList.toggle("selected", isSelected);
    handle.style.left = `${50 + 100 * RIM_SHARE * x}%`;
    handle.style.top = `${50 + 100 * RIM_SHARE * y}%`;
    handle.style.setProperty("--lamp", hexColorOf(lamp));
    handle.setAttribute("aria-label", `Lamp ${k + 1}`);
    handle.setAttribute("aria-valuenow", lamp.azimuth);
    handle.setAttribute("aria-valuetext", angleText(lamp));
  }

  #press(event) {
    const [around, up] = STEPS[event.key] ?? [];
    if (around === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { azimuth, elevation } = this.#lamps[this.#selected];
    const share = event.shiftKey ? 0.2 : 1; // a single degree
    this.#hooks.onMove({
      azimuth: (azimuth + share * around + 360) % 360,
      elevation: Math.min(90, Math.max(0, elevation + share * up)),
    });
  }

  #grab(event) {
    if (event.button !== 0) return;
    event.preventDefault(); // no selection of text; the focus is moved below
    this.#dome.setPointerCapture(event.pointerId);
    const reaches = this.#lamps.map((lamp) => Math.hypot(...this.#reach(event, lamp)));
    const nearest = reaches.indexOf(Math.min(...reaches));
    const isHit = reaches[nearest] <= GRAB_PX;
    if (isHit && nearest !== this.#selected) this.#hooks.onSelect(nearest);
    this.#grip = isHit ? this.#reach(event, this.#lamps[this.#selected]) : [0, 0];
    this.focus();
    if (!isHit) this.#drag(event);
  }

  #drag(event) {
    if (!this.#grip || !this.#dome.hasPointerCapture(event.pointerId)) return;
    const { x, y, rimPx } = this.#box();
    const right = (event.clientX - this.#grip[0] - x) / rimPx;
    const down = (event.clientY - this.#grip[1] - y) / rimPx;
    const lamp = angleAt(right, down, this.#lamps[this.#selected].azimuth);
    const { azimuth, elevation } = this.#lamps[this.#selected];
    if (lamp.azimuth !== azimuth || lamp.elevation !== elevation) this.#hooks.onMove(lamp);
  }

  // The way from a lamp to the pointer, in px.
  #reach(event, lamp) {
    const { x, y, rimPx } = this.#box();
    const [right, down] = positionOf(lamp);
    return [event.clientX - x - rimPx * right, event.clientY - y - rimPx * down];
  }

  #box() {
    const box = this.#dome.getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2, rimPx: RIM_SHARE * box.width };
  }

  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const sidePx = Math.round(this.#dome.clientWidth * devicePixelRatio);
    if (sidePx === 0) return; // hidden
    if (this.#canvas.width !== sidePx) this.#canvas.width = this.#canvas.height = sidePx;
    const context = this.#canvas.getContext("2d");
    context.clearRect(0, 0, sidePx, sidePx);
    drawRings(context, sidePx);
    for (const lamp of this.#lamps) drawGlow(context, lamp, sidePx);
    const ballPx = Math.round(BALL_SHARE * sidePx);
    if (this.#ball.width !== ballPx) this.#ball.width = this.#ball.height = ballPx;
    this.#ball.getContext("2d").putImageData(drawBall(this.#lamps, ballPx), 0, 0);
    const corner = Math.round((sidePx - ballPx) / 2);
    context.drawImage(this.#ball, corner, corner);
  }
}

// Where a lamp is drawn: right and down of the centre, 1 at the horizon.
function positionOf(lamp) {
  const away = 1 - lamp.elevation / 90;
  const [x, , z] = vectorOf({ azimuth: lamp.azimuth, elevation: 0 });
  return [away * x, away * z];
}

// The inverse, in whole degrees; over the centre the azimuth stays.
function angleAt(right, down, azimuthBefore) {
  const away = Math.min(1, Math.hypot(right, down));
  const turn = Math.round((Math.atan2(right, -down) * 180) / Math.PI);
  return {
    azimuth: away < 0.01 ? azimuthBefore : (turn + 360) % 360,
    elevation: Math.round(90 * (1 - away)),
  };
}

function drawRings(context, sidePx) {
  context.strokeStyle = "#3a3a3a";
  context.lineWidth = devicePixelRatio;
  for (const elevation of [0, 30, 60]) {
    context.beginPath();
    context.arc(sidePx / 2, sidePx / 2, sidePx * RIM_SHARE * (1 - elevation / 90), 0, 2 * Math.PI);
    context.stroke();
  }
}

function drawGlow(context, lamp, sidePx) {
  const [x, y] = positionOf(lamp).map((share) => sidePx * (0.5 + RIM_SHARE * share));
  const reach = sidePx * (0.16 + 0.3 * lamp.softness);
  const glow = context.createRadialGradient(x, y, 0, x, y, reach);
  glow.addColorStop(0, hexColorOf(lamp));
  glow.addColorStop(1, "transparent");
  context.save();
  context.beginPath();
  context.arc(sidePx / 2, sidePx / 2, sidePx / 2, 0, 2 * Math.PI);
  context.clip();
  context.globalAlpha = Math.min(1, 0.45 * 2 ** (lamp.intensity / 2));
  context.fillStyle = glow;
  context.fillRect(0, 0, sidePx, sidePx);
  context.restore();
}
