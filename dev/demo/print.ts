/** What the demo prints around the streamed answer. Every line fits 100 columns; colour only on a terminal. */

import { styleText } from "node:util";

import { numberOf } from "../http/json.ts";
import type { World } from "../world.ts";
import { TRAVEL_PROMPT, type TravelReport } from "./travel.ts";
import { drawWaterfall, measureOverlap } from "./waterfall.ts";

/** Widest line. */
const MAX_WIDTH = 100;

/** How the terminal is. */
export interface Terminal {
  readonly width: number;
  readonly color: boolean;
}

/** The width and colours of the stream we print to; `NO_COLOR` is honoured. */
export function terminalOf(stream: NodeJS.WriteStream): Terminal {
  const width = Math.min(stream.isTTY ? stream.columns : MAX_WIDTH, MAX_WIDTH);
  return { width, color: stream.isTTY && (process.env["NO_COLOR"] ?? "") === "" };
}

function bold(text: string, terminal: Terminal): string {
  return terminal.color ? styleText("bold", text) : text;
}

function dim(text: string, terminal: Terminal): string {
  return terminal.color ? styleText("dim", text) : text;
}

/** What runs where, and the question. */
export function introduction(world: World, terminal: Terminal): string {
  return [
    bold("Toolformer Edge", terminal),
    "",
    `  gateway  ${world.baseUrl}/v1 ${dim("the built bundle in workerd", terminal)}`,
    `  model    ${world.modelBaseUrl} ${dim("a scripted stand-in, not a language model", terminal)}`,
    `  tools    ${world.toolsBaseUrl} ${dim("sample APIs with invented data", terminal)}`,
    "",
    `${bold("You", terminal)}  ${TRAVEL_PROMPT}`,
    "",
    "",
  ].join("\n");
}

function ms(value: number): string {
  return `${Math.round(value)} ms`.padStart(9);
}

/** The waterfall, the times and the ratio. */
export function summary(report: TravelReport, terminal: Terminal): string {
  const overlap = measureOverlap(report.calls);
  const turns = numberOf(report.summary, "turns") ?? 0;
  return [
    "",
    "",
    bold(
      `${report.calls.length} tool calls in ${turns} model turns, at most ${overlap.most} at once`,
      terminal,
    ),
    "",
    ...drawWaterfall(report.calls, terminal),
    "",
    `  one after the other  ${ms(overlap.sequentialMs)}`,
    `  as they ran          ${ms(overlap.parallelMs)}`,
    `  ratio                ${overlap.ratio.toFixed(2).padStart(6)} x`,
    "",
    dim(
      `  first text after ${Math.round(report.firstTextMs)} ms, whole answer after ${Math.round(report.totalMs)} ms`,
      terminal,
    ),
    dim(
      "  The model is a scripted stand-in; the times of the tools are set, the overlap is measured.",
      terminal,
    ),
    "",
  ].join("\n");
}
