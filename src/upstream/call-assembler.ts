/**
 * Puts a model's tool calls together from what providers really send.
 *
 * OpenAI numbers calls by `index` and gives id and name once. Others leave the index out, give every parallel call index
 * 0 (Ollama), send ids empty, late or with every piece, split names or repeat them in full. So a piece is placed by id,
 * then index, then order, and a name on a call whose arguments are already closed starts a new one. Outgoing indexes
 * count from 0 without gaps in the order the calls' names became complete.
 */

import type { ModelEvent } from "../contract/chat.ts";
import { isJsonObject, type Json, type JsonObject } from "../platform/canonical-json.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import { ArgumentText } from "./argument-text.ts";
import { textOf } from "./json-member.ts";

/** Calls in one answer. */
export const MAX_CALLS = 256;

/** UTF-8 bytes of one call's arguments. */
export const MAX_ARGUMENT_BYTES = 1024 * 1024;

/** A tool's name. */
const MAX_NAME_LENGTH = 256;

/** Longer ids are replaced. */
const MAX_ID_LENGTH = 256;

/** What the assembler is told about the request. */
export interface AssemblerOptions {
  /** Names of the tools offered; they settle whether a piece continues a name or starts another. May be empty. */
  readonly toolNames: ReadonlySet<string>;
  /** An id for a call that came without one, or with one already taken. */
  readonly newCallId: () => string;
}

/** One piece of a call, its absent fields empty. */
interface Piece {
  readonly index: number | null;
  readonly id: string;
  readonly name: string;
  readonly argumentText: string;
  /** What the same provider must see again with the call: Gemini's thought signature. */
  readonly extra: JsonObject | null;
  /** A call of a custom tool, whose argument is free text. */
  readonly isCustom: boolean;
}

interface Call {
  extra: JsonObject | null;
  readonly isCustom: boolean;
  readonly providerIndex: number | null;
  providerId: string;
  name: string;
  readonly text: ArgumentText;
  bytes: number;
  /** Argument text that waits for the call's name. */
  waiting: string;
  /** Outgoing index once the call has been handed on. */
  index: number | null;
}

const utf8 = new TextEncoder();

/** The calls of one answer. A failure means the answer breaks a bound or names no tool; nothing may be added after it. */
export class CallAssembler {
  readonly #options: AssemblerOptions;
  readonly #calls: Call[] = [];
  readonly #takenIds = new Set<string>();
  #current: Call | null = null;
  #handedOn = 0;

  constructor(options: AssemblerOptions) {
    this.#options = options;
  }

  /** True when the answer holds at least one call. */
  get hasCalls(): boolean {
    return this.#calls.length > 0;
  }

