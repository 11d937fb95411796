/**
 * Watches the lanes where the scheduler uses them: what starts, what settles, whether caps hold, and whether a slot is
 * free. A call counts as under way until it has settled, was aborted, or has had its time and the grace.
 */

import type { PlannedCall } from "../../src/contract/planned-call.ts";
import type { RunCaps } from "../../src/contract/policy.ts";
import type { Lane, LanePool } from "../../src/orchestration/ports.ts";
import { OVERDUE_GRACE_MS } from "../../src/orchestration/schedule/outcomes.ts";
import type { Trace } from "./trace.ts";

/** At most so many calls at once. */
export interface Limits {
  readonly maxParallel: number;
  readonly caps: RunCaps;
}

interface Flight {
  readonly call: PlannedCall;
  readonly signal: AbortSignal;
  readonly untilMs: number;
}

/** Every cap a call counts under, spelled out: its name and how many calls may share it. */
export function capsOn(call: PlannedCall, { caps }: Limits): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  if (call.maxParallel !== null) found.set(`tool ${call.tool}`, call.maxParallel);
  for (const tag of call.tags ?? []) put(found, `tag ${tag}`, caps.tags[tag]);
  put(found, `host ${call.host ?? ""}`, caps.hosts[call.host ?? ""]);
  put(found, `group ${call.group ?? ""}`, caps.groups[call.group ?? ""]);
  return found;
}

function put(found: Map<string, number>, name: string, limit: number | undefined): void {
  if (limit !== undefined) found.set(name, limit);
}

/** Lanes under watch. */
export class LaneWatch implements LanePool {
  readonly #pool: LanePool;
  readonly #trace: Trace;
  readonly #limits: Limits;
  readonly #flights = new Set<Flight>();
  readonly #open = new Map<Lane, number>();
  readonly #watched = new Map<Lane, Lane>();

  constructor(pool: LanePool, trace: Trace, limits: Limits) {
    this.#pool = pool;
    this.#trace = trace;
    this.#limits = limits;
  }

  /** A lane the scheduler has could take one more call. */
  get hasFreeSlot(): boolean {
    return [...this.#open].some(([lane, open]) => open < lane.slots);
  }

  lanes(calls: number): readonly Lane[] {
    return this.#pool.lanes(calls).map((lane) => this.#watch(lane));
  }

  beginTurn(): void {
    this.#pool.beginTurn?.();
  }

  close(): void {
    this.#pool.close();
  }

  #watch(lane: Lane): Lane {
    const known = this.#watched.get(lane);
    if (known !== undefined) return known;
    const watched: Lane = {
      slots: lane.slots,
      run: async (call, timeoutMs, signal) => {
        this.#trace.note({ kind: "started", call });
        const untilMs = this.#trace.now() + timeoutMs + OVERDUE_GRACE_MS;
        const flight = { call, signal, untilMs };
        this.#flights.add(flight);
        this.#demandCaps(call);
        this.#open.set(lane, (this.#open.get(lane) ?? 0) + 1);
        try {
          const outcome = await lane.run(call, timeoutMs, signal);
          this.#trace.note({ kind: "settled", id: call.id, status: outcome.status });
          return outcome;
        } finally {
          this.#flights.delete(flight);
          this.#open.set(lane, (this.#open.get(lane) ?? 0) - 1);
        }
      },
    };
    this.#watched.set(lane, watched);
    this.#open.set(lane, 0);
    return watched;
  }

  #demandCaps(call: PlannedCall): void {
    const nowMs = this.#trace.now();
    const flying = [...this.#flights].filter(
      ({ signal, untilMs }) => !signal.aborted && nowMs < untilMs,
    );
    const { maxParallel } = this.#limits;
    this.#trace.demand("caps hold", flying.length <= maxParallel, () => `run: ${call.id}`);
    for (const [name, limit] of capsOn(call, this.#limits)) {
      const same = flying.filter((flight) => capsOn(flight.call, this.#limits).has(name));
      this.#trace.demand("caps hold", same.length <= limit, () => `${name}: ${call.id}`);
    }
  }
}
