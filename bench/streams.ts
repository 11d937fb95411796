/**
 * `npm run bench -- streams`: a thousand streamed chat completions in which the model calls the gateway's tools over one
 * to three turns, some ending in a call of the client's own tool. The client must see one ordinary OpenAI message: no
 * inner turn, no tool message, no call that is not its own.
 */

import type { Bench, BenchOptions } from "./bench.ts";
import { inParallel } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { quantile, seededRandom } from "./statistics.ts";
import { streamFaults } from "./stream-rules.ts";
import { openWorld } from "./world.ts";

const STREAMS = 1000;
const WIDTH = 8;
const CLIENT_TOOL = "ask_the_user";

interface Conversation {
  readonly body: object;
  /** Everything the client must read, in order. */
  readonly text: string;
  readonly clientCalls: number;
}

function gatewayCalls(random: () => number): object[] {
  const count = 1 + Math.floor(random() * 6);
  return Array.from({ length: count }, (_, n) => ({
    name: "sleep",
    arguments: { ms: Math.floor(random() * 20), k: "stream", n },
  }));
}

function conversation(random: () => number): Conversation {
  const inner = 1 + Math.floor(random() * 3);
  const turns: object[] = Array.from({ length: inner }, (_, index) => ({
    text: `Turn ${index + 1}.`,
    calls: gatewayCalls(random),
  }));
  const clientCalls = random() < 0.25 ? 1 + Math.floor(random() * 2) : 0;
  const own = Array.from({ length: clientCalls }, () => ({
    name: CLIENT_TOOL,
    arguments: { question: "Really?" },
  }));
  turns.push({ text: "Done.", calls: own });
  // The texts of the turns are paragraphs of one message.
  const text = [...Array.from({ length: inner }, (_, index) => `Turn ${index + 1}.`), "Done."].join(
    "\n\n",
  );
  const parameters = { type: "object", properties: { question: { type: "string" } } };
  const body = {
    model: "scripted",
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: "user", content: `#script ${JSON.stringify({ turns })}` }],
    tools: [
      {
        type: "function",
        function: { name: CLIENT_TOOL, description: "Asks the user", parameters },
      },
    ],
  };
  return { body, text, clientCalls };
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const world = await openWorld();
  const count = smoke ? STREAMS / 100 : STREAMS;
  const random = seededRandom(seed);
  const conversations = Array.from({ length: count }, () => conversation(random));
  const faults: string[] = [];
  const times: number[] = [];
  try {
    const startedAt = performance.now();
    await inParallel(count, WIDTH, async (index) => {
      const one = conversations[index];
      if (one === undefined) return;
      const answer = await world.send("POST", "/v1/chat/completions", one.body);
      times.push(answer.tookMs);
      faults.push(
        ...streamFaults(answer.text, { ...one, clientTool: CLIENT_TOOL }).map(
          (fault) => `stream ${index}: ${fault}`,
        ),
      );
    });
    const seconds = (performance.now() - startedAt) / 1000;
    for (const fault of faults.slice(0, 20)) console.error(fault);
    const label = `${count} chat streams of 2 to 4 model turns, ${WIDTH} at once`;
    const { started } = world.traffic();
    return [
      row(
        label,
        "streams that showed more or less than one ordinary message",
        new Set(faults.map((fault) => fault.split(":")[0])).size,
        "streams",
        "== 0",
      ),
      row(label, "tool calls run by the gateway", started, "calls", `>= ${count}`),
      row(label, "median time of a stream", quantile(times, 0.5), "ms"),
      row(label, "p95 time of a stream", quantile(times, 0.95), "ms"),
      row(label, "streams a second", count / seconds, "/s"),
    ];
  } finally {
    await world.close();
  }
}

/** The benchmark that is really a campaign: what a client may never see. */
export const streams: Bench = { name: "streams", seed: 20_261_122, run };
