/**
 * Cores with one planted fault each: proof that the simulation of limits sees what it is there to see. Each breaks one guarantee
 * and says which.
 */

import { decide } from "../../../durable-objects/tenant-gate/decide.ts";
import { GateMemory } from "../../../durable-objects/tenant-gate/gate-memory.ts";
import type { Bucket } from "../../../src/algorithms/token-bucket.ts";
import { fullBucket } from "../../../src/algorithms/token-bucket.ts";
import { REAL_GATE, SimGate, type GateParts } from "../leases/sim-gate.ts";
import { newHolder, SimIsolate } from "../leases/sim-isolate.ts";
import { REAL_GATE_CORE, type GateCore } from "./gate-core.ts";
import type { GateGuarantee } from "./gate-rules.ts";

/** A fault and what it breaks. */
export interface PlantedGateFault {
  readonly what: string;
  readonly breaks: GateGuarantee;
  readonly core: GateCore;
}

function gate(parts: Partial<GateParts>): GateCore {
  return { ...REAL_GATE_CORE, newGate: () => new SimGate({ ...REAL_GATE, ...parts }) };
}

class DropsDebits extends GateMemory {
  #debits = 0;

  override debit(id: string, bucket: Bucket): Bucket | null {
    this.#debits += 1;
    return this.#debits % 3 === 0 ? null : super.debit(id, bucket);
  }
}

class WritesNothing extends GateMemory {
  override debit(id: string, bucket: Bucket): Bucket | null {
    super.debit(id, bucket);
    return null;
  }
}

class StartsFull extends GateMemory {
  override load(id: string, saved: Bucket): void {
    super.load(id, fullBucket(saved, saved.atMs));
  }
}

function forgetsPermits(): GateMemory {
  const memory = new GateMemory();
  memory.permits.load = () => {};
  memory.leases.load = () => {};
  return memory;
}

function keepsPermits(): GateMemory {
  const memory = new GateMemory();
  memory.permits.release = () => null;
  memory.permits.expire = () => [];
  return memory;
}

function keepsLentPermits(): GateMemory {
  const memory = new GateMemory();
  memory.leases.expire = () => [];
  return memory;
}

/** Longer than anybody was promised. */
const TOO_LONG_MS = 10_000;

function countsRowsTooLong(): GateMemory {
  const memory = new GateMemory();
  const { leases } = memory;
  const load = leases.load.bind(leases);
  leases.load = (row) => {
    load({ ...row, endsMs: row.endsMs + TOO_LONG_MS });
  };
  return memory;
}

function learnsNothing(): GateMemory {
  const memory = new GateMemory();
  memory.leases.learnUntil = () => {};
  return memory;
}

/** The faults. */
export const PLANTED_GATE_FAULTS: readonly PlantedGateFault[] = [
  {
    what: "every third debit is dropped",
    breaks: "no more than burst + rate × elapsed is admitted",
    core: gate({ newMemory: () => new DropsDebits() }),
  },
  {
    what: "debits are not on disk",
    breaks: "no more than burst + rate × elapsed is admitted",
    core: gate({ newMemory: () => new WritesNothing() }),
  },
  {
    what: "buckets are full after a restart",
    breaks: "no more than burst + rate × elapsed is admitted",
    core: gate({ newMemory: () => new StartsFull() }),
  },
  {
    what: "one request costs nothing",
    breaks: "no more than burst + rate × elapsed is admitted",
    core: gate({
      decide: (state, request, nowMs) =>
        decide(
          state,
          { ...request, rates: request.rates.map((rate) => ({ ...rate, cost: 0 })) },
          nowMs,
        ),
    }),
  },
  {
    what: "one run too many: `>` for `>=`",
    breaks: "no more run at once than may",
    core: gate({
      decide: (state, request, nowMs) =>
        decide(
          state,
          {
            ...request,
            concurrency: request.concurrency.map(({ id, max }) => ({ id, max: max + 1 })),
          },
          nowMs,
        ),
    }),
  },
  {
    what: "permits are forgotten at a restart",
    breaks: "no more run at once than may",
    core: gate({ newMemory: forgetsPermits }),
  },
  {
    what: "permits leak",
    breaks: "everything drains once faults are over",
    core: gate({ newMemory: keepsPermits }),
  },
  {
    what: "permits that were lent leak",
    breaks: "everything drains once faults are over",
    core: gate({ newMemory: keepsLentPermits }),
  },
  {
    what: "permits that were lent count for longer than their row says after a restart",
    breaks: "everything drains once faults are over",
    core: gate({ newMemory: countsRowsTooLong }),
  },
  {
    what: "no learning after a restart",
    breaks: "a gate that lost its memory lends nothing until old leases are over",
    core: gate({ newMemory: learnsNothing }),
  },
  {
    what: "questions that come too late are answered",
    breaks: "a question that comes too late is not answered",
    core: gate({ isOld: () => false }),
  },
  {
    what: "a refusal is charged",
    breaks: "a refusal consumes nothing",
    core: gate({
      decide: (state, request, nowMs) => {
        const decision = decide(state, request, nowMs);
        const [first] = request.rates;
        const bucket = first === undefined ? undefined : state.bucket(first.id);
        if (!decision.ok && first !== undefined && bucket !== undefined)
          state.debit(first.id, { ...bucket, tokens: bucket.tokens - 1 });
        return decision;
      },
    }),
  },
  {
    what: "an isolate's clock stands still",
    breaks: "a lease is not spent after its end",
    core: {
      ...REAL_GATE_CORE,
      newIsolate: (id, network, now) => {
        const startMs = now();
        return new SimIsolate(id, network, () => startMs + (now() - startMs) / 10);
      },
    },
  },
  {
    what: "credit without a share",
    breaks: "credit stays within the share of the last lease",
    core: {
      ...REAL_GATE_CORE,
      newIsolate: (id, network, now) => {
        const holder = newHolder();
        holder.drawShare = () => () => {};
        return new SimIsolate(id, network, now, holder);
      },
    },
  },
  {
    what: "every request is charged three times",
    breaks: "full throughput returns once faults are over",
    core: gate({
      decide: (state, request, nowMs) => {
        const costly = request.rates.map((rate) => ({ ...rate, cost: (rate.cost ?? 1) * 3 }));
        return decide(state, { ...request, rates: costly }, nowMs);
      },
    }),
  },
];
