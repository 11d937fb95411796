/**
 * Scenes beside the comparison: what a stream, a tool loop, a long conversation, a flood of unknown keys, a dead target and slow
 * neighbours do to a request. Each figure is set against the same thing without the gateway, or without the trouble.
 */

import { inParallel } from "../bench.ts";
import { ask, keepAlive, open, type Sent } from "../http.ts";
import { row, type BenchRow } from "../report.ts";
import { median, quantile } from "../statistics.ts";
import { runAnswerOf, type World } from "../world.ts";

const CHAT = "/v1/chat/completions";

/** How often each scene is played. */
interface Size {
  readonly rounds: number;
}

function hello(characters: number): object {
  const content = "Hello? ".repeat(Math.ceil(characters / 7)).slice(0, characters);
  return { model: "fixed", messages: [{ role: "user", content }] };
}

/** What a request takes through the gateway beyond what it takes directly, over conversations of growing length. */
async function contexts(
  { baseUrl, headers }: World,
  upstream: string,
  { rounds }: Size,
): Promise<readonly BenchRow[]> {
  const agent = keepAlive(1);
  const rows: BenchRow[] = [];
  for (const kilobytes of [1, 10, 100]) {
    const sent: Sent = { method: "POST", body: hello(kilobytes * 1000) };
    const added: number[] = [];
    for (let n = 0; n < rounds; n += 1) {
      const direct = await ask(`${upstream}${CHAT}`, sent, agent);
      const through = await ask(`${baseUrl}${CHAT}`, { ...sent, headers }, agent);
      added.push(through.tookMs - direct.tookMs);
    }
    const label = `conversation of ${kilobytes} KB, ${rounds} rounds`;
    rows.push(row(label, "p50 added by the gateway", median(added), "ms"));
  }
  agent.destroy();
  return rows;
}

/** Time to the first byte of a streamed answer, and of a whole loop of two tool turns. */
async function streams(world: World, { rounds }: Size): Promise<readonly BenchRow[]> {
  const call = { name: "sleep", arguments: { ms: 0, k: "loop", n: 1 } };
  const turns = [
    { calls: [call] },
    { calls: [{ ...call, arguments: { ms: 0, k: "loop", n: 2 } }] },
    { text: "Done." },
  ];
  const loop = { messages: [{ role: "user", content: `#script ${JSON.stringify({ turns })}` }] };
  const plain = { messages: [{ role: "user", content: "Hello?" }] };
  const firstByte = async (body: object): Promise<number> => {
    const startedAt = performance.now();
    const exchange = open(`${world.baseUrl}${CHAT}`, {
      method: "POST",
      headers: world.headers,
      body: { model: "scripted-1", stream: true, ...body },
    });
    let tookMs = Number.NaN;
    for await (const chunk of await exchange.response) {
      if (Number.isNaN(tookMs) && chunk instanceof Uint8Array)
        tookMs = performance.now() - startedAt;
    }
    return tookMs;
  };
  const firsts: number[] = [];
  const loops: number[] = [];
  for (let n = 0; n < rounds; n += 1) {
    firsts.push(await firstByte(plain));
    const whole = await world.send("POST", CHAT, { model: "scripted-1", ...loop });
    if (!whole.text.includes('"turns":3')) throw new Error(whole.text.slice(0, 300));
    loops.push(whole.tookMs);
  }
  return [
    row(`streamed answer, ${rounds} rounds`, "p50 until the first byte", median(firsts), "ms"),
    row(`three model turns and two calls, ${rounds} rounds`, "p50", median(loops), "ms"),
  ];
}

function scripted({ scriptedModelUrl }: World) {
  return [{ id: "scripted", base_url: `${scriptedModelUrl}/v1` }];
}

