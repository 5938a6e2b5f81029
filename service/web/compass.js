// The compass: selects the direction of the light among those that the service offers.
//
// Each direction is a radio button on a circle, so that keyboards and screen readers work as usual.
// The lamp can also be dragged, and snaps to the nearest direction.

const DIRECTIONS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]; // clockwise, N behind the scene
const NAMES = {
  N: "from behind the scene",
  NE: "from behind, right",
  E: "from the right",
  SE: "from the front, right",
  S: "from the camera",
  SW: "from the front, left",
  W: "from the left",
  NW: "from behind, left",
};

/** Return a direction in words. */
export function describe(direction) {
  return NAMES[direction];
}

export class Compass {
  #dial;
  #arm;
  #text;
  #onChange;
  #radios = new Map();
  #turnDeg = 0; // angle of the lamp, not wrapped, so that it turns the short way round

  /** @param {function(string)} onChange called with the new direction when the user chose it */
  constructor(onChange) {
    this.#dial = document.getElementById("dial");
    this.#arm = this.#dial.querySelector(".arm");
    this.#text = document.getElementById("direction-text");
    this.#onChange = onChange;
    this.#dial.addEventListener("pointerdown", (event) => this.#drag(event));
    this.#dial.addEventListener("pointermove", (event) => this.#drag(event));
  }

  /** Offer these directions, and plain marks for the missing ones. */
  offer(available) {
    for (const point of this.#dial.querySelectorAll(".point")) point.remove();
    this.#radios.clear();
    for (const direction of DIRECTIONS) {
      this.#dial.append(available.includes(direction) ? this.#point(direction) : this.#mark(direction));
    }
  }

  get value() {
    return [...this.#radios].find(([, radio]) => radio.checked)?.[0] ?? null;
  }

  set value(direction) {
    const radio = this.#radios.get(direction);
    if (!radio) return;
    radio.checked = true;
    const aheadDeg = DIRECTIONS.indexOf(direction) * 45 - this.#turnDeg;
    this.#turnDeg += ((((aheadDeg + 180) % 360) + 360) % 360) - 180;
    this.#arm.style.setProperty("--turn", `${this.#turnDeg}deg`);
    this.#text.textContent = `${NAMES[direction]} (${direction})`;
  }

  #point(direction) {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    label.className = "point";
    label.dataset.direction = direction;
    Object.assign(radio, { type: "radio", name: "direction", value: direction });
    radio.setAttribute("aria-label", `${direction}, ${NAMES[direction]}`);
    radio.addEventListener("change", () => this.#choose(direction));
    const letter = document.createElement("span");
    letter.textContent = direction;
    label.append(radio, letter);
    this.#radios.set(direction, radio);
    return label;
  }

  #mark(direction) {
    const mark = document.createElement("span");
    mark.className = "point off";
    mark.dataset.direction = direction;
    return mark;
  }

  #choose(direction) {
    this.value = direction;
    this.#onChange(direction);
  }

  #drag(event) {
    if (event.type === "pointerdown") {
      if (event.button !== 0) return;
      this.#dial.setPointerCapture(event.pointerId);
    } else if (!this.#dial.hasPointerCapture(event.pointerId)) {
      return;
    }
    const nearest = this.#nearest(event);
    if (nearest && nearest !== this.value) {
      this.#choose(nearest);
      this.#radios.get(nearest).focus({ preventScroll: true });
    }
  }

  #nearest({ clientX, clientY }) {
    const box = this.#dial.getBoundingClientRect();
    const angle = Math.atan2(clientX - box.x - box.width / 2, box.y + box.height / 2 - clientY);
    const closeness = (direction) => Math.cos(angle - (DIRECTIONS.indexOf(direction) * Math.PI) / 4);
    return [...this.#radios.keys()].sort((a, b) => closeness(b) - closeness(a))[0];
  }
}
