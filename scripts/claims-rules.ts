/**
 * What counts as a figure, what may never be said, and whether a page says only what is claimed. Pure functions over
 * text; `claims.ts` reads the files.
 *
 * A figure is a number with a unit of time, size, rate, ratio or share, outside code. It must be a value or a bar of a
 * benchmark, or stand in a claim that names its test. A page may list limits and defaults between `<!-- limits -->`
 * and `<!-- /limits -->`; those are settings, not promises.
 */

/** A number with its unit, as written. */
export interface Figure {
  readonly text: string;
  readonly value: number;
  readonly unit: string;
  /** Digits after the point: a quoted figure may be rounded. */
  readonly decimals: number;
}

const UNITS = [
  "×",
  "µs",
  "ms",
  "s",
  "%",
  "KiB",
  "MiB",
  "GiB",
  "KB",
  "MB",
  "GB",
  "rps",
  "requests a second",
  "requests per second",
  "requests/s",
  "runs a second",
  "tokens a second",
];
const FIGURE = new RegExp(
  String.raw`(?<![\w.,-])(\d{1,3}(?:[,\u202f\u00a0]\d{3})+|\d+)(\.\d+)?[ \u202f\u00a0]?(x(?= )|${UNITS.join("|")})(?![\w])(?!\s*\d)`,
  "gu",
);

/** Words that would promise what nothing here proves. Source: docs/claims.md, "Not claimed". */
const FORBIDDEN: readonly RegExp[] = [
  /\bcertifi(ed|cation)\b/i,
  /\b99\.9+ ?%/,
  /\bquantum[- ](secure|safe|proof|optimi[sz]|speed)/i,
  /\breal quantum\b/i,
  /\bzero[- ]vulnerabilit/i,
  /\bpenetration[- ]tested\b/i,
  /\b(gdpr|ccpa|soc ?2|iso ?27001|hipaa)[- ]complian(t|ce)\b/i,
  /\b(unhackable|military[- ]grade|bank[- ]grade|bulletproof|unbreakable)\b/i,
  /\bguarantee[sd]? (uptime|availability|latency)\b/i,
  /\b(10,?000|10 ?k) (rps|requests (a|per) second)\b/i,
  /\b(first|only|best|fastest) (in|gateway in) the world\b/i,
];

function blank(part: string): string {
  return part.replaceAll(/[^\n]/g, " ");
}

/** The text without code, comments, link targets and marked sections. Line breaks stay. */
function prose(text: string, marker: string): string {
  return text
    .replaceAll(/^(```|~~~)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, blank)
    .replaceAll(new RegExp(`<!-- ${marker} -->[\\s\\S]*?<!-- /${marker} -->`, "g"), blank)
    .replaceAll(/`[^`\n]*`/g, blank)
    .replaceAll(/\]\([^)\n]*\)/g, blank);
}

/** Every figure of a text, with code and marked limits left out. */
export function figuresIn(text: string): Figure[] {
  return [...prose(text, "limits").matchAll(FIGURE)].map((match) => {
    const [whole, digits = "", fraction = "", unit = ""] = match;
    return {
      text: whole.trim(),
      value: Number(digits.replaceAll(/\D/g, "") + fraction),
      unit: unit === "x" ? "×" : unit,
      decimals: Math.max(0, fraction.length - 1),
    };
  });
}

/** Whether a quoted figure is one of the known ones, possibly rounded to the digits it shows. */
export function isKnown(figure: Figure, known: readonly Pick<Figure, "value" | "unit">[]): boolean {
  return known.some(
    (one) =>
      one.unit === figure.unit && Number(one.value.toFixed(figure.decimals)) === figure.value,
  );
}

/** Sentences on the figures of a page that nothing backs. */
export function figureFaults(
  page: string,
  text: string,
  known: readonly Pick<Figure, "value" | "unit">[],
): string[] {
  return figuresIn(text)
    .filter((figure) => !isKnown(figure, known))
    .map((figure) => `${page}: "${figure.text}" is in no claim (docs/claims.md)`);
}

/** Sentences on the words of a page that may not be used. A page may name them inside `<!-- not-claimed -->`. */
export function wordFaults(page: string, text: string): string[] {
  const visible = prose(text, "not-claimed");
  return FORBIDDEN.flatMap((pattern) => {
    const found = pattern.exec(visible)?.[0];
    return found === undefined ? [] : [`${page}: "${found}" may not be claimed`];
  });
}
