/**
 * Repairs the one way in which whole stream events were seen broken: the last closing brackets are missing.
 *
 * Only for an event that the stream itself ended with a blank line, so nothing is made of a cut connection; text that
 * ends inside a string, a number or after a comma is not touched.
 */

/** Brackets that are added at most. */
const MAX_MISSING = 8;

/** `text` with its open brackets closed, or null when that is not all it lacks. */
export function closeBrackets(text: string): string | null {
  const { open, inString } = openBrackets(text);
  const isWhole = !inString && /[\]}"]$/.test(text);
  if (!isWhole || open.length === 0 || open.length > MAX_MISSING) return null;
  return text + open.toReversed().join("");
}

/** True when `text` is JSON that lacks its end: a bracket or a string is still open. */
export function isCutOff(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  const { open, inString } = openBrackets(text);
  return inString || open.length > 0;
}

/** What closes the brackets that are open where `text` ends, and whether it ends inside a string. */
function openBrackets(text: string): {
  readonly open: readonly string[];
  readonly inString: boolean;
} {
  const open: string[] = [];
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (inString) {
      if (character === "\\") at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{") open.push("}");
    else if (character === "[") open.push("]");
    else if (character === "}" || character === "]") open.pop();
  }
  return { open, inString };
}
