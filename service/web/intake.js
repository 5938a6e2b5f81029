// The ways to open a photo: picked, dropped, pasted, or one of the samples.

/**
 * @param {function(File)} onFile
 * @param {function(string)} onSample called with its path on the service
 */
export function listen(onFile, onSample) {
  const picker = document.getElementById("file");
  for (const id of ["choose", "change-photo"]) {
    document.getElementById(id).addEventListener("click", () => picker.click());
  }
  picker.addEventListener("change", () => {
    take(picker.files);
    picker.value = ""; // so that picking the same file again is a change
  });

  const curtain = document.getElementById("drop");
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    curtain.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) curtain.hidden = true; // the pointer left the window
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    curtain.hidden = true;
    take(event.dataTransfer.files);
  });

  document.addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });

  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => onSample(`web/samples/${button.dataset.sample}`));
  }

  function take(files) {
    if (files.length) onFile(files[0]);
  }
}
