// The request of the page as code to run elsewhere. It never contains a key.

import { addressOf, queryOf } from "./service.js";

/**
 * @param {Photo} photo
 * @param {Object} options of the API
 * @param {Object} more
 * @param {?string} more.maskName name of the file of the mask, if there is one
 * @param {string} more.outName name of the file to write
 * @param {boolean} more.needsKey whether the service asks for a key; then from the variable KEY
 */
export function curl(photo, options, { maskName, outName, needsKey }) {
  const input = photo.sample ? "-" : photo.name;
  const lines = [
    `curl -sS --fail-with-body ${shell(addressOf(`relight?${queryOf(options)}`))}`,
    ...(needsKey ? ['-H "X-Api-Key: $KEY"'] : []),
    ...(maskName
      ? [`-F ${shell(`image=@${quoted(input)}`)}`, `-F ${shell(`mask=@${quoted(maskName)}`)}`]
      : [`--data-binary ${shell(`@${input}`)}`]),
    `-o ${shell(outName)}`,
  ];
  const command = lines.join(" \\\n  ");
  return photo.sample ? `curl -sSf ${shell(addressOf(photo.sample))} |\n${command}` : command;
}

/** The same in Python, with httpx. */
export function python(photo, options, { maskName, outName, needsKey }) {
  const given = Object.entries(options).filter(([, value]) => value !== null && value !== "");
  const source = photo.sample
    ? `httpx.get(${literal(addressOf(photo.sample))}).raise_for_status().content`
    : `Path(${literal(photo.name)}).read_bytes()`;
  const lines = [
    ...(needsKey ? ["import os"] : []),
    "from pathlib import Path",
    "",
    "import httpx",
    "",
    "answer = httpx.post(",
    `    ${literal(addressOf("relight"))},`,
    `    params={${given.map(([name, value]) => `${literal(name)}: ${literal(value)}`).join(", ")}},`,
    ...(needsKey ? ['    headers={"X-Api-Key": os.environ["KEY"]},'] : []),
    ...(maskName
      ? [`    files={"image": ${source}, "mask": Path(${literal(maskName)}).read_bytes()},`]
      : [`    content=${source},`]),
    "    timeout=60,",
    ")",
    "answer.raise_for_status()",
    `Path(${literal(outName)}).write_bytes(answer.content)`,
  ];
  return lines.join("\n");
}

// In a form, curl ends a file's name at a semicolon or comma unless it is quoted.
function quoted(name) {
  if (name === "-") return name;
  return `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function shell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// JSON's strings and numbers are also valid Python.
function literal(value) {
  return JSON.stringify(value);
}