  /** Takes the `tool_calls` of one delta; `whole` says that each entry is a complete call of its own. */
  add(entries: readonly Json[], whole: boolean): Result<readonly ModelEvent[], "invalid"> {
    const events: ModelEvent[] = [];
    for (const [position, entry] of entries.entries()) {
      const piece = readPiece(entry, entries.length > 1 ? position : null);
      if (piece === null) return fail("invalid");
      if (isEmpty(piece)) continue;
      const call = this.#place(piece, whole);
      if (call === null || !this.#extend(call, piece)) return fail("invalid");
      events.push(...this.#handOn(call));
    }
    return ok(events);
  }

  /** Hands on what is left, once the answer is complete. */
  end(): Result<readonly ModelEvent[], "invalid"> {
    const events: ModelEvent[] = [];
    for (const call of this.#calls) {
      if (call.name === "") return fail("invalid");
      call.waiting += call.text.end();
      events.push(...this.#handOn(call));
    }
    return ok(events);
  }

  /** The call this piece belongs to, a new one where it starts one, null past the bound. */
  #place(piece: Piece, whole: boolean): Call | null {
    const known = whole ? null : this.#find(piece);
    if (known !== null && !this.#startsAnother(known, piece)) return known;
    if (this.#calls.length === MAX_CALLS) return null;
    const call: Call = {
      extra: null,
      isCustom: piece.isCustom,
      providerIndex: piece.index,
      providerId: piece.id,
      name: "",
      text: new ArgumentText(),
      bytes: 0,
      waiting: "",
      index: null,
    };
    this.#calls.push(call);
    return call;
  }

  #find(piece: Piece): Call | null {
    if (piece.id !== "") {
      const sameId = this.#calls.filter((call) => call.providerId === piece.id);
      const found = sameId.findLast((call) => call.providerIndex === piece.index) ?? sameId.at(-1);
      if (found !== undefined) return found;
    }
    if (piece.index === null) return this.#current;
    return this.#calls.findLast((call) => call.providerIndex === piece.index) ?? null;
  }

  #startsAnother(call: Call, piece: Piece): boolean {
    const otherId = piece.id !== "" && call.providerId !== "" && piece.id !== call.providerId;
    if (piece.name === "") return otherId && piece.index === null;
    if (otherId) return true;
    if (piece.id !== "" && piece.id === call.providerId) {
      // One id on two indexes: the provider numbers calls but does not name them apart.
      return (
        piece.index !== null && call.providerIndex !== null && piece.index !== call.providerIndex
      );
    }
    if (call.text.isBlank) return this.#namesAnother(call.name, piece.name);
    if (!call.text.isClosed || call.name === "") return false;
    if (piece.name !== call.name) return true;
    // An empty object may be a placeholder, so the same name after it is still the same call.
    return piece.argumentText.trim() !== "" && !call.text.isEmptyObject;
  }

  /** True when both are offered tools and the two together are the beginning of none. */
  #namesAnother(name: string, piece: string): boolean {
    const { toolNames } = this.#options;
    return (
      toolNames.has(name) &&
      toolNames.has(piece) &&
      !piece.startsWith(name) &&
      !this.#begins(name + piece)
    );
  }

  #begins(text: string): boolean {
    for (const name of this.#options.toolNames) if (name.startsWith(text)) return true;
    return false;
  }

  /** Adds the piece to its call; false past a bound. */
  #extend(call: Call, piece: Piece): boolean {
    this.#current = call;
    call.extra ??= piece.extra;
    if (call.providerId === "" && call.index === null) call.providerId = piece.id;
    if (call.index === null && piece.name !== "") call.name = this.#joinName(call.name, piece.name);
    if (call.name.length > MAX_NAME_LENGTH) return false;
    if (call.text.repeats(piece.argumentText)) return true;
    call.bytes += utf8.encode(piece.argumentText).byteLength;
    if (call.bytes > MAX_ARGUMENT_BYTES) return false;
    call.waiting += call.text.add(piece.argumentText);
    return true;
  }

  #joinName(name: string, piece: string): string {
    if (this.#begins(name + piece)) return name + piece;
    if (piece === name || (this.#options.toolNames.has(piece) && piece.startsWith(name)))
      return piece;
    return name + piece;
  }

  /** A name is complete when arguments follow it, when another call has begun, or at the end. */
  #handOn(touched: Call): ModelEvent[] {
    const events: ModelEvent[] = [];
    for (const call of this.#calls) {
      if (call !== touched && call.index !== null) continue;
      const nameComplete = call !== this.#calls.at(-1) || !call.text.isBlank;
      if (call.index === null && call.name !== "" && nameComplete) {
        call.index = this.#handedOn;
        this.#handedOn += 1;
        events.push({
          type: "call",
          index: call.index,
          id: this.#takeId(call.providerId),
          name: call.name,
          ...(call.extra !== null && { extra: { extra_content: call.extra } }),
          ...(call.isCustom && { isCustom: true }),
        });
      }
      if (call.index !== null && call.waiting !== "") {
        events.push({ type: "call_arguments", index: call.index, delta: call.waiting });
        call.waiting = "";
      }
    }
    return events;
  }

  #takeId(providerId: string): string {
    const usable =
      providerId !== "" && providerId.length <= MAX_ID_LENGTH && !this.#takenIds.has(providerId);
    const id = usable ? providerId : this.#options.newCallId();
    this.#takenIds.add(id);
    return id;
  }
}

function isEmpty(piece: Piece): boolean {
  return piece.id === "" && piece.name === "" && piece.argumentText === "";
}

/** One entry of `tool_calls`; null when it is no object. `position` stands in for a missing index. */
function readPiece(entry: Json, position: number | null): Piece | null {
  if (!isJsonObject(entry)) return null;
  const { custom, extra_content: extra, index } = entry;
  const described = entry["function"] ?? custom;
  const called: JsonObject = isJsonObject(described) ? described : {};
  return {
    index: typeof index === "number" ? index : position,
    id: textOf(entry["id"]),
    name: textOf(called["name"]),
    argumentText: argumentTextOf(called["arguments"] ?? called["input"]),
    extra: isJsonObject(extra) ? extra : null,
    isCustom: isJsonObject(custom),
  };
}

/** Some providers send the arguments as an object instead of its text. */
function argumentTextOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
