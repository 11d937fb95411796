/**
 * Unfolds wrapper calls: some models call a tool nobody offered, `parallel` or `multi_tool_use.parallel`, whose arguments
 * hold the calls they mean (`{"tool_uses": [{"recipient_name": "functions.weather", "parameters": {…}}]}`).
 *
 * The wrapper is held back until its arguments are closed, then its calls take its place. A wrapper that cannot be read,
 * or would exceed the bound on calls, is handed on as it came: the model then hears that there is no such tool.
 */

import type { ModelEvent } from "../contract/chat.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../platform/canonical-json.ts";
import type { AnswerParser } from "./answer-parser.ts";
import { ArgumentText } from "./argument-text.ts";
import { MAX_CALLS } from "./call-assembler.ts";
import { parseJson } from "./json-member.ts";

const WRAPPER_NAMES: ReadonlySet<string> = new Set([
  "parallel",
  "multi_tool_use.parallel",
  "multi_tool_use_parallel",
]);

/** What stands before a tool's name inside a wrapper. */
const NAMESPACE = "functions.";

/** `parser` with wrapper calls unfolded; a tool really offered under a wrapper's name is left alone. */
export function unfoldWrapperCalls(
  parser: AnswerParser,
  toolNames: ReadonlySet<string>,
): AnswerParser {
  const unfolder = new Unfolder(toolNames);
  return {
    get finishSeen() {
      return parser.finishSeen;
    },
    get done() {
      return parser.done;
    },
    get isCutOff() {
      return parser.isCutOff;
    },
    push: (bytes) => unfolder.all(parser.push(bytes)),
    end: () => unfolder.all(parser.end()),
  };
}

type CallEvent = Extract<ModelEvent, { type: "call" }>;

interface Held {
  readonly call: CallEvent;
  readonly follower: ArgumentText;
  text: string;
  isUnfolded: boolean;
}

class Unfolder {
  readonly #toolNames: ReadonlySet<string>;
  readonly #held = new Map<number, Held>();
  /** Outgoing index by the parser's. */
  readonly #indexes = new Map<number, number>();
  #handedOn = 0;

  constructor(toolNames: ReadonlySet<string>) {
    this.#toolNames = toolNames;
  }

  all(events: readonly ModelEvent[]): readonly ModelEvent[] {
    const isPlain = events.every(({ type }) => type === "delta" || type === "meta");
    return isPlain ? events : events.flatMap((event) => this.#take(event));
  }

  #take(event: ModelEvent): readonly ModelEvent[] {
    switch (event.type) {
      case "call": {
        if (!WRAPPER_NAMES.has(event.name) || this.#toolNames.has(event.name))
          return [this.#next(event)];
        const follower = new ArgumentText();
        this.#held.set(event.index, { call: event, follower, text: "", isUnfolded: false });
        return [];
      }
      case "call_arguments": {
        const held = this.#held.get(event.index);
        if (held !== undefined) return this.#grow(held, event.delta);
        return [{ ...event, index: this.#indexes.get(event.index) ?? event.index }];
      }
      case "usage":
      case "finish":
        return [...this.#release(), event];
      case "degraded":
      case "delta":
      case "meta":
      case "failed":
        return [event];
    }
  }

  #next(call: CallEvent): CallEvent {
    const index = this.#handedOn;
    this.#handedOn += 1;
    this.#indexes.set(call.index, index);
    return { ...call, index };
  }

  #grow(held: Held, delta: string): readonly ModelEvent[] {
    if (held.isUnfolded) return [];
    held.text += delta;
    held.follower.add(delta);
    return held.follower.isClosed ? (this.#unfold(held) ?? []) : [];
  }

  /** What is still held, at the end of the answer. */
  #release(): readonly ModelEvent[] {
    const waiting = [...this.#held.values()].filter(({ isUnfolded }) => !isUnfolded);
    this.#held.clear();
    return waiting.flatMap(({ call, text }): ModelEvent[] => {
      const opened = this.#next(call);
      return [opened, { type: "call_arguments", index: opened.index, delta: text }];
    });
  }

  /** The calls inside, or null when there are none to be read. */
  #unfold(held: Held): readonly ModelEvent[] | null {
    const uses = readUses(held.text);
    if (uses === null || this.#handedOn + uses.length > MAX_CALLS) return null;
    held.isUnfolded = true;
    return uses.flatMap(({ recipient, parameters }, n): ModelEvent[] => {
      const index = this.#handedOn;
      this.#handedOn += 1;
      const name = this.#toolNames.has(recipient) ? recipient : withoutNamespace(recipient);
      return [
        { ...held.call, index, id: `${held.call.id}_${n}`, name },
        { type: "call_arguments", index, delta: JSON.stringify(parameters) },
      ];
    });
  }
}

interface Use {
  readonly recipient: string;
  readonly parameters: JsonObject;
}

function readUses(text: string): readonly Use[] | null {
  const value = parseJson(text);
  const list = isJsonObject(value) ? (value["tool_uses"] ?? null) : null;
  if (list === null || !isJsonArray(list) || list.length === 0) return null;
  const uses = list.map(readUse).filter((use) => use !== null);
  return uses.length === list.length ? uses : null;
}

function readUse(use: Json): Use | null {
  if (!isJsonObject(use)) return null;
  const recipient = use["recipient_name"];
  const parameters = use["parameters"] ?? {};
  return typeof recipient === "string" && recipient !== "" && isJsonObject(parameters)
    ? { recipient, parameters }
    : null;
}

function withoutNamespace(name: string): string {
  return name.startsWith(NAMESPACE) ? name.slice(NAMESPACE.length) : name;
}
