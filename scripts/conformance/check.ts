/** What every check of the suite is: a claim about a gateway, and how it turned out on the one under test. */

import type { ToolServer } from "../../dev/tool-server.ts";
import type { GoldenUpstream } from "./golden-upstream.ts";

/** How a check ended: kept, kept otherwise than claimed, or something this gateway does not do at all. */
export type Outcome =
  | { readonly kind: "ok" }
  | { readonly kind: "fails" | "not_offered"; readonly why: string };

/** The gateway under test. */
export interface Target {
  readonly name: string;
  readonly baseUrl: string;
  readonly model: string;
  /** Headers of every request to a path: the key, and where the provider is. */
  readonly headers: (path: string) => Readonly<Record<string, string>>;
  /** The same with a key nobody knows. */
  readonly wrongKey: (path: string) => Readonly<Record<string, string>>;
}

/** Everything a check may touch. */
export interface Scene {
  readonly target: Target;
  readonly upstream: GoldenUpstream;
  readonly tools: ToolServer;
  /** A word of this check's own, which its requests carry to the provider. */
  readonly tag: string;
}

/** One line of the table. */
export interface Check {
  readonly area: string;
  /** What a client may rely on. */
  readonly claim: string;
  readonly run: (scene: Scene) => Promise<Outcome>;
}

/** The claim holds. */
export const OK: Outcome = { kind: "ok" };

/** The claim does not hold; `why` says what came instead. */
export function fails(why: string): Outcome {
  return { kind: "fails", why };
}

/** This gateway does not do that. */
export function notOffered(why: string): Outcome {
  return { kind: "not_offered", why };
}

/** Ok without faults, else the first of them. */
export function judged(faults: readonly string[]): Outcome {
  const [first] = faults;
  if (first === undefined) return OK;
  return fails(faults.length > 1 ? `${first} (and ${faults.length - 1} more)` : first);
}
