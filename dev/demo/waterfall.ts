/** Draws calls as a waterfall of text, and measures how much ran at once. Pure: no clock, no terminal. */

/** One call on a common clock, milliseconds since the run began. */
export interface WaterfallCall {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly status: string;
}

/** How to draw. */
export interface WaterfallStyle {
  /** Columns, at least 40. */
  readonly width: number;
  readonly color: boolean;
}

/** What running at once saved. */
export interface Overlap {
  /** Sum of the calls' durations: one after the other. */
  readonly sequentialMs: number;
  /** Time during which at least one call ran. */
  readonly parallelMs: number;
  /** Sequential over parallel; 1 without calls. */
  readonly ratio: number;
  /** Most calls running at once. */
  readonly most: number;
}

const LEAST_WIDTH = 40;
const LONGEST_NAME = 20;
const COLORS = ["36", "33", "35", "32", "34", "96"];

/** The lines of a waterfall: a scale, a row for each call in the order of their start, none without calls. */
export function drawWaterfall(calls: readonly WaterfallCall[], style: WaterfallStyle): string[] {
  if (calls.length === 0) return [];
  const width = Math.max(style.width, LEAST_WIDTH);
  const nameWidth = Math.min(LONGEST_NAME, Math.max(...calls.map((call) => call.name.length)));
  const firstMs = Math.min(...calls.map((call) => call.startMs));
  const spanMs = Math.max(1, Math.max(...calls.map((call) => call.endMs)) - firstMs);
  const tail = 10;
  const track = width - nameWidth - tail - 4;
  const column = (ms: number): number => Math.round(((ms - firstMs) / spanMs) * track);
  const rows = calls
    .toSorted((left, right) => left.startMs - right.startMs || left.endMs - right.endMs)
    .map((call, index) => {
      const from = Math.min(column(call.startMs), track - 1);
      const until = Math.max(column(call.endMs), from + 1);
      const bar = call.status === "succeeded" ? "█" : "░";
      const painted = paint(
        bar.repeat(until - from),
        COLORS[index % COLORS.length] ?? "36",
        style.color,
      );
      const name = call.name.slice(0, nameWidth).padEnd(nameWidth);
      const took = `${Math.round(call.endMs - call.startMs)} ms`.padStart(tail);
      return `${name} │${" ".repeat(from)}${painted}${" ".repeat(track - until)}│${took}`;
    });
  return [scale(nameWidth, track, spanMs), ...rows];
}

function scale(nameWidth: number, track: number, spanMs: number): string {
  const middle = `${Math.round(spanMs / 2)}`;
  const end = `${Math.round(spanMs)} ms`;
  const half = Math.floor(track / 2);
  const left = "0".padEnd(half - Math.floor(middle.length / 2)) + middle;
  return `${" ".repeat(nameWidth)}  ${left}${end.padStart(Math.max(end.length + 1, track - left.length))}`;
}

function paint(text: string, code: string, color: boolean): string {
  return color ? `\u001B[${code}m${text}\u001B[0m` : text;
}

/** Sums and unions the calls' times. */
export function measureOverlap(calls: readonly WaterfallCall[]): Overlap {
  let sequentialMs = 0;
  let parallelMs = 0;
  let coveredUntil = Number.NEGATIVE_INFINITY;
  for (const { startMs, endMs } of calls.toSorted((left, right) => left.startMs - right.startMs)) {
    sequentialMs += endMs - startMs;
    parallelMs += Math.max(0, endMs - Math.max(startMs, coveredUntil));
    coveredUntil = Math.max(coveredUntil, endMs);
  }
  const most = Math.max(
    0,
    ...calls.map(
      ({ startMs }) => calls.filter((one) => one.startMs <= startMs && startMs < one.endMs).length,
    ),
  );
  return { sequentialMs, parallelMs, ratio: parallelMs > 0 ? sequentialMs / parallelMs : 1, most };
}
