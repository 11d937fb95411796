/** Looks for texts in every byte of every file below a directory, in the forms a store may write them. */

import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** A text found in a file. */
export interface Finding {
  readonly file: string;
  readonly name: string;
}

/** Every place a text of `texts` (by name) stands in plain, base64 or hexadecimal. Also counts what was read. */
export async function scanFor(
  directory: string,
  texts: Readonly<Record<string, string>>,
): Promise<{
  readonly findings: readonly Finding[];
  readonly files: number;
  readonly bytes: number;
}> {
  const needles = Object.entries(texts).flatMap(([name, text]) =>
    formsOf(text).map((form) => ({ name, form })),
  );
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const findings: Finding[] = [];
  let files = 0;
  let bytes = 0;
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path);
    files += 1;
    bytes += content.byteLength;
    const isIn = (form: Buffer) => content.includes(form) || entry.name.includes(form.toString());
    for (const { name, form } of needles) {
      if (isIn(form)) findings.push({ file: relative(directory, path), name });
    }
  }
  return { findings, files, bytes };
}

/** The text itself, UTF-16, hexadecimal, and base64 at each of its three alignments. */
function formsOf(text: string): readonly Buffer[] {
  const plain = Buffer.from(text);
  const base64 = [0, 1, 2].map((shift) => {
    // The first and last digits depend on the neighbours; what is between does not.
    const digits = Buffer.concat([Buffer.alloc(shift), plain])
      .toString("base64")
      .replaceAll("=", "");
    return digits.slice(shift === 0 ? 0 : shift + 1, -2);
  });
  return [
    plain,
    Buffer.from(text, "utf16le"),
    Buffer.from(plain.toString("hex")),
    ...base64.flatMap((digits) => [
      Buffer.from(digits),
      Buffer.from(digits.replaceAll("+", "-").replaceAll("/", "_")),
    ]),
  ];
}
