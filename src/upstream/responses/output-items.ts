/**
 * The output items of one response as they grow: text, reasoning and calls.
 *
 * An item is known by its place in the output. Whatever an event repeats in full is compared with what came in pieces: the
 * missing end is handed on, and a contradiction is a failure, because arguments that were handed on cannot be taken back.
 */

import type { ModelEvent } from "../../contract/chat.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { newId } from "../../platform/id.ts";
import type { ParserOptions } from "../answer-parser.ts";
import { MAX_ARGUMENT_BYTES, MAX_CALLS } from "../call-assembler.ts";
import { keptDetail } from "./kept-items.ts";
import { textOf } from "../json-member.ts";

/** Items of one response; hosted tools make many. */
const MAX_ITEMS = 4096;

/** What a function call of a program must carry when it goes back. */
const CALL_EXTRAS = ["caller", "namespace"] as const;

interface Item {
  /** Outgoing index of a call that was handed on. */
  index: number | null;
  /** Text of each part, or the arguments under part 0. */
  readonly texts: Map<string, string>;
  isDone: boolean;
}

/** Reads the events of items. Null means that the answer is not in the format; nothing may be read after it. */
export class OutputItems {
  readonly #newCallId: () => string;
  readonly #items = new Map<number, Item>();
  #calls = 0;
  /** The part that speaks, by field, so that what another part says begins a new paragraph. */
  readonly #speaking = new Map<string, string>();

  constructor(options: ParserOptions) {
    this.#newCallId = options.newCallId ?? (() => newId("call"));
  }

  /** True when there was at least one call. */
  get hasCalls(): boolean {
    return this.#calls > 0;
  }

  /** The events of one event of the stream; an unknown type says nothing. */
  take(type: string, event: JsonObject): readonly ModelEvent[] | null {
    const place = typeof event["output_index"] === "number" ? event["output_index"] : 0;
    switch (type) {
      case "response.output_item.added":
        return this.#open(place, event["item"] ?? null);
      case "response.output_item.done":
        return this.#close(place, event["item"] ?? null);
      case "response.output_text.delta":
      case "response.refusal.delta":
      case "response.reasoning_text.delta":
      case "response.reasoning_summary_text.delta":
        return this.#say(place, partOf(type, event), textOf(event["delta"]));
      case "response.output_text.done":
      case "response.refusal.done":
      case "response.reasoning_text.done":
      case "response.reasoning_summary_text.done":
        return this.#sayRest(place, partOf(type, event), event["text"] ?? event["refusal"]);
      case "response.function_call_arguments.delta":
      case "response.custom_tool_call_input.delta":
        return this.#addArguments(place, textOf(event["delta"]));
      case "response.function_call_arguments.done":
      case "response.custom_tool_call_input.done":
        return this.#addRest(place, event["arguments"] ?? event["input"]);
      default:
        return [];
    }
  }

  /** What the last event holds beyond what was streamed: everything, when nothing was. */
  end(output: readonly Json[]): readonly ModelEvent[] | null {
    const events: ModelEvent[] = [];
    for (const [place, item] of output.entries()) {
      if (this.#items.get(place)?.isDone === true) continue;
      const closed = this.#close(place, item);
      if (closed === null) return null;
      events.push(...closed);
    }
    // A call that neither its own events nor the last one completed might be cut.
    const isCut = [...this.#items.values()].some(({ index, isDone }) => index !== null && !isDone);
    return isCut ? null : events;
  }

  #item(place: number): Item | null {
    const known = this.#items.get(place);
    if (known !== undefined) return known;
    if (this.#items.size === MAX_ITEMS) return null;
    const item: Item = { index: null, texts: new Map(), isDone: false };
    this.#items.set(place, item);
    return item;
  }

  #open(place: number, given: Json): readonly ModelEvent[] | null {
    const item = this.#item(place);
    if (item === null || !isJsonObject(given)) return null;
    const isCustom = given["type"] === "custom_tool_call";
    if ((!isCustom && given["type"] !== "function_call") || item.index !== null) return [];
    const name = textOf(given["name"]);
    // An item announced without its name is opened when it is done.
    if (name === "") return [];
    if (this.#calls === MAX_CALLS) return null;
    item.index = this.#calls;
    this.#calls += 1;
    const extras = CALL_EXTRAS.flatMap((field) => {
      const value = given[field];
      return value === undefined || value === null ? [] : [[field, value]];
    });
    return [
      {
        type: "call",
        index: item.index,
        id: textOf(given["call_id"]) || this.#newCallId(),
        name,
        ...(extras.length > 0 && { extra: { responses_item: Object.fromEntries(extras) } }),
        ...(isCustom && { isCustom }),
      },
    ];
  }

  #close(place: number, given: Json): readonly ModelEvent[] | null {
    if (!isJsonObject(given)) return null;
    const opened = this.#open(place, given);
    const item = this.#item(place);
    if (opened === null || item === null) return null;
    item.isDone = true;
    const waiting = opened.length > 0 ? this.#waitingArguments(item) : [];
    const rest = this.#restOf(place, item, given);
    return rest === null ? null : [...opened, ...waiting, ...rest];
  }

  /** Arguments that came before the call had its name. */
  #waitingArguments({ index, texts }: Item): readonly ModelEvent[] {
    const delta = texts.get(ARGUMENTS) ?? "";
    return index === null || delta === "" ? [] : [{ type: "call_arguments", index, delta }];
  }

