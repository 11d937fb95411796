/**
 * Input items of a response as messages of the chat form.
 *
 * What the model made in one run lies together between two things of the client's: texts, reasoning and calls become
 * assistant messages, each call with its result behind it. Where such a stretch holds calls under ids of ours
 * (`call_gw…`), the hidden turn behind them has everything of that run, so the stretch becomes one message, as a client
 * of chat completions would send it.
 *
 * Approvals count only where nothing of the model's follows them: clients that send their whole history send the old
 * ones along. An item the gateway cannot carry out is refused by its place, never dropped.
 */

import type { Violation } from "../../contract/error.ts";
import type { ResponseItem } from "../../contract/response.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { isClientCallId } from "../hidden-turn.ts";
import { readContent } from "./read-content.ts";

/** A word on one held call. */
export interface Approval {
  readonly id: string;
  readonly approve: boolean;
  readonly reason: string | null;
}

/** What an input says. */
export interface ReadInput {
  readonly messages: readonly JsonObject[];
  readonly approvals: readonly Approval[];
  /** Arguments of approval requests the client sent along, by id: they must be the ones that were asked about. */
  readonly shownRequests: ReadonlyMap<string, string>;
  /** Results of the client's own calls, by the ids it saw. */
  readonly outputs: ReadonlyMap<string, Json>;
  /** Where in `messages` the client's own begin that follow everything the model made and every word on a held call. */
  readonly newFrom: number;
}

/**
 * Reads items in order; references must have been resolved. `wireNameOf` gives the name a model knows a gateway tool by.
 * Every item that cannot be read is named.
 */
export function readInput(
  items: readonly ResponseItem[],
  wireNameOf: (name: string) => string,
): Result<ReadInput, readonly Violation[]> {
  const reader = new InputReader(wireNameOf);
  for (const [index, item] of items.entries()) reader.take(item, `/input/${index}`);
  return reader.end();
}

/** A string is one message of the user. */
export function itemsOf(input: string | readonly ResponseItem[]): readonly ResponseItem[] {
  return typeof input === "string" ? [{ role: "user", content: input }] : input;
}

interface MadeCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** Null for a call of the client's own: its result is an item of its own. */
  readonly result: string | null;
}

/** A text with the calls that follow it. */
interface Step {
  text: string;
  reasoning: string;
  refusal: string;
  readonly calls: MadeCall[];
}

class InputReader {
  readonly #violations: Violation[] = [];
  readonly #messages: JsonObject[] = [];
  readonly #shownRequests = new Map<string, string>();
  readonly #outputs = new Map<string, Json>();
  readonly #wireNameOf: (name: string) => string;
  #approvals: Approval[] = [];
  #steps: Step[] = [];
  #newFrom = 0;

  constructor(wireNameOf: (name: string) => string) {
    this.#wireNameOf = wireNameOf;
  }

