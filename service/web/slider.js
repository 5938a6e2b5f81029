// A slider of the panel: a range input, and its value in words beside it.

/** Show a slider's value in words. */
export function describe(slider, text) {
  document.getElementById(`${slider.id}-text`).textContent = text;
  slider.setAttribute("aria-valuetext", text);
  const share = (slider.value - slider.min) / (slider.max - slider.min);
  slider.style.setProperty("--share", `${100 * share}%`);
}