/** Lets the world's one upstream have other targets for the time of a scene. */
async function withTargets<T>(
  world: World,
  targets: readonly { readonly id: string; readonly base_url: string }[],
  scene: () => Promise<T>,
): Promise<T> {
  const put = async (body: object): Promise<void> => {
    const answer = await world.send("PUT", "/v1/upstreams/model", {
      kind: "openai",
      models: "*",
      ...body,
    });
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text.slice(0, 300)}`);
  };
  await put({ strategy: "priority", targets });
  try {
    return await scene();
  } finally {
    await put({ targets: [{ id: "only", base_url: world.modelUrl }] });
  }
}

/** A good key's requests beside a flood of keys somebody made up: their checksum is wrong, so nobody is asked. */
async function keyFlood(world: World, { rounds }: Size): Promise<readonly BenchRow[]> {
  const calm = await timed(world, rounds);
  const agent = keepAlive(8);
  const state = { isOver: false, refused: 0 };
  const flood = inParallel(8, 8, async () => {
    while (!state.isOver) {
      const key = `Bearer tfe_live_us_${"0".repeat(30)}${String(state.refused % 1_000_000).padStart(6, "0")}`;
      const sent = { method: "POST", body: {}, headers: { authorization: key } };
      await ask(`${world.baseUrl}/v1/runs`, sent, agent);
      state.refused += 1;
    }
  });
  const flooded = await timed(world, rounds);
  state.isOver = true;
  await flood;
  agent.destroy();
  const label = `made-up keys, 8 at once, beside ${rounds} good requests`;
  return [
    row(label, "refused meanwhile", state.refused, "requests"),
    row(label, "p50 of the good requests without them", median(calm), "ms"),
    row(label, "p50 of the good requests", median(flooded), "ms"),
  ];
}

async function timed(world: World, rounds: number): Promise<readonly number[]> {
  const took: number[] = [];
  for (let n = 0; n < rounds; n += 1) {
    const answer = await world.send("POST", CHAT, hello(10));
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text.slice(0, 300)}`);
    took.push(answer.tookMs);
  }
  return took;
}

/** Quick calls beside a hundred that take a second: nobody waits for another's tool. */
async function headOfLine(world: World, { rounds }: Size): Promise<readonly BenchRow[]> {
  const quick = async (n: number): Promise<number> => {
    const calls = [{ tool: "sleep", arguments: { ms: 1, k: "quick", n } }];
    const answer = await world.send("POST", "/v1/runs", { calls });
    if (runAnswerOf(answer).status !== "completed") throw new Error(answer.text.slice(0, 300));
    return answer.tookMs;
  };
  const alone: number[] = [];
  for (let n = 0; n < rounds; n += 1) alone.push(await quick(n));
  const slow = inParallel(100, 100, async (n) => {
    const calls = [{ tool: "sleep", arguments: { ms: 1_000, k: "slow", n } }];
    await world.send("POST", "/v1/runs", { calls });
  });
  const beside: number[] = [];
  for (let n = 0; n < rounds; n += 1) beside.push(await quick(rounds + n));
  await slow;
  const label = `calls of 1 ms beside 100 of a second, ${rounds} each`;
  return [
    row(label, "p50 alone", median(alone), "ms"),
    row(label, "p50 beside them", median(beside), "ms"),
    row(label, "p95 beside them", quantile(beside, 0.95), "ms"),
  ];
}

/** A model with two targets of which the first is dead. */
async function failOver(world: World, { rounds }: Size): Promise<readonly BenchRow[]> {
  const whole = await timed(world, rounds);
  const took: number[] = [];
  let failed = 0;
  const targets = [
    { id: "dead", base_url: "http://127.0.0.1:9/v1" },
    { id: "alive", base_url: world.modelUrl },
  ];
  await withTargets(world, targets, async () => {
    for (let n = 0; n < rounds; n += 1) {
      const answer = await world.send("POST", CHAT, hello(10));
      if (answer.status === 200) took.push(answer.tookMs);
      else failed += 1;
    }
  });
  const label = `first of two targets dead, ${rounds} rounds`;
  return [
    row(label, "requests that failed", failed, "requests", "== 0"),
    row(label, "p50 with one living target", median(whole), "ms"),
    row(label, "p50", median(took), "ms"),
    row(label, "p99", quantile(took, 0.99), "ms"),
  ];
}

/** Every scene. `upstream` is where the world's model answers directly. */
export async function sceneRows(
  world: World,
  upstream: string,
  smoke: boolean,
): Promise<readonly BenchRow[]> {
  const size = { rounds: smoke ? 5 : 200 };
  return [
    ...(await contexts(world, upstream, size)),
    ...(await withTargets(world, scripted(world), () => streams(world, size))),
    ...(await keyFlood(world, size)),
    ...(await headOfLine(world, size)),
    ...(await failOver(world, size)),
  ];
}
