/**
 * Facts the scripted model can find in a prompt by simple patterns: places, numbers, dates, quoted words, currencies,
 * code, arithmetic. It understands nothing; that is enough for filling tool arguments.
 */

/** What a prompt holds. */
export interface Facts {
  readonly text: string;
  readonly places: readonly string[];
  readonly numbers: readonly number[];
  readonly quoted: readonly string[];
  /** ISO days, written out or meant by "tomorrow" and "next week". */
  readonly dates: readonly string[];
  /** Three-letter currency codes. */
  readonly currencies: readonly string[];
  readonly urls: readonly string[];
  /** The content of a fenced code block. */
  readonly code: string | null;
  readonly codeLanguage: string | null;
  readonly expression: string | null;
}

const DAY_MS = 86_400_000;
const NOT_A_PLACE =
  /^(I|We|My|Please|What|Which|Where|When|How|Who|Why|The|A|An|Can|Could|Find|Show|Give|Tell|Is|Are|And|Convert|Calculate|Compute|Search|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|January|February|March|April|May|June|July|August|September|October|November|December|French|Thai|Greek|[A-Z]{3}|.*(?:ese|ish|ian|ican))$/;

/** Reads the facts of a prompt. `todayMs` decides what "next week" means. */
export function factsOf(text: string, todayMs: number): Facts {
  const fence = /```([\w+-]*)\n([\s\S]*?)```/.exec(text);
  const prose = text.replaceAll(/```[\s\S]*?```/g, " ");
  return {
    text,
    places: placesOf(prose),
    numbers: (prose.replaceAll(/\d{4}-\d\d-\d\d/g, " ").match(/-?\d+(?:\.\d+)?/g) ?? []).map(
      Number,
    ),
    quoted: [...prose.matchAll(/"([^"]+)"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)/g)].map(
      (match) => match[1] ?? match[2] ?? match[3] ?? "",
    ),
    dates: datesOf(prose, todayMs),
    currencies: [...new Set(prose.match(/\b(?:EUR|USD|GBP|JPY|CHF|CAD|AUD|SEK|INR|CNY)\b/g) ?? [])],
    urls: prose.match(/https?:\/\/[^\s"'<>)]+/g) ?? [],
    code: fence?.[2] ?? null,
    codeLanguage: languageOf(fence?.[1] ?? ""),
    expression: expressionOf(prose),
  };
}

/** Capitalised words; one that only opens a sentence comes last, because it may be any word. */
function placesOf(prose: string): string[] {
  const found = [...prose.matchAll(/\b\p{Lu}[\p{L}'-]*(?: \p{Lu}[\p{L}'-]*)*/gu)];
  const words = found.map((match) => ({
    isOpening: /(^|[.?!:]\s*)$/.test(prose.slice(0, match.index)),
    text: match[0]
      .split(" ")
      .filter((word) => !NOT_A_PLACE.test(word))
      .join(" "),
  }));
  const ranked = words
    .filter(({ text }) => text.length > 1)
    .toSorted((left, right) => Number(left.isOpening) - Number(right.isOpening));
  const sure = ranked.filter(({ isOpening }) => !isOpening);
  return [...new Set((sure.length > 0 ? sure : ranked).map(({ text }) => text))];
}

function datesOf(prose: string, todayMs: number): string[] {
  const written = prose.match(/\b\d{4}-\d\d-\d\d\b/g) ?? [];
  const day = (offset: number): string =>
    new Date(todayMs + offset * DAY_MS).toISOString().slice(0, 10);
  const untilMonday = (8 - new Date(todayMs).getUTCDay()) % 7 || 7;
  const meant = [
    ...(/\btoday\b/i.test(prose) ? [day(0)] : []),
    ...(/\btomorrow\b/i.test(prose) ? [day(1)] : []),
    ...(/\bnext week\b/i.test(prose) ? [day(untilMonday)] : []),
  ];
  return [...written, ...meant];
}

/** The longest piece that looks like arithmetic. */
function expressionOf(prose: string): string | null {
  const found = prose.match(/[\d(][\d\s+*/%^().-]*[+*/%^-][\d\s+*/%^().-]*[\d)]/g) ?? [];
  const [longest] = found.toSorted((left, right) => right.length - left.length);
  return longest?.trim() ?? null;
}

function languageOf(word: string): string | null {
  if (/^tsx?$|^typescript$/i.test(word)) return "typescript";
  return /^(m|c)?jsx?$|^javascript$/i.test(word) ? "javascript" : null;
}
