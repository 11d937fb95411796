/**
 * `npm run demo`: starts the local world on free ports with state that ends with it, asks the travel question through the
 * unmodified `openai` client, streams the answer, draws the waterfall of tool calls, and ends. Exit code 0 when the answer
 * came and at least one call ran.
 */

import { introduction, summary, terminalOf } from "./demo/print.ts";
import { askTravel } from "./demo/travel.ts";
import { createWrapper } from "./demo/wrap.ts";
import { startWorld } from "./world.ts";

/** The demo gives up after this long. */
const GIVE_UP_MS = 60_000;

async function demo(): Promise<number> {
  const out = process.stdout;
  const terminal = terminalOf(out);
  const world = await startWorld({
    onLog: (line) => {
      if (line.level === "error") process.stderr.write(`${line.message}\n`);
    },
  });
  try {
    out.write(introduction(world, terminal));
    const wrapper = createWrapper(terminal.width, (text) => out.write(text));
    const report = await askTravel(world, wrapper.push, AbortSignal.timeout(GIVE_UP_MS));
    wrapper.end();
    out.write(summary(report, terminal));
    return report.calls.length > 0 && report.text !== "" ? 0 : 1;
  } finally {
    await world.close();
  }
}

try {
  process.exitCode = await demo();
} catch (error) {
  process.stderr.write(
    `\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
