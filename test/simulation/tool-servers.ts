/**
 * The tools of a simulated world: each request has a fate (how long, which answer, none at all) that follows from the
 * seed, the call and which request for it this is. A lane reports as the real one does: a write that had left and got no
 * answer may have happened.
 */

import type { PlannedCall } from "../../src/contract/planned-call.ts";
import type { CallOutcome, CallStatus } from "../../src/contract/run.ts";
import type { Clock, Lane, LanePool } from "../../src/orchestration/ports.ts";
import type { Dice } from "./dice.ts";
import type { Trace } from "./trace.ts";

/** What becomes of one request. */
export interface Fate {
  /** Infinite for an answer that never comes. */
  readonly latencyMs: number;
  readonly answer: "succeeds" | "fails" | "is limited" | "breaks the lane";
  /** The lane ignores its signal and its timeout. */
  readonly isDeaf: boolean;
}

/** How many requests met which fault. */
export interface FaultCount {
  lost: number;
  failed: number;
  deaf: number;
  broken: number;
}

/** Draws a fate. */
export function drawFate(dice: Dice): Fate {
  const isLost = dice.chance(0.04);
  const latencyMs = isLost ? Infinity : dice.pick([0, 1, 5, 20, 20, 80, 80, 200]);
  const answer = dice.pick<Fate["answer"]>([
    "succeeds",
    ...Array.from({ length: 12 }, () => "succeeds" as const),
    "fails",
    "fails",
    "is limited",
    "breaks the lane",
  ]);
  return { latencyMs, answer, isDeaf: dice.chance(0.05) };
}

/** The connections to the tools. Requests are counted over all lives; what is open is the life's own. */
export class ToolServers implements LanePool {
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #faults: FaultCount;
  readonly #slots: number;
  readonly #fateOf: (call: PlannedCall, nth: number) => Fate;
  readonly #lanes: Lane[] = [];
  /** Signals of the requests that are open. */
  readonly #open = new Set<AbortSignal>();

  /** `fateOf` is asked with how many requests the call had before. */
  constructor(
    clock: Clock,
    trace: Trace,
    faults: FaultCount,
    slots: number,
    fateOf: (call: PlannedCall, nth: number) => Fate,
  ) {
    this.#clock = clock;
    this.#trace = trace;
    this.#faults = faults;
    this.#slots = slots;
    this.#fateOf = fateOf;
  }

  /** Requests that are open and were not aborted. */
  get unattended(): number {
    return [...this.#open].filter((signal) => !signal.aborted).length;
  }

  lanes(calls: number): readonly Lane[] {
    while (this.#lanes.length * this.#slots < calls)
      this.#lanes.push({
        slots: this.#slots,
        run: (call, timeoutMs, signal) => this.#run(call, timeoutMs, signal),
      });
    return this.#lanes;
  }

  close(): void {}

  async #run(call: PlannedCall, timeoutMs: number, signal: AbortSignal): Promise<CallOutcome> {
    const before = this.#trace.all("sent");
    const serial = before.length + 1;
    const fate = this.#fateOf(call, before.filter((sent) => sent.call.id === call.id).length);
    this.#trace.note({ kind: "sent", call, serial });
    this.#count(fate);
    this.#open.add(signal);
    const { latencyMs, isDeaf } = fate;
    const waitMs = isDeaf ? latencyMs : Math.min(latencyMs, timeoutMs);
    if (waitMs === Infinity) await new Promise(() => undefined);
    await this.#clock.sleep(waitMs, isDeaf ? new AbortController().signal : signal);
    this.#open.delete(signal);
    if (fate.answer === "breaks the lane") throw new Error("The lane broke.");
    if (!isDeaf && signal.aborted) return lost(call, "cancelled");
    if (!isDeaf && latencyMs > timeoutMs) return lost(call, "timeout");
    const outcome = answerOf(call, fate.answer, serial);
    this.#trace.note({ kind: "answered", serial, status: outcome.status });
    return outcome;
  }

  #count({ latencyMs, answer, isDeaf }: Fate): void {
    if (latencyMs === Infinity) this.#faults.lost += 1;
    if (answer === "breaks the lane") this.#faults.broken += 1;
    else if (answer !== "succeeds") this.#faults.failed += 1;
    if (isDeaf) this.#faults.deaf += 1;
  }
}

/** Says which call it was, and which request: two answers are never equal. */
function answerOf(
  call: PlannedCall,
  answer: Exclude<Fate["answer"], "breaks the lane">,
  serial: number,
): CallOutcome {
  const base = { cache: "miss", attempts: 1 } as const;
  const { n = null } = call.arguments;
  if (answer === "succeeds")
    return {
      ...base,
      status: "succeeded",
      outputJson: JSON.stringify({ n, serial, tool: call.tool, score: serial % 7 }),
    };
  return answer === "fails"
    ? { ...base, status: "failed", error: { code: "upstream_status", message: "It answered 500." } }
    : { ...base, status: "rate_limited", error: { code: "rate_limited", message: "Too many." } };
}

function lost({ effect }: PlannedCall, otherwise: "cancelled" | "timeout"): CallOutcome {
  const isWrite = effect === "write" || effect === "idempotent_write";
  const status: CallStatus = isWrite ? "outcome_unknown" : otherwise;
  const code = otherwise === "timeout" ? "tool_timeout" : "cancelled";
  return { status, error: { code, message: "No answer." }, cache: "miss", attempts: 1 };
}
