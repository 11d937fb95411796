/**
 * CallNumbers: which call is which, in a way that a run that starts again finds the same.
 *
 * A call is known by its tool, its canonical arguments and which of the run's identical calls it is, counted in the order
 * the calls were planned, never in the order they happened to start. From that comes its journal key, which is also the
 * `Idempotency-Key` its tool sees. Identical `pure` and `read` calls of one turn are one call and share a number.
 */

import { canonicalJson } from "../../platform/canonical-json.ts";
import type { PlannedCall, ToolBox } from "../ports.ts";

/** Where a call stands among the calls of its run. */
export interface CallIdentity {
  /** Equal for calls of one tool with equal arguments. */
  readonly sameness: string;
  /** Which of the run's identical calls it is, from 1. */
  readonly nth: number;
  /** Which use of its tool in the run it is, from 1. */
  readonly use: number;
}

/** A one-way hash of a text, short and safe in a header: SHA-256 in base64url. Never rejects. */
export type Digest = (text: string) => Promise<string>;

/** Numbers of one run's calls. They are given when a call is first identified and stay with it. */
export class CallNumbers {
  readonly #runId: string;
  readonly #digest: Digest;
  readonly #identities = new Map<string, CallIdentity>();
  readonly #keys = new Map<CallIdentity, Promise<string>>();
  readonly #identical = new Map<string, number>();
  readonly #uses = new Map<string, number>();
  /** Reads of the turn that goes on, by sameness. */
  readonly #readsOfTurn = new Map<string, CallIdentity>();

  constructor(runId: string, digest: Digest) {
    this.#runId = runId;
    this.#digest = digest;
  }

  /** A new turn begins: a read that was made before is another call now. */
  beginTurn(): void {
    this.#readsOfTurn.clear();
  }

  /** The call's identity. Plan the calls of a turn in order before any of them starts, and it is the same after a crash. */
  identify(call: PlannedCall): CallIdentity {
    // Known by its id and what was first planned: arguments with references change when they are bound.
    const known = this.#identities.get(call.id);
    if (known !== undefined) return known;
    const sameness = samenessOf(call);
    if (call.isTentative === true) return this.#next(call, sameness);
    const identity = this.#number(call, sameness);
    this.#identities.set(call.id, identity);
    return identity;
  }

  /** The call's journal key: the digest of run, tool, canonical arguments and number. */
  keyOf(call: PlannedCall): Promise<string> {
    const identity = this.identify(call);
    const known = this.#keys.get(identity);
    if (known !== undefined) return known;
    const key = this.#digest(JSON.stringify([this.#runId, identity.sameness, identity.nth]));
    this.#keys.set(identity, key);
    return key;
  }

  /** The identity the call will have if it is meant; until then it is not counted, as nobody knows after a crash. */
  #next(call: PlannedCall, sameness: string): CallIdentity {
    const shared = this.#readsOfTurn.get(sameness);
    if (shared !== undefined) return shared;
    const nth = (this.#identical.get(sameness) ?? 0) + 1;
    return { sameness, nth, use: (this.#uses.get(call.tool) ?? 0) + 1 };
  }

  #number(call: PlannedCall, sameness: string): CallIdentity {
    const isRead = call.effect === "pure" || call.effect === "read";
    const shared = isRead ? this.#readsOfTurn.get(sameness) : undefined;
    if (shared !== undefined) return shared;
    const identity = {
      sameness,
      nth: count(this.#identical, sameness),
      use: count(this.#uses, call.tool),
    };
    if (isRead) this.#readsOfTurn.set(sameness, identity);
    return identity;
  }
}

/**
 * Equal for calls of one tool with equal arguments, whatever order their keys were written in. A call that is made again
 * on purpose equals none but itself.
 */
export function samenessOf({ tool, arguments: values, again, id }: PlannedCall): string {
  const text = `${tool} ${canonicalJson(values)}`;
  return again === undefined ? text : `${text} ${id}`;
}

function count(counts: Map<string, number>, name: string): number {
  const next = (counts.get(name) ?? 0) + 1;
  counts.set(name, next);
  return next;
}

/** `tools` that number each call as it is planned, so that its key is known before it starts. */
export function numberedTools(tools: ToolBox, numbers: CallNumbers): ToolBox {
  return {
    ...tools,
    plan(id, wireName, argumentsJson, isTentative) {
      const planned = tools.plan(id, wireName, argumentsJson);
      // Not awaited: a digest does not fail, and the call waits for it where it needs it.
      if (planned.ok && isTentative !== true) void numbers.keyOf(planned.value);
      return planned;
    },
  };
}
