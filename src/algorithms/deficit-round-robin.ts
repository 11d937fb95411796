/**
 * Deficit round robin: flows take turns, and each turn is worth the same whatever the single items cost.
 *
 * A flow's turn adds a quantum to its deficit; it is served while its next item costs no more than that and pays from it.
 * What is left is kept for its next turn, and lost when the flow has nothing more to serve. Over any stretch of time in
 * which two flows always have items, what they were served differs by less than a quantum and twice the largest cost.
 * Source: M. Shreedhar, G. Varghese, "Efficient fair queuing using deficit round robin", IEEE/ACM ToN 4 (3), 1996.
 *
 * An item here is a source of work: it stays, behind the others of its flow, until it is deleted. Serving is O(1) while no
 * cost exceeds the quantum; a greater cost is saved up for over several rounds, and rounds in which nobody could be served
 * are counted at once, so that serving never costs more than O(flows).
 */

interface Flow<Item> {
  deficit: number;
  /** Its turn has begun: the quantum was added. */
  hasTurn: boolean;
  /** Costs by item, the next one first. */
  readonly costs: Map<Item, number>;
}

/** Flows of items, served by turns. */
export class DeficitRoundRobin<Item> {
  readonly #quantum: number;
  /** The flow whose turn it is comes first. */
  readonly #flows = new Map<string, Flow<Item>>();

  /** `quantum` is what a turn is worth, above 0. */
  constructor(quantum: number) {
    this.#quantum = quantum;
  }

  /** True when there is nothing to serve. */
  get isEmpty(): boolean {
    return this.#flows.size === 0;
  }

  /** Adds an item to a flow, or changes its cost (at least 0) where it stands. */
  set(name: string, item: Item, cost: number): void {
    const flow = this.#flows.get(name) ?? { deficit: 0, hasTurn: false, costs: new Map() };
    flow.costs.set(item, cost);
    this.#flows.set(name, flow);
  }

  /** Removes an item; does nothing when it is not there. */
  delete(name: string, item: Item): void {
    const flow = this.#flows.get(name);
    if (flow?.costs.delete(item) === true && flow.costs.size === 0) this.#flows.delete(name);
  }

  /** The item to serve next, paid for; it stays, last of its flow. Null when there is none. */
  next(): Item | null {
    for (let visited = 0; ; visited += 1) {
      if (visited > 0 && visited % this.#flows.size === 0) this.#skipRounds();
      const turn = firstOf(this.#flows);
      const head = turn === null ? null : firstOf(turn[1].costs);
      if (turn === null || head === null) return null;
      const [name, flow] = turn;
      const [item, cost] = head;
      if (!flow.hasTurn) flow.deficit += this.#quantum;
      flow.hasTurn = cost <= flow.deficit;
      if (flow.hasTurn) {
        flow.deficit -= cost;
        flow.costs.delete(item);
        flow.costs.set(item, cost);
        return item;
      }
      this.#flows.delete(name);
      this.#flows.set(name, flow);
    }
  }

  /** After a round without service: adds what the flows save up in all further rounds of the kind. */
  #skipRounds(): void {
    const rounds = [...this.#flows.values()].map(({ deficit, costs }) => {
      const [, cost] = firstOf(costs) ?? [null, deficit];
      return Math.ceil((cost - deficit) / this.#quantum);
    });
    const skipped = Math.min(...rounds) - 1;
    for (const flow of this.#flows.values()) flow.deficit += skipped * this.#quantum;
  }
}

function firstOf<K, V>(map: ReadonlyMap<K, V>): readonly [K, V] | null {
  for (const entry of map) return entry;
  return null;
}
