/** The model port of a run: limits inside a cache inside fallbacks, each of which is nothing where nobody wants it. */

import type { ChoiceRecord } from "../contract/balance.ts";
import type { ChatPorts } from "../orchestration/ports.ts";
import { modelPort } from "./ask-model.ts";
import { cachedModel } from "./cached-model.ts";
import { fallbackModel } from "./fallback-model.ts";
import { limitedModel } from "./limited-model.ts";
import type { RunContext } from "./run-context.ts";

/** Asks the tenant's models one turn at a time. `onChoice` is told which of several targets was chosen, and why. */
export function runModel(
  env: Env,
  context: RunContext,
  defer: (work: Promise<unknown>) => void,
  onChoice?: (choice: ChoiceRecord) => void,
): ChatPorts["askModel"] {
  const limited = limitedModel(env, context, defer, modelPort(env, context, defer, onChoice));
  return fallbackModel(context.snapshot, cachedModel(env, context, defer, limited));
}
