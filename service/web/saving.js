// Saves a file through the browser's downloads.

const KEPT_MS = 60_000; // the browser may ask the user first

/** Offer a blob as a download with this file name. */
export function save(blob, fileName) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