  #restOf(place: number, item: Item, given: JsonObject): readonly ModelEvent[] | null {
    switch (textOf(given["type"])) {
      case "function_call": {
        const text = textOf(given["arguments"]);
        const isBare = text === "" && !item.texts.has(ARGUMENTS);
        return item.index === null ? null : this.#addRest(place, isBare ? "{}" : text);
      }
      case "custom_tool_call":
        return item.index === null ? null : this.#addRest(place, given["input"]);
      case "message":
        return this.#partsOf(place, given["content"] ?? null);
      case "reasoning": {
        const summary = this.#partsOf(place, given["summary"] ?? null);
        const content = this.#partsOf(place, given["content"] ?? null);
        return summary === null || content === null
          ? null
          : [...summary, ...content, ...kept(given)];
      }
      default:
        return kept(given);
    }
  }

  /** The texts of a finished item's parts, as far as they have not been said. */
  #partsOf(place: number, parts: Json): readonly ModelEvent[] | null {
    const events: ModelEvent[] = [];
    for (const [index, part] of (isJsonArray(parts) ? parts : []).entries()) {
      if (!isJsonObject(part)) continue;
      const field = FIELD_OF_PART[textOf(part["type"])];
      if (field === undefined) continue;
      const text = part["text"] ?? part["refusal"];
      const said = this.#sayRest(place, { field, key: `${textOf(part["type"])}/${index}` }, text);
      if (said === null) return null;
      events.push(...said);
    }
    return events;
  }

  #say(place: number, { field, key }: Part, text: string): readonly ModelEvent[] | null {
    const item = this.#item(place);
    if (item === null) return null;
    if (text === "") return [];
    item.texts.set(key, (item.texts.get(key) ?? "") + text);
    const speaker = `${place}/${key}`;
    const before = this.#speaking.get(field);
    this.#speaking.set(field, speaker);
    const isNew = before !== undefined && before !== speaker;
    return [{ type: "delta", delta: { [field]: isNew ? `\n\n${text}` : text } }];
  }

  #sayRest(place: number, part: Part, whole: Json | undefined): readonly ModelEvent[] | null {
    if (typeof whole !== "string") return [];
    const said = this.#items.get(place)?.texts.get(part.key) ?? "";
    // Text may be trimmed in its summary; only what lacks is worth saying, and a difference harms nobody.
    return whole.startsWith(said) ? this.#say(place, part, whole.slice(said.length)) : [];
  }

  #addArguments(place: number, delta: string): readonly ModelEvent[] | null {
    const item = this.#items.get(place);
    if (item === undefined) return null;
    if (delta === "") return [];
    const text = (item.texts.get(ARGUMENTS) ?? "") + delta;
    if (text.length > MAX_ARGUMENT_BYTES) return null;
    item.texts.set(ARGUMENTS, text);
    // Arguments of a call that is still without a name wait in `texts` for its end.
    return item.index === null ? [] : [{ type: "call_arguments", index: item.index, delta }];
  }

  #addRest(place: number, whole: Json | undefined): readonly ModelEvent[] | null {
    const item = this.#items.get(place);
    if (item === undefined) return null;
    if (item.index === null || typeof whole !== "string") return [];
    const said = item.texts.get(ARGUMENTS) ?? "";
    return whole.startsWith(said) ? this.#addArguments(place, whole.slice(said.length)) : null;
  }
}

/** Where the arguments of a call are kept among its texts. */
const ARGUMENTS = "arguments";

/** One part of an item and the field of a delta that says it. */
interface Part {
  readonly field: string;
  readonly key: string;
}

const FIELD_OF_PART: Readonly<Record<string, string>> = {
  output_text: "content",
  refusal: "refusal",
  reasoning_text: "reasoning_content",
  summary_text: "reasoning_content",
};

/** The part an event `response.<part>.delta|done` speaks of; a summary's parts have a count of their own. */
function partOf(type: string, event: JsonObject): Part {
  const word = type.split(".")[1] ?? "";
  const isSummary = word === "reasoning_summary_text";
  const index = event[isSummary ? "summary_index" : "content_index"];
  const kind = isSummary ? "summary_text" : word;
  return {
    field: FIELD_OF_PART[kind] ?? "content",
    key: `${kind}/${typeof index === "number" ? index : 0}`,
  };
}

function kept(item: JsonObject): readonly ModelEvent[] {
  const detail = keptDetail(item);
  return detail === null ? [] : [{ type: "delta", delta: { reasoning_details: [detail] } }];
}
