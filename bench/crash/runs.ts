/**
 * What the campaign starts and what it holds against the ledger: background runs of reads, idempotent writes and writes,
 * and chats under an Idempotency-Key whose client comes back until it has its answer.
 */

import { isObject, listOf, parseObject, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { pause } from "../bench.ts";
import type { Entry, Ledger } from "./ledger.ts";
import type { CrashWorld } from "./world.ts";

/** How long one request may take before its client tries again. */
const REQUEST_MS = 90_000;
const TRY_AGAIN_MS = 100;
/** How long anything may take until the campaign counts it as never ended. */
const PATIENCE_MS = 120_000;

/** One call of a run, and what the run says of it in the end. */
interface PlannedCall extends Entry {
  readonly tool: "look" | "put" | "append";
  readonly ms: number;
}

/** What was found wrong, and how much there was. */
export interface Tally {
  runs: number;
  calls: number;
  notEnded: number;
  duplicates: number;
  lost: number;
  failedReads: number;
  unreported: number;
  brokenStreams: number;
  unknown: number;
  sentAgain: number;
}

/** Nothing yet. */
export function newTally(): Tally {
  return {
    runs: 0,
    calls: 0,
    notEnded: 0,
    duplicates: 0,
    lost: 0,
    failedReads: 0,
    unreported: 0,
    brokenStreams: 0,
    unknown: 0,
    sentAgain: 0,
  };
}

/** Something that goes on through kills and can be judged when it is over. */
export interface Subject {
  /** Resolves once the gateway has taken it on. */
  readonly started: Promise<unknown>;
  /** Resolves once its client has all of it; at once where no client waits. */
  readonly settled: Promise<unknown>;
  judge(tally: Tally): Promise<void>;
}

/** One request, tried again until a gateway answers it. */
async function insist(
  world: CrashWorld,
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<{ status: number; text: string } | null> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    try {
      const response = await fetch(world.baseUrl() + path, {
        method,
        headers: {
          authorization: `Bearer ${world.apiKey}`,
          "content-type": "application/json",
          ...options.headers,
        },
        signal: AbortSignal.timeout(REQUEST_MS),
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      });
      const text = await response.text();
      // A gateway that is being killed may still answer 5xx.
      if (response.status < 500) return { status: response.status, text };
    } catch {
      // Killed; the next one comes.
    }
    await pause(TRY_AGAIN_MS);
  }
  return null;
}

function planned(run: string, random: () => number): readonly PlannedCall[] {
  const tools = [
    "look",
    "look",
    "look",
    "put",
    "put",
    "put",
    "append",
    "append",
    "append",
  ] as const;
  return tools
    .map((tool, n) => ({ tool, run, n, ms: Math.floor(random() * 250), at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ tool, n, ms }) => ({ tool, run, n, ms }));
}

/**
 * A background run. With `follow` a reader stays with it through every kill, coming back with its last event id; without,
 * nobody asks for it before the end.
 */
export function startRun(
  world: CrashWorld,
  mark: string,
  random: () => number,
  follow: boolean,
): Subject {
  const calls = planned(mark, random);
  const body = {
    background: true,
    max_parallel: 4,
    calls: calls.map(({ tool, run, n, ms }) => ({ id: `c${n}`, tool, arguments: { run, n, ms } })),
  };
  const headers = { "idempotency-key": mark };
  const started = insist(world, "POST", "/v1/runs", { body, headers });
  const seen: string[] = [];
  const following = follow ? followRun(world, started, seen) : null;
  return {
    started,
    settled: following ?? started,
    async judge(tally) {
      const answer = await started;
      const id = answer === null ? null : textOf(parseObject(answer.text), "id");
      await following;
      tally.runs += 1;
      tally.calls += calls.length;
      const run = id === null ? null : await endedRun(world, id);
      if (id === null || run === null) {
        tally.notEnded += 1;
        return;
      }
      const whole = eventBlocks((await insist(world, "GET", `/v1/runs/${id}/events`))?.text ?? "");
      if (following !== null && seen.join("\n") !== whole.join("\n")) tally.brokenStreams += 1;
      judgeCalls(tally, world.ledger, calls, run, whole);
    },
  };
}

