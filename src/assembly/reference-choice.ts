/**
 * Whether a model is offered references to results, and why.
 *
 * With the policy at `auto` it is measured: for each tenant and model how many of the references the model wrote could be
 * followed decides (algorithms/trial-switch.ts), and a model that cannot use them goes back to one level of calls a turn
 * for a while. The measure lives in this isolate's memory, bounded and without any call to an object: isolates learn
 * apart, a new one begins by trusting the model, and a run in a `RunJournal` counts for the isolate of its object.
 */

import {
  expectedShare,
  isOn,
  observe,
  UNTRIED,
  type TrialSwitch,
} from "../algorithms/trial-switch.ts";
import type { ReferencePolicy } from "../contract/policy.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import { referenceBox } from "../orchestration/plan/reference-box.ts";
import type { ChatPorts, ReferenceUse, ToolBox } from "../orchestration/ports.ts";
import { BoundedMap } from "../platform/bounded-map.ts";

/** Pairs of tenant and model that one isolate remembers. */
const REMEMBERED = 5_000;

/** How long without a reference until a pair is forgotten. */
const FORGOTTEN_AFTER_MS = 7 * 86_400_000;

/** Outcomes of one turn that count; a turn that goes wrong in every call is not more than a bad turn. */
const MAX_COUNTED = 16;

const switches = new BoundedMap<string, TrialSwitch>(REMEMBERED);

/** What a run does, and the reason in words. */
export interface ReferenceChoice {
  /** `plan`: references are offered, so one turn can hold dependent calls. `level_by_level`: they are not. */
  readonly mode: "plan" | "level_by_level";
  readonly reason: string;
}

/** What a model loop is given for references, and why. */
export interface ReferencePorts {
  readonly choice: ReferenceChoice;
  readonly ports: Pick<ChatPorts, "tools" | "onReferences">;
}

/**
 * Decides for one run of `model`. With the policy at `off` nothing a model writes is read as a reference; otherwise it is
 * understood even where it is not offered.
 */
export function referencePorts(
  tools: ToolBox,
  { tenantId, policy }: Pick<TenantSnapshot, "tenantId" | "policy">,
  model: string,
): ReferencePorts {
  const setting = policy.runs.references;
  const choice = chooseReferences(setting, tenantId, model, Date.now());
  if (setting === "off") return { choice, ports: { tools } };
  return {
    choice,
    ports: {
      tools: referenceBox(tools, choice.mode === "plan"),
      onReferences: (use) => recordReferences(tenantId, model, use, Date.now()),
    },
  };
}

/** The choice alone. */
export function chooseReferences(
  policy: ReferencePolicy,
  tenantId: string,
  model: string,
  nowMs: number,
): ReferenceChoice {
  if (policy !== "auto")
    return {
      mode: policy === "on" ? "plan" : "level_by_level",
      reason: `The policy says "${policy}".`,
    };
  const state = switches.get(keyOf(tenantId, model), nowMs);
  if (state === undefined) return { mode: "plan", reason: "No reference has been measured yet." };
  const percent = Math.round(expectedShare(state) * 100);
  const measured = `About ${percent} % of references can be expected to be followed`;
  if (isOn(state, nowMs)) {
    const isTrial = state.offUntilMs !== null;
    return { mode: "plan", reason: isTrial ? `${measured}; tried again.` : `${measured}.` };
  }
  const left = Math.ceil(((state.offUntilMs ?? nowMs) - nowMs) / 1000);
  return { mode: "level_by_level", reason: `${measured}; tried again in ${left} s.` };
}

/** Counts how the references of one turn went. */
export function recordReferences(
  tenantId: string,
  model: string,
  { good, bad }: ReferenceUse,
  nowMs: number,
): void {
  if (good + bad === 0) return;
  const key = keyOf(tenantId, model);
  let state = switches.get(key, nowMs) ?? UNTRIED;
  for (let n = 0; n < Math.min(good, MAX_COUNTED); n += 1) state = observe(state, true, nowMs);
  for (let n = 0; n < Math.min(bad, MAX_COUNTED); n += 1) state = observe(state, false, nowMs);
  switches.set(key, state, nowMs + FORGOTTEN_AFTER_MS);
}

function keyOf(tenantId: string, model: string): string {
  return `${tenantId} ${model}`;
}
