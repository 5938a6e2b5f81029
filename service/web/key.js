// The dialog that asks for an API key.

import { key } from "./service.js";

const dialog = document.getElementById("key-dialog");
const form = document.getElementById("key-form");
const input = document.getElementById("key");

/**
 * Ask for a key and keep it for this tab.
 * @param {string} why what the service said
 * @returns {Promise<boolean>} whether one was given
 */
export function askForKey(why) {
  document.getElementById("key-detail").textContent = why;
  input.value = "";
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "given"), { once: true });
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  key.set(input.value);
  input.value = "";
  dialog.close("given");
});

document.getElementById("key-cancel").addEventListener("click", () => dialog.close());
