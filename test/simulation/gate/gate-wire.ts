/**
 * The network between isolates and their gate: it is late, loses and repeats messages while the storm lasts, and carries none
 * during an outage. A call that was lost fails, as the platform says; nobody knows whether the gate has heard it.
 */

import { Dice } from "../dice.ts";
import type { GateCounts } from "./gate-counts.ts";
import type { GatePlan } from "./gate-plan.ts";

/** What the network needs of the world. */
export interface WireWorld {
  now(): number;
  after(delayMs: number, act: () => void): void;
  readonly counts: GateCounts;
}

export class GateWire {
  readonly #plan: GatePlan;
  readonly #world: WireWorld;
  readonly #dice: Dice;
  #isStorm = true;
  #outageUntilMs = 0;

  constructor(plan: GatePlan, world: WireWorld) {
    this.#plan = plan;
    this.#world = world;
    this.#dice = new Dice("gate wire", plan.seed);
  }

  /** Carries nothing for so long. */
  breakFor(outageMs: number): void {
    this.#outageUntilMs = this.#world.now() + outageMs;
  }

  /** From now on every message arrives. */
  heal(): void {
    this.#isStorm = false;
    this.#outageUntilMs = 0;
  }

  /** Carries a question to `deliver` and its answer back. */
  call(deliver: () => () => void, failed: () => void): void {
    const { now, after, counts } = this.#world;
    const { lostShare, repeatedShare } = this.#plan.faults;
    if (now() < this.#outageUntilMs) {
      counts["messages in an outage"] += 1;
      return after(this.#oneWayMs(), failed);
    }
    if (this.#isStorm && this.#dice.chance(lostShare / 2)) {
      counts["questions lost"] += 1;
      return after(this.#oneWayMs(), failed);
    }
    const isAnswerLost = this.#isStorm && this.#dice.chance(lostShare / 2);
    if (isAnswerLost) counts["answers lost"] += 1;
    after(this.#oneWayMs(), () => {
      const answer = deliver();
      after(this.#oneWayMs(), isAnswerLost ? failed : answer);
    });
    if (!this.#isStorm || !this.#dice.chance(repeatedShare)) return;
    counts["questions repeated"] += 1;
    after(this.#oneWayMs() + this.#dice.int(0, this.#plan.faults.lateMs), () => void deliver());
  }

  #oneWayMs(): number {
    const { roundTripMs, faults } = this.#plan;
    if (!this.#isStorm || !this.#dice.chance(faults.lateShare)) return roundTripMs / 2;
    this.#world.counts["messages late"] += 1;
    return roundTripMs / 2 + this.#dice.int(0, faults.lateMs);
  }
}