/** Reads the run's events to the last one, whatever happens to the gateway. */
async function followRun(
  world: CrashWorld,
  started: Promise<{ text: string } | null>,
  seen: string[],
): Promise<void> {
  const id = textOf(parseObject((await started)?.text ?? "{}"), "id");
  const until = performance.now() + PATIENCE_MS;
  if (id === null) return;
  while (performance.now() < until) {
    const last = /^id: (\d+)/.exec(seen.at(-1) ?? "id: 0")?.[1] ?? "0";
    try {
      const response = await fetch(`${world.baseUrl()}/v1/runs/${id}/events`, {
        headers: { authorization: `Bearer ${world.apiKey}`, "last-event-id": last },
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      let text = "";
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        const end = text.lastIndexOf("\n\n") + 2;
        if (end > 1) seen.push(...eventBlocks(text.slice(0, end)));
        text = end > 1 ? text.slice(end) : text;
      }
      if (/\nevent: run\.completed\n/.test(seen.at(-1) ?? "")) return;
    } catch {
      // Killed in the middle of a stream; what came before it counts.
    }
    await pause(TRY_AGAIN_MS);
  }
}

/** Events with an id, as they were written. */
function eventBlocks(text: string): readonly string[] {
  return text.split("\n\n").filter((block) => block.startsWith("id: "));
}

/** The run's answer once it has ended, null when it never does. */
async function endedRun(world: CrashWorld, id: string): Promise<UnknownObject | null> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    const answer = await insist(world, "GET", `/v1/runs/${id}`);
    const run = parseObject(answer?.text ?? "{}");
    if (answer?.status === 200 && run["status"] !== "in_progress") return run;
    await pause(TRY_AGAIN_MS);
  }
  return null;
}

function judgeCalls(
  tally: Tally,
  ledger: Ledger,
  calls: readonly PlannedCall[],
  run: UnknownObject,
  events: readonly string[],
): void {
  const results = new Map(
    listOf(run, "results")
      .filter(isObject)
      .map((result) => [textOf(result, "id"), result]),
  );
  for (const call of calls) {
    const id = `c${call.n}`;
    const result = results.get(id) ?? {};
    const status = textOf(result, "status") ?? "missing";
    const told = events.find(
      (event) => event.includes("\nevent: call.completed\n") && event.includes(`"id":"${id}"`),
    );
    if (told !== undefined && status !== "succeeded") tally.lost += 1;
    if (status === "succeeded" && told === undefined) tally.brokenStreams += 1;
    if (status === "outcome_unknown") tally.unknown += 1;
    judgeCall(tally, ledger, call, status);
  }
}

/** What the ledger saw of a call decides what may be said of it. */
function judgeCall(tally: Tally, ledger: Ledger, call: PlannedCall, status: string): void {
  if (call.tool === "look") {
    if (status !== "succeeded") tally.failedReads += 1;
    return;
  }
  const happened = call.tool === "append" ? ledger.appended(call) : ledger.put(call);
  if (call.tool === "put") tally.sentAgain += Math.max(0, ledger.putRequests(call) - 1);
  if (happened > 1) tally.duplicates += happened - 1;
  const isSaid = status === "succeeded" || status === "outcome_unknown";
  if (happened > 0 && !isSaid) tally.unreported += 1;
  if (happened === 0 && status === "succeeded") tally.lost += 1;
}

/** A chat whose model makes writes in two turns; its client comes back with the same key until it has the answer. */
export function startChat(world: CrashWorld, mark: string, random: () => number): Subject {
  const call = (tool: PlannedCall["tool"], n: number): PlannedCall => ({
    tool,
    run: mark,
    n,
    ms: Math.floor(random() * 150),
  });
  const turns = [
    [call("look", 1), call("append", 2), call("put", 3)],
    [call("append", 4), call("put", 5)],
  ];
  const script = {
    turns: [
      ...turns.map((made, index) => ({
        text: `Turn ${index + 1}.`,
        calls: made.map(({ tool, run, n, ms }) => ({ name: tool, arguments: { run, n, ms } })),
      })),
      { text: "Done." },
    ],
  };
  const body = {
    model: "scripted",
    messages: [{ role: "user", content: `#script ${JSON.stringify(script)}` }],
  };
  const answered = insist(world, "POST", "/v1/chat/completions", {
    body,
    headers: { "idempotency-key": mark },
  });
  return {
    started: Promise.resolve(),
    settled: answered,
    async judge(tally) {
      const answer = await answered;
      tally.runs += 1;
      tally.calls += turns.flat().length;
      const isWhole =
        answer?.status === 200 && answer.text.includes("Turn 1.\\n\\nTurn 2.\\n\\nDone.");
      if (!isWhole) tally.notEnded += 1;
      for (const made of turns.flat()) {
        const happened =
          made.tool === "append" ? world.ledger.appended(made) : world.ledger.put(made);
        if (made.tool !== "look" && happened > 1) tally.duplicates += happened - 1;
      }
    },
  };
}