  take(item: ResponseItem, pointer: string): void {
    switch (item.type ?? "message") {
      case "message":
        return this.#message(item, pointer);
      case "reasoning":
        this.#step("reasoning").reasoning += reasoningText(item);
        return undefined;
      case "function_call":
        return this.#call(item, item.call_id, null, pointer);
      case "mcp_call":
        return this.#call(item, item.id ?? undefined, resultOf(item), pointer);
      case "function_call_output":
        return this.#output(item, pointer);
      case "mcp_list_tools":
        this.#approvals = [];
        return undefined;
      case "mcp_approval_request":
        return this.#shownRequest(item);
      case "mcp_approval_response":
        return this.#approval(item, pointer);
    }
    return this.#refuse(
      `${pointer}/type`,
      `The gateway cannot carry out an item of type ${JSON.stringify(item.type)}.`,
    );
  }

  end(): Result<ReadInput, readonly Violation[]> {
    this.#closeRun();
    return this.#violations.length > 0
      ? fail(this.#violations)
      : ok({
          messages: this.#messages,
          approvals: this.#approvals,
          shownRequests: this.#shownRequests,
          outputs: this.#outputs,
          newFrom: this.#newFrom,
        });
  }

  #message({ role, content }: ResponseItem, pointer: string): void {
    if (role === undefined) return this.#refuse(`${pointer}/role`, "Must be given.");
    const read = readContent(content ?? "", `${pointer}/content`);
    if (!read.ok) return void this.#violations.push(...read.error);
    if (role === "assistant") {
      const step = this.#step("text");
      step.text += read.value.text;
      step.refusal += read.value.refusal;
      return undefined;
    }
    this.#closeRun();
    // A developer's message is a system message to every other provider.
    const chatRole = role === "developer" ? "system" : role;
    this.#messages.push({ role: chatRole, content: read.value.content });
    return undefined;
  }

  #call(item: ResponseItem, id: string | undefined, result: string | null, pointer: string): void {
    const { name } = item;
    if (id === undefined || name === undefined)
      return this.#refuse(pointer, "A call needs an id and a name.");
    const last = this.#steps.at(-1) ?? this.#step("text");
    const known = result === null ? name : this.#wireNameOf(name);
    last.calls.push({ id, name: known, arguments: item.arguments ?? "", result });
    this.#approvals = [];
    return undefined;
  }

  #output(item: ResponseItem, pointer: string): void {
    if (item.call_id === undefined) return this.#refuse(`${pointer}/call_id`, "Must be given.");
    const { output } = item;
    const read =
      typeof output === "string" || Array.isArray(output)
        ? readContent(output, `${pointer}/output`)
        : fail([{ pointer: `${pointer}/output`, message: "Must be a string or a list." }]);
    if (!read.ok) return void this.#violations.push(...read.error);
    this.#closeRun();
    this.#outputs.set(item.call_id, read.value.content);
    this.#messages.push({ role: "tool", tool_call_id: item.call_id, content: read.value.content });
    return undefined;
  }

  #shownRequest({ id, arguments: shown }: ResponseItem): void {
    this.#closeRun();
    this.#newFrom = this.#messages.length;
    if (typeof id === "string" && shown !== undefined) this.#shownRequests.set(id, shown);
  }

  #approval({ approval_request_id: id, approve, reason }: ResponseItem, pointer: string): void {
    if (typeof id !== "string")
      return this.#refuse(`${pointer}/approval_request_id`, "Must be given.");
    if (approve === undefined) return this.#refuse(`${pointer}/approve`, "Must be given.");
    this.#closeRun();
    this.#newFrom = this.#messages.length;
    this.#approvals.push({ id, approve, reason: reason ?? null });
    return undefined;
  }

  /** The step a text or reasoning belongs to: what comes after calls is the next one. */
  #step(kind: "text" | "reasoning"): Step {
    this.#approvals = [];
    const last = this.#steps.at(-1);
    const isOver =
      last === undefined || last.calls.length > 0 || (kind === "reasoning" && last.text !== "");
    if (!isOver) return last;
    const step = { text: "", reasoning: "", refusal: "", calls: [] };
    this.#steps.push(step);
    return step;
  }

  #closeRun(): void {
    const steps = this.#steps.splice(0);
    if (steps.length === 0) return;
    const isHidden = steps.some(({ calls }) => calls.some(({ id }) => isClientCallId(id)));
    for (const step of isHidden ? [asOneStep(steps)] : steps)
      this.#messages.push(...messagesOf(step));
    this.#newFrom = this.#messages.length;
  }

  #refuse(pointer: string, message: string): void {
    this.#violations.push({ pointer, message });
  }
}

/** As chat completions show it: all texts in one message, and only the client's own calls. */
function asOneStep(steps: readonly Step[]): Step {
  const joined = (field: "text" | "reasoning" | "refusal") =>
    steps
      .map((step) => step[field])
      .filter((text) => text !== "")
      .join("\n\n");
  return {
    text: joined("text"),
    reasoning: joined("reasoning"),
    refusal: joined("refusal"),
    calls: steps.flatMap(({ calls }) => calls.filter(({ result }) => result === null)),
  };
}

function messagesOf({ text, reasoning, refusal, calls }: Step): readonly JsonObject[] {
  const made = calls.map(({ id, name, arguments: written }): Json => ({
    id,
    type: "function",
    function: { name, arguments: written === "" ? "{}" : written },
  }));
  const assistant: JsonObject = {
    role: "assistant",
    content: text === "" ? null : text,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(refusal !== "" && { refusal }),
    ...(made.length > 0 && { tool_calls: made }),
  };
  const results = calls.flatMap(({ id, result }): JsonObject[] =>
    result === null ? [] : [{ role: "tool", tool_call_id: id, content: result }],
  );
  const isEmpty = text === "" && refusal === "" && made.length === 0;
  return isEmpty ? [] : [assistant, ...results];
}

function resultOf({ output, error }: ResponseItem): string {
  if (typeof output === "string") return output;
  return JSON.stringify({ error: error ?? "The call has no result." });
}

/** Text of a reasoning item; one that is encrypted says nothing to a model of another provider. */
function reasoningText({ content, summary }: ResponseItem): string {
  const parts: readonly unknown[] =
    Array.isArray(content) && content.length > 0 ? content : asList(summary);
  return parts
    .map((part) => (isJsonObject(part) ? part["text"] : undefined))
    .filter((text) => typeof text === "string")
    .join("\n");
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
