/**
 * What a model says, as items: a message with its text or its refusal, and reasoning as an item of its own before it. One
 * item is open at a time; what does not belong into it closes it.
 */

import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import type { Draft, OutputItems, UnnumberedEvent } from "./output-items.ts";

/** Kinds of part, with the item they belong into and the events that write them. */
const PARTS = {
  text: { item: "message", type: "output_text", field: "text", event: "response.output_text" },
  refusal: { item: "message", type: "refusal", field: "refusal", event: "response.refusal" },
  reasoning: {
    item: "reasoning",
    type: "reasoning_text",
    field: "text",
    event: "response.reasoning_text",
  },
} as const;
type Kind = keyof typeof PARTS;

/** Fields of a model's delta, by what they say. Providers name reasoning in two ways. */
const FIELDS: readonly (readonly [string, Kind])[] = [
  ["reasoning_content", "reasoning"],
  ["reasoning", "reasoning"],
  ["content", "text"],
  ["refusal", "refusal"],
];

/** An item with its parts; the last part is the one that grows. */
interface OpenItem {
  readonly kind: "message" | "reasoning";
  readonly draft: Draft;
  readonly parts: JsonObject[];
  part: { readonly kind: Kind; text: string; readonly logprobs: Json[] };
}

/** Writes texts into the items of one response. */
export class TextItems {
  readonly #items: OutputItems;
  #open: OpenItem | null = null;

  constructor(items: OutputItems) {
    this.#items = items;
  }

  /** What a delta adds. */
  delta(delta: JsonObject, logprobs: Json | undefined): readonly UnnumberedEvent[] {
    return FIELDS.flatMap(([field, kind]) => {
      const text = delta[field];
      // A provider that says its reasoning under both names means it once.
      const isRepeated = field === "reasoning" && typeof delta["reasoning_content"] === "string";
      if (typeof text !== "string" || text === "" || isRepeated) return [];
      return this.#write(kind, text, logprobs);
    });
  }

  /** Ends the open item, if there is one. */
  close(status: "completed" | "incomplete" = "completed"): readonly UnnumberedEvent[] {
    const open = this.#open;
    if (open === null) return [];
    this.#open = null;
    return [...endPart(open), open.draft.done({ status, content: open.parts })];
  }

  #write(kind: Kind, text: string, logprobs: Json | undefined): readonly UnnumberedEvent[] {
    const events: UnnumberedEvent[] = [];
    if (this.#open?.kind !== PARTS[kind].item) events.push(...this.close());
    if (this.#open === null) {
      const { open, added } = this.#add(kind);
      this.#open = open;
      events.push(added, partAdded(open));
    } else if (this.#open.part.kind !== kind) {
      events.push(...endPart(this.#open));
      this.#open.part = { kind, text: "", logprobs: [] };
      events.push(partAdded(this.#open));
    }
    const { draft, part, parts } = this.#open;
    part.text += text;
    const tokens = kind === "text" ? tokensOf(logprobs) : [];
    part.logprobs.push(...tokens);
    const more = kind === "text" ? { logprobs: tokens } : {};
    events.push(
      draft.event(`${PARTS[kind].event}.delta`, {
        content_index: parts.length,
        delta: text,
        ...more,
      }),
    );
    return events;
  }

  #add(kind: Kind): { readonly open: OpenItem; readonly added: UnnumberedEvent } {
    const draft =
      PARTS[kind].item === "message"
        ? this.#items.add("msg", {
            type: "message",
            status: "in_progress",
            content: [],
            role: "assistant",
          })
        : this.#items.add("rs", {
            type: "reasoning",
            status: "in_progress",
            summary: [],
            content: [],
          });
    const open: OpenItem = {
      kind: PARTS[kind].item,
      draft,
      parts: [],
      part: { kind, text: "", logprobs: [] },
    };
    return { open, added: draft.added() };
  }
}

function partAdded({ draft, parts, part }: OpenItem): UnnumberedEvent {
  const fields = { content_index: parts.length, part: partOf(part.kind, "", []) };
  return draft.event("response.content_part.added", fields);
}

/** The part's text is whole. */
function endPart({ draft, parts, part }: OpenItem): readonly UnnumberedEvent[] {
  const { kind, text, logprobs } = part;
  const content_index = parts.length;
  const whole = partOf(kind, text, logprobs);
  parts.push(whole);
  const { event, field } = PARTS[kind];
  const more = kind === "text" ? { logprobs } : {};
  return [
    draft.event(`${event}.done`, { content_index, [field]: text, ...more }),
    draft.event("response.content_part.done", { content_index, part: whole }),
  ];
}

function partOf(kind: Kind, text: string, logprobs: readonly Json[]): JsonObject {
  const { type, field } = PARTS[kind];
  return kind === "text"
    ? { type, annotations: [], logprobs, [field]: text }
    : { type, [field]: text };
}

function tokensOf(logprobs: Json | undefined): readonly Json[] {
  const content = isJsonObject(logprobs) ? logprobs["content"] : undefined;
  return content !== undefined && isJsonArray(content) ? content : [];
}
