/**
 * Plans the gateway's calls of one model turn: checks each, links those that refer to each other or to calls of earlier
 * turns of the run, and leaves out what cannot be made.
 *
 * A call that is left out becomes an error the model can repair, and so does every call that needs it; the others run.
 * Nothing is sent here. `bind` goes to the scheduler; how references went is counted, so that a model that cannot use them
 * is not offered them for ever.
 */

import type { BindCall, CallableTool, PlannedCall, ToolBox } from "../../contract/planned-call.ts";
import type { CallError, CallResult } from "../../contract/run.ts";
import type { ReferenceUse } from "../ports.ts";
import { createBinder } from "./bind-call.ts";
import { LabelledResults } from "./labelled-results.ts";
import { type FindLabel, type LinkingCall, linkCalls } from "./link-calls.ts";
import { referenceError, takeLabel } from "./reference-box.ts";

/** One call as the model wrote it; `name` is the wire name. */
export interface WrittenCall {
  readonly id: string;
  readonly name: string;
  readonly argumentsJson: string;
}

/** A call that is not made. */
export interface RefusedCall {
  readonly error: CallError;
  readonly status: "failed" | "skipped";
}

/** One turn's calls, sorted. */
export interface TurnPlan {
  /** In the model's order. */
  readonly planned: readonly PlannedCall[];
  /** By id. */
  readonly refused: ReadonlyMap<string, RefusedCall>;
  /** More calls could have been made than the run may make. */
  readonly isOverLimit: boolean;
}

interface DraftCall extends LinkingCall {
  readonly written: WrittenCall;
  readonly plan: ReturnType<ToolBox["plan"]>;
  readonly ownLabel: string | undefined;
}

const OVER_LIMIT: CallError = {
  code: "call_limit",
  message: "The run may make no more tool calls.",
};

/** Plans the turns of one run. */
export class TurnPlanner {
  readonly #tools: ToolBox;
  readonly #kept = new LabelledResults();
  readonly #binder: BindCall;
  #use: ReferenceUse = { good: 0, bad: 0 };

  constructor(tools: ToolBox) {
    this.#tools = tools;
    const byName = new Map(tools.offered.map(({ name, wireName }) => [name, wireName]));
    const find = (name: string) => tools.find(byName.get(name) ?? name);
    this.#binder = createBinder(find, (id) => this.#kept.byId(id));
  }

  /** Puts results into a call's arguments; for the scheduler. */
  readonly bind: BindCall = (call, results) => {
    const bound = this.#binder(call, results);
    const count = call.references?.length ?? 0;
    this.#count(bound.ok ? { good: count, bad: 0 } : { good: 0, bad: 1 });
    return bound;
  };

  /** How references went since the last time this was asked. */
  takeUse(): ReferenceUse {
    const use = this.#use;
    this.#use = { good: 0, bad: 0 };
    return use;
  }

  /** Keeps what later turns may refer to. */
  keep(planned: readonly PlannedCall[], results: readonly CallResult[]): void {
    const byId = new Map(results.map((result) => [result.id, result]));
    for (const { id, label } of planned) {
      const result = byId.get(id);
      if (label !== undefined && result !== undefined) this.#kept.keep(label, result);
    }
  }

  /** Plans `written`, at most `callsLeft` of them. */
  plan(written: readonly WrittenCall[], callsLeft: number): TurnPlan {
    const drafts = written.map((call) => this.#draft(call));
    const linked = linkCalls(drafts, this.#finder(drafts));
    const planned: (PlannedCall | null)[] = drafts.map(() => null);
    const refused = new Map<string, RefusedCall>();
    let left = callsLeft;
    let isOverLimit = false;
    // What cannot be ordered is refused for its cycle or for needing what is, in whatever order it is looked at.
    const inOrder = new Set(linked.order);
    const rest = [...drafts.keys()].filter((index) => !inOrder.has(index));
    for (const index of [...linked.order, ...rest]) {
      const draft = drafts[index];
      const links = linked.calls[index];
      if (draft === undefined || links === undefined) continue;
      const made = this.#finish(draft, links, drafts, planned);
      if (!made.ok) refused.set(draft.id, made.refused);
      else if (left > 0) {
        planned[index] = made.call;
        left -= 1;
      } else {
        isOverLimit = true;
        refused.set(draft.id, { error: OVER_LIMIT, status: "failed" });
      }
    }
    return { planned: planned.filter((call) => call !== null), refused, isOverLimit };
  }

  #draft(written: WrittenCall): DraftCall {
    const { id, name, argumentsJson } = written;
    const tool = this.#tools.find(name);
    const plan = this.#tools.plan(id, name, argumentsJson);
    const ownLabel = plan.ok ? plan.value.label : this.#labelOf(tool, argumentsJson);
    const references = plan.ok ? (plan.value.references ?? []) : [];
    if (!plan.ok && plan.error.code === "reference_invalid") this.#count({ good: 0, bad: 1 });
    return { id, label: ownLabel ?? name, tool, references, written, plan, ownLabel };
  }

  /** The label of a call that cannot be made: those that refer to it are told of it, not of an unknown label. */
  #labelOf(tool: CallableTool | null, argumentsJson: string): string | undefined {
    const values = this.#tools.parse(argumentsJson);
    return tool !== null && values.ok ? takeLabel(tool, values.value).label : undefined;
  }

  #finder(drafts: readonly DraftCall[]): FindLabel {
    const owners = new Map<string, number[]>();
    for (const [index, { ownLabel }] of drafts.entries()) {
      if (ownLabel !== undefined) owners.set(ownLabel, [...(owners.get(ownLabel) ?? []), index]);
    }
    return (label) => {
      const [index, another] = owners.get(label) ?? [];
      if (another !== undefined)
        return { wrong: `More than one call of this reply is labelled "${label}".` };
      if (index !== undefined) return { index };
      const ended = this.#kept.get(label);
      return ended === undefined
        ? { wrong: `No call of this reply or an earlier one is labelled "${label}".` }
        : { ended: ended.id };
    };
  }

  #finish(
    draft: DraftCall,
    links: ReturnType<typeof linkCalls>["calls"][number],
    drafts: readonly DraftCall[],
    planned: readonly (PlannedCall | null)[],
  ): { ok: true; call: PlannedCall } | { ok: false; refused: RefusedCall } {
    if (!draft.plan.ok) return failed(draft.plan.error);
    if (links.violations.length > 0) {
      this.#count({ good: 0, bad: links.violations.length });
      return failed(referenceError(links.violations));
    }
    const missing = [...links.needs].find((index) => (planned[index] ?? null) === null);
    if (missing !== undefined) {
      const message = `It needs "${drafts[missing]?.label ?? ""}", which was not made.`;
      return {
        ok: false,
        refused: { error: { code: "dependency_failed", message }, status: "skipped" },
      };
    }
    const call = draft.plan.value;
    if (links.references.length === 0) return { ok: true, call };
    const linked = { ...call, references: links.references };
    const needs = [...links.needs].flatMap((index) => drafts[index]?.id ?? []);
    if (needs.length > 0) return { ok: true, call: { ...linked, needs } };
    const bound = this.bind(linked, new Map());
    return bound.ok ? { ok: true, call: bound.value } : failed(bound.error);
  }

  #count({ good, bad }: ReferenceUse): void {
    this.#use = { good: this.#use.good + good, bad: this.#use.bad + bad };
  }
}

function failed(error: CallError): { ok: false; refused: RefusedCall } {
  return { ok: false, refused: { error, status: "failed" } };
}
