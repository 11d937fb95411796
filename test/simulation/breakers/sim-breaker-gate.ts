/**
 * The gate's breakers in a simulated world: the real table over rows that survive its restarts, behind a network that is late, loses
 * and repeats words while the storm lasts. What is on disk is what a transition wrote, no more.
 */

import type {
  BreakerRow,
  BreakerTable,
} from "../../../durable-objects/tenant-gate/breaker-table.ts";
import type {
  BreakerAnswer,
  BreakerForce,
  BreakerReport,
  BreakerWord,
} from "../../../src/contract/breaker.ts";
import { Dice } from "../dice.ts";
import type { BreakerCore } from "./breaker-core.ts";
import type { BreakerCounts } from "./breaker-counts.ts";
import type { BreakerPlan } from "./breaker-plan.ts";
import type { BreakerWitness } from "./breaker-witness.ts";
import type { SimClock } from "./sim-clock.ts";

const ONE_WAY_MS = 5;
/** Share of messages that are late, where any are. */
const LATE_SHARE = 0.1;
/** A repeated word comes within this. */
const REPEATED_MS = 1000;

/** What the gate needs of the world. */
export interface BreakerGateWorld {
  readonly clock: SimClock;
  readonly counts: BreakerCounts;
  readonly witness: BreakerWitness;
}

/** See above. */
export class SimBreakerGate {
  readonly #plan: BreakerPlan;
  readonly #core: BreakerCore;
  readonly #world: BreakerGateWorld;
  readonly #dice: Dice;
  readonly #disk = new Map<string, BreakerRow>();
  #table: BreakerTable;
  #isStorm = true;

  constructor(plan: BreakerPlan, core: BreakerCore, world: BreakerGateWorld) {
    this.#plan = plan;
    this.#core = core;
    this.#world = world;
    this.#dice = new Dice("breaker gate", plan.seed);
    this.#table = core.newTable(() => this.#dice.share());
  }

  /** From now on every message arrives in time. */
  heal(): void {
    this.#isStorm = false;
  }

  /** Memory is lost; what is on disk is read again. */
  restart(): void {
    const { counts, witness } = this.#world;
    counts["restarts of the gate"] += 1;
    if (witness.hasOpen) counts["restarts with a breaker open"] += 1;
    this.#table = this.#core.newTable(() => this.#dice.share());
    for (const row of this.#disk.values()) this.#table.load(row);
    witness.restarted();
  }

  force(target: string, force: BreakerForce["force"]): void {
    this.#save(this.#table.force(target, force, this.#world.clock.now()));
    this.#hear({ targets: [] });
  }

  list(): readonly BreakerReport[] {
    return this.#table.list(this.#world.clock.now());
  }

  /** Carries a word there and its answer back. Nobody hears from an isolate that died. */
  async say(isolate: { readonly isDead: boolean }, word: BreakerWord): Promise<BreakerAnswer> {
    const { lostShare, repeatedShare } = this.#plan;
    const { clock, counts } = this.#world;
    const isLost = this.#isStorm && this.#dice.chance(lostShare);
    const isHeard = !isLost || this.#dice.chance(0.5);
    if (isLost) counts["messages lost"] += 1;
    await this.#way();
    if (!isHeard) throw new Error("The gate was not reached.");
    if (isolate.isDead) return new Promise(() => {});
    const answer = this.#hear(word);
    if (this.#isStorm && this.#dice.chance(repeatedShare)) {
      counts["words repeated"] += 1;
      clock.after(this.#dice.int(0, REPEATED_MS), () => this.#hear(word));
    }
    await this.#way();
    if (isLost) throw new Error("The gate was not heard.");
    return isolate.isDead ? new Promise(() => {}) : answer;
  }

  #way(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { lateMs } = this.#plan;
    const isLate = this.#isStorm && lateMs > 0 && this.#dice.chance(LATE_SHARE);
    if (isLate) this.#world.counts["messages late"] += 1;
    this.#world.clock.after(ONE_WAY_MS + (isLate ? this.#dice.int(0, lateMs) : 0), resolve);
    return promise;
  }

  #hear(word: BreakerWord): BreakerAnswer {
    const { answer, rows } = this.#table.take(word, this.#world.clock.now());
    this.#save(rows);
    this.#world.witness.answered(word, answer);
    return answer;
  }

  #save(rows: readonly BreakerRow[]): void {
    for (const row of this.#core.saved(rows)) this.#disk.set(row.target, row);
  }
}
