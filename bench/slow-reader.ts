/**
 * A reader of one kilobyte a second on a streamed run: while it lags no further tool is called once the buffers on the
 * way are full, and when it reads on, not one event is missing.
 */

import { pause } from "./bench.ts";
import { open } from "./http.ts";
import { row, type BenchRow } from "./report.ts";
import { openWorld } from "./world.ts";

const CALLS = 100;
/** Below a hundredth of what a run hands on, so every output is in its event. */
const OUTPUT_BYTES = 110_000;
const SLOW_READ_BYTES = 1024;
/**
 * What may be on its way: one mebibyte in the run and one in its channel, five calls under way, and what the runtime's and
 * the operating system's sockets take, which is most of it.
 */
const MAX_STARTED = 80;

/** Rows of the slow reader. */
export async function slowReader(smoke: boolean): Promise<readonly BenchRow[]> {
  const world = await openWorld();
  const label = `reader of 1 KB/s, ${CALLS} results of ${OUTPUT_BYTES / 1000} KB`;
  try {
    await world.send("PUT", "/v1/tools/records", {
      description: "Answers with many records",
      input: { type: "object", properties: { n: { type: "number" } } },
      effect: "read",
      http: {
        method: "GET",
        url: `${world.toolsUrl}/records/${OUTPUT_BYTES}`,
        query: { n: "{n}" },
      },
      timeout_ms: 110_000,
    });
    await world.resetTraffic();
    const calls = Array.from({ length: CALLS }, (_, n) => ({ tool: "records", arguments: { n } }));
    const body = { calls, max_parallel: 5, stream: true, deadline_ms: 110_000 };
    const exchange = open(`${world.baseUrl}/v1/runs`, {
      method: "POST",
      headers: world.headers,
      body,
    });
    const response = await exchange.response;
    const chunks: Uint8Array[] = [];
    response.pause();
    for (let second = 0; second < (smoke ? 4 : 15); second += 1) {
      await pause(1000);
      const chunk: unknown = response.read(SLOW_READ_BYTES);
      if (chunk instanceof Uint8Array) chunks.push(chunk);
    }
    const { started } = world.traffic();
    for await (const chunk of response) if (chunk instanceof Uint8Array) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    const ends = text.match(/^event: call\.completed$/gm)?.length ?? 0;
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    const gaps = ids.filter((id, place) => id !== place + 1).length;
    const held = started * OUTPUT_BYTES;
    return [
      row(label, "tools called while it lagged", started, "calls", `<= ${MAX_STARTED}`),
      row(label, "outputs taken from tools and not read", held / 2 ** 20, "MiB"),
      row(label, "ends of calls it was told", ends, "events", `== ${CALLS}`),
      row(label, "gaps in the events", gaps, "events", "== 0"),
    ];
  } finally {
    await world.close();
  }
}
